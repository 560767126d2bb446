//! What a resolver works with: who asks, and the parts of the hub that answer.
//!
//! A resolver begins with `let request = RequestContext::of(ctx)?;` and passes `&request.viewer()` to every query function.

use super::commons::Common;
use super::connection::Cursors;
use super::error::{FaultCode, database, fault};
use super::standing::{self, Cell, Standing};
use super::views::Views;
use crate::live::Live;
use async_graphql::Context;
use async_graphql::dataloader::DataLoader;
use identity::{Credential, Identity, SessionId};
use kernel::{Actor, Clock, Ids, PersonId, Timestamp, Viewer};
use projections::Progress;
use services::Dispatch;
use std::sync::Arc;
use std::time::Duration;
use store::{Log, Reads};
use tokio_util::sync::DropGuard;

/// The parts of the hub that every request shares.
#[derive(Clone)]
pub struct Backend {
    /// The database with the views. It may have a single connection: never ask for another while holding one.
    pub db: Reads,
    /// Carries commands to the services.
    pub services: Arc<dyn Dispatch>,
    /// The log, for live updates and to wait for what was just done.
    pub log: Log,
    /// How far the views are.
    pub progress: Progress,
    /// Tells what is new.
    pub live: Live,
    /// Sessions, tokens, providers, sign-in, and the hub's public address.
    pub identity: Identity,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn Ids>,
    /// Seals the cursors of lists.
    pub cursors: Cursors,
    /// How long a mutation waits until the views show its effect.
    pub projection_wait: Duration,
}

/// A request under way.
pub struct RequestContext {
    backend: Arc<Backend>,
    credential: Option<Credential>,
    standing: Cell,
    common: Option<Common>,
    views: DataLoader<Views>,
    /// Ends what the views are still reading when the request is over, or given up.
    _wanted: DropGuard,
    now: Timestamp,
}

impl RequestContext {
    /// A request by whoever presented this credential, with the standing read at its start.
    pub fn new(backend: Arc<Backend>, credential: Option<Credential>, standing: Standing) -> Self {
        Self::with(backend, credential, standing.into(), None)
    }

    /// A subscription by whoever presented this credential, with a standing that is kept up to date, and what it has in common with
    /// others.
    pub fn following(backend: Arc<Backend>, credential: Option<Credential>, standing: Cell) -> Self {
        let common = Common::new(backend.live.commons());
        Self::with(backend, credential, standing, Some(common))
    }

    fn with(backend: Arc<Backend>, credential: Option<Credential>, standing: Cell, common: Option<Common>) -> Self {
        let now = backend.clock.now();
        let (views, wanted) = Views::loader(backend.db.clone(), backend.log.clone(), standing.clone(), common.clone());
        Self { backend, credential, standing, common, views, _wanted: wanted, now }
    }

    /// What a subscription has in common with others to whom the same is shown.
    pub fn common(&self) -> Option<&Common> {
        self.common.as_ref()
    }

    /// The request that a resolver works for.
    ///
    /// # Errors
    /// A request-level error if the schema was run without one, which is a fault of the hub.
    pub fn of<'c>(ctx: &'c Context<'_>) -> async_graphql::Result<&'c Self> {
        ctx.data_opt::<Arc<Self>>().map(Arc::as_ref).ok_or_else(|| fault(FaultCode::Internal, "The request has no context."))
    }

    /// The views, by batches: what many resolvers ask for at once is read by one statement.
    pub fn views(&self) -> &DataLoader<Views> {
        &self.views
    }

    /// Who looks, now: a mutation that changes the actor's own standing renews it for the fields after it.
    pub fn viewer(&self) -> Viewer {
        self.standing().viewer.clone()
    }

    /// Who looks and who acts.
    pub fn standing(&self) -> Arc<Standing> {
        self.standing.get()
    }

    /// Reads the standing anew: what was just done may have changed it.
    ///
    /// # Errors
    /// The database's.
    pub async fn renew(&self) -> Result<(), sqlx::Error> {
        if let Some(credential) = &self.credential {
            self.standing.set(standing::read(&self.backend.db, credential).await?);
        }
        Ok(())
    }

    /// Who acts.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for strangers.
    pub fn actor(&self) -> async_graphql::Result<Actor> {
        self.standing().actor.clone().ok_or_else(|| fault(FaultCode::Unauthenticated, "Sign in, or present an API token, to do this."))
    }

    /// The person who is signed in.
    pub fn person(&self) -> Option<PersonId> {
        self.credential.as_ref().map(Credential::person)
    }

    /// What the request proved itself by.
    pub fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }

    /// The session that the request runs in, unless it is a token's or a stranger's.
    pub fn session_id(&self) -> Option<SessionId> {
        match &self.credential {
            Some(Credential::Session(session)) => Some(session.id),
            Some(Credential::Token(_)) | None => None,
        }
    }

    /// When the request began.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The parts of the hub.
    pub fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }

    /// The database with the views.
    pub fn db(&self) -> &Reads {
        &self.backend.db
    }

    /// Seals the cursors of lists.
    pub fn cursors(&self) -> &Cursors {
        &self.backend.cursors
    }
}

/// Turns a database error into a request-level error: `.await.or_fault()?`.
pub trait OrFault<T> {
    /// The value, or the request-level error.
    ///
    /// # Errors
    /// `UNAVAILABLE` if trying again may help, else `INTERNAL`.
    fn or_fault(self) -> async_graphql::Result<T>;
}

impl<T> OrFault<T> for Result<T, sqlx::Error> {
    fn or_fault(self) -> async_graphql::Result<T> {
        self.map_err(|error| database(&error))
    }
}
