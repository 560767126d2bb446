use crate::support::{PATIENCE, append, sequenced, stream, until};
use kernel::EventId;
use sqlx::{Connection as _, PgConnection};
use std::time::Duration;
use store::{Leadership, Log, Sequencer, SequencerError, testing, verify};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

async fn ids(log: &Log) -> Vec<EventId> {
    log.read(0, 1_000).await.unwrap().into_iter().map(|event| event.id).collect()
}

fn start(log: &Log, leadership: Leadership) -> (JoinHandle<()>, CancellationToken) {
    let stop = CancellationToken::new();
    (tokio::spawn(Sequencer::new(log.clone(), leadership).run(stop.clone())), stop)
}

/// The reader that everybody writes first: in order of the identity column, after the last one seen.
async fn naive_read(log: &Log, last: &mut i64) -> Vec<EventId> {
    let rows: Vec<(i64, uuid::Uuid)> =
        sqlx::query_as("select pos, id from log.events where pos > $1 order by pos").bind(*last).fetch_all(log.pool()).await.unwrap();
    *last = rows.last().map_or(*last, |row| row.0);
    rows.into_iter().map(|row| EventId(row.1)).collect()
}

#[tokio::test]
async fn what_commits_late_is_not_skipped_although_a_naive_reader_skips_it() {
    let database = testing::database().await;
    let log = database.log();
    let sequencer = Sequencer::new(log.clone(), Leadership::Sole);
    let mut last = 0;

    let (slow, quick) = (append(&stream(), 0, 1), append(&stream(), 0, 1));
    let mut open = log.pool().begin().await.unwrap();
    testing::append_within(&log, &mut open, slow.clone()).await.unwrap();
    log.append(quick.clone()).await.unwrap();

    let mut naive = naive_read(&log, &mut last).await;
    assert_eq!(naive, [quick.events[0].id], "the naive reader sees what committed first");
    assert_eq!(sequencer.catch_up().await.unwrap(), 0, "ours waits for the older transaction");

    open.commit().await.unwrap();
    naive.extend(naive_read(&log, &mut last).await);
    assert_eq!(naive, [quick.events[0].id], "the naive reader has skipped the other for ever");
    sequenced(&log, 2).await;
    assert_eq!(ids(&log).await, [slow.events[0].id, quick.events[0].id]);
}

#[tokio::test]
async fn what_rolls_back_holds_up_nothing_and_leaves_no_gap() {
    let database = testing::database().await;
    let log = database.log();
    let sequencer = Sequencer::new(log.clone(), Leadership::Sole);
    let mut open = log.pool().begin().await.unwrap();
    testing::append_within(&log, &mut open, append(&stream(), 0, 3)).await.unwrap();
    let kept = append(&stream(), 0, 2);
    log.append(kept.clone()).await.unwrap();
    assert_eq!(sequencer.catch_up().await.unwrap(), 0);
    open.rollback().await.unwrap();
    sequenced(&log, 2).await;
    assert_eq!(ids(&log).await, kept.events.iter().map(|event| event.id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_keeps_its_order_even_if_a_later_number_was_drawn_first() {
    let database = testing::database().await;
    let log = database.log();
    // The transaction that will write version 2 begins, and looks around, before the one that writes version 1. It has
    // no id until it writes, so its place is nevertheless behind.
    let stream = stream();
    let mut early = log.pool().begin().await.unwrap();
    sqlx::query("select count(*) from log.events").execute(&mut *early).await.unwrap();
    let first = append(&stream, 0, 1);
    log.append(first.clone()).await.unwrap();
    let second = append(&stream, 1, 1);
    testing::append_within(&log, &mut early, second.clone()).await.unwrap();
    early.commit().await.unwrap();
    sequenced(&log, 2).await;
    assert_eq!(ids(&log).await, [first.events[0].id, second.events[0].id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sequencer_stands_by_follows_and_takes_over() {
    let database = testing::database().await;
    let keys = store::KeyRing::random();
    let (here, there) = (Log::new(database.pool().clone(), keys.clone()), Log::new(database.pool().clone(), keys));
    let (leader, _stop) = start(&here, Leadership::SessionLock);
    let first = here.append(append(&stream(), 0, 1)).await.unwrap().receipt.events[0];
    assert_eq!(here.await_sequenced(first, PATIENCE).await.unwrap(), Some(1));

    let (standby, stop) = start(&there, Leadership::SessionLock);
    there.progress().wait_for(|head| *head == 1).await.unwrap();
    here.append(append(&stream(), 0, 2)).await.unwrap();
    there.progress().wait_for(|head| *head == 3).await.unwrap();
    let leaders: i64 = sqlx::query_scalar(
        "select count(*) from pg_locks l join pg_database d on d.oid = l.database
         where d.datname = current_database() and l.locktype = 'advisory' and l.granted",
    )
    .fetch_one(here.pool())
    .await
    .unwrap();
    assert_eq!(leaders, 1);

    leader.abort();
    let last = there.append(append(&stream(), 0, 1)).await.unwrap().receipt.events[0];
    assert_eq!(there.await_sequenced(last, PATIENCE).await.unwrap(), Some(4));
    stop.cancel();
    standby.await.unwrap();
    verify(&there, |_, _| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_loses_its_connection_leads_again_over_a_new_one() {
    let database = testing::database().await;
    let log = database.log();
    let (sequencer, stop) = start(&log, Leadership::SessionLock);
    for round in 1..=3 {
        let event = log.append(append(&stream(), 0, 1)).await.unwrap().receipt.events[0];
        assert_eq!(log.await_sequenced(event, PATIENCE).await.unwrap(), Some(round));
        let cut: i64 = sqlx::query_scalar(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and application_name = 'hub sequencer'",
        )
        .fetch_one(log.pool())
        .await
        .unwrap();
        assert_eq!(cut, 1);
    }
    stop.cancel();
    sequencer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_leaders_who_both_believe_to_be_the_only_one_double_nothing() {
    let database = testing::database().await;
    let keys = store::KeyRing::random();
    let logs = [Log::new(database.pool().clone(), keys.clone()), Log::new(database.pool().clone(), keys)];
    let sequencers = logs.each_ref().map(|log| start(log, Leadership::Sole));
    let mut writers = Vec::new();
    for number in 0..8 {
        let log = logs[number % 2].clone();
        writers.push(tokio::spawn(async move {
            let stream = stream();
            for version in 0..25 {
                log.append(append(&stream, version, 1)).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    until("all 200 events have their place", async || logs[0].head().await.unwrap() == 200).await;
    let verified = verify(&logs[0], |_, _| {}).await.unwrap();
    assert_eq!((verified.events, verified.waiting), (200, 0));
    for (sequencer, stop) in sequencers {
        stop.cancel();
        sequencer.await.unwrap();
    }
}

#[tokio::test]
async fn a_process_without_a_sequencer_follows() {
    let database = testing::database().await;
    let keys = store::KeyRing::random();
    let (here, there) = (Log::new(database.pool().clone(), keys.clone()), Log::new(database.pool().clone(), keys));
    let stop = CancellationToken::new();
    let following = tokio::spawn({
        let (there, stop) = (there.clone(), stop.clone());
        async move { there.follow(stop).await }
    });
    here.append(append(&stream(), 0, 3)).await.unwrap();
    sequenced(&here, 3).await;
    there.progress().wait_for(|head| *head == 3).await.unwrap();
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn waiting_for_what_is_not_sequenced_ends() {
    let database = testing::database().await;
    let log = database.log();
    let event = log.append(append(&stream(), 0, 1)).await.unwrap().receipt.events[0];
    assert_eq!(log.await_sequenced(event, Duration::from_millis(50)).await.unwrap(), None);
    assert_eq!(log.seq_of(event).await.unwrap(), None);
}

#[tokio::test]
async fn while_another_leads_nobody_catches_up() {
    let database = testing::database().await;
    let log = database.log();
    let mut leader = PgConnection::connect_with(&database.connect_options()).await.unwrap();
    sqlx::query("select pg_advisory_lock($1)").bind(store::sequencer::LOCK).execute(&mut leader).await.unwrap();
    log.append(append(&stream(), 0, 1)).await.unwrap();
    assert_eq!(Sequencer::new(log.clone(), Leadership::SessionLock).catch_up().await.unwrap(), 0);
    leader.close().await.unwrap();
    let sequencer = Sequencer::new(log.clone(), Leadership::SessionLock);
    until("the lock is free and the event settled", async || sequencer.catch_up().await.unwrap() == 1).await;
}

#[tokio::test]
async fn a_log_restored_on_another_server_is_refused_rather_than_misread() {
    let database = testing::database().await;
    let log = database.log();
    log.append(append(&stream(), 0, 1)).await.unwrap();
    // As a dump would restore it that comes from a server which has seen more transactions.
    sqlx::query("alter table log.events disable trigger user").execute(log.pool()).await.unwrap();
    sqlx::query("update log.events set xid = '9000000000'::xid8").execute(log.pool()).await.unwrap();
    let refused = Sequencer::new(log, Leadership::SessionLock).catch_up().await;
    assert!(matches!(refused, Err(SequencerError::OtherServer)), "{refused:?}");
}
