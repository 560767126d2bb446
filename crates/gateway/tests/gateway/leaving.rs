//! What nobody waits for any more is not read to its end.

use crate::hub::{Hub, PATIENCE};
use crate::sockets::served;
use gateway::Settings;
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Keeps everyone from reading threads until it is dropped.
async fn blocked(hub: &Hub) -> sqlx::Transaction<'static, sqlx::Postgres> {
    let mut held = hub.hold("thread_listing").await;
    sqlx::query("lock table views.thread in access exclusive mode").execute(&mut *held).await.unwrap();
    held
}

/// Waits until so many statements wait for a lock. They would give up by themselves later than this is waited.
async fn until_waiting(hub: &Hub, count: i64) {
    let mut outside = <sqlx::PgConnection as sqlx::Connection>::connect(&hub.database().url()).await.unwrap();
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let found: i64 = sqlx::query_scalar(waiting).fetch_one(&mut outside).await.unwrap();
        if found == count {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{found} statements wait instead of {count}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A list that is read by the resolver itself, and one that a loader reads.
async fn lists(hub: &Hub) -> [String; 2] {
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let place = hub.place(&ann, "practice").await;
    let within = format!("{{ node(id: \"{}\") {{ ... on Community {{ threads(first: 5) {{ nodes {{ id }} }} }} }} }}", place.community());
    ["{ threads(first: 5) { nodes { id } } }".to_owned(), within]
}

#[tokio::test]
async fn what_a_client_asked_for_who_has_left_is_given_up() {
    let hub = Hub::start().await;
    let lists = lists(&hub).await;
    let address = served(&hub).await;
    for list in lists {
        let blocking = blocked(&hub).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let body = json!({ "query": list }).to_string();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        client.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        until_waiting(&hub, 1).await;
        drop(client);
        until_waiting(&hub, 0).await;
        blocking.rollback().await.unwrap();
        assert!(hub.ask(None, &list, json!({})).await.body["errors"].is_null());
    }
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_and_said_to_be() {
    let hub = Hub::with(Settings { request_timeout: Duration::from_millis(700), ..Settings::default() }, "http://localhost:8080", 10).await;
    for list in lists(&hub).await {
        let blocking = blocked(&hub).await;
        let answer = tokio::time::timeout(PATIENCE, hub.ask(None, &list, json!({}))).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "TIMEOUT"), "{:#}", answer.body);
        assert_ne!(answer.header("retry-after"), "(none)");
        until_waiting(&hub, 0).await;
        blocking.rollback().await.unwrap();
    }
}
