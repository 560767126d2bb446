//! Where the events of a thing's history stand, as far as the viewer sees them: the rule of [`rule`](super::rule) in SQL.
//!
//! Each statement runs the same page of every parent's own history, by a lateral join; the versions of a stream are its order.

use super::Place;
use super::rule::{MEMBERSHIP, OF_POSTS, PRIVATE};
use crate::page::{Key, Page, Position, Slice};
use kernel::{CategoryId, CommunityId, OrganisationId, PersonId, PostId, TeamId, ThreadId, Viewer, Who};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, Row as _};
use std::collections::HashMap;
use store::Reads;
use uuid::Uuid;

/// A thing that has a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An organisation.
    Organisation(OrganisationId),
    /// A person.
    Person(PersonId),
    /// A team.
    Team(TeamId),
    /// A community.
    Community(CommunityId),
    /// A category.
    Category(CategoryId),
    /// A thread, with all that happened to its posts.
    Thread(ThreadId),
    /// A post: what concerns it among the events of its thread.
    Post(ThreadId, PostId),
}

/// The kinds of things, by the view that each stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum View {
    Organisation,
    Person,
    Team,
    Community,
    Category,
    Thread,
    Post,
}

impl View {
    const ALL: [Self; 7] = [Self::Organisation, Self::Person, Self::Team, Self::Community, Self::Category, Self::Thread, Self::Post];

    fn of(subject: Subject) -> Self {
        match subject {
            Subject::Organisation(_) => Self::Organisation,
            Subject::Person(_) => Self::Person,
            Subject::Team(_) => Self::Team,
            Subject::Community(_) => Self::Community,
            Subject::Category(_) => Self::Category,
            Subject::Thread(_) => Self::Thread,
            Subject::Post(..) => Self::Post,
        }
    }

    /// The table that says who sees the thing; a post is seen with its thread.
    fn table(self) -> &'static str {
        match self {
            Self::Organisation => "organisation",
            Self::Person => "person",
            Self::Team => "team",
            Self::Community => "community",
            Self::Category => "category",
            Self::Thread | Self::Post => "thread",
        }
    }

    /// The condition that the viewer sees the event `e` of the thing `n`. $3 are the viewer's grants, $4 the kinds that have a rule
    /// of their own, $5 the viewer and $6 the viewer as an actor.
    fn sees(self) -> &'static str {
        match self {
            Self::Organisation | Self::Team | Self::Category | Self::Thread | Self::Post => "n.audience && $3",
            Self::Person => {
                "case when e.kind = any($4) then (n.id = $5 and not n.erased) or (e.actor = $6 and not n.erased) \
                 else n.audience && $3 end"
            }
            Self::Community => {
                "case when e.kind = any($4) then log.part(e.data) = $5::text \
                      or (n.audience && $3 and exists (select from person p where p.id = log.part(e.data)::uuid and p.audience && $3)) \
                 else n.audience && $3 end"
            }
        }
    }

    /// The kinds of $4.
    fn apart(self) -> &'static [String] {
        match self {
            Self::Person => &PRIVATE,
            Self::Community => &MEMBERSHIP,
            Self::Organisation | Self::Team | Self::Category | Self::Thread => &[],
            Self::Post => &OF_POSTS,
        }
    }
}

impl Subject {
    /// The stream that holds the thing's events, and the thing's own id.
    fn ids(self) -> (Uuid, Uuid) {
        match self {
            Self::Organisation(OrganisationId(id))
            | Self::Person(PersonId(id))
            | Self::Team(TeamId(id))
            | Self::Community(CommunityId(id))
            | Self::Category(CategoryId(id))
            | Self::Thread(ThreadId(id)) => (id, id),
            Self::Post(thread, post) => (thread.uuid(), post.uuid()),
        }
    }
}

/// The condition that the event `e` is of this kind and concerns the part that is asked for: by the index of marks, and by what they
/// stand for.
const OF_PART: &str = "e.stream = k.stream and log.mark(log.part(e.data), e.kind) = log.mark(k.id::text, kinds.kind) \
                       and log.part(e.data) = k.id::text and e.kind = kinds.kind";

/// What a statement is asked with: the things of one view, and who asks.
fn arguments(view: View, viewer: &Viewer, subjects: &[Subject]) -> Result<PgArguments, sqlx::Error> {
    let (streams, ids): (Vec<Uuid>, Vec<Uuid>) = subjects.iter().map(|subject| subject.ids()).unzip();
    let actor = viewer.person.map(|person| serde_json::to_string(&Who::Person(person)).expect("an actor is plain JSON"));
    let mut arguments = PgArguments::default();
    let add = || -> Result<(), sqlx::error::BoxDynError> {
        arguments.add(streams)?;
        arguments.add(ids)?;
        arguments.add(viewer.grants.to_texts())?;
        arguments.add(view.apart())?;
        arguments.add(viewer.person.map(PersonId::uuid))?;
        arguments.add(actor)
    };
    add().map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

/// The things of a statement, each with the row that says who sees it.
fn parents(view: View) -> String {
    format!("unnest($1::uuid[], $2::uuid[]) k(stream, id) join {} n on n.id = k.stream", view.table())
}

/// The same page of the history of each of these things, from the first event to the last, as far as the viewer sees the events.
///
/// It takes one statement for each kind of thing, however many things and events there are.
///
/// # Errors
/// The database's.
pub async fn history(
    viewer: &Viewer,
    db: &Reads,
    subjects: &[Subject],
    page: &Page,
) -> Result<HashMap<Subject, Slice<Place>>, sqlx::Error> {
    let mut slices = HashMap::with_capacity(subjects.len());
    for (view, subjects) in by_view(subjects) {
        let mut versions = versions(view, viewer, db, &subjects, page).await?;
        for subject in subjects {
            let (stream, id) = subject.ids();
            let mut found = versions.remove(&(stream, id)).unwrap_or_default();
            // A page is cut in the direction in which it was asked for.
            found.sort_unstable();
            if page.backward {
                found.reverse();
            }
            let rows = found.into_iter().map(|version| Place { stream, version }).collect();
            slices.insert(subject, page.slice(rows, position));
        }
    }
    Ok(slices)
}

fn position(place: &Place) -> Position {
    Position { key: Key::Number(place.version.cast_signed()), id: place.stream }
}

fn by_view(subjects: &[Subject]) -> Vec<(View, Vec<Subject>)> {
    let of = |view| subjects.iter().copied().filter(|subject| View::of(*subject) == view).collect::<Vec<_>>();
    View::ALL.into_iter().map(|view| (view, of(view))).filter(|(_, subjects)| !subjects.is_empty()).collect()
}

/// The versions on the page of each of these things, and one more.
async fn versions(
    view: View,
    viewer: &Viewer,
    db: &Reads,
    subjects: &[Subject],
    page: &Page,
) -> Result<HashMap<(Uuid, Uuid), Vec<u64>>, sqlx::Error> {
    let order = if page.backward { "desc" } else { "asc" };
    let sees = view.sees();
    let events = match view {
        View::Organisation | View::Person | View::Team | View::Community | View::Category | View::Thread => format!(
            "select e.version from log.events e where e.stream = k.stream and e.version > $7 and e.version < $8 and {sees} \
             order by e.version {order} limit $9"
        ),
        // Each kind is read along the index of marks, and no further than the page: a post may have ten thousand upvotes.
        View::Post => format!(
            "select o.version from unnest($4) kinds(kind) cross join lateral (\
                 select e.version from log.events e where {OF_PART} and e.version > $7 and e.version < $8 and {sees} \
                 order by e.version {order} limit $9) o \
             order by o.version {order} limit $9"
        ),
    };
    let sql = format!("select k.stream, k.id, r.version from {} cross join lateral ({events}) r", parents(view));
    let bound = |position: &Option<Position>, otherwise: i64| match position {
        Some(Position { key: Key::Number(version), .. }) => *version,
        Some(Position { key: Key::Moment(_) | Key::Text(_), .. }) | None => otherwise,
    };
    let mut arguments = arguments(view, viewer, subjects)?;
    let mut add = || -> Result<(), sqlx::error::BoxDynError> {
        arguments.add(bound(&page.after, 0))?;
        arguments.add(bound(&page.before, i64::MAX))?;
        arguments.add(i64::try_from(page.limit()).unwrap_or(i64::MAX).saturating_add(1))
    };
    add().map_err(sqlx::Error::Encode)?;
    let rows: Vec<PgRow> = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(db).await?;
    let mut versions: HashMap<(Uuid, Uuid), Vec<u64>> = HashMap::new();
    for row in rows {
        let (stream, id, version): (Uuid, Uuid, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        versions.entry((stream, id)).or_default().push(version.cast_unsigned());
    }
    Ok(versions)
}

/// How many events of the history of each of these things the viewer sees. One statement for each kind of thing.
///
/// # Errors
/// The database's.
pub async fn totals(viewer: &Viewer, db: &Reads, subjects: &[Subject]) -> Result<HashMap<Subject, u64>, sqlx::Error> {
    let mut totals = HashMap::with_capacity(subjects.len());
    for (view, subjects) in by_view(subjects) {
        let sees = view.sees();
        let events =
            if view == View::Post { format!("unnest($4) kinds(kind) join log.events e on {OF_PART}") } else { "log.events e".to_owned() };
        let sql = format!(
            "select k.stream, k.id, r.count from {} cross join lateral \
             (select count(*) from {events} where e.stream = k.stream and {sees}) r",
            parents(view)
        );
        let rows: Vec<PgRow> = sqlx::query_with(AssertSqlSafe(sql), arguments(view, viewer, &subjects)?).fetch_all(db).await?;
        let mut counted: HashMap<(Uuid, Uuid), u64> = HashMap::with_capacity(rows.len());
        for row in rows {
            let (stream, id, count): (Uuid, Uuid, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            counted.insert((stream, id), count.cast_unsigned());
        }
        totals.extend(subjects.into_iter().map(|subject| (subject, counted.get(&subject.ids()).copied().unwrap_or_default())));
    }
    Ok(totals)
}
