//! How appends get to the database: together, where several come at once.
//!
//! An append goes out at once if few are under way. Otherwise it waits until one of those is back, and then goes out in
//! one statement and one transaction with whatever else has come meanwhile. So a single command is not delayed, and
//! under load neither the round trips nor the commits are paid for by each. There is no order among appends that wait,
//! and none is needed: each states the version that it builds on.

use crate::append::{AppendError, Claims, Outcome, Prepared};
use crate::error::unavailable;
use crate::log::Log;
use crate::row::{Row, signed, unsigned};
use kernel::clock::to_microseconds;
use kernel::{EventId, OrganisationId, PersonId};
use sqlx::PgExecutor;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use uuid::Uuid;

/// How many commands go out together at most.
const BATCH: usize = 64;
/// As long as fewer appends than this are under way, each goes out by itself: they commit side by side, and none waits for
/// another's turn at the disk. Beyond that it costs less to go together.
const ALONE: usize = 8;
/// How many statements carry what goes together. Two keep the database busy while one commits; more of them only make the
/// batches smaller.
const TOGETHER: usize = 2;
/// How often appends that lost a race, or their connection, are tried again. Once is nearly always enough: the second
/// time the checks see what the first time only the constraints saw.
const ATTEMPTS: u32 = 5;

/// What waits to be written, and how many statements are under way.
#[derive(Debug)]
pub(crate) struct Writer {
    state: Mutex<State>,
    /// How many statements may be under way at once, at the very most.
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    flights: usize,
    /// How many appends these carry.
    under_way: usize,
}

struct Waiting {
    prepared: Prepared,
    answer: oneshot::Sender<Result<(Prepared, Outcome), sqlx::Error>>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Waiting").field(&self.prepared.append.command).finish()
    }
}

impl Writer {
    /// A writer for a pool of so many connections. Half of them are left to the readers, and if there are few, all but one.
    pub(crate) fn new(connections: u32) -> Self {
        let half = usize::try_from(connections / 2).unwrap_or(ALONE);
        Self { state: Mutex::default(), most: if half < TOGETHER { 1 } else { half.min(ALONE) } }
    }

    /// Writes, or waits to be written by the next statement that goes out.
    pub(crate) async fn write(&self, log: &Log, prepared: Prepared) -> Result<(Prepared, Outcome), AppendError> {
        let (answer, outcome) = oneshot::channel();
        {
            let mut state = self.state();
            state.waiting.push_back(Waiting { prepared, answer });
            if state.flights < self.most && (state.flights < TOGETHER || state.under_way < ALONE) {
                state.flights += 1;
                tokio::spawn(fly(Flight { log: log.clone(), carried: 0, landed: false }));
            }
        }
        // It ends without an answer only if the runtime is shut down under it.
        outcome.await.unwrap_or(Err(sqlx::Error::WorkerCrashed)).map_err(Into::into)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes out next: the first that wait, but no two for one stream or one command, which would be in each other's
    /// way. If nothing waits, or there are others enough to carry what does, the flight that asked is over; nobody can come
    /// between the two.
    fn next(&self, flight: &mut Flight) -> Option<Vec<Waiting>> {
        let mut state = self.state();
        state.under_way -= std::mem::take(&mut flight.carried);
        let enough = state.flights > TOGETHER && state.under_way >= ALONE;
        if state.waiting.is_empty() || enough {
            state.flights -= 1;
            flight.landed = true;
            return None;
        }
        let (mut next, mut later) = (Vec::new(), VecDeque::new());
        let (mut streams, mut commands) = (BTreeSet::new(), BTreeSet::new());
        while next.len() < BATCH
            && let Some(waiting) = state.waiting.pop_front()
        {
            let append = &waiting.prepared.append;
            if streams.contains(&append.stream.id) || commands.contains(&append.command) {
                later.push_back(waiting);
            } else {
                streams.insert(append.stream.id);
                commands.insert(append.command);
                next.push(waiting);
            }
        }
        later.append(&mut state.waiting);
        state.waiting = later;
        flight.carried = next.len();
        state.under_way += flight.carried;
        Some(next)
    }
}

/// One of the statements that may be under way at once.
struct Flight {
    log: Log,
    /// How many appends it carries now.
    carried: usize,
    landed: bool,
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Torn off, by the end of the runtime: its place is free for another.
        if !self.landed {
            let mut state = self.log.writer().state();
            state.flights -= 1;
            state.under_way -= self.carried;
        }
    }
}

async fn fly(mut flight: Flight) {
    let log = flight.log.clone();
    while let Some(batch) = log.writer().next(&mut flight) {
        settle(&log, batch).await;
    }
}

/// Writes a batch and answers everyone in it.
async fn settle(log: &Log, batch: Vec<Waiting>) {
    let mut attempt = 1;
    loop {
        let prepared: Vec<&Prepared> = batch.iter().map(|waiting| &waiting.prepared).collect();
        match call(log.pool(), &prepared).await {
            Ok(outcomes) => return answer(log, batch, outcomes),
            // One of them is at fault or lost a race. The others need not suffer for it: each goes alone.
            Err(error) if batch.len() > 1 && !unavailable(&error) => {
                for waiting in batch {
                    Box::pin(settle(log, vec![waiting])).await;
                }
                return;
            }
            Err(error) if attempt < ATTEMPTS && worth_another_attempt(&error) => attempt += 1,
            Err(error) => return answer_all(batch, error),
        }
    }
}

fn answer(log: &Log, batch: Vec<Waiting>, outcomes: Vec<Outcome>) {
    if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Appended)) {
        log.wake();
    }
    for (waiting, outcome) in batch.into_iter().zip(outcomes) {
        // Whoever no longer listens has given up waiting; it is done all the same.
        let _heard = waiting.answer.send(Ok((waiting.prepared, outcome)));
    }
}

/// Errors cannot be copied; but several share one only if the database was not reached.
fn answer_all(mut batch: Vec<Waiting>, error: sqlx::Error) {
    let last = batch.pop();
    for waiting in batch {
        let _heard = waiting.answer.send(Err(sqlx::Error::Io(std::io::Error::other(error.to_string()))));
    }
    if let Some(waiting) = last {
        let _heard = waiting.answer.send(Err(error));
    }
}

/// Whether a second attempt would meet something else: the winner of a race that was lost at a constraint, or another
/// connection in place of one that was broken.
fn worth_another_attempt(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("23505") => matches!(error.constraint(), Some("events_version" | "commands_pkey" | "claims_pkey")),
            // A deadlock or a serialisation failure, and a backend that was told to go.
            Some("40P01" | "40001" | "57P01") => true,
            _ => false,
        },
        _ => false,
    }
}

/// Along the commands: one value of each.
fn each<T>(batch: &[&Prepared], of: impl Fn(&Prepared) -> T) -> Vec<T> {
    batch.iter().map(|prepared| of(prepared)).collect()
}

/// Along the events of all commands: one value of each.
fn along<T>(batch: &[&Prepared], of: impl Fn(i32, &Row) -> T) -> Vec<T> {
    let of = &of;
    places(batch).flat_map(|(place, prepared)| prepared.rows.iter().map(move |row| of(place, row))).collect()
}

/// The claims of all commands: the place of the command, the space, and the hash of the value.
fn claims(batch: &[&Prepared], of: impl Fn(&Prepared) -> &Claims) -> (Vec<i32>, Vec<String>, Vec<Vec<u8>>) {
    let (mut places_of, mut spaces, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for (place, prepared) in places(batch) {
        let claims = of(prepared);
        places_of.extend(std::iter::repeat_n(place, claims.spaces.len()));
        spaces.extend_from_slice(&claims.spaces);
        hashes.extend_from_slice(&claims.hashes);
    }
    (places_of, spaces, hashes)
}

/// Commands with their places, which PostgreSQL counts from 1.
fn places<'a>(batch: &'a [&Prepared]) -> impl Iterator<Item = (i32, &'a Prepared)> {
    (1..).zip(batch.iter().copied())
}

/// The statement.
pub(crate) async fn call(database: impl PgExecutor<'_>, batch: &[&Prepared]) -> Result<Vec<Outcome>, sqlx::Error> {
    let (take_of, take_spaces, take_hashes) = claims(batch, |prepared| &prepared.take);
    let (release_of, release_spaces, release_hashes) = claims(batch, |prepared| &prepared.release);
    let said = sqlx::query!(
        r#"select outcomes as "outcomes!: Vec<String>", versions as "versions!: Vec<i64>", claims as "claims!: Vec<Option<i32>>"
           from log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                           $23, $24, $25, $26, $27, $28)"#,
        &each(batch, |prepared| prepared.append.command.uuid()),
        &each(batch, |prepared| prepared.append.fingerprint.to_vec()),
        &each(batch, |prepared| prepared.append.stream.context.clone()),
        &each(batch, |prepared| prepared.append.stream.aggregate.clone()),
        &each(batch, |prepared| prepared.append.stream.id),
        &each(batch, |prepared| signed(prepared.append.expected)),
        &each(batch, |prepared| i32::try_from(prepared.rows.len()).unwrap_or(i32::MAX)),
        &each(batch, |prepared| to_microseconds(prepared.append.now)),
        &each(batch, |prepared| to_microseconds(prepared.append.meta.occurred_at)),
        &each(batch, |prepared| prepared.actor.clone()),
        &each(batch, |prepared| prepared.append.meta.organisation.map(OrganisationId::uuid)) as &[Option<Uuid>],
        &each(batch, |prepared| prepared.append.meta.correlation),
        &each(batch, |prepared| prepared.append.meta.causation.map(EventId::uuid)) as &[Option<Uuid>],
        &each(batch, |prepared| prepared.append.meta.traceparent.clone()) as &[Option<String>],
        &each(batch, |prepared| prepared.person.map(PersonId::uuid)) as &[Option<Uuid>],
        &along(batch, |place, _| place),
        &along(batch, |_, row| row.id),
        &along(batch, |_, row| row.version),
        &along(batch, |_, row| row.kind.clone()),
        &along(batch, |_, row| row.schema),
        &along(batch, |_, row| row.data.clone()),
        &along(batch, |_, row| row.digest.clone()),
        &take_of,
        &take_spaces,
        &take_hashes,
        &release_of,
        &release_spaces,
        &release_hashes
    )
    .fetch_one(database)
    .await?;
    let mut before = 0;
    let mut outcomes = Vec::with_capacity(batch.len());
    for (index, prepared) in batch.iter().enumerate() {
        let claim = said.claims.get(index).copied().flatten().and_then(|place| usize::try_from(place).ok());
        // The place is counted from 1 and over the claims of the whole batch.
        let claim = claim.and_then(|place| place.checked_sub(before + 1));
        before += prepared.take.spaces.len();
        let outcome = said.outcomes.get(index).map_or("nothing", String::as_str);
        outcomes.push(understood(outcome, said.versions.get(index).copied().unwrap_or_default(), claim)?);
    }
    Ok(outcomes)
}

fn understood(outcome: &str, version: i64, claim: Option<usize>) -> Result<Outcome, sqlx::Error> {
    Ok(match (outcome, claim) {
        ("appended", _) => Outcome::Appended,
        ("repeated", _) => Outcome::Repeated,
        ("reused", _) => Outcome::Reused,
        ("conflict", _) => Outcome::Conflict { actual: unsigned(version) },
        ("taken", Some(place)) => Outcome::Taken { place },
        ("erased", _) => Outcome::Erased,
        _ => return Err(sqlx::Error::Protocol(format!("log.append answered {outcome}, which is not understood"))),
    })
}
