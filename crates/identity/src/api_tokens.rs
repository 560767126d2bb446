//! API tokens: shown once, kept as a hash, scoped, expiring, revocable.

use crate::secret;
use chrono::TimeDelta;
use kernel::{Clock, OrganisationId, PersonId, Timestamp, TokenId};
use organisations::person::TokenScope;
use projections::grants::{self, Standing};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, PgPool, Row as _};
use std::sync::{Arc, LazyLock};
use store::Reads;
use uuid::Uuid;

/// What every token begins with, so that people and secret scanners know one when they see it.
pub const PREFIX: &str = "hub_";
/// How often the last use is written down, at most.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// A token that was presented and holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// Whose it is.
    pub person: PersonId,
    /// The person's organisation.
    pub organisation: OrganisationId,
    /// What it may be used for.
    pub scope: TokenScope,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A token as its owner sees it listed. The secret is not part of it: only its hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedToken {
    /// The token.
    pub token: ApiToken,
    /// What it is for, in its owner's words.
    pub name: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// Issues, finds and revokes API tokens.
#[derive(Clone)]
pub struct ApiTokens {
    db: PgPool,
    reads: Reads,
    clock: Arc<dyn Clock>,
}

impl ApiTokens {
    /// Tokens in the database.
    pub fn new(db: impl Into<Reads>, clock: Arc<dyn Clock>) -> Self {
        let reads = db.into();
        Self { db: reads.pool().clone(), reads, clock }
    }

    /// Issue a token and yield its secret, which is shown once and kept nowhere. The caller records the event.
    ///
    /// # Errors
    /// The database's; a token of that id exists already.
    pub async fn issue(
        &self,
        id: TokenId,
        person: PersonId,
        organisation: OrganisationId,
        name: &str,
        scope: TokenScope,
        expires_at: Timestamp,
    ) -> Result<SecretString, sqlx::Error> {
        let secret = format!("{PREFIX}{}", secret::random_text());
        sqlx::query!(
            "insert into identity.api_tokens (id, secret_hash, person, organisation, name, scope, created_at, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            id.uuid(),
            secret::hash(&secret),
            person.uuid(),
            organisation.uuid(),
            name,
            scope_text(scope),
            self.clock.now(),
            expires_at,
        )
        .execute(&self.db)
        .await?;
        Ok(secret.into())
    }

    /// The token with this secret, if it has not ended and its person and organisation are not barred.
    ///
    /// # Errors
    /// The database's.
    pub async fn resolve(&self, secret: &str) -> Result<Option<ApiToken>, sqlx::Error> {
        Ok(self.recognise(secret).await?.map(|(token, _)| token))
    }

    /// The same, with what its owner may see and do at this moment: both by one statement, for every request asks for both.
    ///
    /// # Errors
    /// The database's.
    pub async fn recognise(&self, secret: &str) -> Result<Option<(ApiToken, Option<Standing>)>, sqlx::Error> {
        static STATEMENT: LazyLock<String> = LazyLock::new(|| {
            let (columns, joins) = (grants::COLUMNS, grants::JOINS);
            format!(
                "select s.id, s.person, s.organisation, s.scope, s.expires_at, s.last_used_at, {columns} from identity.api_tokens s {joins}
                 where s.secret_hash = $1 and s.expires_at > $2
                   and not exists (select from identity.barred b where b.subject in (s.person, s.organisation))"
            )
        });
        if !secret.strip_prefix(PREFIX).is_some_and(secret::is_well_formed) {
            return Ok(None);
        }
        let now = self.clock.now();
        let statement = sqlx::query(AssertSqlSafe(STATEMENT.as_str())).bind(secret::hash(secret)).bind(now);
        let Some(row) = statement.fetch_optional(&self.reads).await? else { return Ok(None) };
        let token = ApiToken {
            id: row.try_get::<Uuid, _>(0)?.into(),
            person: row.try_get::<Uuid, _>(1)?.into(),
            organisation: row.try_get::<Uuid, _>(2)?.into(),
            scope: scope(row.try_get(3)?),
            expires_at: row.try_get(4)?,
        };
        let last_used_at: Option<Timestamp> = row.try_get(5)?;
        let standing = grants::read(token.person, &row, 6)?;
        if last_used_at.is_none_or(|at| now - at >= SEEN_EVERY) {
            sqlx::query!("update identity.api_tokens set last_used_at = greatest(last_used_at, $2) where id = $1", token.id.uuid(), now)
                .execute(&self.db)
                .await?;
        }
        Ok(Some((token, standing)))
    }

    /// Whether a token still holds: what an open socket asks from time to time.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_valid(&self, id: TokenId) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select exists (
                select from identity.api_tokens t where id = $1 and expires_at > $2
                and not exists (select from identity.barred b where b.subject in (t.person, t.organisation))
            ) as "valid!""#,
            id.uuid(),
            self.clock.now(),
        )
        .fetch_one(&self.reads)
        .await
    }

    /// A person's tokens that have not ended, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self, person: PersonId) -> Result<Vec<ListedToken>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Listed,
            "select id, person, organisation, name, scope, created_at, last_used_at, expires_at
             from identity.api_tokens where person = $1 and expires_at > $2
             order by created_at desc, id desc",
            person.uuid(),
            self.clock.now(),
        )
        .fetch_all(&self.reads)
        .await?;
        Ok(rows.into_iter().map(ListedToken::from).collect())
    }

    /// Revoke a token. False if there is none. That it is the caller's own is for the command to decide.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke(&self, id: TokenId) -> Result<bool, sqlx::Error> {
        Ok(sqlx::query!("delete from identity.api_tokens where id = $1", id.uuid()).execute(&self.db).await?.rows_affected() > 0)
    }

    /// Revoke every token of a person. Yields how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_all_of_person(&self, person: PersonId) -> Result<u64, sqlx::Error> {
        Ok(sqlx::query!("delete from identity.api_tokens where person = $1", person.uuid()).execute(&self.db).await?.rows_affected())
    }
}

fn scope_text(scope: TokenScope) -> &'static str {
    match scope {
        TokenScope::Read => "read",
        TokenScope::Write => "write",
    }
}

/// The table admits these two words only; of the two, reading is the lesser.
fn scope(text: &str) -> TokenScope {
    if text == "write" { TokenScope::Write } else { TokenScope::Read }
}

struct Listed {
    id: Uuid,
    person: Uuid,
    organisation: Uuid,
    name: String,
    scope: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    expires_at: Timestamp,
}

impl From<Listed> for ListedToken {
    fn from(row: Listed) -> Self {
        let token = ApiToken {
            id: row.id.into(),
            person: row.person.into(),
            organisation: row.organisation.into(),
            scope: scope(&row.scope),
            expires_at: row.expires_at,
        };
        Self { token, name: row.name, created_at: row.created_at, last_used_at: row.last_used_at }
    }
}
