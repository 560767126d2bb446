//! What the tests share: a clock that is set by hand, a directory in memory, and identity on a database of its own.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use http::header::{COOKIE, HeaderName};
use http::{HeaderMap, HeaderValue};
use identity::{Callback, DirectoryError, FetchPolicy, Identity, ProviderDirectory, ProviderRecord, SessionLimits, SetCookie, Site};
use kernel::{Clock, OrganisationId, ProviderId, RandomIds, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use store::KeyRing;
use store::testing::Database;
use url::Url;
use uuid::Uuid;

/// A clock that stands still until it is moved.
pub(crate) struct TestClock(Mutex<Timestamp>);

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(DateTime::from_timestamp(1_790_000_000, 0).unwrap())))
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Providers in memory.
#[derive(Default)]
pub(crate) struct TestDirectory(Mutex<Vec<ProviderRecord>>);

impl TestDirectory {
    pub(crate) fn change(&self, id: ProviderId, change: impl Fn(&mut ProviderRecord)) {
        self.0.lock().unwrap().iter_mut().filter(|record| record.id == id).for_each(change);
    }
}

#[async_trait]
impl ProviderDirectory for TestDirectory {
    async fn provider(&self, id: ProviderId) -> Result<Option<ProviderRecord>, DirectoryError> {
        Ok(self.0.lock().unwrap().iter().find(|record| record.id == id).cloned())
    }

    async fn by_organisation(&self, organisation: OrganisationId) -> Result<Vec<ProviderRecord>, DirectoryError> {
        Ok(self.0.lock().unwrap().iter().filter(|record| record.organisation == organisation).cloned().collect())
    }

    async fn open(&self) -> Result<Vec<ProviderRecord>, DirectoryError> {
        Ok(self.0.lock().unwrap().iter().filter(|record| record.is_open()).cloned().collect())
    }
}

/// Identity with its surroundings.
pub(crate) struct Harness {
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) directory: Arc<TestDirectory>,
    pub(crate) database: Database,
}

/// The client secret of every provider in these tests.
pub(crate) const SECRET: &str = "a-client-secret-that-must-never-show";

impl Harness {
    pub(crate) async fn new() -> Self {
        Self::at("https://hub.example.org").await
    }

    pub(crate) async fn at(address: &str) -> Self {
        let database = store::testing::database().await;
        let clock = TestClock::new();
        let directory = Arc::new(TestDirectory::default());
        let identity = Identity::new(identity::Parts {
            db: database.reads().clone(),
            clock: clock.clone(),
            ids: Arc::new(RandomIds),
            site: Site::new(address).unwrap(),
            limits: SessionLimits::default(),
            fetch: FetchPolicy::default().with_loopback(),
            keys: Arc::new(KeyRing::random()),
            directory: directory.clone(),
        });
        Self { identity: identity.unwrap(), clock, directory, database }
    }

    /// Register a provider with this issuer and the secret of these tests.
    pub(crate) async fn register(&self, issuer: &str) -> ProviderId {
        self.register_with(issuer, "hub", SECRET).await
    }

    pub(crate) async fn register_with(&self, issuer: &str, client_id: &str, secret: &str) -> ProviderId {
        let id = new_id().into();
        let record = ProviderRecord {
            id,
            organisation: new_id().into(),
            organisation_name: "Ministry of Tests".to_owned(),
            name: "Staff sign-in".to_owned(),
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            scopes: vec!["profile".to_owned(), "email".to_owned()],
            enabled: true,
            organisation_suspended: false,
        };
        self.directory.0.lock().unwrap().push(record);
        self.identity.providers.store_secret(id, &secret.into()).await.unwrap();
        id
    }
}

/// An id never given before.
pub(crate) fn new_id() -> Uuid {
    kernel::Ids::next(&RandomIds)
}

/// Headers of a browser that holds this cookie.
pub(crate) fn with_cookie(cookie: &SetCookie) -> HeaderMap {
    headers(COOKIE, cookie.pair())
}

pub(crate) fn headers(name: HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
}

/// The query of an address.
pub(crate) fn query(url: &Url) -> HashMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// The answer that a redirect to the hub carries.
pub(crate) fn callback(url: &Url) -> Callback {
    let mut query = query(url);
    Callback {
        code: query.remove("code"),
        state: query.remove("state"),
        iss: query.remove("iss"),
        error: query.remove("error"),
        error_description: query.remove("error_description"),
    }
}
