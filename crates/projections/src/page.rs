//! Pages of a list: by keyset, never by offset, so that a page costs the same wherever it lies.
//!
//! Every list is sorted by one key and by the id, which breaks ties. A [`Position`] is both; the gateway seals it into
//! an opaque cursor. A page reads one row more than it returns, to know whether there is more.

use crate::columns::{Columns, FromColumns, Written, fetch};
use chrono::{DateTime, Utc};
use kernel::Timestamp;
use sea_query::{ArrayType, Expr, ExprTrait, Func, FunctionCall, IntoColumnRef, JoinType, Order, Query, SelectStatement, Value};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::Hash;
use store::Reads;
use uuid::Uuid;

/// The most rows that one page holds.
pub const MOST: u32 = 100;

/// What a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Key {
    /// A moment, in microseconds since 1970, as PostgreSQL keeps them.
    Moment(i64),
    /// A count or a place.
    Number(i64),
    /// A name.
    Text(String),
}

impl From<Timestamp> for Key {
    fn from(at: Timestamp) -> Self {
        Self::Moment(at.timestamp_micros())
    }
}

impl Key {
    fn value(&self) -> Expr {
        match self {
            Self::Moment(micros) => Expr::val(DateTime::<Utc>::from_timestamp_micros(*micros).unwrap_or_default()),
            Self::Number(number) => Expr::val(*number),
            Self::Text(text) => Expr::val(text.as_str()),
        }
    }
}

/// Where a row stands in its list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// What the list is sorted by.
    pub key: Key,
    /// The row's id, which breaks ties.
    pub id: Uuid,
}

impl Position {
    /// The position of a row with this key and id.
    pub fn new(key: impl Into<Key>, id: impl Into<Uuid>) -> Self {
        Self { key: key.into(), id: id.into() }
    }
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    /// How many rows, 1 to [`MOST`]; what is outside counts as the nearest of the two.
    pub limit: u32,
    /// Whether the last rows before a position are asked for, not the first ones after.
    pub backward: bool,
    /// Only what comes after this.
    pub after: Option<Position>,
    /// Only what comes before this.
    pub before: Option<Position>,
}

impl Page {
    /// The first rows of a list.
    pub fn first(limit: u32) -> Self {
        Self { limit, backward: false, after: None, before: None }
    }

    /// The last rows of a list.
    pub fn last(limit: u32) -> Self {
        Self { limit, backward: true, after: None, before: None }
    }

    /// Only what comes after this position.
    pub fn after(mut self, position: Position) -> Self {
        self.after = Some(position);
        self
    }

    /// Only what comes before this position.
    pub fn before(mut self, position: Position) -> Self {
        self.before = Some(position);
        self
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.clamp(1, MOST) as usize
    }

    /// Cuts a statement to this page of a list sorted like that: what lies before and after, the order, and one row
    /// more than the page holds.
    pub(crate) fn cut(&self, select: &mut SelectStatement, sorted: Sorted) {
        let (after, before) = if sorted.descending { (Compare::Less, Compare::Greater) } else { (Compare::Greater, Compare::Less) };
        for (position, compare) in [(&self.after, after), (&self.before, before)] {
            if let Some(position) = position {
                let here = Expr::tuple([sorted.key(), sorted.id()]);
                let there = Expr::tuple([position.key.value(), Expr::val(position.id)]);
                select.and_where(match compare {
                    Compare::Less => here.lt(there),
                    Compare::Greater => here.gt(there),
                });
            }
        }
        self.head(select, sorted);
    }

    /// The order, and one row more than the page holds: for what was [cut](Self::cut) in parts.
    pub(crate) fn head(&self, select: &mut SelectStatement, sorted: Sorted) {
        self.sort(select, sorted);
        select.limit(self.limit() as u64 + 1);
    }

    /// The order alone, for the outer statement around one that was [cut](Self::cut).
    pub(crate) fn sort(&self, select: &mut SelectStatement, sorted: Sorted) {
        let order = if sorted.descending == self.backward { Order::Asc } else { Order::Desc };
        select.order_by_expr(sorted.key(), order.clone()).order_by_expr(sorted.id(), order);
    }

    /// The page from the rows that a statement cut by it returned.
    pub(crate) fn slice<R>(&self, mut rows: Vec<R>, position: impl Fn(&R) -> Position) -> Slice<R> {
        let more = rows.len() > self.limit();
        rows.truncate(self.limit());
        if self.backward {
            rows.reverse();
        }
        // On the side that the page came from there is something, for the cursor stands there.
        let (has_previous, has_next) = if self.backward { (more, self.before.is_some()) } else { (self.after.is_some(), more) };
        Slice { rows: rows.into_iter().map(|row| (position(&row), row)).collect(), has_next, has_previous }
    }
}

enum Compare {
    Less,
    Greater,
}

/// How a list is sorted: by a column, then by the id. An index over both in this order serves it in either direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sorted {
    pub(crate) table: &'static str,
    pub(crate) key: &'static str,
    pub(crate) id: &'static str,
    pub(crate) descending: bool,
}

impl Sorted {
    pub(crate) const fn ascending(table: &'static str, key: &'static str, id: &'static str) -> Self {
        Self { table, key, id, descending: false }
    }

    pub(crate) const fn descending(table: &'static str, key: &'static str, id: &'static str) -> Self {
        Self { table, key, id, descending: true }
    }

    fn key(self) -> Expr {
        Expr::col((self.table, self.key).into_column_ref())
    }

    fn id(self) -> Expr {
        Expr::col((self.table, self.id).into_column_ref())
    }
}

/// A page of a list, in the list's order.
#[derive(Clone, Debug)]
pub struct Slice<R> {
    /// The rows, each with its position.
    pub rows: Vec<(Position, R)>,
    /// Whether more follows.
    pub has_next: bool,
    /// Whether there is something before.
    pub has_previous: bool,
}

impl<R> Slice<R> {
    /// A page without rows.
    pub fn empty() -> Self {
        Self { rows: Vec::new(), has_next: false, has_previous: false }
    }

    /// The rows without their positions.
    pub fn into_rows(self) -> Vec<R> {
        self.rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// The id of the parent that a list is read for, in a statement handed to [`each`].
pub(crate) fn parent() -> Expr {
    Expr::cust("k.k")
}

/// The same page of each parent's own list, by one statement however many parents there are. `list` is the list of
/// [the parent](parent), cut to the page.
pub(crate) async fn each<I, R>(
    db: &Reads,
    parents: &[I],
    page: &Page,
    list: SelectStatement,
    position: impl Fn(&R) -> Position,
) -> Result<HashMap<I, Slice<R>>, sqlx::Error>
where
    I: Copy + Eq + Hash + From<Uuid> + Into<Uuid>,
    R: FromColumns,
{
    let sql = Query::select()
        .expr(Expr::cust("k.k, r.*"))
        .from_function(unnest(parents), "k")
        // A lateral join runs the list once for each parent and keeps its order.
        .join_lateral(JoinType::InnerJoin, list, "r", Expr::cust("true"))
        .to_owned()
        .written();
    let mut lists: HashMap<I, Vec<R>> = HashMap::new();
    for Child { parent, row } in fetch::<Child<R>>(db, sql).await? {
        lists.entry(parent.into()).or_default().push(row);
    }
    Ok(parents.iter().map(|parent| (*parent, page.slice(lists.remove(parent).unwrap_or_default(), &position))).collect())
}

/// Counts each parent's own list by one statement. `count` counts the list of [the parent](parent).
pub(crate) async fn count_each<I>(db: &Reads, parents: &[I], count: SelectStatement) -> Result<HashMap<I, u64>, sqlx::Error>
where
    I: Copy + Eq + Hash + From<Uuid> + Into<Uuid>,
{
    let sql = Query::select()
        .expr(Expr::cust("k.k, r.*"))
        .from_function(unnest(parents), "k")
        .join_lateral(JoinType::InnerJoin, count, "r", Expr::cust("true"))
        .to_owned()
        .written();
    let rows: Vec<Child<i64>> = fetch(db, sql).await?;
    Ok(rows.into_iter().map(|child| (child.parent.into(), u64::try_from(child.row).unwrap_or_default())).collect())
}

fn unnest<I: Copy + Into<Uuid>>(parents: &[I]) -> FunctionCall {
    let ids = parents.iter().map(|id| Value::Uuid(Some((*id).into()))).collect();
    Func::cust("unnest").arg(Expr::val(Value::Array(ArrayType::Uuid, Some(Box::new(ids)))))
}

struct Child<R> {
    parent: Uuid,
    row: R,
}

impl<R: FromColumns> FromColumns for Child<R> {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self { parent: columns.next()?, row: R::from_columns(columns)? })
    }
}
