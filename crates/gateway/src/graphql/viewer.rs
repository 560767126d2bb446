//! The viewer: whoever asks, with what is theirs alone.

use super::community::{Membership, own_memberships};
use super::connection::Connection;
use super::context::{OrFault, RequestContext};
use super::enums::{GrantedRole, TokenScope};
use super::ids::GlobalId;
use super::organisation::IdentityProvider;
use super::person::Person;
use super::views::{ProvidersOf, VisiblePerson, load};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use identity::ListedToken;
use kernel::{OrganisationId, ProviderId};
use projections::organisations::person;

/// Whoever asks. For strangers it is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Viewer;

/// Whoever asks. For those who have not signed in it is empty.
#[Object]
impl Viewer {
    /// The person; none if nobody is signed in.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        let request = RequestContext::of(ctx)?;
        let Some(person) = request.person() else { return Ok(None) };
        Ok(load(request, VisiblePerson(person)).await?.map(Person::from))
    }
    /// Your email address, if your provider stated one. Nobody else is shown it.
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let request = RequestContext::of(ctx)?;
        Ok(person::oneself(&request.viewer(), request.db()).await.or_fault()?.and_then(|oneself| oneself.email))
    }
    /// The roles that you were granted by name.
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<GrantedRole>> {
        let request = RequestContext::of(ctx)?;
        let oneself = person::oneself(&request.viewer(), request.db()).await.or_fault()?;
        Ok(oneself.map(|oneself| oneself.roles.into_iter().map(GrantedRole::from).collect()).unwrap_or_default())
    }
    /// The communities that you belong to, the latest first.
    async fn memberships(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Membership>> {
        own_memberships(ctx, first, after.as_deref(), last, before.as_deref()).await
    }
    /// Where you are signed in at present.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let request = RequestContext::of(ctx)?;
        let Some(person) = request.person() else { return Ok(Vec::new()) };
        let sessions = request.backend().identity.sessions.list(person).await.or_fault()?;
        let current = request.session_id();
        Ok(sessions.into_iter().map(|session| Session { current: current == Some(session.id), session }).collect())
    }
    /// Your API tokens. Their secrets were shown once and are kept nowhere.
    async fn api_tokens(&self, ctx: &Context<'_>) -> Result<Vec<ApiToken>> {
        let request = RequestContext::of(ctx)?;
        let Some(person) = request.person() else { return Ok(Vec::new()) };
        let tokens = request.backend().identity.tokens.list(person).await.or_fault()?;
        Ok(tokens.into_iter().map(ApiToken::from).collect())
    }
}

/// A place where you are signed in.
#[derive(Clone, Debug)]
pub struct Session {
    session: identity::Session,
    current: bool,
}

/// A place where you are signed in.
#[Object]
impl Session {
    /// Its id.
    async fn id(&self) -> ID {
        GlobalId::Session(self.session.id.0).encode()
    }
    /// Whether it is the one that asks.
    async fn current(&self) -> bool {
        self.current
    }
    /// When you signed in.
    async fn started_at(&self) -> DateTime<Utc> {
        self.session.created_at
    }
    /// When it was last used, to the minute.
    async fn last_seen_at(&self) -> DateTime<Utc> {
        self.session.last_seen_at
    }
    /// When it ends at the latest.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.session.expires_at
    }
    /// The browser, as it describes itself.
    async fn user_agent(&self) -> &str {
        &self.session.browser
    }
    /// The identity provider that vouched, if it is still there.
    async fn provider(&self, ctx: &Context<'_>) -> Result<Option<IdentityProvider>> {
        let (organisation, id): (OrganisationId, ProviderId) = (self.session.organisation, self.session.provider);
        let providers = load(RequestContext::of(ctx)?, ProvidersOf(organisation)).await?.unwrap_or_default();
        Ok(providers.into_iter().find(|provider| provider.id == id).map(IdentityProvider::from))
    }
}

/// An API token of yours.
#[derive(Clone, Debug, SimpleObject)]
pub struct ApiToken {
    /// Its id. It is not the secret.
    pub id: ID,
    /// What it is for, in your words.
    pub name: String,
    /// What it may be used for.
    pub scope: TokenScope,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to the minute; none if never.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<ListedToken> for ApiToken {
    fn from(listed: ListedToken) -> Self {
        Self {
            id: GlobalId::Token(listed.token.id).encode(),
            name: listed.name,
            scope: listed.token.scope.into(),
            issued_at: listed.created_at,
            expires_at: listed.token.expires_at,
            last_used_at: listed.last_used_at,
        }
    }
}
