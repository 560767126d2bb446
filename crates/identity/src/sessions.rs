//! Sessions of signed-in people: on the server, found by the hash of a random cookie, with idle and absolute time-outs.

use crate::secret;
use crate::site::{SetCookie, Site};
use chrono::TimeDelta;
use http::HeaderMap;
use kernel::{Clock, Ids, OrganisationId, PersonId, ProviderId, Timestamp};
use projections::grants::{self, Standing};
use ring::hmac;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgPool, Row as _};
use std::fmt;
use std::sync::{Arc, LazyLock};
use store::Reads;
use uuid::Uuid;

/// The cookie's name, less the `__Host-` prefix.
const COOKIE: &str = "hub_session";
/// How often the last use is written down, at most.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);
/// The longest description of a browser that is kept.
const LONGEST_BROWSER: usize = 200;

/// A session's id, by which its owner may end it. It is no secret: the cookie is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for SessionId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Someone signed in, on some browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who signed in.
    pub person: PersonId,
    /// The organisation that vouched.
    pub organisation: OrganisationId,
    /// The provider that was used.
    pub provider: ProviderId,
    /// The browser, as it described itself, for its owner to recognise.
    pub browser: String,
    /// The address it was opened from.
    pub address: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest, however much it is used.
    pub expires_at: Timestamp,
}

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without use.
    pub idle: TimeDelta,
    /// At most, however much used.
    pub absolute: TimeDelta,
}

impl Default for SessionLimits {
    /// Eight hours without use, seven days at most.
    fn default() -> Self {
        Self { idle: TimeDelta::hours(8), absolute: TimeDelta::days(7) }
    }
}

/// What is known of a browser when a session is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The `User-Agent` header.
    pub browser: String,
    /// The remote address.
    pub address: String,
}

/// A session just opened, with the cookie that carries it. The cookie is not kept anywhere else.
#[derive(Debug)]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// The header to set.
    pub cookie: SetCookie,
}

/// Opens, finds and ends sessions.
#[derive(Clone)]
pub struct Sessions {
    db: PgPool,
    reads: Reads,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    site: Site,
    limits: SessionLimits,
    form_key: hmac::Key,
}

impl Sessions {
    /// Sessions in the database, for the hub at this address. `form_key` signs the tokens in forms.
    pub fn new(
        db: impl Into<Reads>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        site: Site,
        limits: SessionLimits,
        form_key: &[u8; 32],
    ) -> Self {
        let reads = db.into();
        Self { db: reads.pool().clone(), reads, clock, ids, site, limits, form_key: hmac::Key::new(hmac::HMAC_SHA256, form_key) }
    }

    /// Open a session after a verified sign-in. It always has a cookie of its own, so that none planted before has a use.
    ///
    /// # Errors
    /// The database's.
    pub async fn create(
        &self,
        person: PersonId,
        organisation: OrganisationId,
        provider: ProviderId,
        device: &Device,
    ) -> Result<Opened, sqlx::Error> {
        let now = self.clock.now();
        let session = Session {
            id: SessionId(self.ids.next()),
            person,
            organisation,
            provider,
            browser: shown(&device.browser),
            address: shown(&device.address),
            created_at: now,
            last_seen_at: now,
            expires_at: now + self.limits.absolute,
        };
        let secret = secret::random_text();
        sqlx::query!(
            "insert into identity.sessions
                (id, secret_hash, person, organisation, provider, browser, address, created_at, last_seen_at, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)",
            session.id.0,
            secret::hash(&secret),
            person.uuid(),
            organisation.uuid(),
            provider.uuid(),
            session.browser,
            session.address,
            now,
            session.expires_at,
        )
        .execute(&self.db)
        .await?;
        self.forget_ended(now).await?;
        let cookie = self.site.set_cookie(COOKIE, &secret, Some(self.limits.absolute.num_seconds()));
        Ok(Opened { session, cookie })
    }

    /// The session whose cookie the request carries, if it is open and neither its person, organisation nor provider is barred.
    ///
    /// # Errors
    /// The database's.
    pub async fn resolve(&self, headers: &HeaderMap) -> Result<Option<Session>, sqlx::Error> {
        Ok(self.recognise(headers).await?.map(|(session, _)| session))
    }

    /// The same, with what the person may see and do at this moment: both by one statement, for every request asks for both.
    ///
    /// # Errors
    /// The database's.
    pub async fn recognise(&self, headers: &HeaderMap) -> Result<Option<(Session, Option<Standing>)>, sqlx::Error> {
        static STATEMENT: LazyLock<String> = LazyLock::new(|| {
            let (columns, joins) = (grants::COLUMNS, grants::JOINS);
            format!(
                "select s.id, s.person, s.organisation, s.provider, s.browser, s.address, s.created_at, s.last_seen_at, s.expires_at, {columns}
                 from identity.sessions s {joins}
                 where s.secret_hash = $1 and s.expires_at > $2 and s.last_seen_at > $3
                   and not exists (select from identity.barred b where b.subject in (s.person, s.organisation, s.provider))"
            )
        });
        let Some(cookie) = self.site.read_cookie(headers, COOKIE).filter(|cookie| secret::is_well_formed(cookie)) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let statement = sqlx::query(AssertSqlSafe(STATEMENT.as_str())).bind(secret::hash(cookie)).bind(now).bind(now - self.limits.idle);
        let Some(row) = statement.fetch_optional(&self.reads).await? else { return Ok(None) };
        let mut session = Session {
            id: SessionId(row.try_get(0)?),
            person: row.try_get::<Uuid, _>(1)?.into(),
            organisation: row.try_get::<Uuid, _>(2)?.into(),
            provider: row.try_get::<Uuid, _>(3)?.into(),
            browser: row.try_get(4)?,
            address: row.try_get(5)?,
            created_at: row.try_get(6)?,
            last_seen_at: row.try_get(7)?,
            expires_at: row.try_get(8)?,
        };
        let standing = grants::read(session.person, &row, 9)?;
        if now - session.last_seen_at >= SEEN_EVERY {
            sqlx::query!("update identity.sessions set last_seen_at = greatest(last_seen_at, $2) where id = $1", session.id.0, now)
                .execute(&self.db)
                .await?;
            session.last_seen_at = now;
        }
        Ok(Some((session, standing)))
    }

    /// Whether a session is still open: what an open socket asks from time to time.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_open(&self, id: SessionId) -> Result<bool, sqlx::Error> {
        let now = self.clock.now();
        // A socket that is open is in use, so it is not the idle time-out that ends it.
        sqlx::query_scalar!(
            r#"select exists (
                select from identity.sessions s where id = $1 and expires_at > $2
                and not exists (select from identity.barred b where b.subject in (s.person, s.organisation, s.provider))
            ) as "open!""#,
            id.0,
            now,
        )
        .fetch_one(&self.reads)
        .await
    }

    /// A person's open sessions, the last used first.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self, person: PersonId) -> Result<Vec<Session>, sqlx::Error> {
        let now = self.clock.now();
        let rows = sqlx::query_as!(
            Row,
            "select id, person, organisation, provider, browser, address, created_at, last_seen_at, expires_at
             from identity.sessions
             where person = $1 and expires_at > $2 and last_seen_at > $3
             order by last_seen_at desc, id",
            person.uuid(),
            now,
            now - self.limits.idle,
        )
        .fetch_all(&self.reads)
        .await?;
        Ok(rows.into_iter().map(Session::from).collect())
    }

    /// End one of a person's sessions. False if that person has no such session.
    ///
    /// # Errors
    /// The database's.
    pub async fn end(&self, person: PersonId, id: SessionId) -> Result<bool, sqlx::Error> {
        let ended =
            sqlx::query!("delete from identity.sessions where id = $1 and person = $2", id.0, person.uuid()).execute(&self.db).await?;
        Ok(ended.rows_affected() > 0)
    }

    /// End every session of a person. Yields how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_all_of_person(&self, person: PersonId) -> Result<u64, sqlx::Error> {
        Ok(sqlx::query!("delete from identity.sessions where person = $1", person.uuid()).execute(&self.db).await?.rows_affected())
    }

    /// End every session that was opened through a provider. Yields how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_all_of_provider(&self, provider: ProviderId) -> Result<u64, sqlx::Error> {
        Ok(sqlx::query!("delete from identity.sessions where provider = $1", provider.uuid()).execute(&self.db).await?.rows_affected())
    }

    /// End every session of an organisation's people. Yields how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_all_of_organisation(&self, organisation: OrganisationId) -> Result<u64, sqlx::Error> {
        let ended = sqlx::query!("delete from identity.sessions where organisation = $1", organisation.uuid()).execute(&self.db).await?;
        Ok(ended.rows_affected())
    }

    /// The header that makes the browser forget its cookie.
    pub fn forget_cookie(&self) -> SetCookie {
        self.site.set_cookie(COOKIE, "", Some(0))
    }

    /// A token for a hidden field of a form, valid for as long as the session is. It looks different each time, so that
    /// compressed pages do not leak it (BREACH).
    pub fn form_token(&self, session: &Session) -> String {
        let mask: [u8; 16] = secret::random_bytes();
        let mut token = mask.to_vec();
        token.extend_from_slice(hmac::sign(&self.form_key, &form_message(session, &mask)).as_ref());
        secret::encode(&token)
    }

    /// Whether a form's token was made for this session. The comparison takes the same time wherever they differ.
    pub fn check_form_token(&self, session: &Session, token: &str) -> bool {
        let Some(token) = secret::decode(token) else { return false };
        token.split_at_checked(16).is_some_and(|(mask, tag)| hmac::verify(&self.form_key, &form_message(session, mask), tag).is_ok())
    }

    async fn forget_ended(&self, now: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query!("delete from identity.sessions where expires_at <= $1 or last_seen_at <= $2", now, now - self.limits.idle)
            .execute(&self.db)
            .await?;
        Ok(())
    }
}

fn form_message(session: &Session, mask: &[u8]) -> Vec<u8> {
    [session.id.0.as_bytes().as_slice(), mask].concat()
}

/// What a stranger sent, made fit to be shown: one line, not too long.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_BROWSER).collect()
}

struct Row {
    id: Uuid,
    person: Uuid,
    organisation: Uuid,
    provider: Uuid,
    browser: String,
    address: String,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
}

impl From<Row> for Session {
    fn from(row: Row) -> Self {
        Self {
            id: SessionId(row.id),
            person: row.person.into(),
            organisation: row.organisation.into(),
            provider: row.provider.into(),
            browser: row.browser,
            address: row.address,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
        }
    }
}
