use crate::support::{append, id, personal, sequenced, stream};
use futures::future::join_all;
use kernel::PersonId;
use serde_json::json;
use store::{AppendError, Error, KeyRing, Log, testing, verify};

#[tokio::test]
async fn personal_data_stands_sealed_in_the_table_and_opens_on_reading() {
    let database = testing::database().await;
    let log = database.log();
    let person = PersonId(id());
    let append = personal(person, 0, "Ada Example");
    log.append(append.clone()).await.unwrap();

    let stored: String = sqlx::query_scalar("select data from log.events").fetch_one(log.pool()).await.unwrap();
    assert!(!stored.contains("Ada") && stored.contains("$sealed") && stored.contains("red"), "{stored}");
    assert_eq!(log.load(&append.stream).await.unwrap()[0].event, append.events[0].payload);
    sequenced(&log, 1).await;
    assert_eq!(log.read(0, 10).await.unwrap()[0].event, append.events[0].payload);

    let another_key = Log::new(log.pool().clone(), KeyRing::random());
    assert!(matches!(another_key.load(&append.stream).await, Err(Error::Key { .. })));
}

#[tokio::test]
async fn an_erased_person_is_erased_for_everyone_and_the_chain_stays_whole() {
    let database = testing::database().await;
    let log = database.log();
    let elsewhere = Log::new(log.pool().clone(), log.keys().clone());
    let (erased, kept) = (PersonId(id()), PersonId(id()));
    let first = personal(erased, 0, "Ada");
    log.append(first.clone()).await.unwrap();
    let other = personal(kept, 0, "Ben");
    log.append(other.clone()).await.unwrap();
    sequenced(&log, 2).await;
    let before = verify(&log, |_, _| {}).await.unwrap();
    assert_eq!(elsewhere.read(0, 10).await.unwrap()[0].event.data["name"], json!({ "$personal": "Ada" }));

    log.destroy_key(erased).await.unwrap();
    for log in [&log, &elsewhere] {
        let events = log.read(0, 10).await.unwrap();
        assert_eq!(events[0].event.data, json!({ "name": { "$erased": true }, "team": "red" }));
        assert_eq!(events[1].event, other.events[0].payload);
        assert_eq!(log.load(&first.stream).await.unwrap()[0].event.data["name"], json!({ "$erased": true }));
    }
    assert_eq!(verify(&log, |_, _| {}).await.unwrap(), before);

    assert!(matches!(log.append(personal(erased, 1, "Ada again")).await, Err(AppendError::Erased(person)) if person == erased));
    assert!(log.append(first.clone()).await.unwrap().repeated, "the first outcome outlives the key");
    let mut without = append(&first.stream, 1, 1);
    without.personal = Some(erased);
    log.append(without).await.unwrap();
}

#[tokio::test]
async fn a_person_who_never_had_a_key_can_be_erased_too() {
    let database = testing::database().await;
    let log = database.log();
    let person = PersonId(id());
    log.destroy_key(person).await.unwrap();
    assert!(matches!(log.append(personal(person, 0, "Ada")).await, Err(AppendError::Erased(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_appends_at_once_agree_on_one_key() {
    let database = testing::database().await;
    let log = database.log();
    let person = PersonId(id());
    let appends = (0..8).map(|number| {
        let mut append = personal(person, 0, &format!("name {number}"));
        append.stream.id = id();
        let log = log.clone();
        tokio::spawn(async move {
            log.append(append.clone()).await.unwrap();
            append
        })
    });
    for append in join_all(appends).await {
        let append = append.unwrap();
        assert_eq!(log.load(&append.stream).await.unwrap()[0].event, append.events[0].payload);
    }
    let keys: i64 = sqlx::query_scalar("select count(*) from log.person_keys").fetch_one(log.pool()).await.unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn personal_data_without_its_person_and_forged_seals_are_refused() {
    let database = testing::database().await;
    let log = database.log();
    let mut nobodys = personal(PersonId(id()), 0, "Ada");
    nobodys.personal = None;
    assert!(matches!(log.append(nobodys).await, Err(AppendError::WhosePersonalData(_))));
    let mut forged = append(&stream(), 0, 1);
    forged.events[0].payload.data = json!([{ "name": { "$sealed": "AAAA" } }]);
    assert!(matches!(log.append(forged).await, Err(AppendError::Sealed(_))));
}
