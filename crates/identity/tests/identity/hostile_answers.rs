//! ID tokens that are not what they should be, and what comes with them.

use crate::harness::{SECRET, query, with_cookie};
use crate::hostile::{Key, sign_with_nothing, sign_with_secret, tells_no_secret, with_hostile};
use chrono::TimeDelta;
use identity::id_token::Flaw;
use identity::{SignInError, Verified};
use serde_json::{Value, json};

fn flaw(error: &SignInError) -> Flaw {
    tells_no_secret(error);
    match error {
        SignInError::Unverified { flaw, .. } => *flaw,
        other => panic!("expected a flaw in the ID token, found: {other:?}"),
    }
}

#[tokio::test]
async fn a_token_that_holds_is_taken() {
    let (harness, hostile, provider) = with_hostile().await;
    let finished = hostile.sign_in(&harness, provider, |claims| hostile.key.sign(&claims)).await.unwrap();
    let Verified { issuer, subject, name, email, email_verified, .. } = finished.verified;
    assert_eq!((issuer, subject.as_str(), name.as_str()), (hostile.issuer.clone(), "person-1", "Ada Example"));
    assert_eq!((email.as_deref(), email_verified), (Some("ada@ministry.example"), true));
    assert_eq!(finished.return_to.as_str(), "/threads");
    assert!(finished.forget_cookie.as_str().starts_with("__Host-hub_sign_in=;") && finished.forget_cookie.as_str().contains("Max-Age=0"));
}

#[tokio::test]
async fn the_exchange_proves_who_asks_and_who_began() {
    let (harness, hostile, provider) = with_hostile().await;
    let (started, answer) = hostile.begin(&harness, provider).await;
    let asked = query(&started.redirect_url);
    hostile.hand_out(&hostile.key.sign(&hostile.claims(&harness, &asked["nonce"])));
    harness.identity.sign_in.finish(provider, &answer, &with_cookie(&started.browser_cookie)).await.unwrap();
    let (form, headers) = hostile.exchanged().unwrap();
    assert_eq!((asked["code_challenge_method"].as_str(), asked["response_type"].as_str()), ("S256", "code"));
    assert_eq!(asked["redirect_uri"], format!("https://hub.example.org/sign-in/{provider}/callback"));
    assert_eq!(form["redirect_uri"], asked["redirect_uri"]);
    let challenge = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        ring::digest::digest(&ring::digest::SHA256, form["code_verifier"].as_bytes()),
    );
    assert_eq!(challenge, asked["code_challenge"]);
    assert!(headers["authorization"].to_str().unwrap().starts_with("Basic ") && !form.contains_key("client_secret"));
    assert!(!started.redirect_url.as_str().contains(SECRET));
}

#[tokio::test]
async fn the_secret_goes_into_the_body_only_where_nothing_else_is_offered() {
    let (harness, hostile, provider) = with_hostile().await;
    hostile.discover(|document| document["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]));
    hostile.sign_in(&harness, provider, |claims| hostile.key.sign(&claims)).await.unwrap();
    let (form, headers) = hostile.exchanged().unwrap();
    assert!(form["client_secret"] == SECRET && !headers.contains_key("authorization"));
}

#[tokio::test]
async fn claims_that_are_wrong_are_refused() {
    let (harness, hostile, provider) = with_hostile().await;
    let now = kernel::Clock::now(harness.clock.as_ref()).timestamp();
    let cases: Vec<(&str, Value, Flaw)> = vec![
        ("nonce", json!("another"), Flaw::Nonce),
        ("nonce", Value::Null, Flaw::Nonce),
        ("iss", json!("https://elsewhere.example"), Flaw::Issuer),
        ("iss", json!(format!("{}/", hostile.issuer)), Flaw::Issuer),
        ("aud", json!("another-client"), Flaw::Audience),
        ("aud", json!(["another-client"]), Flaw::Audience),
        ("aud", json!(["hub", "another-client"]), Flaw::Audience),
        ("azp", json!("another-client"), Flaw::Audience),
        ("exp", json!(now - 61), Flaw::Time),
        ("iat", json!(now + 61), Flaw::Time),
        ("iat", json!(now - 700), Flaw::Time),
        ("sub", json!(""), Flaw::Malformed),
        ("sub", json!("a".repeat(256)), Flaw::Malformed),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"), Flaw::AccessToken),
    ];
    for (claim, value, expected) in cases {
        let refused = hostile.sign_in(&harness, provider, |mut claims| {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(claim);
            } else {
                claims[claim] = value.clone();
            }
            hostile.key.sign(&claims)
        });
        assert_eq!(flaw(&refused.await.unwrap_err()), expected, "{claim}: {value}");
    }
}

#[tokio::test]
async fn clocks_may_be_a_minute_apart() {
    let (harness, hostile, provider) = with_hostile().await;
    for seconds in [-50, 50] {
        let shifted = hostile.sign_in(&harness, provider, |mut claims| {
            for claim in ["iat", "exp"] {
                claims[claim] = json!(claims[claim].as_i64().unwrap() + seconds);
            }
            hostile.key.sign(&claims)
        });
        shifted.await.unwrap();
    }
}

#[tokio::test]
async fn a_token_that_is_not_signed_is_refused() {
    let (harness, hostile, provider) = with_hostile().await;
    let refused = hostile.sign_in(&harness, provider, |claims| sign_with_nothing(&claims)).await.unwrap_err();
    assert_eq!(flaw(&refused), Flaw::Algorithm);
}

#[tokio::test]
async fn a_token_signed_by_a_shared_secret_is_refused_whichever_it_is() {
    let (harness, hostile, provider) = with_hostile().await;
    let published = hostile.key.public().to_string().into_bytes();
    for secret in [SECRET.as_bytes(), published.as_slice(), b""] {
        let refused = hostile.sign_in(&harness, provider, |claims| sign_with_secret("first", secret, &claims)).await.unwrap_err();
        assert_eq!(flaw(&refused), Flaw::Algorithm);
    }
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let (harness, hostile, provider) = with_hostile().await;
    let refused = hostile.sign_in(&harness, provider, |claims| {
        let honest = hostile.key.sign(&claims);
        let mut parts: Vec<String> = honest.split('.').map(str::to_owned).collect();
        let mut forged = claims;
        forged["sub"] = json!("someone-else");
        parts[1] = hostile.key.sign(&forged).split('.').nth(1).unwrap().to_owned();
        parts.join(".")
    });
    assert_eq!(flaw(&refused.await.unwrap_err()), Flaw::Signature);
}

#[tokio::test]
async fn a_header_with_critical_or_foreign_parts_is_refused() {
    let (harness, hostile, provider) = with_hostile().await;
    for header in [json!({ "alg": "ES256", "kid": "first", "crit": ["exp"] }), json!({ "alg": "ES256", "kid": "first", "typ": "at+jwt" })] {
        let refused = hostile.sign_in(&harness, provider, |claims| hostile.key.sign_with_header(&header, &claims)).await.unwrap_err();
        assert_eq!(flaw(&refused), Flaw::Malformed);
    }
    // A key that comes along in the header is not a key of the provider's.
    let own = Key::new("first");
    let header = json!({ "alg": "ES256", "kid": "first", "jwk": own.public() });
    let refused = hostile.sign_in(&harness, provider, |claims| own.sign_with_header(&header, &claims)).await.unwrap_err();
    assert_eq!(flaw(&refused), Flaw::Signature);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_and_wrong_signatures_reads_the_keys_once_a_minute() {
    let (harness, hostile, provider) = with_hostile().await;
    let (unknown, impostor) = (Key::new("unknown"), Key::new("first"));
    for minute in 1..=3 {
        for _ in 0..5 {
            let refused = hostile.sign_in(&harness, provider, |claims| unknown.sign(&claims)).await.unwrap_err();
            assert_eq!(flaw(&refused), Flaw::Key);
            let refused = hostile.sign_in(&harness, provider, |claims| impostor.sign(&claims)).await.unwrap_err();
            assert_eq!(flaw(&refused), Flaw::Signature);
        }
        assert_eq!(hostile.keys_read(), minute);
        harness.clock.advance(TimeDelta::seconds(60));
    }
}

#[tokio::test]
async fn a_rotated_key_is_found_without_a_restart() {
    let (harness, hostile, provider) = with_hostile().await;
    hostile.sign_in(&harness, provider, |claims| hostile.key.sign(&claims)).await.unwrap();
    let second = Key::new("second");
    hostile.publish(&[&second]);
    harness.clock.advance(TimeDelta::seconds(60));
    hostile.sign_in(&harness, provider, |claims| second.sign(&claims)).await.unwrap();
    assert_eq!(hostile.keys_read(), 2);
}

#[tokio::test]
async fn several_keys_and_a_token_that_names_none_get_along() {
    let (harness, hostile, provider) = with_hostile().await;
    let (second, stranger) = (Key::new("second"), Key::new("third"));
    hostile.publish(&[&hostile.key, &second]);
    let header = json!({ "alg": "ES256" });
    hostile.sign_in(&harness, provider, |claims| second.sign_with_header(&header, &claims)).await.unwrap();
    let refused = hostile.sign_in(&harness, provider, |claims| stranger.sign_with_header(&header, &claims)).await.unwrap_err();
    assert_eq!(flaw(&refused), Flaw::Signature);
}

#[tokio::test]
async fn the_user_information_endpoint_fills_what_is_missing() {
    let (harness, hostile, provider) = with_hostile().await;
    let endpoint = format!("{}/userinfo", hostile.issuer);
    hostile.discover(|document| document["userinfo_endpoint"] = json!(endpoint));
    let bare = |mut claims: Value| {
        for claim in ["name", "email", "email_verified"] {
            claims.as_object_mut().unwrap().remove(claim);
        }
        hostile.key.sign(&claims)
    };
    hostile.tell(json!({ "sub": "person-1", "given_name": " Ada\u{7}\n", "family_name": "Example", "email": "no email address" }));
    let verified = hostile.sign_in(&harness, provider, bare).await.unwrap().verified;
    assert_eq!((verified.name.as_str(), verified.email), ("Ada Example", None));

    hostile.tell(json!({ "sub": "someone-else", "name": "Someone Else" }));
    let refused = hostile.sign_in(&harness, provider, bare).await.unwrap_err();
    assert_eq!(flaw(&refused), Flaw::Subject);

    hostile.tell(json!("not an object"));
    let verified = hostile.sign_in(&harness, provider, bare).await.unwrap().verified;
    assert_eq!(verified.name, "New member");
}
