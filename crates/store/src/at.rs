//! Events by their places in their streams.

use crate::error::Error;
use crate::log::Log;
use crate::reads::Reads;
use crate::row::{Row, signed};
use kernel::{Payload, Recorded};
use uuid::Uuid;

impl Log {
    /// The events at these places, each a stream and a version, in no order and by one statement, however many there are. Where
    /// there is no event, none comes back. They are read as whoever asks for them reads.
    ///
    /// # Errors
    /// As [`Log::load`].
    pub async fn events_at(&self, db: &Reads, places: &[(Uuid, u64)]) -> Result<Vec<Recorded<Payload>>, Error> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let (streams, versions): (Vec<Uuid>, Vec<i64>) = places.iter().map(|(stream, version)| (*stream, signed(*version))).unzip();
        let rows = sqlx::query_as!(
            Row,
            r#"select s.seq as "seq?", s.hash as "hash?", e.id, e.context, e.aggregate, e.stream, e.version, e.kind, e.schema, e.data,
                      e.occurred_at, e.recorded_at, e.actor, e.organisation, e.command, e.correlation, e.causation,
                      e.traceparent, e.person, e.digest, k.sealed_key as "sealed_key?"
               from unnest($1::uuid[], $2::bigint[]) place(stream, version)
               cross join lateral (select * from log.events n where n.stream = place.stream and n.version = place.version offset 0) e
               left join lateral (select * from log.sequence n where n.pos = e.pos offset 0) s on true
               left join lateral (select * from log.person_keys p where p.person = e.person offset 0) k on true"#,
            &streams,
            &versions
        )
        .fetch_all(db)
        .await?;
        self.open(rows)
    }
}
