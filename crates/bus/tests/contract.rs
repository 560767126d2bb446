//! What both buses promise, tested on each.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use async_trait::async_trait;
use bus::{
    BusError, CommandSettings, CommandTransport, Ended, EventBus, Handler, Headers, InProcessBus, InProcessCommands, JetStreamBus,
    Publisher, Settings, republish,
};
use bytes::Bytes;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Log, NatsServer, consume, events, eventually, within};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// One bus, and as many handles on it as there would be processes.
#[async_trait]
trait Installation: Send + Sync {
    async fn bus(&self) -> Arc<dyn EventBus>;
    async fn commands(&self, settings: CommandSettings) -> Arc<dyn CommandTransport>;
}

struct InProcess {
    bus: Arc<InProcessBus>,
    commands: Mutex<Option<Arc<InProcessCommands>>>,
}

impl InProcess {
    fn new() -> Self {
        Self { bus: Arc::new(InProcessBus::starting_after(0)), commands: Mutex::new(None) }
    }
}

#[async_trait]
impl Installation for InProcess {
    async fn bus(&self) -> Arc<dyn EventBus> {
        self.bus.clone()
    }
    async fn commands(&self, settings: CommandSettings) -> Arc<dyn CommandTransport> {
        self.commands.lock().unwrap().get_or_insert_with(|| Arc::new(InProcessCommands::new(settings))).clone()
    }
}

struct OverNats(NatsServer);

impl OverNats {
    fn new() -> Self {
        Self(NatsServer::start())
    }
}

#[async_trait]
impl Installation for OverNats {
    async fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(JetStreamBus::connect(Settings::new(self.0.url())).await.unwrap())
    }
    async fn commands(&self, settings: CommandSettings) -> Arc<dyn CommandTransport> {
        Arc::new(JetStreamBus::connect(Settings::new(self.0.url())).await.unwrap().commands(settings))
    }
}

/// Each named promise becomes a test of each bus.
macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test]
            async fn $name() { super::$name(&super::InProcess::new()).await; })*
        }
        mod over_nats {
            $(#[tokio::test]
            async fn $name() { super::$name(&super::OverNats::new()).await; })*
        }
    };
}

promises!(
    events_arrive_in_order,
    a_subscription_starts_after_a_position,
    a_slow_subscriber_loses_nothing,
    twenty_thousand_events_are_published_in_one_go,
    nothing_is_delivered_twice_when_the_bus_is_refilled,
    a_batch_must_follow_on_the_last,
    a_second_publisher_is_fenced_off,
    the_publisher_follows_the_log,
    the_publisher_goes_on_where_the_bus_ends,
    two_publishers_lose_and_double_nothing,
    republishing_fills_the_bus_again_and_tells_of_progress,
    each_command_goes_to_one_of_two_servers,
    without_a_server_there_is_no_service,
    a_broken_handler_is_told_from_a_silent_one,
    no_more_commands_are_handled_at_once_than_allowed,
    what_is_in_flight_is_answered_before_a_server_stops,
);

async fn events_arrive_in_order(at: &dyn Installation) {
    let (log, bus) = (Log::with(100), at.bus().await);
    let mut one = bus.subscribe(0).await.unwrap();
    let mut other = at.bus().await.subscribe(0).await.unwrap();
    assert_eq!(bus.last_published().await.unwrap(), None);
    bus.publish(&[]).await.unwrap();
    for batch in events(1..=100).chunks(30) {
        bus.publish(batch).await.unwrap();
    }
    for stream in [&mut one, &mut other] {
        let consumed = consume(stream, &log, 0, 100).await;
        assert_eq!((consumed.gaps, consumed.delivered.len()), (0, 100));
        assert_eq!(consumed.taken, log.after(0), "what arrives is what was published");
    }
    assert_eq!(bus.last_published().await.unwrap(), Some(100));
    bus.health().await.unwrap();
}

async fn a_subscription_starts_after_a_position(at: &dyn Installation) {
    let (log, bus) = (Log::with(50), at.bus().await);
    bus.publish(&events(1..=50)).await.unwrap();
    let mut behind = bus.subscribe(30).await.unwrap();
    let mut up_to_date = bus.subscribe(50).await.unwrap();
    let mut ahead = bus.subscribe(55).await.unwrap();
    log.grow_to(60);
    bus.publish(&events(51..=60)).await.unwrap();
    consume(&mut behind, &log, 30, 60).await;
    assert_eq!(consume(&mut up_to_date, &log, 50, 60).await.delivered, (51..=60).collect::<Vec<_>>());
    assert_eq!(consume(&mut ahead, &log, 55, 60).await.delivered, (56..=60).collect::<Vec<_>>());
}

async fn a_slow_subscriber_loses_nothing(at: &dyn Installation) {
    let (log, bus) = (Log::with(5_000), at.bus().await);
    let mut stream = bus.subscribe(0).await.unwrap();
    bus.publish(&events(1..=5_000)).await.unwrap();
    consume(&mut stream, &log, 0, 5_000).await;
    log.grow_to(5_010);
    bus.publish(&events(5_001..=5_010)).await.unwrap();
    consume(&mut stream, &log, 5_000, 5_010).await;
}

async fn twenty_thousand_events_are_published_in_one_go(at: &dyn Installation) {
    let (log, bus) = (Log::with(20_000), at.bus().await);
    bus.publish(&events(1..=20_000)).await.unwrap();
    assert_eq!(at.bus().await.last_published().await.unwrap(), Some(20_000));
    consume(&mut bus.subscribe(0).await.unwrap(), &log, 0, 20_000).await;
    consume(&mut bus.subscribe(19_000).await.unwrap(), &log, 19_000, 20_000).await;
}

async fn nothing_is_delivered_twice_when_the_bus_is_refilled(at: &dyn Installation) {
    let (log, bus) = (Log::with(20), at.bus().await);
    let mut stream = bus.subscribe(0).await.unwrap();
    bus.publish(&events(1..=20)).await.unwrap();
    assert_eq!(consume(&mut stream, &log, 0, 20).await.delivered.len(), 20);
    bus.reset().await.unwrap();
    assert_eq!(bus.last_published().await.unwrap(), None);
    log.grow_to(25);
    bus.publish(&events(1..=25)).await.unwrap();
    consume(&mut stream, &log, 20, 25).await;
    assert_eq!(bus.last_published().await.unwrap(), Some(25));
}

async fn a_batch_must_follow_on_the_last(at: &dyn Installation) {
    let bus = at.bus().await;
    assert!(matches!(bus.publish(&events([2])).await, Err(BusError::Malformed { .. })));
    assert!(matches!(bus.publish(&events([1, 2, 4])).await, Err(BusError::Malformed { .. })));
    bus.publish(&events(1..=3)).await.unwrap();
    assert!(matches!(bus.publish(&events([5])).await, Err(BusError::Malformed { .. })));
    assert_eq!(bus.publish(&events(3..=4)).await, Err(BusError::Fenced { seq: 3 }));
    assert_eq!(bus.last_published().await.unwrap(), Some(3));
}

async fn a_second_publisher_is_fenced_off(at: &dyn Installation) {
    let (one, other, log) = (at.bus().await, at.bus().await, Log::with(7));
    let mut stream = at.bus().await.subscribe(0).await.unwrap();
    one.publish(&events(1..=5)).await.unwrap();
    other.publish(&events(6..=6)).await.unwrap();
    assert_eq!(one.publish(&events(6..=6)).await, Err(BusError::Fenced { seq: 6 }));
    assert_eq!(one.last_published().await.unwrap(), Some(6));
    one.publish(&events(7..=7)).await.unwrap();
    assert_eq!(other.publish(&events(7..=7)).await, Err(BusError::Fenced { seq: 7 }));
    assert_eq!(consume(&mut stream, &log, 0, 7).await.delivered, (1..=7).collect::<Vec<_>>());
}

fn publish(log: &Log, bus: Arc<dyn EventBus>) -> (CancellationToken, tokio::task::JoinHandle<Ended>) {
    let (stop, publisher) = (CancellationToken::new(), Publisher::new(log.clone(), bus));
    let token = stop.clone();
    (stop, tokio::spawn(async move { publisher.run(token).await }))
}

async fn published(bus: &Arc<dyn EventBus>, seq: u64) {
    eventually(&format!("event {seq} to be published"), || async { bus.last_published().await == Ok(Some(seq)) }).await;
}

async fn the_publisher_follows_the_log(at: &dyn Installation) {
    let (log, bus) = (Log::with(2_500), at.bus().await);
    let mut stream = bus.subscribe(0).await.unwrap();
    let (stop, publisher) = publish(&log, at.bus().await);
    published(&bus, 2_500).await;
    log.fail(3);
    for length in 2_501..=2_520 {
        log.grow_to(length);
        tokio::task::yield_now().await;
    }
    consume(&mut stream, &log, 0, 2_520).await;
    published(&bus, 2_520).await;
    stop.cancel();
    assert_eq!(within("the publisher to stop", publisher).await.unwrap(), Ended::Stopped);
}

async fn the_publisher_goes_on_where_the_bus_ends(at: &dyn Installation) {
    let (log, bus) = (Log::with(10), at.bus().await);
    bus.publish(&events(1..=4)).await.unwrap();
    let mut stream = bus.subscribe(4).await.unwrap();
    let (stop, publisher) = publish(&log, at.bus().await);
    assert_eq!(consume(&mut stream, &log, 4, 10).await.delivered, (5..=10).collect::<Vec<_>>());
    stop.cancel();
    within("the publisher to stop", publisher).await.unwrap();
}

async fn two_publishers_lose_and_double_nothing(at: &dyn Installation) {
    let (log, bus) = (Log::with(0), at.bus().await);
    let mut stream = bus.subscribe(0).await.unwrap();
    let running = [publish(&log, at.bus().await), publish(&log, at.bus().await)];
    for length in 1..=300 {
        log.grow_to(length);
        tokio::task::yield_now().await;
    }
    consume(&mut stream, &log, 0, 300).await;
    published(&bus, 300).await;
    let mut ended = Vec::new();
    for (stop, publisher) in running {
        stop.cancel();
        ended.push(within("the publisher to stop", publisher).await.unwrap());
    }
    assert!(ended.contains(&Ended::Stopped), "one of them stays: {ended:?}");
}

async fn republishing_fills_the_bus_again_and_tells_of_progress(at: &dyn Installation) {
    let (log, bus) = (Log::with(2_300), at.bus().await);
    bus.publish(&log.after(0)).await.unwrap();
    let mut heard = Vec::new();
    let reached = republish(&log, bus.as_ref(), |done, of| heard.push((done, of))).await.unwrap();
    assert_eq!(reached, 2_300);
    assert_eq!(heard, [(1_000, 2_300), (2_000, 2_300), (2_300, 2_300)]);
    assert_eq!(bus.last_published().await.unwrap(), Some(2_300));
    let consumed = consume(&mut at.bus().await.subscribe(0).await.unwrap(), &log, 0, 2_300).await;
    assert_eq!(consumed.taken, log.after(0));
}

/// Answers with its name, the trace it was told of and the command.
struct Named {
    name: &'static str,
    handled: AtomicUsize,
}

#[async_trait]
impl Handler for Named {
    async fn handle(&self, command: Bytes, headers: Headers) -> Bytes {
        self.handled.fetch_add(1, Ordering::SeqCst);
        let trace = headers.traceparent.unwrap_or_default();
        format!("{} {trace} {}", self.name, String::from_utf8_lossy(&command)).into()
    }
}

fn named(name: &'static str) -> Arc<Named> {
    Arc::new(Named { name, handled: AtomicUsize::new(0) })
}

fn bytes(text: &str) -> Bytes {
    text.to_owned().into()
}

async fn each_command_goes_to_one_of_two_servers(at: &dyn Installation) {
    let (one, other, elsewhere) = (named("one"), named("other"), named("elsewhere"));
    let settings = CommandSettings::default();
    let _one = at.commands(settings).await.serve("discussions", one.clone()).await.unwrap();
    let _other = at.commands(settings).await.serve("discussions", other.clone()).await.unwrap();
    let _elsewhere = at.commands(settings).await.serve("communities", elsewhere.clone()).await.unwrap();
    let asking = at.commands(settings).await;
    for n in 0..200 {
        let headers = Headers { traceparent: Some(format!("00-{n}-01")) };
        let answer = asking.request("discussions", bytes(&format!("command {n}")), headers).await.unwrap();
        assert!(answer.ends_with(format!(" 00-{n}-01 command {n}").as_bytes()), "{answer:?}");
    }
    let (one, other) = (one.handled.load(Ordering::SeqCst), other.handled.load(Ordering::SeqCst));
    assert_eq!(one + other, 200, "each exactly once");
    assert!(one > 0 && other > 0, "both take part: {one} and {other}");
    assert_eq!(elsewhere.handled.load(Ordering::SeqCst), 0);
}

async fn without_a_server_there_is_no_service(at: &dyn Installation) {
    let commands = at.commands(CommandSettings::default()).await;
    let none = Err(BusError::NoService { context: "discussions".into() });
    assert_eq!(commands.request("discussions", bytes("hello"), Headers::default()).await, none);
    let server = commands.serve("discussions", named("one")).await.unwrap();
    commands.request("discussions", bytes("hello"), Headers::default()).await.unwrap();
    server.stop().await;
    assert_eq!(commands.request("discussions", bytes("hello"), Headers::default()).await, none);
}

/// Panics at one command, never answers the other.
struct Broken;

#[async_trait]
impl Handler for Broken {
    async fn handle(&self, command: Bytes, _: Headers) -> Bytes {
        assert_ne!(command, "panic", "the test asked for it");
        std::future::pending().await
    }
}

async fn a_broken_handler_is_told_from_a_silent_one(at: &dyn Installation) {
    let commands = at.commands(CommandSettings { timeout: Duration::from_millis(500), concurrency: 8 }).await;
    let _server = commands.serve("discussions", Arc::new(Broken)).await.unwrap();
    let failed = commands.request("discussions", bytes("panic"), Headers::default()).await;
    assert_eq!(failed, Err(BusError::Failed { context: "discussions".into() }));
    let silent = commands.request("discussions", bytes("say nothing"), Headers::default()).await;
    assert!(matches!(silent, Err(BusError::Timeout { .. })), "{silent:?}");
}

/// Waits at a gate, and counts how many wait there together. A probe passes beside it.
struct Gated {
    gate: Semaphore,
    waiting: AtomicUsize,
    most: AtomicUsize,
}

impl Gated {
    fn shut() -> Arc<Self> {
        Arc::new(Self { gate: Semaphore::new(0), waiting: AtomicUsize::new(0), most: AtomicUsize::new(0) })
    }
    async fn reached_by(&self, number: usize) {
        eventually("commands at the gate", || async { self.waiting.load(Ordering::SeqCst) >= number }).await;
    }
}

#[async_trait]
impl Handler for Gated {
    async fn handle(&self, command: Bytes, _: Headers) -> Bytes {
        if command == "probe" {
            return command;
        }
        let waiting = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(waiting, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        command
    }
}

async fn no_more_commands_are_handled_at_once_than_allowed(at: &dyn Installation) {
    let commands = at.commands(CommandSettings { timeout: Duration::from_mins(1), concurrency: 3 }).await;
    let gated = Gated::shut();
    let _server = commands.serve("discussions", gated.clone()).await.unwrap();
    let asking: Vec<_> = (0..12)
        .map(|n| {
            let commands = commands.clone();
            tokio::spawn(async move { commands.request("discussions", bytes(&n.to_string()), Headers::default()).await })
        })
        .collect();
    gated.reached_by(3).await;
    gated.gate.add_permits(12);
    for (n, asked) in asking.into_iter().enumerate() {
        assert_eq!(within("an answer", asked).await.unwrap().unwrap(), n.to_string());
    }
    assert_eq!(gated.most.load(Ordering::SeqCst), 3);
}

async fn what_is_in_flight_is_answered_before_a_server_stops(at: &dyn Installation) {
    let commands = at.commands(CommandSettings { timeout: Duration::from_mins(1), concurrency: 3 }).await;
    let gated = Gated::shut();
    let server = commands.serve("discussions", gated.clone()).await.unwrap();
    let asked = tokio::spawn({
        let commands = commands.clone();
        async move { commands.request("discussions", bytes("hello"), Headers::default()).await }
    });
    gated.reached_by(1).await;
    let stopped = tokio::spawn(server.stop());
    eventually("the server to take no more", || async {
        matches!(commands.request("discussions", bytes("probe"), Headers::default()).await, Err(BusError::NoService { .. }))
    })
    .await;
    assert!(!stopped.is_finished(), "it waits for what is in flight");
    gated.gate.add_permits(1);
    assert_eq!(within("the answer", asked).await.unwrap().unwrap(), "hello");
    within("the server to stop", stopped).await.unwrap();
}
