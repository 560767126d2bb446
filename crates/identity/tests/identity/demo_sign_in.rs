//! The whole way round with the demonstration's providers: hub, provider's page, choice, hub.

use crate::harness::{Harness, callback, query, with_cookie};
use embedded::demo::DEPARTMENTS;
use embedded::providers::{self, RunningProviders};
use identity::{ReturnTo, SignInError, Started};
use kernel::{Clock, ProviderId};
use secrecy::ExposeSecret as _;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use url::Url;

struct Demo {
    harness: Harness,
    providers: Vec<ProviderId>,
    issuers: Vec<String>,
    _running: RunningProviders,
    _folder: TempDir,
}

async fn demo() -> Demo {
    let harness = Harness::at("http://127.0.0.1:4321").await;
    let folder = tempfile::tempdir().unwrap();
    let (mut registered, mut issuers, mut serving) = (Vec::new(), Vec::new(), Vec::new());
    for bound in providers::bind(folder.path(), None).await.unwrap() {
        let provider = harness.register_with(&bound.issuer, &bound.client_id, bound.client_secret.expose_secret()).await;
        registered.push(provider);
        issuers.push(bound.issuer.clone());
        serving.push((bound, harness.identity.site.redirect_uri(provider)));
    }
    let clock: Arc<dyn Clock> = harness.clock.clone();
    Demo { providers: registered, issuers, _running: providers::serve(serving, &clock), _folder: folder, harness }
}

/// A browser, as far as these pages need one.
#[expect(clippy::disallowed_methods, reason = "this is the browser, not the hub")]
fn browser() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

/// The hidden fields of a page's form.
fn hidden_fields(html: &str) -> HashMap<String, String> {
    let fields = html.split("<input type=\"hidden\" name=\"").skip(1).map(|field| {
        let (name, rest) = field.split_once("\" value=\"").unwrap();
        (name.to_owned(), rest.split_once('"').unwrap().0.replace("&amp;", "&"))
    });
    fields.collect()
}

/// Choose someone on the provider's page; where it sends the browser.
async fn choose(started: &Started, username: &str) -> Url {
    let page = browser().get(started.redirect_url.clone()).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let mut form = hidden_fields(&page.text().await.unwrap());
    form.insert("person".to_owned(), username.to_owned());
    submit(&started.redirect_url, &form).await
}

async fn submit(page: &Url, form: &HashMap<String, String>) -> Url {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let answer = browser()
        .post(page.join("/authorize").unwrap())
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", page.origin().ascii_serialization())
        .body(body);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap()
}

#[tokio::test]
async fn everyone_can_sign_in() {
    let demo = demo().await;
    for (department, (provider, issuer)) in DEPARTMENTS.iter().zip(demo.providers.iter().zip(&demo.issuers)) {
        for person in &department.people {
            let started = demo.harness.identity.sign_in.start(*provider, &ReturnTo::parse("/threads?a=b").unwrap()).await.unwrap();
            let back = choose(&started, person.username).await;
            assert!(back.as_str().starts_with(&format!("http://127.0.0.1:4321/sign-in/{provider}/callback?")));
            assert_eq!(query(&back)["iss"], *issuer);
            let finished =
                demo.harness.identity.sign_in.finish(*provider, &callback(&back), &with_cookie(&started.browser_cookie)).await.unwrap();
            let verified = finished.verified;
            assert_eq!(
                (verified.name.as_str(), verified.email.as_deref(), verified.email_verified),
                (person.name, Some(person.email), true)
            );
            assert_eq!((verified.subject, verified.issuer), (person.subject(), issuer.clone()));
            assert_eq!(finished.return_to.as_str(), "/threads?a=b");
        }
    }
}

#[tokio::test]
async fn nobody_need_be_chosen() {
    let demo = demo().await;
    let started = demo.harness.identity.sign_in.start(demo.providers[0], &ReturnTo::home()).await.unwrap();
    let back = choose(&started, "").await;
    let refused =
        demo.harness.identity.sign_in.finish(demo.providers[0], &callback(&back), &with_cookie(&started.browser_cookie)).await.unwrap_err();
    assert!(matches!(refused, SignInError::Declined { code, .. } if code == "access_denied"));
}

#[tokio::test]
async fn a_code_is_good_once_for_a_minute_and_for_who_began() {
    let demo = demo().await;
    let sign_in = &demo.harness.identity.sign_in;
    let provider = demo.providers[0];
    // The code of one sign-in does not complete another: the PKCE verifier is missing.
    let (one, other) =
        (sign_in.start(provider, &ReturnTo::home()).await.unwrap(), sign_in.start(provider, &ReturnTo::home()).await.unwrap());
    let mut mixed = callback(&choose(&one, "ngozi").await);
    mixed.state = query(&other.redirect_url).remove("state");
    let refused = sign_in.finish(provider, &mixed, &with_cookie(&other.browser_cookie)).await.unwrap_err();
    assert!(matches!(refused, SignInError::Exchange { reason, .. } if reason == "invalid_grant"));

    let late = sign_in.start(provider, &ReturnTo::home()).await.unwrap();
    let back = choose(&late, "ngozi").await;
    demo.harness.clock.advance(chrono::TimeDelta::seconds(60));
    let refused = sign_in.finish(provider, &callback(&back), &with_cookie(&late.browser_cookie)).await.unwrap_err();
    assert!(matches!(refused, SignInError::Exchange { reason, .. } if reason == "invalid_grant"));
}

#[tokio::test]
async fn the_page_says_what_it_is_and_runs_nothing() {
    let demo = demo().await;
    let started = demo.harness.identity.sign_in.start(demo.providers[1], &ReturnTo::home()).await.unwrap();
    let page = browser().get(started.redirect_url).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:4321; base-uri 'none'; frame-ancestors 'none'"
    );
    let html = page.text().await.unwrap();
    assert!(html.contains("<html lang=\"en-GB\">") && html.contains("<title>Who would you like to be? – National Lantern Service</title>"));
    assert!(html.contains("<h1>Who would you like to be?</h1>") && html.contains("Demonstration."));
    assert!(DEPARTMENTS[1].people.iter().all(|person| html.contains(person.name)));
    assert!(!html.contains("<script") && !html.contains("style=\"") && !html.contains("\" on"), "nothing inline: {html}");
}

#[tokio::test]
async fn a_request_that_is_not_the_hubs_goes_nowhere() {
    let demo = demo().await;
    let started = demo.harness.identity.sign_in.start(demo.providers[0], &ReturnTo::home()).await.unwrap();
    let changed = |name: &str, value: &str| {
        let mut url = started.redirect_url.clone();
        let pairs: Vec<(String, String)> = started
            .redirect_url
            .query_pairs()
            .into_owned()
            .map(|(key, old)| if key == name { (key, value.to_owned()) } else { (key, old) })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        url
    };
    for (name, value) in [("redirect_uri", "https://evil.example/"), ("client_id", "another"), ("redirect_uri", "http://127.0.0.1:4321/")] {
        let answer = browser().get(changed(name, value)).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "{name}={value}");
    }
    for (name, value, error) in [
        ("code_challenge_method", "plain", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "profile", "invalid_scope"),
    ] {
        let answer = browser().get(changed(name, value)).send().await.unwrap();
        let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert_eq!(query(&back)["error"], error);
        assert_eq!(query(&back)["iss"], demo.issuers[0]);
    }
    let renamed = started.redirect_url.as_str().replace("127.0.0.1", "localhost");
    let answer = browser().get(renamed).send().await.unwrap();
    assert_eq!(answer.status(), 400, "another host name is another site");
}

#[tokio::test]
async fn a_form_from_elsewhere_signs_nobody_in() {
    let demo = demo().await;
    let started = demo.harness.identity.sign_in.start(demo.providers[0], &ReturnTo::home()).await.unwrap();
    let mut form = query(&started.redirect_url);
    form.insert("person".to_owned(), "ngozi".to_owned());
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
    let request =
        browser().post(started.redirect_url.join("/authorize").unwrap()).header("content-type", "application/x-www-form-urlencoded");
    let answer = request.header("origin", "https://evil.example").body(body).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (403, None));
}

#[tokio::test]
async fn a_restart_keeps_ports_keys_and_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let facts = async |folder: &Path| {
        let bound = providers::bind(folder, None).await.unwrap();
        bound.iter().map(|provider| (provider.issuer.clone(), provider.client_secret.expose_secret().to_owned())).collect::<Vec<_>>()
    };
    let first = facts(folder.path()).await;
    assert_eq!(first, facts(folder.path()).await);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join("demo-providers.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let port: u16 = first[0].0.rsplit(':').next().unwrap().parse().unwrap();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let refused = providers::bind(folder.path(), None).await.unwrap_err().to_string();
    assert!(
        refused.contains(&format!("port {port}")) && refused.contains("Department of Rivers and Coasts") && !refused.contains('\n'),
        "{refused}"
    );
}
