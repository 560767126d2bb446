use crate::support::{append, id, personal, stream};
use kernel::{Claim, PersonId};
use store::testing::{self, Database};
use store::{Append, AppendError, Log};

/// Everything that the log's tables hold.
async fn contents(database: &Database) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["events", "sequence", "commands", "claims", "person_keys"] {
        let sql = format!("select coalesce(string_agg(t::text, ';' order by t::text), '') from log.{table} t");
        all.push(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(database.pool()).await.unwrap());
    }
    all
}

/// Rehearses, finds that nothing was written, appends, and finds that both said the same.
async fn as_it_will_be(database: &Database, log: &Log, what: &str, append: Append) {
    let before = contents(database).await;
    let rehearsed = log.rehearse(&append).await;
    assert_eq!(contents(database).await, before, "{what}: something was written");
    match (rehearsed, log.append(append).await) {
        (Ok(None), Ok(appended)) => assert!(!appended.repeated, "{what}"),
        (Ok(Some(receipt)), Ok(appended)) => assert_eq!((receipt, true), (appended.receipt, appended.repeated), "{what}"),
        (Err(rehearsed), Err(failed)) => assert_eq!(rehearsed.to_string(), failed.to_string(), "{what}"),
        (rehearsed, appended) => panic!("{what}: rehearsed {rehearsed:?}, but then {appended:?}"),
    }
}

#[tokio::test]
async fn a_rehearsal_says_what_the_append_will_come_to_and_writes_nothing() {
    let database = testing::database().await;
    let log = database.log();
    let (here, there) = (stream(), stream());
    let take = |value: &str| Claim::Take { space: "slug", value: value.to_owned() };
    let founding = Append { claims: vec![take("rivers")], ..append(&here, 0, 2) };
    as_it_will_be(&database, &log, "a first append", founding.clone()).await;
    as_it_will_be(&database, &log, "the same command", founding.clone()).await;
    as_it_will_be(&database, &log, "its id for another", Append { fingerprint: [8; 32], ..founding.clone() }).await;
    as_it_will_be(&database, &log, "an old version", append(&here, 1, 1)).await;
    as_it_will_be(&database, &log, "a version to come", append(&here, 3, 1)).await;
    as_it_will_be(&database, &log, "no event", append(&here, 2, 0)).await;
    as_it_will_be(&database, &log, "a value of another", Append { claims: vec![take("lakes"), take("rivers")], ..append(&there, 0, 1) })
        .await;
    as_it_will_be(&database, &log, "a value of its own", Append { claims: vec![take("rivers")], ..append(&here, 2, 1) }).await;
    let release = Claim::Release { space: "slug", value: "rivers".to_owned() };
    as_it_will_be(&database, &log, "a value given back", Append { claims: vec![release], ..append(&here, 3, 1) }).await;
    as_it_will_be(&database, &log, "a value that is free again", Append { claims: vec![take("rivers")], ..append(&there, 0, 1) }).await;

    let (person, erased) = (PersonId(id()), PersonId(id()));
    as_it_will_be(&database, &log, "personal data of someone new", personal(person, 0, "Ada")).await;
    as_it_will_be(&database, &log, "of someone known", personal(person, 1, "Ada L.")).await;
    let joined = personal(erased, 0, "Bob");
    as_it_will_be(&database, &log, "of someone still there", joined.clone()).await;
    log.destroy_key(erased).await.unwrap();
    as_it_will_be(&database, &log, "of someone erased", personal(erased, 1, "Bob B.")).await;
    as_it_will_be(&database, &log, "what the erased did before", joined).await;
    as_it_will_be(&database, &log, "of no one", Append { personal: None, ..personal(person, 2, "Ada") }).await;
    let mut forged = personal(person, 2, "Ada");
    forged.events[0].payload.data = serde_json::json!({ "name": { "$sealed": "AAAA" } });
    as_it_will_be(&database, &log, "what only the log may write", forged).await;
}

#[tokio::test]
async fn a_command_is_known_by_its_fingerprint() {
    let database = testing::database().await;
    let log = database.log();
    let done = append(&stream(), 0, 2);
    assert_eq!(log.outcome_of(done.command, &done.fingerprint).await.unwrap(), None);
    let receipt = log.append(done.clone()).await.unwrap().receipt;
    assert_eq!(log.outcome_of(done.command, &done.fingerprint).await.unwrap(), Some(receipt));
    assert!(matches!(log.outcome_of(done.command, &[8; 32]).await, Err(AppendError::CommandReused)));
}
