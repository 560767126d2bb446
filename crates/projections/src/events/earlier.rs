//! What an event's difference is taken against: the latest earlier event of the stream that set the same thing.

use super::Place;
use store::Reads;
use uuid::Uuid;

/// Which earlier event is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Earlier {
    /// Before which event.
    pub than: Place,
    /// The kinds of events that set the same thing, such as `hub.discussions.thread_retitled`.
    pub kinds: &'static [&'static str],
    /// The part of the aggregate that it is set of, as [`part`](super::rule::part) names it.
    pub part: Option<Uuid>,
    /// Whether the first event of the stream, which brought the thing into being, sets it too.
    pub from_the_start: bool,
}

/// Where these earlier events stand, in the order asked for; none where there is none. One statement, however many are asked for; each
/// is found by an index, however long the streams are.
///
/// # Errors
/// The database's.
pub async fn earlier(db: &Reads, wanted: &[Earlier]) -> Result<Vec<Option<Place>>, sqlx::Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let streams: Vec<Uuid> = wanted.iter().map(|earlier| earlier.than.stream).collect();
    let versions: Vec<i64> = wanted.iter().map(|earlier| earlier.than.version.cast_signed()).collect();
    let parts: Vec<String> = wanted.iter().map(|earlier| earlier.part.map(|part| part.to_string()).unwrap_or_default()).collect();
    let kinds: Vec<String> = wanted.iter().map(|earlier| earlier.kinds.join(",")).collect();
    let starts: Vec<bool> = wanted.iter().map(|earlier| earlier.from_the_start).collect();
    let rows = sqlx::query!(
        r#"select w.place as "place!", coalesce(last.version, case when w.start and w.version > 1 then 1 end) as version
           from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bool[])
                with ordinality as w (stream, version, part, kinds, start, place)
           left join lateral (
               select o.version from unnest(string_to_array(w.kinds, ',')) kinds (kind)
               cross join lateral (
                   select e.version from log.events e
                   where e.stream = w.stream and log.mark(log.part(e.data), e.kind) = log.mark(w.part, kinds.kind)
                     and log.part(e.data) = w.part and e.kind = kinds.kind and e.version < w.version
                   order by e.version desc limit 1) o
               order by o.version desc limit 1) last on true"#,
        &streams,
        &versions,
        &parts,
        &kinds,
        &starts
    )
    .fetch_all(db)
    .await?;
    let mut found = vec![None; wanted.len()];
    for row in rows {
        let place = usize::try_from(row.place - 1).ok().and_then(|place| Some((found.get_mut(place)?, wanted.get(place)?)));
        if let (Some((slot, earlier)), Some(version)) = (place, row.version) {
            *slot = Some(Place { stream: earlier.than.stream, version: version.cast_unsigned() });
        }
    }
    Ok(found)
}
