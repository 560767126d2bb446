//! The embedded database: it opens, takes the migrations, keeps what was written, and belongs to one process.
#![cfg(feature = "database")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use embedded::{DatabaseError, Embedded, database};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::path::Path;
use std::time::Duration;

async fn open(folder: &Path) -> (Embedded, PgPool) {
    let embedded = database(folder).await.unwrap();
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(20)).connect(embedded.url()).await.unwrap();
    (embedded, pool)
}

async fn close(embedded: Embedded, pool: PgPool) {
    pool.close().await;
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn it_takes_every_migration_and_keeps_what_was_written() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data");
    let (embedded, pool) = open(&folder).await;
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    sqlx::migrate::Migrator::new(migrations.as_path()).await.unwrap().run(&pool).await.unwrap();
    sqlx::query("insert into identity.barred (subject, since) values ('00000000-0000-0000-0000-000000000001', now())")
        .execute(&pool)
        .await
        .unwrap();
    close(embedded, pool).await;

    let (embedded, pool) = open(&folder).await;
    let kept: i64 = sqlx::query_scalar("select count(*) from identity.barred").fetch_one(&pool).await.unwrap();
    assert_eq!(kept, 1);
    close(embedded, pool).await;
}

#[tokio::test]
async fn a_second_opener_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let first = database(home.path()).await.unwrap();
    let refused = database(home.path()).await.unwrap_err();
    assert!(matches!(refused, DatabaseError::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{refused}");
    let sentence = refused.to_string();
    assert!(sentence.contains("is in use by another hub (process ") && !sentence.contains('\n'), "{sentence}");
    first.stop().await.unwrap();
    let (again, pool) = open(home.path()).await;
    close(again, pool).await;
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_no_hindrance() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("a-folder-with-a-rather-long-name-".repeat(5));
    let (embedded, pool) = open(&folder).await;
    assert_eq!(sqlx::query_scalar::<_, i32>("select 1").fetch_one(&pool).await.unwrap(), 1);
    close(embedded, pool).await;
}

#[tokio::test]
async fn what_is_wrong_with_the_folder_is_said_in_one_line() {
    let home = tempfile::tempdir().unwrap();
    let missing = database(&home.path().join("missing/data")).await.unwrap_err();
    assert!(matches!(missing, DatabaseError::NoParent(_)) && missing.to_string().contains("does not exist; make that first"), "{missing}");
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = database(&file).await.unwrap_err();
    assert!(matches!(refused, DatabaseError::NotAFolder(_)), "{refused}");
    let refused = database(&file.join("data")).await.unwrap_err();
    assert!(!refused.to_string().contains('\n'), "{refused}");
}
