//! The keys of persons' data.

use crate::error::Error;
use crate::keys::{Key, KeyError, KeyRing, random_key};
use kernel::PersonId;
use sqlx::PgPool;

/// What is known of a person's key.
pub(crate) enum PersonKey {
    /// Their data is sealed under this.
    Key(Key),
    /// It was destroyed, for good.
    Destroyed,
}

/// The person's key; made now if there never was one. Whoever makes it at the same time, all get the same.
pub(crate) async fn key(pool: &PgPool, keys: &KeyRing, person: PersonId) -> Result<Result<PersonKey, KeyError>, Error> {
    loop {
        let found =
            sqlx::query_scalar!("select sealed_key from log.person_keys where person = $1", person.uuid()).fetch_optional(pool).await?;
        match found {
            Some(Some(sealed)) => return Ok(keys.unwrap(person, &sealed).map(PersonKey::Key)),
            Some(None) => return Ok(Ok(PersonKey::Destroyed)),
            None => {
                let sealed = keys.wrap(person, &random_key());
                sqlx::query!(
                    "insert into log.person_keys (person, sealed_key) values ($1, $2) on conflict do nothing",
                    person.uuid(),
                    sealed
                )
                .execute(pool)
                .await?;
            }
        }
    }
}

/// Destroys the person's key, or sees to it that there never is one.
pub(crate) async fn destroy(pool: &PgPool, person: PersonId) -> Result<(), Error> {
    sqlx::query!(
        "insert into log.person_keys (person, sealed_key) values ($1, null) on conflict (person) do update set sealed_key = null",
        person.uuid()
    )
    .execute(pool)
    .await?;
    Ok(())
}
