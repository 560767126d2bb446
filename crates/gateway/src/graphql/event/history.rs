//! The history of a thing: its events, as far as the viewer sees them, read in a bounded number of statements for any number of
//! things and events.

use super::super::connection::Connection;
use super::super::context::{OrFault, RequestContext};
use super::super::views::{Failed, Views, load, shared, total};
use super::Event;
use ::events::HubEvent;
use async_graphql::dataloader::Loader;
use async_graphql::{Context, Result};
use kernel::{Payload, Recorded, Viewer};
use projections::events::{self as rules, Earlier, Place, Subject};
use projections::{Page, Slice};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use store::Reads;
use uuid::Uuid;

/// A page of the history of something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HistoryOf(pub Subject, pub Page);

impl Loader<HistoryOf> for Views {
    type Value = Slice<Event>;
    type Error = Failed;

    async fn load(&self, keys: &[HistoryOf]) -> Result<HashMap<HistoryOf, Slice<Event>>, Failed> {
        let viewer = self.viewer();
        let mut pages: HashMap<Page, Vec<Subject>> = HashMap::new();
        for HistoryOf(subject, page) in keys {
            pages.entry(page.clone()).or_default().push(*subject);
        }
        let mut slices: Vec<(HistoryOf, Slice<Place>)> = Vec::with_capacity(keys.len());
        for (page, subjects) in pages {
            let found = rules::history(&viewer, self.db(), &subjects, &page).await.map_err(Arc::new)?;
            slices.extend(found.into_iter().map(|(subject, slice)| (HistoryOf(subject, page.clone()), slice)));
        }
        let places: HashSet<Place> = slices.iter().flat_map(|(_, slice)| slice.rows.iter().map(|(_, place)| *place)).collect();
        let shown = shown(&viewer, self.db(), at(self, places).await?).await.map_err(Arc::new)?;
        let of_places: HashMap<Place, Event> = shown.into_iter().collect();
        Ok(slices
            .into_iter()
            .map(|(key, Slice { rows, has_next, has_previous })| {
                let rows = rows.into_iter().filter_map(|(position, place)| Some((position, of_places.get(&place)?.clone()))).collect();
                (key, Slice { rows, has_next, has_previous })
            })
            .collect())
    }
}

/// How many events of the history of something the viewer sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HistoryTotal(pub Subject);

impl Loader<HistoryTotal> for Views {
    type Value = u64;
    type Error = Failed;

    async fn load(&self, keys: &[HistoryTotal]) -> Result<HashMap<HistoryTotal, u64>, Failed> {
        let subjects: Vec<Subject> = keys.iter().map(|key| key.0).collect();
        let totals = rules::totals(&self.viewer(), self.db(), &subjects).await.map_err(Arc::new)?;
        Ok(totals.into_iter().map(|(subject, count)| (HistoryTotal(subject), count)).collect())
    }
}

/// The event that another one's difference is taken against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BeforeThat(pub Earlier);

impl Loader<BeforeThat> for Views {
    type Value = HubEvent;
    type Error = Failed;

    async fn load(&self, keys: &[BeforeThat]) -> Result<HashMap<BeforeThat, HubEvent>, Failed> {
        let wanted: Vec<Earlier> = keys.iter().map(|key| key.0).collect();
        let places = rules::earlier(self.db(), &wanted).await.map_err(Arc::new)?;
        let events = at(self, places.iter().flatten().copied().collect()).await?;
        let events: HashMap<Place, HubEvent> = events.into_iter().map(|recorded| (place(&recorded), recorded.event)).collect();
        Ok(keys.iter().zip(places).filter_map(|(key, place)| Some((*key, events.get(&place?)?.clone()))).collect())
    }
}

fn place(recorded: &Recorded<HubEvent>) -> Place {
    Place { stream: recorded.stream.id, version: recorded.version }
}

/// The events at these places, by one statement.
async fn at(views: &Views, places: HashSet<Place>) -> Result<Vec<Recorded<HubEvent>>, Failed> {
    let places: Vec<(Uuid, u64)> = places.into_iter().map(|place| (place.stream, place.version)).collect();
    let recorded = views.log().events_at(views.db(), &places).await.map_err(|error| Arc::new(unreadable(error)))?;
    decoded(recorded).map_err(Arc::new)
}

fn unreadable(error: store::Error) -> sqlx::Error {
    match error {
        store::Error::Unavailable(error) | store::Error::Database(error) => error,
        error @ (store::Error::Malformed { .. } | store::Error::Gap { .. } | store::Error::Key { .. }) => {
            sqlx::Error::Decode(Box::new(error))
        }
    }
}

fn decoded(recorded: Vec<Recorded<Payload>>) -> Result<Vec<Recorded<HubEvent>>, sqlx::Error> {
    recorded.into_iter().map(|recorded| ::events::decode(recorded).map_err(|error| sqlx::Error::Decode(Box::new(error)))).collect()
}

/// What of these events the viewer sees, each with its place, in their order.
pub(super) async fn shown(viewer: &Viewer, db: &Reads, recorded: Vec<Recorded<HubEvent>>) -> Result<Vec<(Place, Event)>, sqlx::Error> {
    let seen = rules::audiences(db, &recorded).await?;
    let shown = recorded.into_iter().zip(seen).filter_map(|(recorded, seen)| {
        let at = place(&recorded);
        Some((at, Event::shown(viewer, Arc::new(recorded), &seen?)?))
    });
    Ok(shown.collect())
}

/// What of these events the request's viewer sees, in their order.
///
/// # Errors
/// The database's, as request-level errors.
pub async fn visible(request: &RequestContext, recorded: Vec<Recorded<HubEvent>>) -> Result<Vec<Event>> {
    let shown = shown(&request.viewer(), request.db(), recorded).await.or_fault()?;
    Ok(shown.into_iter().map(|(_, event)| event).collect())
}

/// The events of a stream with these versions, in their order, as far as the request's viewer sees them.
///
/// # Errors
/// The database's, as request-level errors.
pub async fn of_stream(request: &RequestContext, stream: &kernel::StreamId, first: u64, last: u64) -> Result<Vec<Event>> {
    let recorded = request.backend().log.load_range(stream, first, last).await.map_err(unreadable).and_then(decoded).or_fault()?;
    visible(request, recorded).await
}

/// A page of something's history, from the first event on.
pub(in super::super) async fn history(
    ctx: &Context<'_>,
    subject: Subject,
    first: Option<i32>,
    after: Option<&str>,
    last: Option<i32>,
    before: Option<&str>,
) -> Result<Connection<Event>> {
    let request = shared(ctx)?;
    let cursors = request.cursors().of_list("history", &named(subject));
    let page = cursors.page(first, after, last, before)?;
    let slice = load(&request, HistoryOf(subject, page)).await?.unwrap_or_else(Slice::empty);
    Ok(Connection::of_slice(slice, &cursors, |event| event, move || total(Arc::clone(&request), HistoryTotal(subject))))
}

/// The name under which the cursors of something's history are sealed.
fn named(subject: Subject) -> serde_json::Value {
    match subject {
        Subject::Organisation(id) => json!(["organisation", id]),
        Subject::Person(id) => json!(["person", id]),
        Subject::Team(id) => json!(["team", id]),
        Subject::Community(id) => json!(["community", id]),
        Subject::Category(id) => json!(["category", id]),
        Subject::Thread(id) => json!(["thread", id]),
        Subject::Post(thread, id) => json!(["post", thread, id]),
    }
}
