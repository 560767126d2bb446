//! API tokens, and who a request comes from.

use crate::harness::{Harness, headers, new_id, with_cookie};
use chrono::TimeDelta;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use identity::{AuthError, Credential, Device};
use kernel::{Clock as _, OrganisationId, PersonId, TokenId};
use organisations::organisation;
use organisations::person::{self, TokenScope};
use secrecy::ExposeSecret as _;

struct Issued {
    id: TokenId,
    person: PersonId,
    organisation: OrganisationId,
    secret: String,
}

async fn issue(harness: &Harness, scope: TokenScope) -> Issued {
    let (id, person, organisation) = (new_id().into(), new_id().into(), new_id().into());
    let expires_at = harness.clock.now() + TimeDelta::days(30);
    let secret = harness.identity.tokens.issue(id, person, organisation, "Nightly report", scope, expires_at).await.unwrap();
    Issued { id, person, organisation, secret: secret.expose_secret().to_owned() }
}

async fn authenticate(harness: &Harness, authorization: &str) -> Result<Option<Credential>, AuthError> {
    harness.identity.authenticate(&headers(AUTHORIZATION, authorization)).await
}

#[tokio::test]
async fn a_token_says_who_and_what_for() {
    let harness = Harness::new().await;
    for (scope, may_write) in [(TokenScope::Read, false), (TokenScope::Write, true)] {
        let issued = issue(&harness, scope).await;
        assert!(issued.secret.starts_with("hub_") && issued.secret.len() == 47);
        for authorization in [format!("Bearer {}", issued.secret), format!("bearer  {} ", issued.secret)] {
            let credential = authenticate(&harness, &authorization).await.unwrap().unwrap();
            assert_eq!((credential.person(), credential.organisation()), (issued.person, issued.organisation));
            assert_eq!(credential.may_write(), may_write);
        }
    }
}

#[tokio::test]
async fn only_the_hash_of_a_token_is_kept() {
    let harness = Harness::new().await;
    let issued = issue(&harness, TokenScope::Read).await;
    let (text, hash): (String, Vec<u8>) =
        sqlx::query_as("select t::text, secret_hash from identity.api_tokens t").fetch_one(harness.database.pool()).await.unwrap();
    assert!(!text.contains(&issued.secret[4..]) && hash.len() == 32);
    let listed = harness.identity.tokens.list(issued.person).await.unwrap();
    assert!(!format!("{listed:?}").contains(&issued.secret[4..]));
    assert_eq!((listed[0].name.as_str(), listed[0].token.id, listed[0].last_used_at), ("Nightly report", issued.id, None));
}

#[tokio::test]
async fn a_credential_that_does_not_hold_is_an_error_and_never_a_stranger() {
    let harness = Harness::new().await;
    let issued = issue(&harness, TokenScope::Read).await;
    let changed = format!("{}{}", &issued.secret[..46], if issued.secret.ends_with('A') { 'B' } else { 'A' });
    for (authorization, challenge) in [
        (format!("Bearer {changed}"), "invalid_token"),
        (format!("Bearer hub_{}", "A".repeat(43)), "invalid_token"),
        ("Bearer eyJhbGciOiJub25lIn0.e30.".to_owned(), "invalid_token"),
        (format!("Bearer {}", &issued.secret[4..]), "invalid_token"),
        ("Bearer".to_owned(), "invalid_request"),
        ("Bearer ".to_owned(), "invalid_request"),
        (format!("Bearer {} {}", issued.secret, issued.secret), "invalid_request"),
        (issued.secret.clone(), "invalid_request"),
        ("Basic dTpw".to_owned(), "invalid_request"),
    ] {
        let error = authenticate(&harness, &authorization).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::UNAUTHORIZED, "{authorization}");
        assert!(error.challenge().unwrap().contains(challenge), "{authorization}");
        assert!(!format!("{error} {error:?}").contains(&issued.secret));
    }
    let mut twice = headers(AUTHORIZATION, &format!("Bearer {}", issued.secret));
    twice.append(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    assert!(matches!(harness.identity.authenticate(&twice).await, Err(AuthError::Malformed)));
}

#[tokio::test]
async fn a_bad_token_is_not_saved_by_a_good_cookie() {
    let harness = Harness::new().await;
    let opened = harness.identity.sessions.create(new_id().into(), new_id().into(), new_id().into(), &Device::default()).await.unwrap();
    let mut request: HeaderMap = with_cookie(&opened.cookie);
    assert!(matches!(harness.identity.authenticate(&request).await, Ok(Some(Credential::Session(_)))));
    request.insert(AUTHORIZATION, HeaderValue::from_static("Bearer hub_nonsense"));
    assert!(matches!(harness.identity.authenticate(&request).await, Err(AuthError::InvalidToken)));
}

#[tokio::test]
async fn a_token_ends_when_it_expires_or_is_revoked() {
    let harness = Harness::new().await;
    let (expiring, revoked) = (issue(&harness, TokenScope::Read).await, issue(&harness, TokenScope::Read).await);
    assert!(harness.identity.tokens.revoke(revoked.id).await.unwrap());
    assert!(!harness.identity.tokens.revoke(revoked.id).await.unwrap());
    assert_eq!(harness.identity.tokens.resolve(&revoked.secret).await.unwrap(), None);
    harness.clock.advance(TimeDelta::days(30) - TimeDelta::seconds(1));
    assert!(harness.identity.tokens.resolve(&expiring.secret).await.unwrap().is_some());
    assert!(harness.identity.tokens.is_valid(expiring.id).await.unwrap());
    harness.clock.advance(TimeDelta::seconds(1));
    assert_eq!(harness.identity.tokens.resolve(&expiring.secret).await.unwrap(), None);
    assert!(!harness.identity.tokens.is_valid(expiring.id).await.unwrap());
    assert!(harness.identity.tokens.list(expiring.person).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_suspension_stops_tokens_and_a_reinstatement_brings_them_back() {
    let harness = Harness::new().await;
    let issued = issue(&harness, TokenScope::Write).await;
    let (tokens, bars) = (&harness.identity.tokens, &harness.identity.bars);
    let holds = async || tokens.resolve(&issued.secret).await.unwrap().is_some();
    bars.follow_person(issued.person, &person::Event::Suspended { reason: "left".to_owned() }).await.unwrap();
    assert!(!holds().await && !tokens.is_valid(issued.id).await.unwrap());
    bars.follow_person(issued.person, &person::Event::Reinstated).await.unwrap();
    assert!(holds().await);
    bars.follow_organisation(issued.organisation, &organisation::Event::Suspended { reason: "left".to_owned() }).await.unwrap();
    assert!(!holds().await);
    bars.follow_organisation(issued.organisation, &organisation::Event::Reinstated).await.unwrap();
    assert!(holds().await);
    bars.follow_person(issued.person, &person::Event::TokenRevoked { token: issued.id }).await.unwrap();
    assert!(!holds().await);
}

#[tokio::test]
async fn an_erased_person_keeps_no_token() {
    let harness = Harness::new().await;
    let issued = issue(&harness, TokenScope::Write).await;
    harness.identity.bars.follow_person(issued.person, &person::Event::Erased).await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from identity.api_tokens").fetch_one(harness.database.pool()).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn the_last_use_of_a_token_is_written_once_a_minute() {
    let harness = Harness::new().await;
    let issued = issue(&harness, TokenScope::Read).await;
    let begun = harness.clock.now();
    let used = async || {
        harness.identity.tokens.resolve(&issued.secret).await.unwrap().unwrap();
        harness.identity.tokens.list(issued.person).await.unwrap()[0].last_used_at.unwrap()
    };
    assert_eq!(used().await, begun);
    harness.clock.advance(TimeDelta::seconds(59));
    assert_eq!(used().await, begun);
    harness.clock.advance(TimeDelta::seconds(1));
    assert_eq!(used().await, begun + TimeDelta::seconds(60));
}

#[tokio::test]
async fn a_database_that_is_gone_makes_nobody_a_stranger() {
    let harness = Harness::new().await;
    let issued = issue(&harness, TokenScope::Read).await;
    harness.database.pool().close().await;
    let error = authenticate(&harness, &format!("Bearer {}", issued.secret)).await.unwrap_err();
    assert_eq!((error.status(), error.challenge()), (StatusCode::SERVICE_UNAVAILABLE, None));
}
