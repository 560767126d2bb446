//! A hub in process: log, sequencer, projectors, services and the gateway over a database of the test's own.
#![allow(clippy::unwrap_used, reason = "what fails in a test's helper fails the test")]

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use communities::charter::Charter;
use communities::community;
use discussions::category;
use events::HubEvent;
use gateway::graphql::GlobalId;
use gateway::{Api, Parts, Settings};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use identity::{Bars, Device, DirectoryError, FetchPolicy, Identity, Opened, ProviderDirectory, ProviderRecord, SessionLimits, Site};
use kernel::{
    Actor, Audience, CategoryId, Clock, CommandId, CommunityId, Ids, OrganisationId, PersonId, ProviderId, RandomIds, Recorded, Role,
    SystemClock, TokenId,
};
use organisations::{organisation, person};
use projections::{Progress, Projectors};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use services::{Dispatch, Failure, HubCommand, Services};
use std::sync::Arc;
use std::time::Duration;
use store::testing::{Database, database_with};
use store::{KeyRing, Leadership, Log, Sequencer};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

/// The longest that anything is waited for. It only ends a test that would hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A hub at work.
pub(crate) struct Hub {
    pub(crate) api: Api,
    pub(crate) router: Router,
    pub(crate) services: Services,
    pub(crate) identity: Identity,
    pub(crate) log: Log,
    pub(crate) progress: Progress,
    stop: CancellationToken,
    gateway: Box<dyn Fn(Settings) -> Parts + Send + Sync>,
    _tasks: JoinSet<()>,
    database: Database,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.api.close_streams();
        self.stop.cancel();
    }
}

/// The providers that the test knows of: none.
struct NoProviders;

#[async_trait]
impl ProviderDirectory for NoProviders {
    async fn provider(&self, _: ProviderId) -> Result<Option<ProviderRecord>, DirectoryError> {
        Ok(None)
    }
    async fn by_organisation(&self, _: OrganisationId) -> Result<Vec<ProviderRecord>, DirectoryError> {
        Ok(Vec::new())
    }
    async fn open(&self) -> Result<Vec<ProviderRecord>, DirectoryError> {
        Ok(Vec::new())
    }
}

/// Shuts out whom the log says is suspended.
struct Consequences(Bars);

#[async_trait]
impl services::process::Process for Consequences {
    fn name(&self) -> &'static str {
        "consequences"
    }
    async fn react(&self, recorded: &Recorded<HubEvent>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match &recorded.event {
            HubEvent::Person(event) => self.0.follow_person(PersonId(recorded.stream.id), event).await?,
            HubEvent::Organisation(event) => self.0.follow_organisation(OrganisationId(recorded.stream.id), event).await?,
            HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) | HubEvent::Thread(_) => {}
        }
        Ok(())
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn data(&self) -> &Value {
        assert!(self.body.get("errors").is_none(), "{:#}", self.body);
        &self.body["data"]
    }
    pub(crate) fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or("(none)")
    }
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("(none)", |value| value.to_str().unwrap())
    }
}

/// Someone, with a token for reading and writing.
#[derive(Clone, Debug)]
pub(crate) struct Someone {
    pub(crate) id: PersonId,
    pub(crate) organisation: OrganisationId,
    pub(crate) token: String,
}

impl Someone {
    pub(crate) fn global(&self) -> String {
        GlobalId::Person(self.id).encode().0
    }
    pub(crate) fn actor(&self) -> Actor {
        Actor::person(self.id, self.organisation)
    }
}

/// A community with one category, coordinated by someone.
pub(crate) struct Place {
    pub(crate) community: CommunityId,
    pub(crate) category: CategoryId,
}

impl Place {
    pub(crate) fn community(&self) -> String {
        GlobalId::Community(self.community).encode().0
    }
    pub(crate) fn category(&self) -> String {
        GlobalId::Category(self.category).encode().0
    }
}

impl Hub {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default(), "http://localhost:8080", 10).await
    }

    /// A hub with these settings at this address, on so many connections.
    pub(crate) async fn with(settings: Settings, address: &str, connections: u32) -> Self {
        // On a busy machine the effect of a mutation may take long to show; a test is about what shows, not when. One that is about
        // what does not show says how long it waits.
        let usual = settings.projection_wait == Settings::default().projection_wait;
        let projection_wait = if usual { PATIENCE } else { settings.projection_wait };
        let usual = settings.request_timeout == Settings::default().request_timeout;
        let request_timeout = if usual { PATIENCE * 2 } else { settings.request_timeout };
        let settings = Settings { projection_wait, request_timeout, ..settings };
        let database = database_with(connections).await;
        let (pool, reads) = (database.pool().clone(), database.reads().clone());
        let keys = KeyRing::random();
        let log = Log::new(pool.clone(), keys.clone());
        let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(RandomIds));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let leadership = if connections == 1 { Leadership::Sole } else { Leadership::SessionLock };
        tasks.spawn(Sequencer::new(log.clone(), leadership).run(stop.clone()));
        let projectors = Projectors::new(&log, &clock);
        let progress = projectors.progress();
        projectors.spawn(&mut tasks, &stop);
        let services = Services::new(log.clone(), clock.clone(), ids.clone());
        let all = services.clone();
        let identity = Identity::new(identity::Parts {
            db: reads.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            site: Site::new(address).unwrap(),
            limits: SessionLimits::default(),
            fetch: FetchPolicy::default().with_loopback(),
            keys: Arc::new(keys.clone()),
            directory: Arc::new(NoProviders),
        })
        .unwrap();
        tasks.spawn(services::process::run(log.clone(), Arc::new(Consequences(identity.bars.clone())), stop.clone()));
        let gateway = move |settings| Parts {
            db: reads.clone(),
            log: log.clone(),
            services: Arc::new(services.clone()),
            progress: progress.clone(),
            identity: identity.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            keys: keys.clone(),
            settings,
        };
        let Parts { log, progress, identity, .. } = gateway(Settings::default());
        let api = Api::new(gateway(settings));
        Self {
            router: api.router(),
            api,
            services: all,
            identity,
            log,
            progress,
            stop,
            gateway: Box::new(gateway),
            _tasks: tasks,
            database,
        }
    }

    /// Another gateway over the same log and views, as another process of the hub has one.
    pub(crate) fn gateway(&self) -> Api {
        Api::new((self.gateway)(self.api.settings().clone()))
    }

    /// Waits until every view holds everything.
    pub(crate) async fn level(&self) -> u64 {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (reach, end) = (self.progress.known(), self.log.head().await.unwrap());
            if reach.level && reach.position == end {
                return end;
            }
            assert!(tokio::time::Instant::now() < deadline, "the views stay behind: {reach:?} of {end}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Keeps a view's table from being written, as a slow disk would, until the transaction ends. It has no number of its own, and so
    /// does not keep the sequencer from going on.
    pub(crate) async fn hold(&self, table: &'static str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        self.level().await;
        let mut held = self.database.pool().begin().await.unwrap();
        sqlx::query("set local idle_in_transaction_session_timeout = 0").execute(&mut *held).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("lock table views.{table} in share mode"))).execute(&mut *held).await.unwrap();
        held
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Sends a command as the services take it, and waits until it shows.
    pub(crate) async fn send(&self, by: Actor, target: impl Into<Uuid>, command: HubCommand) {
        let receipt = self.try_send(by, target, command).await.unwrap();
        if let Some(last) = receipt.events.last() {
            let seq = self.log.await_sequenced(*last, PATIENCE).await.unwrap().expect("the sequencer runs");
            assert!(self.progress.await_projected(seq, PATIENCE).await.is_reached());
        }
    }

    pub(crate) async fn try_send(&self, by: Actor, target: impl Into<Uuid>, command: HubCommand) -> Result<services::Receipt, Failure> {
        let id = CommandId(RandomIds.next());
        self.services.execute(services::Request::new(id, by, target.into(), command)).await
    }

    pub(crate) async fn organisation(&self, slug: &str) -> OrganisationId {
        let id = OrganisationId(RandomIds.next());
        let command = organisation::Command::Register { slug: format!("department-{slug}"), name: format!("Department {slug}") };
        self.send(Actor::system("test"), id, HubCommand::Organisation(command)).await;
        id
    }

    pub(crate) async fn person(&self, organisation: OrganisationId, name: &str) -> Someone {
        let id = PersonId(RandomIds.next());
        let identity = person::Identity {
            provider: ProviderId(organisation.0),
            issuer: "https://idp.example".to_owned(),
            subject: name.to_owned().into(),
        };
        let command = person::Command::Join { organisation, identity, name: name.to_owned(), email: None };
        self.send(Actor::system("sign-in"), id, HubCommand::Person(command)).await;
        let token = self.token(id, organisation, person::TokenScope::Write).await;
        Someone { id, organisation, token }
    }

    pub(crate) async fn grant(&self, someone: &Someone, role: person::GrantedRole) {
        self.send(Actor::system("test"), someone.id, HubCommand::Person(person::Command::GrantRole { role })).await;
    }

    pub(crate) async fn token(&self, person: PersonId, organisation: OrganisationId, scope: person::TokenScope) -> String {
        let expires_at = SystemClock.now() + chrono::TimeDelta::days(1);
        let secret = self.identity.tokens.issue(TokenId(RandomIds.next()), person, organisation, "test", scope, expires_at).await.unwrap();
        secret.expose_secret().to_owned()
    }

    pub(crate) async fn session(&self, someone: &Someone) -> Opened {
        self.session_through(someone, ProviderId(someone.organisation.0)).await
    }

    pub(crate) async fn session_through(&self, someone: &Someone, provider: ProviderId) -> Opened {
        self.identity.sessions.create(someone.id, someone.organisation, provider, &Device::default()).await.unwrap()
    }

    /// A public community founded by someone, with an open category.
    pub(crate) async fn place(&self, founder: &Someone, slug: &str) -> Place {
        self.place_for(founder, slug, Audience::public()).await
    }

    pub(crate) async fn place_for(&self, founder: &Someone, slug: &str, audience: Audience) -> Place {
        let community = CommunityId(RandomIds.next());
        let found = community::Command::Found {
            slug: slug.to_owned(),
            name: format!("Community {slug}"),
            subject: "Testing".to_owned(),
            home: founder.organisation,
            audience: audience.clone(),
            charter: Charter::default(),
        };
        self.send(founder.actor(), community, HubCommand::Community(found)).await;
        let category = CategoryId(RandomIds.next());
        let open = category::Command::Open {
            community,
            slug: "general".to_owned(),
            name: "General".to_owned(),
            description: "Anything".to_owned(),
            format: category::Format::QuestionAndAnswer,
            audience: audience.clone(),
            within: audience,
            position: 0,
        };
        let actor = founder.actor().with(Role::Coordinator(community)).with(Role::CoreMember(community));
        self.send(actor, category, HubCommand::Category(open)).await;
        Place { community, category }
    }

    /// Someone joins a community.
    pub(crate) async fn join(&self, someone: &Someone, place: &Place) {
        let command = community::Command::Join {
            person: someone.id,
            organisation: someone.organisation,
            kind: community::MemberKind::Member,
            team: None,
        };
        self.send(someone.actor(), place.community, HubCommand::Community(command)).await;
    }

    /// Opens a thread through the API; yields its id and its opening post's.
    pub(crate) async fn thread(&self, someone: &Someone, place: &Place, title: &str) -> (String, String) {
        let document =
            "mutation ($input: ThreadOpenInput!) { threadOpen(input: $input) { thread { id } post { id } userErrors { code message } } }";
        let input = json!({ "commandId": fresh(), "category": place.category(), "title": title, "body": "Opening." });
        let answer = self.ask(Some(&someone.token), document, json!({ "input": input })).await;
        let payload = &answer.data()["threadOpen"];
        assert_eq!(payload["userErrors"], json!([]));
        (text(&payload["thread"]["id"]), text(&payload["post"]["id"]))
    }

    /// Replies through the API.
    pub(crate) async fn reply(&self, someone: &Someone, thread: &str, body: &str) -> Answer {
        let document = "mutation ($input: ThreadReplyInput!) { threadReply(input: $input) { post { id body } userErrors { code } } }";
        let input = json!({ "commandId": fresh(), "thread": thread, "body": body });
        let answer = self.ask(Some(&someone.token), document, json!({ "input": input })).await;
        assert_eq!(answer.data()["threadReply"]["userErrors"], json!([]));
        answer
    }

    /// A document by POST.
    pub(crate) async fn ask(&self, token: Option<&str>, document: &str, variables: Value) -> Answer {
        let body = json!({ "query": document, "variables": variables }).to_string();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/graphql")
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/graphql-response+json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.call(request.body(body.into()).unwrap()).await
    }

    /// The text of an answer.
    pub(crate) async fn raw(&self, request: Request<Body>) -> String {
        let response = self.router.clone().oneshot(request).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    /// Any request.
    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// A new command id.
pub(crate) fn fresh() -> String {
    RandomIds.next().to_string()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
