use crate::support::{append, id, stream, until};
use futures::future::join_all;
use kernel::{Claim, CommandId, EventId};
use sqlx::ConnectOptions as _;
use store::{AppendError, testing};

#[tokio::test]
async fn what_was_appended_reads_back_equal() {
    let database = testing::database().await;
    let log = database.log();
    let stream = stream();
    let first = append(&stream, 0, 3);
    let appended = log.append(first.clone()).await.unwrap();
    assert!(!appended.repeated);
    assert_eq!((appended.receipt.first_version, appended.receipt.last_version), (1, 3));
    log.append(append(&stream, 3, 1)).await.unwrap();

    let events = log.load(&stream).await.unwrap();
    assert_eq!(events.iter().map(|event| event.version).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for (event, new) in events.iter().zip(&first.events) {
        assert_eq!((event.seq, event.id, &event.stream, &event.event), (0, new.id, &stream, &new.payload));
        assert_eq!((&event.meta, event.recorded_at), (&first.meta, first.now));
    }
    assert_eq!(log.load_range(&stream, 2, 3).await.unwrap(), events[1..3]);
    let other_aggregate = kernel::StreamId { aggregate: "category".to_owned(), ..stream };
    assert_eq!(log.load(&other_aggregate).await.unwrap(), []);
}

#[tokio::test]
async fn a_command_has_one_outcome_however_often_it_comes() {
    let database = testing::database().await;
    let log = database.log();
    let stream = stream();
    let command = append(&stream, 0, 2);
    let first = log.append(command.clone()).await.unwrap().receipt;
    log.append(append(&stream, 2, 1)).await.unwrap();

    let again = log.append(command.clone()).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.receipt, first);
    assert_eq!(log.receipt(command.command).await.unwrap(), Some(first));
    assert_eq!(log.load(&stream).await.unwrap().len(), 3);

    let mut other = command.clone();
    other.fingerprint = [8; 32];
    assert!(matches!(log.append(other).await, Err(AppendError::CommandReused)));
    assert_eq!(log.receipt(CommandId(id())).await.unwrap(), None);
}

#[tokio::test]
async fn a_command_from_which_nothing_follows_is_remembered_too() {
    let database = testing::database().await;
    let log = database.log();
    let stream = stream();
    log.append(append(&stream, 0, 1)).await.unwrap();
    let nothing = append(&stream, 1, 0);
    let receipt = log.append(nothing.clone()).await.unwrap().receipt;
    assert_eq!((receipt.first_version, receipt.last_version, receipt.events.len()), (2, 1, 0));
    log.append(append(&stream, 1, 1)).await.unwrap();
    let again = log.append(nothing.clone()).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.receipt, receipt);
    assert_eq!(log.receipt(nothing.command).await.unwrap(), Some(receipt));
}

#[tokio::test]
async fn a_stream_that_moved_on_is_a_conflict() {
    let database = testing::database().await;
    let log = database.log();
    let stream = stream();
    log.append(append(&stream, 0, 2)).await.unwrap();
    for expected in [0, 1, 3] {
        let refused = log.append(append(&stream, expected, 1)).await;
        assert!(matches!(refused, Err(AppendError::Conflict { expected: e, actual: 2 }) if e == expected), "{refused:?}");
    }
    assert_eq!(log.load(&stream).await.unwrap().len(), 2);
}

#[tokio::test]
async fn of_many_writers_at_one_version_one_succeeds() {
    let database = testing::database().await;
    let log = database.log();
    let stream = stream();
    let outcomes = join_all((0..20).map(|_| log.append(append(&stream, 0, 1)))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for refused in outcomes.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, AppendError::Conflict { expected: 0, actual: 1 }), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_sent_by_many_at_once_is_done_once() {
    let database = testing::database().await;
    let log = database.log();
    for _ in 0..10 {
        let stream = stream();
        let command = append(&stream, 0, 2);
        let mut sent = Vec::new();
        for _ in 0..12 {
            let (log, mut command) = (log.clone(), command.clone());
            // Each attempt draws event ids of its own; those of the first one count.
            for event in &mut command.events {
                event.id = EventId(id());
            }
            sent.push(tokio::spawn(async move { log.append(command).await.unwrap() }));
        }
        let outcomes = join_all(sent).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(outcomes.iter().filter(|outcome| !outcome.repeated).count(), 1);
        assert!(outcomes.iter().all(|outcome| outcome.receipt == outcomes[0].receipt));
        let ids = log.load(&stream).await.unwrap().into_iter().map(|event| event.id).collect::<Vec<_>>();
        assert_eq!(ids, outcomes[0].receipt.events);
    }
}

fn take(value: &str) -> Claim {
    Claim::Take { space: "community_slug", value: value.to_owned() }
}

fn release(value: &str) -> Claim {
    Claim::Release { space: "community_slug", value: value.to_owned() }
}

#[tokio::test]
async fn a_value_is_held_by_one_stream_until_it_is_released() {
    let database = testing::database().await;
    let log = database.log();
    let (holder, other) = (stream(), stream());
    let with = |mut append: store::Append, claims: &[Claim]| {
        append.claims = claims.to_vec();
        append
    };
    log.append(with(append(&holder, 0, 1), &[take("rust")])).await.unwrap();
    assert_eq!(log.claim_holder("community_slug", "rust").await.unwrap(), Some(holder.id));
    assert_eq!(log.claim_holder("organisation_slug", "rust").await.unwrap(), None);

    let refused = log.append(with(append(&other, 0, 1), &[take("free"), take("rust")])).await;
    assert!(matches!(&refused, Err(AppendError::Taken { space: "community_slug", value }) if value == "rust"), "{refused:?}");
    assert_eq!(log.claim_holder("community_slug", "free").await.unwrap(), None, "all or nothing");
    assert_eq!(log.load(&other).await.unwrap(), []);

    // A release by someone else frees nothing; taking again what one holds is no conflict.
    log.append(with(append(&other, 0, 1), &[release("rust")])).await.unwrap();
    log.append(with(append(&holder, 1, 1), &[release("rust"), take("rust"), take("new")])).await.unwrap();
    assert_eq!(log.claim_holder("community_slug", "rust").await.unwrap(), Some(holder.id));
    log.append(with(append(&holder, 2, 1), &[release("rust")])).await.unwrap();
    log.append(with(append(&other, 1, 1), &[take("rust")])).await.unwrap();
    assert_eq!(log.claim_holder("community_slug", "rust").await.unwrap(), Some(other.id));
    assert_eq!(log.claim_holder("community_slug", "new").await.unwrap(), Some(holder.id));

    let kept: Vec<String> = sqlx::query_scalar("select encode(value_hash, 'escape') from log.claims").fetch_all(log.pool()).await.unwrap();
    assert!(kept.iter().all(|hash| !hash.contains("rust") && !hash.contains("new")));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_the_same_values_in_any_order_one_gets_them() {
    let database = testing::database().await;
    let log = database.log();
    for round in 0..10 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        let mut attempts = Vec::new();
        for number in 0..8 {
            let mut append = append(&stream(), 0, 1);
            append.claims = if number % 2 == 0 { vec![take(&a), take(&b)] } else { vec![take(&b), take(&a)] };
            let log = log.clone();
            attempts.push(tokio::spawn(async move { log.append(append).await }));
        }
        let outcomes = join_all(attempts).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(AppendError::Taken { .. }))), "{outcomes:?}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_no_lost_command() {
    let database = testing::database_with(3).await;
    let log = database.log();
    let stream = stream();
    // Outside the pool: a connection of the pool may be one that was broken the time before.
    let mut outside = database.connect_options().connect().await.unwrap();
    for version in 0..5 {
        log.append(append(&stream, version, 1)).await.unwrap();
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        )
        .execute(&mut outside)
        .await
        .unwrap();
    }
    // A read may fail on what is left of the old connections, but on no more than these.
    until("the events are read", async || log.load(&stream).await.is_ok_and(|events| events.len() == 5)).await;
}

#[tokio::test]
async fn an_unreachable_database_is_unavailable() {
    let database = testing::database().await;
    let log = database.log();
    log.pool().close().await;
    assert!(matches!(log.append(append(&stream(), 0, 1)).await, Err(AppendError::Unavailable(_))));
    assert!(log.read(0, 10).await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn what_is_written_stays_written() {
    let database = testing::database().await;
    let log = database.log();
    log.append(append(&stream(), 0, 1)).await.unwrap();
    for statement in ["update log.events set kind = 'x'", "delete from log.events", "truncate log.events", "delete from log.sequence"] {
        let refused = sqlx::query(statement).execute(log.pool()).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_that_go_out_together_do_not_share_their_fate() {
    let database = testing::database_with(4).await;
    let log = database.log();
    let taken = stream();
    let mut holder = append(&taken, 0, 1);
    holder.claims = vec![take("held")];
    log.append(holder.clone()).await.unwrap();

    // While one statement is held up by a lock, everything else gathers behind it.
    let mut lock = log.pool().begin().await.unwrap();
    sqlx::query("lock table log.events in exclusive mode").execute(&mut *lock).await.unwrap();
    let mut sent = Vec::new();
    for number in 0..60 {
        let mut append = append(&stream(), 0, 2);
        match number % 6 {
            1 => append.expected = 5,
            2 => append.claims = vec![take(&format!("free {number}")), take("held")],
            3 => append = holder.clone(),
            4 => append = store::Append { fingerprint: [9; 32], ..holder.clone() },
            // An event id of someone else's makes the whole statement fail.
            5 => append.events[1].id = holder.events[0].id,
            _ => append.claims = vec![take(&format!("own {number}"))],
        }
        let log = log.clone();
        sent.push(tokio::spawn(async move { (number, log.append(append).await) }));
    }
    lock.rollback().await.unwrap();
    for outcome in join_all(sent).await {
        let (number, outcome) = outcome.unwrap();
        let as_expected = match number % 6 {
            1 => matches!(outcome, Err(AppendError::Conflict { expected: 5, actual: 0 })),
            2 => matches!(&outcome, Err(AppendError::Taken { value, .. }) if value == "held"),
            3 => matches!(&outcome, Ok(appended) if appended.repeated && appended.receipt.stream == taken),
            4 => matches!(outcome, Err(AppendError::CommandReused)),
            5 => matches!(outcome, Err(AppendError::Database(_))),
            _ => matches!(&outcome, Ok(appended) if !appended.repeated && appended.receipt.last_version == 2),
        };
        assert!(as_expected, "{number}: {outcome:?}");
    }
    let events: i64 = sqlx::query_scalar("select count(*) from log.events").fetch_one(log.pool()).await.unwrap();
    assert_eq!(events, 1 + 10 * 2);
    assert_eq!(log.claim_holder("community_slug", "free 2").await.unwrap(), None);
}

#[tokio::test]
async fn a_caller_who_gives_up_holds_nobody_up() {
    let database = testing::database_with(2).await;
    let log = database.log();
    let mut lock = log.pool().begin().await.unwrap();
    sqlx::query("lock table log.events in exclusive mode").execute(&mut *lock).await.unwrap();
    let given_up = append(&stream(), 0, 1);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(50), log.append(given_up.clone())).await;
    assert!(waited.is_err());
    lock.rollback().await.unwrap();
    log.append(append(&stream(), 0, 1)).await.unwrap();
    assert!(log.append(given_up).await.unwrap().repeated, "what was under way has come about");
}
