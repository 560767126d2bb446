//! Sessions: their time-outs, their ends, their cookies and their forms' tokens.

use crate::harness::{Harness, headers, new_id, with_cookie};
use chrono::TimeDelta;
use http::HeaderMap;
use http::header::COOKIE;
use identity::{Device, Opened, SessionId};
use kernel::{OrganisationId, PersonId, ProviderId};
use organisations::{organisation, person};

struct Someone {
    person: PersonId,
    organisation: OrganisationId,
    provider: ProviderId,
}

fn someone() -> Someone {
    Someone { person: new_id().into(), organisation: new_id().into(), provider: new_id().into() }
}

async fn open(harness: &Harness, who: &Someone) -> Opened {
    let device = Device { browser: "Firefox\r\non Linux".to_owned(), address: "192.0.2.1".to_owned() };
    harness.identity.sessions.create(who.person, who.organisation, who.provider, &device).await.unwrap()
}

async fn is_open(harness: &Harness, opened: &Opened) -> bool {
    harness.identity.sessions.resolve(&with_cookie(&opened.cookie)).await.unwrap().is_some()
}

#[tokio::test]
async fn a_session_is_found_by_its_cookie() {
    let harness = Harness::new().await;
    let who = someone();
    let opened = open(&harness, &who).await;
    let found = harness.identity.sessions.resolve(&with_cookie(&opened.cookie)).await.unwrap().unwrap();
    assert_eq!(found, opened.session);
    assert_eq!((found.person, found.browser.as_str()), (who.person, "Firefoxon Linux"));
    let set = opened.cookie.as_str();
    assert!(set.starts_with("__Host-hub_session=") && set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=604800"), "{set}");
    assert!(!format!("{opened:?}").contains(opened.cookie.pair()));
}

#[tokio::test]
async fn on_loopback_the_cookie_goes_without_prefix() {
    let harness = Harness::at("http://127.0.0.1:8080").await;
    let opened = open(&harness, &someone()).await;
    assert!(opened.cookie.as_str().starts_with("hub_session=") && !opened.cookie.as_str().contains("Secure"));
    assert!(is_open(&harness, &opened).await);
}

#[tokio::test]
async fn only_the_hash_of_a_cookie_is_kept() {
    let harness = Harness::new().await;
    let opened = open(&harness, &someone()).await;
    let (text, hash): (String, Vec<u8>) =
        sqlx::query_as("select s::text, secret_hash from identity.sessions s").fetch_one(harness.database.pool()).await.unwrap();
    let value = opened.cookie.pair().split_once('=').unwrap().1;
    assert!(!text.contains(value) && hash.len() == 32 && hash != value.as_bytes());
}

#[tokio::test]
async fn every_sign_in_has_a_cookie_of_its_own() {
    let harness = Harness::new().await;
    let who = someone();
    let (one, other) = (open(&harness, &who).await, open(&harness, &who).await);
    assert_ne!(one.cookie, other.cookie);
    assert!(is_open(&harness, &one).await && is_open(&harness, &other).await);
}

#[tokio::test]
async fn what_is_no_cookie_of_ours_makes_a_stranger() {
    let harness = Harness::new().await;
    open(&harness, &someone()).await;
    for request in [
        HeaderMap::new(),
        headers(COOKIE, "__Host-hub_session="),
        headers(COOKIE, "__Host-hub_session=short"),
        headers(COOKIE, &format!("__Host-hub_session={}", "A".repeat(43))),
        headers(COOKIE, &format!("__Host-hub_session={}", "A".repeat(10_000))),
    ] {
        assert_eq!(harness.identity.sessions.resolve(&request).await.unwrap(), None);
        assert!(harness.identity.authenticate(&request).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_session_ends_after_eight_hours_without_use() {
    let harness = Harness::new().await;
    let who = someone();
    let (used, idle) = (open(&harness, &who).await, open(&harness, &who).await);
    harness.clock.advance(TimeDelta::hours(7));
    assert!(is_open(&harness, &used).await);
    harness.clock.advance(TimeDelta::hours(1));
    assert!(is_open(&harness, &used).await && !is_open(&harness, &idle).await);
    assert_eq!(harness.identity.sessions.list(who.person).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_session_ends_after_seven_days_however_much_it_is_used() {
    let harness = Harness::new().await;
    let opened = open(&harness, &someone()).await;
    for _ in 0..27 {
        harness.clock.advance(TimeDelta::hours(6));
        assert!(is_open(&harness, &opened).await);
        assert!(harness.identity.sessions.is_open(opened.session.id).await.unwrap());
    }
    harness.clock.advance(TimeDelta::hours(6));
    assert!(!is_open(&harness, &opened).await);
    assert!(!harness.identity.sessions.is_open(opened.session.id).await.unwrap());
}

#[tokio::test]
async fn the_last_use_is_written_once_a_minute() {
    let harness = Harness::new().await;
    let opened = open(&harness, &someone()).await;
    let written = async || {
        let _ = is_open(&harness, &opened).await;
        sqlx::query_scalar::<_, kernel::Timestamp>("select last_seen_at from identity.sessions")
            .fetch_one(harness.database.pool())
            .await
            .unwrap()
    };
    let begun = opened.session.created_at;
    harness.clock.advance(TimeDelta::seconds(59));
    assert_eq!(written().await, begun);
    harness.clock.advance(TimeDelta::seconds(1));
    assert_eq!(written().await, begun + TimeDelta::seconds(60));
    harness.clock.advance(TimeDelta::seconds(30));
    assert_eq!(written().await, begun + TimeDelta::seconds(60));
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_and_no_others() {
    let harness = Harness::new().await;
    let (who, other) = (someone(), someone());
    let (first, second, foreign) = (open(&harness, &who).await, open(&harness, &who).await, open(&harness, &other).await);
    let listed: Vec<SessionId> = harness.identity.sessions.list(who.person).await.unwrap().iter().map(|session| session.id).collect();
    assert!(listed.len() == 2 && listed.contains(&first.session.id) && listed.contains(&second.session.id));
    assert!(!harness.identity.sessions.end(who.person, foreign.session.id).await.unwrap());
    assert!(harness.identity.sessions.end(who.person, first.session.id).await.unwrap());
    assert!(!is_open(&harness, &first).await && is_open(&harness, &second).await && is_open(&harness, &foreign).await);
}

#[tokio::test]
async fn ended_sessions_do_not_pile_up() {
    let harness = Harness::new().await;
    let who = someone();
    open(&harness, &who).await;
    harness.clock.advance(TimeDelta::hours(9));
    open(&harness, &who).await;
    let rows: i64 = sqlx::query_scalar("select count(*) from identity.sessions").fetch_one(harness.database.pool()).await.unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn what_happens_in_the_log_ends_sessions_at_once() {
    let harness = Harness::new().await;
    let bars = &harness.identity.bars;
    let reason = || "left".to_owned();

    let (who, bystander) = (someone(), someone());
    let (opened, unharmed) = (open(&harness, &who).await, open(&harness, &bystander).await);
    bars.follow_person(who.person, &person::Event::Suspended { reason: reason() }).await.unwrap();
    assert!(!is_open(&harness, &opened).await && !harness.identity.sessions.is_open(opened.session.id).await.unwrap());
    // One that was opened between the event and its consequence does not hold either.
    assert!(!is_open(&harness, &open(&harness, &who).await).await);
    bars.follow_person(who.person, &person::Event::Reinstated).await.unwrap();
    assert!(is_open(&harness, &open(&harness, &who).await).await);

    let opened = open(&harness, &who).await;
    bars.follow_organisation(who.organisation, &organisation::Event::ProviderDisabled { provider: who.provider }).await.unwrap();
    assert!(!is_open(&harness, &opened).await);
    bars.follow_organisation(who.organisation, &organisation::Event::ProviderEnabled { provider: who.provider }).await.unwrap();

    let opened = open(&harness, &who).await;
    bars.follow_organisation(who.organisation, &organisation::Event::Suspended { reason: reason() }).await.unwrap();
    assert!(!is_open(&harness, &opened).await);
    bars.follow_organisation(who.organisation, &organisation::Event::Reinstated).await.unwrap();

    let opened = open(&harness, &who).await;
    // Following again from an old checkpoint does no harm.
    for _ in 0..2 {
        bars.follow_person(who.person, &person::Event::Erased).await.unwrap();
    }
    assert!(!is_open(&harness, &opened).await && bars.is_barred(who.person).await.unwrap());
    assert!(is_open(&harness, &unharmed).await);
}

#[tokio::test]
async fn a_removed_provider_loses_its_secret() {
    let harness = Harness::new().await;
    let provider = harness.register("https://login.example").await;
    let removed = organisation::Event::ProviderRemoved { provider };
    harness.identity.bars.follow_organisation(new_id().into(), &removed).await.unwrap();
    assert!(!harness.identity.providers.remove_secret(provider).await.unwrap());
}

#[tokio::test]
async fn a_forms_token_belongs_to_its_session() {
    let harness = Harness::new().await;
    let sessions = &harness.identity.sessions;
    let (one, other) = (open(&harness, &someone()).await.session, open(&harness, &someone()).await.session);
    let token = sessions.form_token(&one);
    assert_ne!(token, sessions.form_token(&one), "it looks different each time");
    assert!(sessions.check_form_token(&one, &token) && !sessions.check_form_token(&other, &token));
    for forged in ["", "AAAA", &token[1..], &token[..token.len() - 4], &"A".repeat(token.len())] {
        assert!(!sessions.check_form_token(&one, forged), "{forged}");
    }
}
