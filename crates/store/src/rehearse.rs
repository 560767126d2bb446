//! What an append would come to, without writing anything.

use crate::append::{Append, AppendError, Receipt, claims};
use crate::error::Error;
use crate::log::Log;
use crate::row::unsigned;
use crate::seal;
use kernel::{CommandId, PersonId};

impl Log {
    /// What an append would come to now: none if the events would be appended, else what is recorded of the command, which was carried
    /// out before. It looks at the same things in the same order as [`append`](Log::append), by one statement, and writes nothing: no
    /// event, no command, no claim, no key.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub async fn rehearse(&self, append: &Append) -> Result<Option<Receipt>, AppendError> {
        if let Some(event) = append.events.iter().find(|event| seal::holds_sealed(&event.payload.data)) {
            return Err(AppendError::Sealed(event.id));
        }
        let personal = append.events.iter().find(|event| seal::holds_personal(&event.payload.data));
        let person = match (personal, append.personal) {
            (Some(event), None) => return Err(AppendError::WhosePersonalData(event.id)),
            (Some(_), person) => person,
            (None, _) => None,
        };
        let (mut take, _) = claims(self, &append.claims);
        let said = sqlx::query!(
            r#"select (select fingerprint = $2 from log.commands where id = $1) as known,
                      coalesce((select version from log.events where stream = $3 order by version desc limit 1), 0) as "version!",
                      (select t.place from unnest($4::text[], $5::bytea[]) with ordinality as t (space, value_hash, place)
                       join log.claims h on h.space = t.space and h.value_hash = t.value_hash
                       where h.stream <> $3 order by t.place limit 1) as taken,
                      exists (select from log.person_keys where person = $6 and sealed_key is null) as "erased!""#,
            append.command.uuid(),
            append.fingerprint.as_slice(),
            append.stream.id,
            &take.spaces,
            &take.hashes,
            person.map(PersonId::uuid)
        )
        .fetch_one(self.pool())
        .await?;
        match said.known {
            Some(true) => return Ok(self.receipt(append.command).await?),
            Some(false) => return Err(AppendError::CommandReused),
            None => {}
        }
        let actual = unsigned(said.version);
        if actual != append.expected {
            return Err(AppendError::Conflict { expected: append.expected, actual });
        }
        if let Some(place) = said.taken.and_then(|place| usize::try_from(place - 1).ok()) {
            let (space, value) = take.claimed.swap_remove(place);
            return Err(AppendError::Taken { space, value });
        }
        match person {
            Some(person) if said.erased => Err(AppendError::Erased(person)),
            Some(_) | None => Ok(None),
        }
    }

    /// What became of a command, if it was carried out before and this is its fingerprint.
    ///
    /// # Errors
    /// [`AppendError::CommandReused`] if it has another fingerprint; otherwise as [`Log::receipt`].
    pub async fn outcome_of(&self, command: CommandId, fingerprint: &[u8; 32]) -> Result<Option<Receipt>, AppendError> {
        let known = sqlx::query_scalar!("select fingerprint from log.commands where id = $1", command.uuid())
            .fetch_optional(self.pool())
            .await
            .map_err(Error::from)?;
        match known {
            None => Ok(None),
            Some(known) if known != fingerprint.as_slice() => Err(AppendError::CommandReused),
            Some(_) => Ok(self.receipt(command).await?),
        }
    }
}
