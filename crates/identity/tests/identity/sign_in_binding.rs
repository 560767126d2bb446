//! What a sign-in is bound to: once, ten minutes, one provider, one browser, one issuer.

use crate::harness::{headers, query, with_cookie};
use crate::hostile::{Hostile, tells_no_secret, with_hostile};
use chrono::TimeDelta;
use http::HeaderMap;
use http::header::COOKIE;
use identity::{Callback, ReturnTo, SignInError};
use serde_json::json;

#[tokio::test]
async fn a_state_is_good_for_once() {
    let (harness, hostile, provider) = with_hostile().await;
    let (started, answer) = hostile.begin(&harness, provider).await;
    let nonce = query(&started.redirect_url)["nonce"].clone();
    let browser = with_cookie(&started.browser_cookie);
    hostile.hand_out(&hostile.key.sign(&hostile.claims(&harness, &nonce)));
    harness.identity.sign_in.finish(provider, &answer, &browser).await.unwrap();
    hostile.hand_out(&hostile.key.sign(&hostile.claims(&harness, &nonce)));
    let refused = harness.identity.sign_in.finish(provider, &answer, &browser).await.unwrap_err();
    assert!(matches!(refused, SignInError::Stale));
}

#[tokio::test]
async fn of_two_answers_at_once_one_is_taken() {
    let (harness, hostile, provider) = with_hostile().await;
    let (started, answer) = hostile.begin(&harness, provider).await;
    let browser = with_cookie(&started.browser_cookie);
    hostile.hand_out(&hostile.key.sign(&hostile.claims(&harness, &query(&started.redirect_url)["nonce"])));
    let sign_in = &harness.identity.sign_in;
    let (one, other) = tokio::join!(sign_in.finish(provider, &answer, &browser), sign_in.finish(provider, &answer, &browser));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
    assert!([one.err(), other.err()].into_iter().flatten().all(|error| matches!(error, SignInError::Stale)));
}

#[tokio::test]
async fn a_state_is_good_for_ten_minutes() {
    let (harness, hostile, provider) = with_hostile().await;
    for (after, stale) in [(TimeDelta::seconds(599), false), (TimeDelta::seconds(600), true)] {
        let (started, answer) = hostile.begin(&harness, provider).await;
        harness.clock.advance(after);
        hostile.hand_out(&hostile.key.sign(&hostile.claims(&harness, &query(&started.redirect_url)["nonce"])));
        let result = harness.identity.sign_in.finish(provider, &answer, &with_cookie(&started.browser_cookie)).await;
        assert_eq!(matches!(result, Err(SignInError::Stale)), stale);
    }
}

#[tokio::test]
async fn an_answer_without_a_proper_state_is_stale() {
    let (harness, hostile, provider) = with_hostile().await;
    let (started, answer) = hostile.begin(&harness, provider).await;
    for state in [None, Some(String::new()), Some("a".repeat(43)), Some("x".repeat(100_000))] {
        let answer = Callback { state, ..answer.clone() };
        let refused = harness.identity.sign_in.finish(provider, &answer, &with_cookie(&started.browser_cookie)).await.unwrap_err();
        assert!(matches!(refused, SignInError::Stale));
    }
}

#[tokio::test]
async fn the_state_of_one_provider_is_refused_at_another() {
    let (harness, hostile, provider) = with_hostile().await;
    let other_hostile = Hostile::start().await;
    let other = harness.register(&other_hostile.issuer).await;
    let (started, answer) = hostile.begin(&harness, provider).await;
    let browser = with_cookie(&started.browser_cookie);
    let refused = harness.identity.sign_in.finish(other, &answer, &browser).await.unwrap_err();
    assert!(matches!(refused, SignInError::WrongProvider));
    assert!(other_hostile.exchanged().is_none(), "no code of one provider is shown to another");
    let refused = harness.identity.sign_in.finish(provider, &answer, &browser).await.unwrap_err();
    assert!(matches!(refused, SignInError::Stale), "the attempt used it up");
}

#[tokio::test]
async fn an_answer_in_another_browser_is_refused() {
    let (harness, hostile, provider) = with_hostile().await;
    let foreign = hostile.begin(&harness, provider).await.0.browser_cookie;
    for browser in [HeaderMap::new(), headers(COOKIE, "__Host-hub_sign_in="), with_cookie(&foreign)] {
        let (_, answer) = hostile.begin(&harness, provider).await;
        let refused = harness.identity.sign_in.finish(provider, &answer, &browser).await.unwrap_err();
        assert!(matches!(refused, SignInError::OtherBrowser));
        assert!(hostile.exchanged().is_none());
    }
}

#[tokio::test]
async fn the_answer_must_name_its_issuer_where_the_provider_says_it_does() {
    let (harness, hostile, provider) = with_hostile().await;
    hostile.discover(|document| document["authorization_response_iss_parameter_supported"] = json!(true));
    for (iss, fits) in [
        (Some(hostile.issuer.clone()), true),
        (None, false),
        (Some(String::new()), false),
        (Some(format!("{}/", hostile.issuer)), false),
        (Some("https://elsewhere.example".to_owned()), false),
    ] {
        let (started, answer) = hostile.begin(&harness, provider).await;
        hostile.hand_out(&hostile.key.sign(&hostile.claims(&harness, &query(&started.redirect_url)["nonce"])));
        let answer = Callback { iss: iss.clone(), ..answer };
        let result = harness.identity.sign_in.finish(provider, &answer, &with_cookie(&started.browser_cookie)).await;
        assert_eq!(result.is_ok(), fits, "{iss:?}");
        assert!(fits || matches!(result, Err(SignInError::IssuerMismatch(_))));
    }
}

#[tokio::test]
async fn a_wrong_issuer_in_the_answer_is_refused_also_where_none_is_promised() {
    let (harness, hostile, provider) = with_hostile().await;
    let (started, answer) = hostile.begin(&harness, provider).await;
    let answer = Callback { iss: Some("https://elsewhere.example".to_owned()), ..answer };
    let refused = harness.identity.sign_in.finish(provider, &answer, &with_cookie(&started.browser_cookie)).await.unwrap_err();
    assert!(matches!(refused, SignInError::IssuerMismatch(_)));
    assert!(hostile.exchanged().is_none());
}

#[tokio::test]
async fn a_refusal_is_told_in_the_hubs_own_words() {
    let (harness, hostile, provider) = with_hostile().await;
    for (error, told) in [("access_denied", "access_denied"), ("<script>alert(1)</script>", "unknown error")] {
        let (started, answer) = hostile.begin(&harness, provider).await;
        let answer = Callback { code: None, error: Some(error.to_owned()), error_description: Some("call 0900…".to_owned()), ..answer };
        let refused = harness.identity.sign_in.finish(provider, &answer, &with_cookie(&started.browser_cookie)).await.unwrap_err();
        tells_no_secret(&refused);
        assert_eq!(refused.to_string(), format!("“Staff sign-in” did not sign you in ({told}). You may try again."));
    }
}

#[tokio::test]
async fn a_provider_or_organisation_that_closes_meanwhile_lets_nobody_in() {
    let (harness, hostile, provider) = with_hostile().await;
    for close in [
        |record: &mut identity::ProviderRecord| record.enabled = false,
        |record: &mut identity::ProviderRecord| record.organisation_suspended = true,
    ] {
        let (started, answer) = hostile.begin(&harness, provider).await;
        harness.directory.change(provider, close);
        let refused = harness.identity.sign_in.finish(provider, &answer, &with_cookie(&started.browser_cookie)).await.unwrap_err();
        assert!(matches!(refused, SignInError::Closed(_)));
        let refused = harness.identity.sign_in.start(provider, &ReturnTo::home()).await.unwrap_err();
        assert!(matches!(refused, SignInError::Closed(_)));
        assert!(hostile.exchanged().is_none());
        harness.directory.change(provider, |record| (record.enabled, record.organisation_suspended) = (true, false));
    }
}

#[tokio::test]
async fn nothing_that_lies_in_the_database_could_complete_a_sign_in() {
    let (harness, hostile, provider) = with_hostile().await;
    let (started, _) = hostile.begin(&harness, provider).await;
    let row: String = sqlx::query_scalar("select s::text || encode(browser_hash, 'escape') from identity.sign_ins s")
        .fetch_one(harness.database.pool())
        .await
        .unwrap();
    let asked = query(&started.redirect_url);
    let cookie = started.browser_cookie.pair().split_once('=').unwrap().1.to_owned();
    for secret in [&asked["state"], &asked["nonce"], &cookie] {
        assert!(!row.contains(secret.as_str()));
    }
    let sealed: Vec<u8> =
        sqlx::query_scalar("select sealed from identity.provider_secrets").fetch_one(harness.database.pool()).await.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains(crate::harness::SECRET));
}

#[tokio::test]
async fn a_sealed_secret_opens_in_its_own_row_only() {
    let (harness, hostile, provider) = with_hostile().await;
    let other = harness.register(&hostile.issuer).await;
    sqlx::query("update identity.provider_secrets set sealed = (select sealed from identity.provider_secrets where provider = $1) where provider = $2")
        .bind(provider.uuid())
        .bind(other.uuid())
        .execute(harness.database.pool())
        .await
        .unwrap();
    let refused = harness.identity.sign_in.start(other, &ReturnTo::home()).await.unwrap_err();
    assert!(matches!(refused, SignInError::Misconfigured(_)));
    harness.identity.providers.remove_secret(provider).await.unwrap();
    let refused = harness.identity.sign_in.start(provider, &ReturnTo::home()).await.unwrap_err();
    assert!(refused.to_string().contains("no client secret is stored"), "{refused}");
}
