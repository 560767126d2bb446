//! What happened to a thing: its events as the log keeps them, the latest first.

use super::{path, with_query};
use crate::difference::{self, Line};
use crate::documents::{RecordPage, record_page};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Visit, me, page};
use crate::words;
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use kernel::Timestamp;
use record_page::RecordPageNode as Node;
use serde::Deserialize;

/// Events on a page.
const PAGE: i64 = 40;

/// The part of the address behind the question mark.
#[derive(Deserialize)]
pub(crate) struct Address {
    after: Option<String>,
    before: Option<String>,
}

/// What changed in one field.
struct Change {
    field: String,
    lines: Vec<Line>,
}

/// Something that happened.
struct Entry {
    id: String,
    what: String,
    at: Timestamp,
    actor: Option<record_page::Who>,
    position: Option<String>,
    changes: Vec<Change>,
}

#[derive(Template)]
#[template(path = "record.html")]
struct Record {
    chrome: Chrome,
    title: String,
    home: String,
    entries: Vec<Entry>,
    later: Option<String>,
    earlier: Option<String>,
}

/// What happened, the latest first.
pub(crate) async fn show(visit: Visit, Path(id): Path<String>, Query(address): Query<Address>) -> Result<Response, Problem> {
    let forwards = address.after.is_some();
    let variables = record_page::Variables {
        id: id.clone(),
        first: forwards.then_some(PAGE),
        after: address.after,
        last: (!forwards).then_some(PAGE),
        before: address.before.filter(|_| !forwards),
    };
    let data = visit.ask::<RecordPage>(variables).await?;
    let chrome = visit.chrome(Here::Communities, me!(data.viewer));
    let (title, home, history) = match data.node.ok_or(Problem::NotFound)? {
        Node::Thread(thread) => (thread.title, path(&["threads", &thread.id]), thread.history),
        Node::Community(community) => (community.name, path(&["communities", &community.slug]), community.history),
        Node::Category(category) => (category.name, path(&["communities", &category.community.slug, "discussions"]), category.history),
        Node::Organisation(organisation) => (organisation.name, path(&["organisations", &organisation.slug]), organisation.history),
        Node::Team(team) => (team.name, path(&["organisations", &team.organisation.slug]), team.history),
        _ => return Err(Problem::NotFound),
    };
    let here = path(&["history", &id]);
    let info = &history.page_info;
    let link = |name: &str, there: bool, cursor: &Option<String>| {
        cursor.as_deref().filter(|_| there).map(|cursor| with_query(&here, &[(name, cursor)]))
    };
    let (earlier, later) =
        (link("before", info.has_previous_page, &info.start_cursor), link("after", info.has_next_page, &info.end_cursor));
    let entries = history.nodes.into_iter().rev().map(entry).collect();
    page(&Record { chrome, title, home, entries, later, earlier })
}

fn entry(event: record_page::RecordNodes) -> Entry {
    Entry {
        what: words::happened(&event.type_),
        id: event.id,
        at: event.occurred_at,
        actor: event.actor,
        position: event.position,
        // What an event brought into being stands where it is; what it switched, its name says.
        changes: event.changes.into_iter().filter_map(|change| difference_of(&change.field, &change.before?, &change.after?)).collect(),
    }
}

fn difference_of(field: &str, before: &str, after: &str) -> Option<Change> {
    let switched = ["true", "false"].contains(&after);
    (!switched).then(|| Change { field: words::spaced(field), lines: difference::between(before, after) })
}
