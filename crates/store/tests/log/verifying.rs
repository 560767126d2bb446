use crate::support::{append, sequenced, stream};
use kernel::EventId;
use store::{Broken, Fault, Log, VerifyError, testing, verify};

async fn log_of(events: usize) -> (testing::Database, Log, Vec<EventId>) {
    let database = testing::database().await;
    let log = database.log();
    let append = append(&stream(), 0, events);
    log.append(append.clone()).await.unwrap();
    sequenced(&log, events as u64).await;
    let ids = append.events.iter().map(|event| event.id).collect();
    (database, log, ids)
}

/// Changes what the triggers protect, as someone with the run of the database could.
async fn tamper(log: &Log, statements: &[&'static str]) {
    let mut transaction = log.pool().begin().await.unwrap();
    for table in ["alter table log.events disable trigger user", "alter table log.sequence disable trigger user"] {
        sqlx::query(table).execute(&mut *transaction).await.unwrap();
    }
    for statement in statements {
        sqlx::query(*statement).execute(&mut *transaction).await.unwrap();
    }
    for table in ["alter table log.events enable trigger user", "alter table log.sequence enable trigger user"] {
        sqlx::query(table).execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

async fn broken(log: &Log) -> Broken {
    match verify(log, |_, _| {}).await {
        Err(VerifyError::Broken(broken)) => broken,
        other => panic!("the tampering went unnoticed: {other:?}"),
    }
}

#[tokio::test]
async fn an_untouched_log_is_whole() {
    let (_database, log, _) = log_of(2_500).await;
    let mut reported = Vec::new();
    let verified = verify(&log, |done, of| reported.push((done, of))).await.unwrap();
    assert_eq!((verified.events, verified.waiting), (2_500, 0));
    assert_eq!(reported, [(0, 2_500), (1_000, 2_500), (2_000, 2_500), (2_500, 2_500)]);
    log.append(append(&stream(), 0, 2)).await.unwrap();
    let later = verify(&log, |_, _| {}).await.unwrap();
    assert_eq!((later.events, later.waiting, later.head_hash), (2_500, 2, verified.head_hash));
}

#[tokio::test]
async fn an_empty_log_is_whole() {
    let database = testing::database().await;
    let verified = verify(&database.log(), |_, _| {}).await.unwrap();
    assert_eq!((verified.events, verified.head_hash), (0, [0; 32]));
}

#[tokio::test]
async fn every_altered_column_is_noticed() {
    let (_database, log, ids) = log_of(5).await;
    sqlx::query("create table public.untouched as select * from log.events").execute(log.pool()).await.unwrap();
    for alter in [
        "update log.events set data = replace(data, '2', '3') where version = 3",
        "update log.events set kind = 'hub.other' where version = 3",
        "update log.events set schema = 2 where version = 3",
        "update log.events set context = 'other' where version = 3",
        "update log.events set aggregate = 'other' where version = 3",
        "update log.events set stream = gen_random_uuid() where version = 3",
        "update log.events set version = 17 where version = 3",
        "update log.events set occurred_at = occurred_at - interval '1 microsecond' where version = 3",
        "update log.events set recorded_at = recorded_at - interval '1 day' where version = 3",
        "update log.events set actor = '{\"system\":\"x\"}' where version = 3",
        "update log.events set organisation = null where version = 3",
        "update log.events set command = gen_random_uuid() where version = 3",
        "update log.events set correlation = gen_random_uuid() where version = 3",
        "update log.events set causation = gen_random_uuid() where version = 3",
        "update log.events set traceparent = null where version = 3",
        "update log.events set person = gen_random_uuid() where version = 3",
        "update log.events set digest = sha256('') where version = 3",
    ] {
        tamper(&log, &[alter]).await;
        assert_eq!(broken(&log).await, Broken { seq: 3, what: Fault::Altered(ids[2]) }, "{alter}");
        let restore = "insert into log.events overriding system value select * from public.untouched";
        tamper(&log, &["delete from log.events", restore]).await;
        assert_eq!(verify(&log, |_, _| {}).await.unwrap().events, 5);
    }
}

#[tokio::test]
async fn a_forged_row_with_a_fitting_digest_does_not_fit_the_chain() {
    let (_database, log, ids) = log_of(5).await;
    // The row and digest of another log's event, put in the place of this one's third.
    let mut other = append(&stream(), 2, 1);
    other.stream = log.read(0, 1).await.unwrap()[0].stream.clone();
    let (_other_database, forger, _) = log_of(5).await;
    let mut before = append(&other.stream, 0, 2);
    before.stream = other.stream.clone();
    forger.append(before).await.unwrap();
    forger.append(other.clone()).await.unwrap();
    let (data, digest, command, correlation): (String, Vec<u8>, uuid::Uuid, uuid::Uuid) =
        sqlx::query_as("select data, digest, command, correlation from log.events where id = $1")
            .bind(other.events[0].id.uuid())
            .fetch_one(forger.pool())
            .await
            .unwrap();
    let mut transaction = log.pool().begin().await.unwrap();
    sqlx::query("alter table log.events disable trigger user").execute(&mut *transaction).await.unwrap();
    sqlx::query(
        "update log.events set id = $1, data = $2, digest = $3, command = $4, correlation = $5, occurred_at = $6, recorded_at = $7,
                actor = $8, organisation = $9 where id = $10",
    )
    .bind(other.events[0].id.uuid())
    .bind(data)
    .bind(digest)
    .bind(command)
    .bind(correlation)
    .bind(other.meta.occurred_at)
    .bind(other.now)
    .bind(serde_json::to_string(&other.meta.actor).unwrap())
    .bind(other.meta.organisation.map(kernel::OrganisationId::uuid))
    .bind(ids[2].uuid())
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(broken(&log).await, Broken { seq: 3, what: Fault::Link(other.events[0].id) });
}

#[tokio::test]
async fn a_deleted_event_is_named() {
    let (_database, log, _) = log_of(5).await;
    tamper(&log, &["delete from log.events where version = 4"]).await;
    assert_eq!(broken(&log).await, Broken { seq: 4, what: Fault::Deleted });
}

#[tokio::test]
async fn a_position_taken_out_of_the_sequence_is_named() {
    let (_database, log, _) = log_of(5).await;
    tamper(&log, &["delete from log.sequence where seq = 2"]).await;
    assert_eq!(broken(&log).await, Broken { seq: 2, what: Fault::Gap });
}

#[tokio::test]
async fn what_was_cut_off_at_the_end_shows_in_the_head() {
    let (_database, log, _) = log_of(5).await;
    let before = verify(&log, |_, _| {}).await.unwrap();
    tamper(&log, &["delete from log.events where version = 5", "delete from log.sequence where seq in (4, 5)"]).await;
    let verified = verify(&log, |_, _| {}).await.unwrap();
    assert_eq!((verified.events, verified.waiting), (3, 1));
    assert_ne!(verified.head_hash, before.head_hash);
}

#[tokio::test]
async fn two_events_that_changed_places_are_noticed() {
    let (_database, log, ids) = log_of(5).await;
    tamper(
        &log,
        &[
            "create temporary table two on commit drop as select * from log.sequence where seq in (2, 3)",
            "delete from log.sequence where seq in (2, 3)",
            "insert into log.sequence (seq, xid, pos, hash) select 5 - seq, xid, pos, hash from two",
        ],
    )
    .await;
    assert_eq!(broken(&log).await, Broken { seq: 2, what: Fault::Link(ids[2]) });
}

#[tokio::test]
async fn a_skipped_event_is_named() {
    let (_database, log, _) = log_of(5).await;
    // As a sequencer would leave it that takes what it sees without waiting for the older transaction.
    let mut late = log.pool().begin().await.unwrap();
    let skipped = append(&stream(), 0, 1);
    testing::append_within(&log, &mut late, skipped.clone()).await.unwrap();
    log.append(append(&stream(), 0, 1)).await.unwrap();
    late.commit().await.unwrap();
    sequenced(&log, 7).await;
    tamper(
        &log,
        &[
            "delete from log.sequence where seq = 6",
            "update log.sequence s set seq = 6, hash = sha256((select hash from log.sequence where seq = 5) ||
                 (select digest from log.events e where e.pos = s.pos)) where seq = 7",
        ],
    )
    .await;
    assert_eq!(broken(&log).await, Broken { seq: 6, what: Fault::Skipped(skipped.events[0].id) });
}
