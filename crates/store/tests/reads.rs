//! Connections for reading: laid aside as they are, and closed with what runs on them when nobody waits for it.
#![allow(clippy::unwrap_used, reason = "in a test a surprise ends the test")]

use sqlx::PgConnection;
use std::time::{Duration, Instant};
use store::Reads;
use store::testing::{Database, database, database_with};

const PATIENCE: Duration = Duration::from_secs(20);

async fn process(reads: &Reads) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(reads).await.unwrap()
}

/// Waits until so many of the hub's statements sleep.
async fn until_asleep(database: &Database, count: i64) {
    let mut outside = <PgConnection as sqlx::Connection>::connect(&database.url()).await.unwrap();
    let asleep = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found: i64 = sqlx::query_scalar(asleep).fetch_one(&mut outside).await.unwrap();
        if found == count {
            return;
        }
        assert!(Instant::now() < deadline, "{found} statements sleep instead of {count}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_connection_is_used_again_even_after_a_statement_failed() {
    let database = database().await;
    let reads = database.reads();
    let first = process(reads).await;
    assert_eq!(process(reads).await, first);
    assert!(sqlx::query("select 1 / 0").fetch_all(reads).await.is_err());
    assert!(sqlx::query("select 1 where false").fetch_one(reads).await.is_err());
    assert_eq!(process(reads).await, first);
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_ended_by_the_server() {
    let database = database().await;
    let reads = database.reads().clone();
    let before = process(&reads).await;
    let asking = tokio::spawn({
        let reads = reads.clone();
        async move { sqlx::query("select pg_sleep(300)").fetch_all(&reads).await }
    });
    until_asleep(&database, 1).await;
    asking.abort();
    until_asleep(&database, 0).await;
    // Its connection went with it.
    assert_ne!(process(&reads).await, before);
}

#[tokio::test]
async fn more_than_there_are_connections_for_take_turns() {
    let database = database_with(4).await;
    let reads = database.reads();
    let all = (0..40).map(|number| async move {
        let asked = sqlx::query_scalar::<_, i32>("select $1 from pg_sleep(0.002)").bind(number);
        assert_eq!(asked.fetch_one(reads).await.unwrap(), number);
    });
    tokio::time::timeout(PATIENCE, futures::future::join_all(all)).await.expect("everyone has a turn");
    // Half of them are left to others.
    let mut others = Vec::new();
    for _ in 0..2 {
        others.push(database.pool().acquire().await.unwrap());
    }
    assert!(process(reads).await > 0);
}

#[tokio::test]
async fn a_pool_of_one_connection_works_by_itself() {
    let database = database_with(1).await;
    let reads = database.reads();
    let first = process(reads).await;
    let given_up = tokio::time::timeout(Duration::from_millis(100), sqlx::query("select pg_sleep(0.5)").fetch_all(reads)).await;
    assert!(given_up.is_err());
    assert_eq!(process(reads).await, first, "it waits for its one connection instead of making another");
}

#[tokio::test]
async fn a_connection_that_broke_is_not_used_again_and_a_closed_pool_keeps_none() {
    let database = database().await;
    let reads = database.reads();
    let first = process(reads).await;
    sqlx::query("select pg_terminate_backend($1)").bind(first).execute(database.pool()).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let next = loop {
        if let Ok(next) = sqlx::query_scalar::<_, i32>("select pg_backend_pid()").fetch_one(reads).await {
            break next;
        }
        assert!(Instant::now() < deadline, "it recovers");
    };
    assert_ne!(next, first);
    tokio::time::timeout(PATIENCE, database.pool().close()).await.expect("nothing is kept from a pool that closes");
    assert!(sqlx::query("select 1").fetch_one(reads).await.is_err());
}
