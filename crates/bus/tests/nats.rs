//! What only a bus between processes has to stand: a server that restarts, is lost, or is set up wrongly.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use bus::{
    BusError, CommandSettings, CommandTransport as _, Credentials, Delivery, Ended, EventBus, Handler, Headers, JetStreamBus, Publisher,
    Settings, is_withheld,
};
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::json;
use std::sync::Arc;
use support::{Log, NatsServer, consume, event, events, eventually, within};
use tokio_util::sync::CancellationToken;

async fn connect(server: &NatsServer) -> Arc<JetStreamBus> {
    Arc::new(JetStreamBus::connect(Settings::new(server.url())).await.unwrap())
}

async fn published(bus: &JetStreamBus, seq: u64) {
    eventually(&format!("event {seq} to be published"), || async { bus.last_published().await == Ok(Some(seq)) }).await;
}

fn publish(log: &Log, bus: Arc<JetStreamBus>) -> (CancellationToken, tokio::task::JoinHandle<Ended>) {
    let (stop, publisher) = (CancellationToken::new(), Publisher::new(log.clone(), bus));
    let token = stop.clone();
    (stop, tokio::spawn(async move { publisher.run(token).await }))
}

#[tokio::test]
async fn a_restarted_server_goes_on_with_its_data() {
    let mut server = NatsServer::start();
    let (log, bus) = (Log::with(100), connect(&server).await);
    let (stop, publisher) = publish(&log, connect(&server).await);
    let mut stream = bus.subscribe(0).await.unwrap();
    consume(&mut stream, &log, 0, 100).await;

    server.kill();
    log.grow_to(150);
    eventually("the loss to be seen", || async { matches!(bus.health().await, Err(BusError::Unavailable { .. })) }).await;
    assert!(matches!(bus.publish(&events(101..=101)).await, Err(BusError::Unavailable { .. })));
    server.up();

    consume(&mut stream, &log, 100, 150).await;
    published(&bus, 150).await;
    log.grow_to(160);
    assert_eq!(
        consume(&mut stream, &log, 150, 160).await.delivered.last(),
        Some(&160),
        "it delivers again, and does not only tell of gaps"
    );
    let whole = consume(&mut bus.subscribe(0).await.unwrap(), &log, 0, 160).await;
    assert_eq!((whole.gaps, whole.delivered.len()), (0, 160), "the stream has neither holes nor doubles");
    stop.cancel();
    assert_eq!(within("the publisher to stop", publisher).await.unwrap(), Ended::Stopped);
}

#[tokio::test]
async fn a_server_killed_again_and_again_while_publishing_loses_and_doubles_nothing() {
    let mut server = NatsServer::start();
    let (log, bus) = (Log::with(0), connect(&server).await);
    let (stop, publisher) = publish(&log, connect(&server).await);
    let mut stream = bus.subscribe(0).await.unwrap();
    let mut position = 0;
    for round in 1..=4 {
        log.grow_to(round * 3_000);
        let reached = consume(&mut stream, &log, position, position + 500).await;
        position += reached.taken.len() as u64;
        server.kill();
        server.up();
    }
    consume(&mut stream, &log, position, 12_000).await;
    published(&bus, 12_000).await;
    let whole = consume(&mut bus.subscribe(0).await.unwrap(), &log, 0, 12_000).await;
    assert_eq!((whole.gaps, whole.delivered.len()), (0, 12_000), "the stream has neither holes nor doubles");
    stop.cancel();
    assert_eq!(within("the publisher to stop", publisher).await.unwrap(), Ended::Stopped);
}

#[tokio::test]
async fn a_server_that_lost_its_data_is_filled_again() {
    let mut server = NatsServer::start();
    let (log, bus) = (Log::with(2_000), connect(&server).await);
    let (stop, publisher) = publish(&log, connect(&server).await);
    let mut stream = bus.subscribe(0).await.unwrap();
    consume(&mut stream, &log, 0, 2_000).await;
    published(&bus, 2_000).await;

    server.kill();
    server.lose_data();
    server.up();
    log.grow_to(2_010);

    consume(&mut stream, &log, 2_000, 2_010).await;
    published(&bus, 2_010).await;
    let whole = consume(&mut bus.subscribe(0).await.unwrap(), &log, 0, 2_010).await;
    assert_eq!((whole.gaps, whole.delivered.len()), (0, 2_010), "all of it is there again");
    log.grow_to(2_020);
    assert_eq!(consume(&mut stream, &log, 2_010, 2_020).await.delivered.last(), Some(&2_020), "the old subscription lives on");
    stop.cancel();
    assert_eq!(within("the publisher to stop", publisher).await.unwrap(), Ended::Stopped);
}

#[tokio::test]
async fn a_publisher_survives_the_refilling_by_another_process() {
    let server = NatsServer::start();
    let (log, bus) = (Log::with(1_500), connect(&server).await);
    let (stop, publisher) = publish(&log, connect(&server).await);
    published(&bus, 1_500).await;
    bus::republish(&log, bus.as_ref(), |_, _| {}).await.unwrap();
    log.grow_to(1_510);
    published(&bus, 1_510).await;
    let whole = consume(&mut bus.subscribe(0).await.unwrap(), &log, 0, 1_510).await;
    assert_eq!((whole.gaps, whole.delivered.len()), (0, 1_510));
    stop.cancel();
    assert_eq!(within("the publisher to stop", publisher).await.unwrap(), Ended::Stopped);
}

#[tokio::test]
async fn a_stream_purged_by_an_operator_is_filled_again() {
    let server = NatsServer::start();
    let (log, bus) = (Log::with(100), connect(&server).await);
    let (stop, publisher) = publish(&log, connect(&server).await);
    published(&bus, 100).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    async_nats::jetstream::new(client).get_stream("HUB_EVENTS").await.unwrap().purge().await.unwrap();
    assert_eq!(bus.last_published().await.unwrap(), None);
    bus.publish(&events(1..=50)).await.unwrap();
    log.grow_to(110);
    published(&bus, 110).await;
    let whole = consume(&mut bus.subscribe(0).await.unwrap(), &log, 0, 110).await;
    assert_eq!((whole.gaps, whole.delivered.len()), (0, 110));
    consume(&mut bus.subscribe(60).await.unwrap(), &log, 60, 110).await;
    stop.cancel();
    assert_eq!(within("the publisher to stop", publisher).await.unwrap(), Ended::Stopped);
}

#[tokio::test]
async fn nothing_personal_and_nothing_too_large_goes_over_nats() {
    let server = NatsServer::start();
    let bus = connect(&server).await;
    let mut batch = events(1..=3);
    batch[1].event.data = json!({ "name": { "$personal": "Ada Lovelace" }, "slug": "ada" });
    batch[2].event.data = json!({ "body": "x".repeat(2_000_000) });
    bus.publish(&batch).await.unwrap();

    let mut stream = bus.subscribe(0).await.unwrap();
    let mut arrived = Vec::new();
    while arrived.len() < 3 {
        if let Delivery::Event(event) = within("a delivery", stream.next()).await.unwrap() {
            arrived.push(event);
        }
    }
    assert_eq!(*arrived[0], event(1));
    assert_eq!(arrived[1].event.data, json!({ "name": { "$withheld": true }, "slug": "ada" }));
    assert_eq!(arrived.iter().map(|event| is_withheld(&event.event)).collect::<Vec<_>>(), [false, true, true]);

    // On the wire itself.
    let client = async_nats::connect(server.url()).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("HUB_EVENTS").await.unwrap();
    let message = stream.get_raw_message(2).await.unwrap();
    assert_eq!(message.subject.as_str(), "hub.events.discussions.thread.00000000-0000-0000-0000-000000000002.replied");
    assert!(!String::from_utf8_lossy(&message.payload).contains("Lovelace"));
    assert_eq!(message.headers.get("Nats-Msg-Id").unwrap().as_str(), batch[1].id.to_string());
    assert_eq!(message.headers.get("traceparent").map(async_nats::HeaderValue::as_str), batch[1].meta.traceparent.as_deref());
}

#[tokio::test]
async fn a_stranger_on_the_stream_neither_stops_nor_misleads() {
    let server = NatsServer::start();
    let (log, bus) = (Log::with(10), connect(&server).await);
    let mut stream = bus.subscribe(0).await.unwrap();
    bus.publish(&events(1..=5)).await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    async_nats::jetstream::new(client).publish("hub.events.who.knows", "what".into()).await.unwrap().await.unwrap();

    assert_eq!(bus.publish(&events(6..=6)).await, Err(BusError::Fenced { seq: 6 }));
    let error = bus.last_published().await.unwrap_err();
    assert!(matches!(&error, BusError::Malformed { what } if what.contains("republish")), "{error}");
    consume(&mut stream, &log, 0, 5).await;
    bus.reset().await.unwrap();
    bus.publish(&events(1..=10)).await.unwrap();
    consume(&mut stream, &log, 5, 10).await;
}

#[tokio::test]
async fn the_stream_is_made_once_and_a_different_one_is_refused_by_name() {
    let server = NatsServer::start();
    connect(&server).await.publish(&events(1..=3)).await.unwrap();
    assert_eq!(connect(&server).await.last_published().await.unwrap(), Some(3), "connecting again changes nothing");

    let error = JetStreamBus::connect(Settings { stream: "OTHER".into(), ..Settings::new(server.url()) }).await.unwrap_err();
    assert!(matches!(error, BusError::Config { .. }), "{error}");

    let client = async_nats::connect(server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    jetstream.delete_stream("HUB_EVENTS").await.unwrap();
    let config = async_nats::jetstream::stream::Config {
        name: "HUB_EVENTS".into(),
        subjects: vec!["hub.events.>".into()],
        storage: async_nats::jetstream::stream::StorageType::Memory,
        ..Default::default()
    };
    jetstream.create_stream(config).await.unwrap();
    let error = JetStreamBus::connect(Settings::new(server.url())).await.unwrap_err();
    assert!(error.to_string().contains("storage should be File and is Memory"), "{error}");

    jetstream.delete_stream("HUB_EVENTS").await.unwrap();
    let error = JetStreamBus::connect(Settings { replicas: 3, ..Settings::new(server.url()) }).await.unwrap_err();
    assert!(matches!(&error, BusError::Config { problem, .. } if problem.contains("3 replicas")), "{error}");
}

#[tokio::test]
async fn credentials_are_used_and_never_shown() {
    let server = NatsServer::with(&["--user", "hub", "--pass", "correct-horse"]);
    let url = format!("nats://hub:correct-horse@{}", server.address());
    JetStreamBus::connect(Settings::new(url.clone())).await.unwrap().health().await.unwrap();
    let user = |password: &str| Some(Credentials::User { name: "hub".into(), password: password.into() });
    let settings = Settings { credentials: user("correct-horse"), ..Settings::new(server.url()) };
    JetStreamBus::connect(settings.clone()).await.unwrap();
    assert!(!format!("{settings:?} {:?}", Settings::new(url)).contains("horse"));

    let wrong = Settings { credentials: user("wrong-horse"), ..Settings::new(server.url()) };
    let error = JetStreamBus::connect(wrong).await.unwrap_err();
    assert!(matches!(error, BusError::Config { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("horse"), "{error:?}");

    let missing = Settings { credentials: Some(Credentials::File("/nowhere/hub.creds".into())), ..Settings::new(server.url()) };
    let error = JetStreamBus::connect(missing).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/hub.creds"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let mut server = NatsServer::start();
    server.kill();
    let error = JetStreamBus::connect(Settings::new(server.url())).await.unwrap_err();
    assert!(matches!(&error, BusError::Unavailable { reason } if reason.contains(&server.address())), "{error}");
    let error = JetStreamBus::connect(Settings::new("nats://")).await.unwrap_err();
    assert!(matches!(error, BusError::Config { .. }), "{error}");
}

struct Echo;

#[async_trait::async_trait]
impl Handler for Echo {
    async fn handle(&self, command: Bytes, _: Headers) -> Bytes {
        if command == "long" { "x".repeat(2_000_000).into() } else { command }
    }
}

#[tokio::test]
async fn commands_are_served_again_after_the_server_restarts() {
    let mut server = NatsServer::start();
    let serving = connect(&server).await.commands(CommandSettings::default());
    let asking = connect(&server).await.commands(CommandSettings::default());
    let _served = serving.serve("discussions", Arc::new(Echo)).await.unwrap();
    let ask = |what: &'static str| asking.request("discussions", what.into(), Headers::default());
    assert_eq!(ask("one").await.unwrap(), "one");
    assert_eq!(
        ask("long").await,
        Err(BusError::Failed { context: "discussions".into() }),
        "an answer that is too long is a failure, not a silence"
    );

    server.kill();
    eventually("the loss to be seen", || async { matches!(ask("two").await, Err(BusError::Unavailable { .. })) }).await;
    server.up();
    eventually("the service to be back", || async { ask("three").await.is_ok_and(|answer| answer == "three") }).await;
    let too_long = asking.request("discussions", vec![0; 2_000_000].into(), Headers::default()).await;
    assert!(matches!(too_long, Err(BusError::Malformed { .. })), "{too_long:?}");
    let no_context = asking.request("no such.>", "four".into(), Headers::default()).await;
    assert!(matches!(no_context, Err(BusError::Malformed { .. })), "{no_context:?}");
}
