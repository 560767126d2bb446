//! Discovery documents, key sets and endpoints that are not what they should be.

use crate::harness::{Harness, with_cookie};
use crate::hostile::{Hostile, tells_no_secret, with_hostile};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use identity::{FetchError, ReturnTo, SignInError};
use serde_json::json;

fn fetch_error(error: SignInError) -> FetchError {
    tells_no_secret(&error);
    match error {
        SignInError::Fetch { source, .. } => source,
        other => panic!("expected a fetch that failed, found: {other:?}"),
    }
}

#[tokio::test]
async fn a_discovery_document_that_names_another_issuer_is_refused() {
    for change in [|issuer: &str| format!("{issuer}/"), |_: &str| "https://elsewhere.example".to_owned()] {
        let (harness, hostile, provider) = with_hostile().await;
        let named = change(&hostile.issuer);
        hostile.discover(|document| document["issuer"] = json!(named));
        let refused = harness.identity.sign_in.start(provider, &ReturnTo::home()).await.unwrap_err();
        assert!(matches!(&refused, SignInError::DiscoveryMismatch { found, .. } if *found == named), "{refused:?}");
    }
}

#[tokio::test]
async fn an_authorization_page_in_the_clear_is_refused() {
    for page in ["http://login.example/authorize", "javascript:alert(1)"] {
        let (harness, hostile, provider) = with_hostile().await;
        hostile.discover(|document| document["authorization_endpoint"] = json!(page));
        let refused = harness.identity.sign_in.start(provider, &ReturnTo::home()).await.unwrap_err();
        assert!(matches!(fetch_error(refused), FetchError::NotHttps(_)), "{page}");
    }
}

#[tokio::test]
async fn issuers_in_the_clear_or_on_private_addresses_are_never_asked() {
    let harness = Harness::new().await;
    for (issuer, expected) in [
        ("http://login.example", FetchError::NotHttps("http://login.example/.well-known/openid-configuration".to_owned())),
        ("https://10.1.2.3", FetchError::ForbiddenAddress("10.1.2.3".to_owned())),
        ("https://169.254.169.254", FetchError::ForbiddenAddress("169.254.169.254".to_owned())),
        ("https://[fd00::1]", FetchError::ForbiddenAddress("[fd00::1]".to_owned())),
        ("no address", FetchError::BadAddress("no address".to_owned())),
    ] {
        let provider = harness.register(issuer).await;
        let refused = harness.identity.sign_in.start(provider, &ReturnTo::home()).await.unwrap_err();
        assert_eq!(fetch_error(refused), expected);
    }
}

#[tokio::test]
async fn endpoints_on_private_addresses_are_never_asked() {
    for endpoint in ["token_endpoint", "jwks_uri"] {
        let (harness, hostile, provider) = with_hostile().await;
        hostile.discover(|document| document[endpoint] = json!("https://192.168.0.1/x"));
        let refused = hostile.sign_in(&harness, provider, |claims| hostile.key.sign(&claims)).await.unwrap_err();
        assert_eq!(fetch_error(refused), FetchError::ForbiddenAddress("192.168.0.1".to_owned()), "{endpoint}");
    }
}

#[tokio::test]
async fn a_redirecting_token_endpoint_is_not_followed() {
    let (harness, hostile, provider) = with_hostile().await;
    for status in [StatusCode::FOUND, StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT] {
        let (started, answer) = hostile.begin(&harness, provider).await;
        hostile.answer((status, [(header::LOCATION, "/trap")]).into_response());
        let refused = harness.identity.sign_in.finish(provider, &answer, &with_cookie(&started.browser_cookie)).await.unwrap_err();
        assert!(matches!(fetch_error(refused), FetchError::Redirected(_)));
    }
    assert_eq!(hostile.trap_entered(), 0);
}

#[tokio::test]
async fn a_key_set_of_five_megabytes_is_not_read_to_its_end() {
    let (harness, hostile, provider) = with_hostile().await;
    hostile.publish_bytes(vec![b' '; 5_000_000]);
    let refused = hostile.sign_in(&harness, provider, |claims| hostile.key.sign(&claims)).await.unwrap_err();
    assert!(matches!(fetch_error(refused), FetchError::TooLarge { limit: 1_048_576, .. }));
}

#[tokio::test]
async fn answers_that_are_no_json_are_refused_without_repeating_them() {
    let (harness, hostile, provider) = with_hostile().await;
    hostile.publish_bytes(b"<html>an-access-token</html>".to_vec());
    let refused = hostile.sign_in(&harness, provider, |claims| hostile.key.sign(&claims)).await.unwrap_err();
    assert!(matches!(fetch_error(refused), FetchError::BadJson { .. }));

    let (started, answer) = hostile.begin(&harness, provider).await;
    hostile.answer((StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], r#"{"error":"<b>a-code</b>"}"#).into_response());
    let refused = harness.identity.sign_in.finish(provider, &answer, &with_cookie(&started.browser_cookie)).await.unwrap_err();
    tells_no_secret(&refused);
    assert!(matches!(&refused, SignInError::Exchange { reason, .. } if reason == "unknown error"), "{refused:?}");
}

#[tokio::test]
async fn a_provider_that_is_gone_is_said_to_be() {
    let harness = Harness::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let provider = harness.register(&issuer).await;
    let refused = harness.identity.sign_in.start(provider, &ReturnTo::home()).await.unwrap_err();
    assert!(refused.to_string().contains("“Staff sign-in” cannot be asked at the moment"), "{refused}");
    assert!(matches!(fetch_error(refused), FetchError::Unreachable(_)));
}

#[tokio::test]
async fn the_check_for_administrators_reads_document_and_keys() {
    let (harness, hostile) = (Harness::new().await, Hostile::start().await);
    let check = || identity::provider_metadata::check(&harness.identity.client, &hostile.issuer);
    check().await.unwrap();
    hostile.publish_bytes(b"{}".to_vec());
    assert!(matches!(check().await, Err(SignInError::Fetch { .. })));
}
