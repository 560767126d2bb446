//! A hub that runs: every role in one process, wired together, started and stopped in order.

use crate::config::{Config, LogFormat};
use crate::directory::Directory;
use crate::foundation::Foundation;
use crate::pages::Gateway;
use anyhow::{Context, bail};
use async_trait::async_trait;
use bus::{Delivery, EventBus, EventSource, InProcessBus, JetStreamBus, Publisher, SourceError};
use events::HubEvent;
use futures::StreamExt;
use identity::{FetchPolicy, Identity, SessionLimits, Site};
use kernel::{Actor, Clock, CommandId, EventId, Payload, ProviderId, Recorded, Timestamp};
use projections::{Inlet, Progress, Projectors};
use services::{Dispatch, Failure, HubCommand, Request};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::{Log, Reads, Sequencer};
use telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

/// How long requests under way get to finish when the hub stops.
const GRACE: Duration = Duration::from_secs(20);

/// How long to wait before a bus that failed is followed again; doubled up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// The most events that are handed to the projectors together.
const MOST_AT_ONCE: usize = 500;

/// `hub serve`: runs until told to stop.
///
/// # Errors
/// One sentence that says what was wrong and what to do.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    let telemetry = telemetry(&config)?;
    let stop = crate::signals::stop_on_signal();
    let documents = crate::admin::documents::registered(&config).await?;
    let foundation = Foundation::open(&config).await?;
    let listener = listen(&config).await?;
    let hub = Hub::start(&config, documents, foundation, listener.local_addr()?, &telemetry).await?;
    tracing::info!(url = %hub.public_url(), "the hub is ready");
    let outcome = serve_until_stopped(hub, listener, stop).await;
    telemetry.shutdown();
    outcome
}

/// Logs, traces and metrics as configured.
///
/// # Errors
/// The log filter or the endpoint is malformed.
pub(crate) fn telemetry(config: &Config) -> anyhow::Result<Telemetry> {
    telemetry::init(&telemetry::Settings {
        format: match config.log_format {
            LogFormat::Text => telemetry::Format::Text,
            LogFormat::Json => telemetry::Format::Json,
        },
        filter: config.log_filter.clone(),
        otlp_endpoint: config.otlp_endpoint.as_ref().map(ToString::to_string),
        service_name: "hub".to_owned(),
    })
    .context("Logs or traces cannot be set up (settings log_filter, otlp_endpoint)")
}

/// Takes the port.
///
/// # Errors
/// The port is taken or may not be used.
pub(crate) async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    TcpListener::bind(config.listen).await.with_context(|| {
        format!("The hub cannot listen on {}. Another program may have the port: choose another with --listen (HUB_LISTEN)", config.listen)
    })
}

/// Connects to JetStream as configured.
///
/// # Errors
/// NATS does not answer, or its stream is set up otherwise.
pub(crate) async fn jetstream(config: &Config, url: &str) -> anyhow::Result<JetStreamBus> {
    let mut settings = bus::Settings::new(url);
    settings.replicas = config.nats_replicas;
    JetStreamBus::connect(settings).await.context("NATS does not answer as it should (setting nats_url)")
}

/// The log, as the publisher reads it.
#[derive(Clone)]
pub(crate) struct Source(pub(crate) Log);

#[async_trait]
impl EventSource for Source {
    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Recorded<Payload>>, SourceError> {
        self.0.read(after, limit).await.map_err(|error| SourceError::from(Box::from(error)))
    }

    fn progress(&self) -> watch::Receiver<u64> {
        self.0.progress()
    }
}

/// A hub at work.
pub(crate) struct Hub {
    foundation: Foundation,
    services: Arc<dyn Dispatch>,
    identity: Identity,
    progress: Progress,
    api: gateway::Api,
    public_url: Url,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Hub {
    /// Starts every role. `address` is what the listener got.
    ///
    /// # Errors
    /// One sentence that says what was wrong and what to do.
    pub(crate) async fn start(
        config: &Config,
        documents: gateway::Documents,
        foundation: Foundation,
        address: SocketAddr,
        telemetry: &Telemetry,
    ) -> anyhow::Result<Self> {
        let public_url = match &config.public_url {
            Some(url) => url.clone(),
            None => Url::parse(&format!("http://{address}")).context("the address that the hub listens on makes no URL")?,
        };
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let log = foundation.log.clone();

        let bus: Arc<dyn EventBus> = match &config.nats_url {
            Some(url) => Arc::new(jetstream(config, &url.0).await?),
            None => Arc::new(InProcessBus::starting_after(log.head().await?)),
        };
        let sequencer = Sequencer::new(log.clone(), foundation.leadership());
        let stopping = stop.clone();
        tasks.spawn(async move { sequencer.run(stopping).await });
        let publisher = Publisher::new(Source(log.clone()), bus.clone());
        let stopping = stop.clone();
        tasks.spawn(async move {
            publisher.run(stopping).await;
        });
        let projectors = Projectors::new(&log, &foundation.clock);
        tasks.spawn(deliver(bus.clone(), log.clone(), projectors.inlet(), stop.clone()));
        let progress = projectors.progress();
        projectors.spawn(&mut tasks, &stop);

        let services: Arc<dyn Dispatch> = Arc::new(foundation.services());
        let reads = Reads::from(foundation.pool.clone());
        let identity = Identity::new(identity::Parts {
            db: reads.clone(),
            clock: foundation.clock.clone(),
            ids: foundation.ids.clone(),
            site: Site::new(public_url.as_str()).context("The setting public_url is not usable")?,
            limits: SessionLimits::default(),
            fetch: if config.loopback_providers { FetchPolicy::default().with_loopback() } else { FetchPolicy::default() },
            keys: Arc::new(foundation.keys.clone()),
            directory: Arc::new(Directory(reads.clone())),
        })
        .context("The client for identity providers cannot be made")?;
        let bars = Arc::new(crate::directory::Consequences { bars: identity.bars.clone(), log: log.clone() });
        tasks.spawn(services::process::run(log.clone(), bars, stop.clone()));
        let metrics = telemetry.clone();
        let api = gateway::Api::new(gateway::Parts {
            db: reads,
            log,
            services: services.clone(),
            progress: progress.clone(),
            identity: identity.clone(),
            clock: foundation.clock.clone(),
            ids: foundation.ids.clone(),
            keys: foundation.keys.clone(),
            settings: gateway::Settings { metrics: Some(Arc::new(move || metrics.render_metrics())), documents, ..config.gateway() },
        });
        Ok(Self { foundation, services, identity, progress, api, public_url, stop, tasks })
    }

    /// The address that people use.
    pub(crate) fn public_url(&self) -> &str {
        self.public_url.as_str()
    }

    /// Where an identity provider sends people back to.
    ///
    /// # Errors
    /// Never: the public address is one that addresses can be made from.
    pub(crate) fn redirect_address(&self, provider: ProviderId) -> anyhow::Result<Url> {
        Ok(self.public_url.join(&format!("sign-in/{provider}/callback"))?)
    }

    /// The time.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.foundation.clock.clone()
    }

    /// Where commands go.
    pub(crate) fn services(&self) -> Arc<dyn Dispatch> {
        self.services.clone()
    }

    /// Who signs in.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A new identifier.
    pub(crate) fn new_id(&self) -> Uuid {
        self.foundation.ids.next()
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.foundation.clock.now()
    }

    /// Sends one command.
    ///
    /// # Errors
    /// It was refused, or the log does not answer.
    pub(crate) async fn send(&self, id: CommandId, by: Actor, target: Uuid, command: HubCommand) -> Result<(), Failure> {
        self.services.execute(Request::new(id, by, target, command)).await.map(|_| ())
    }

    /// Waits until everything appended so far is in the views.
    ///
    /// # Errors
    /// It is not, after this long.
    pub(crate) async fn settle(&self, most: Duration) -> anyhow::Result<()> {
        // What was appended last has its place once this has: places are given in order.
        let last = sqlx::query_scalar!("select id from log.events order by xid desc, pos desc limit 1")
            .fetch_optional(&self.foundation.pool)
            .await?;
        let Some(last) = last else { return Ok(()) };
        let Some(head) = self.foundation.log.await_sequenced(EventId(last), most).await? else {
            bail!("The log's last events have no place yet after {} seconds.", most.as_secs());
        };
        if !self.progress.await_projected(head, most).await.is_reached() {
            bail!("The views are not up to date after {} seconds. `hub projections status` shows which one is behind.", most.as_secs());
        }
        Ok(())
    }
}

/// Gives everything that was appended its place, so that an administration command ends with the log settled. Where a hub
/// runs on the same database it has done so itself.
///
/// # Errors
/// The database fails.
pub(crate) async fn settle_log(foundation: &Foundation) -> anyhow::Result<()> {
    Sequencer::new(foundation.log.clone(), foundation.leadership()).catch_up().await?;
    Ok(())
}

/// Brings what arrives over the bus to the projectors, several events at a time where several are there. What the bus lacks or
/// withholds, they read from the log.
async fn deliver(bus: Arc<dyn EventBus>, log: Log, inlet: Inlet, stop: CancellationToken) {
    let mut wait = FIRST_RETRY;
    while !stop.is_cancelled() {
        let subscribed = match log.head().await {
            Ok(head) => bus.subscribe(head).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match subscribed {
            Ok(stream) => {
                wait = FIRST_RETRY;
                let mut deliveries = stream.ready_chunks(MOST_AT_ONCE);
                while let Some(Some(chunk)) = stop.run_until_cancelled(deliveries.next()).await {
                    hand_over(&inlet, chunk).await;
                }
            }
            Err(error) => tracing::warn!(%error, "the bus cannot be followed; views follow the log meanwhile"),
        }
        stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        wait = (wait * 2).min(LONGEST_RETRY);
    }
}

async fn hand_over(inlet: &Inlet, chunk: Vec<Delivery>) {
    let mut run: Vec<Recorded<HubEvent>> = Vec::with_capacity(chunk.len());
    for delivery in chunk {
        let Delivery::Event(recorded) = delivery else { continue };
        let seq = recorded.seq;
        let whole = if bus::is_withheld(&recorded.event) { None } else { events::decode(Recorded::clone(&recorded)).ok() };
        let follows = run.last().is_none_or(|last| last.seq + 1 == seq);
        if !follows || whole.is_none() {
            inlet.offer(std::mem::take(&mut run)).await;
        }
        match whole {
            Some(event) => run.push(event),
            // The projectors read it from the log, and say so there if it cannot be read.
            None => inlet.told(seq),
        }
    }
    inlet.offer(run).await;
}

/// Serves until told to stop, then lets what is under way finish and closes everything in order.
///
/// # Errors
/// The listener failed, or the database did not close.
pub(crate) async fn serve_until_stopped(hub: Hub, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    let Hub { foundation, api, stop: stop_roles, mut tasks, .. } = hub;
    let pages = web::Web { hub: Arc::new(Gateway(api.clone())), ids: foundation.ids.clone(), clock: foundation.clock.clone() };
    // What is no address of the API's is a page, or a page that says there is none.
    let router = api.router().fallback_service(api.guard(web::router(pages)));
    let told = stop.clone();
    let closing = api.clone();
    let mut server = tokio::spawn(async move {
        let stop = async {
            told.cancelled().await;
            // Live updates would keep their connections open for ever.
            closing.close_streams();
        };
        closing.serve(listener, router, stop).await;
    });
    let outcome = tokio::select! {
        ended = &mut server => ended.context("the server ended badly"),
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => {
            server.abort();
            Ok(())
        }
    };
    stop_roles.cancel();
    while tasks.join_next().await.is_some() {}
    drop(api);
    foundation.close().await?;
    outcome
}
