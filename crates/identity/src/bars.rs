//! Who may not come in at present: drawn from suspensions and disablings in the log, asked at every request.
//!
//! The process that follows the log hands each event of a person and of an organisation to [`Bars`]; every call may be
//! repeated, so a follower that starts again from its checkpoint does no harm.

use crate::api_tokens::ApiTokens;
use crate::sessions::{SessionId, Sessions};
use kernel::{Clock, OrganisationId, PersonId, ProviderId, TokenId};
use organisations::{organisation, person};
use sqlx::PgPool;
use std::sync::Arc;
use uuid::Uuid;

/// Turns suspensions into ended sessions and refused tokens.
#[derive(Clone)]
pub struct Bars {
    db: PgPool,
    clock: Arc<dyn Clock>,
    sessions: Sessions,
    tokens: ApiTokens,
}

impl Bars {
    /// Bars in the database.
    pub fn new(db: PgPool, clock: Arc<dyn Clock>, sessions: Sessions, tokens: ApiTokens) -> Self {
        Self { db, clock, sessions, tokens }
    }

    /// Draw the consequences of what happened to a person.
    ///
    /// # Errors
    /// The database's; the call may then be repeated.
    pub async fn follow_person(&self, person: PersonId, event: &person::Event) -> Result<(), sqlx::Error> {
        use person::Event;
        match event {
            Event::Suspended { .. } => {
                self.bar(person.uuid()).await?;
                self.sessions.end_all_of_person(person).await?;
            }
            Event::Reinstated => self.lift(person.uuid()).await?,
            Event::TokenRevoked { token } => {
                self.tokens.revoke(*token).await?;
            }
            Event::Erased => {
                self.bar(person.uuid()).await?;
                self.sessions.end_all_of_person(person).await?;
                self.tokens.revoke_all_of_person(person).await?;
            }
            Event::Joined { .. }
            | Event::PlaceholderCreated { .. }
            | Event::ProfileChanged { .. }
            | Event::RoleGranted { .. }
            | Event::RoleRevoked { .. }
            | Event::TokenIssued { .. } => {}
        }
        Ok(())
    }

    /// Draw the consequences of what happened to an organisation or one of its providers.
    ///
    /// # Errors
    /// The database's; the call may then be repeated.
    pub async fn follow_organisation(&self, organisation: OrganisationId, event: &organisation::Event) -> Result<(), sqlx::Error> {
        use organisation::Event;
        match event {
            Event::Suspended { .. } => {
                self.bar(organisation.uuid()).await?;
                self.sessions.end_all_of_organisation(organisation).await?;
            }
            Event::Reinstated => self.lift(organisation.uuid()).await?,
            Event::ProviderDisabled { provider } => self.close_provider(*provider).await?,
            Event::ProviderEnabled { provider } => self.lift(provider.uuid()).await?,
            Event::ProviderRemoved { provider } => {
                self.close_provider(*provider).await?;
                sqlx::query!("delete from identity.provider_secrets where provider = $1", provider.uuid()).execute(&self.db).await?;
            }
            Event::Registered { .. } | Event::Renamed { .. } | Event::ProviderRegistered { .. } => {}
        }
        Ok(())
    }

    /// Which of these sessions and API tokens no longer hold: ended, revoked, run out, or of someone who is barred. One
    /// statement, however many there are: this is what is asked over and over for all open streams.
    ///
    /// A session with an open stream is in use, so it is not the idle time-out that ends it.
    ///
    /// # Errors
    /// The database's.
    pub async fn ended(&self, sessions: &[SessionId], tokens: &[TokenId]) -> Result<Vec<Uuid>, sqlx::Error> {
        let sessions: Vec<Uuid> = sessions.iter().map(|session| session.0).collect();
        let tokens: Vec<Uuid> = tokens.iter().map(|token| token.uuid()).collect();
        sqlx::query_scalar!(
            r#"select i.id as "id!" from unnest($1::uuid[]) i(id) where not exists (
                   select from identity.sessions s where s.id = i.id and s.expires_at > $3
                   and not exists (select from identity.barred b where b.subject in (s.person, s.organisation, s.provider)))
               union all
               select i.id from unnest($2::uuid[]) i(id) where not exists (
                   select from identity.api_tokens t where t.id = i.id and t.expires_at > $3
                   and not exists (select from identity.barred b where b.subject in (t.person, t.organisation)))"#,
            &sessions,
            &tokens,
            self.clock.now(),
        )
        .fetch_all(&self.db)
        .await
    }

    /// Whether a person, organisation or provider is barred.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_barred(&self, subject: impl Into<Uuid>) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(r#"select exists (select from identity.barred where subject = $1) as "barred!""#, subject.into())
            .fetch_one(&self.db)
            .await
    }

    async fn close_provider(&self, provider: ProviderId) -> Result<(), sqlx::Error> {
        self.bar(provider.uuid()).await?;
        self.sessions.end_all_of_provider(provider).await?;
        Ok(())
    }

    async fn bar(&self, subject: Uuid) -> Result<(), sqlx::Error> {
        let now = self.clock.now();
        sqlx::query!("insert into identity.barred (subject, since) values ($1, $2) on conflict do nothing", subject, now)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    async fn lift(&self, subject: Uuid) -> Result<(), sqlx::Error> {
        sqlx::query!("delete from identity.barred where subject = $1", subject).execute(&self.db).await?;
        Ok(())
    }
}
