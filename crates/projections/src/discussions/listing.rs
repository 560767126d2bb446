//! Lists of threads, read along what the viewer may see.
//!
//! `thread_listing` has a row for each token of each thread's audience, sorted by whatever threads are sorted by. A page takes
//! the first rows of each of the viewer's tokens and merges them. So it costs what the page's size and the number of the
//! viewer's grants make it cost, however large the hub is and however little of it they see.
//!
//! The tokens stand in the table as numbers. That two of them might share one is of no consequence: the audience itself is
//! looked at in `thread`, for every row of a page.

use super::thread::{ThreadFilter, ThreadOrder};
use crate::page::{Page, Sorted};
use crate::visibility::visible;
use kernel::Viewer;
use sea_query::extension::postgres::PgExpr;
use sea_query::{Alias, ArrayType, Expr, ExprTrait, Func, JoinType, Query, SelectStatement, Value};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

/// The number that a token, as text, stands under.
pub(super) fn number(token: &str) -> i64 {
    let hash = Sha256::digest(token.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(first)
}

fn numbers(viewer: &Viewer) -> Vec<i64> {
    viewer.grants.to_texts().iter().map(|token| number(token)).collect()
}

fn array(numbers: Vec<i64>) -> Value {
    let values = numbers.into_iter().map(|number| Value::BigInt(Some(number))).collect();
    Value::Array(ArrayType::BigInt, Some(Box::new(values)))
}

/// The threads of a page, without anything joined to them. Of those that lie `within`, if given: a condition on the listing, `l`.
pub(super) fn page(viewer: &Viewer, filter: &ThreadFilter, order: ThreadOrder, page: &Page, within: Option<Expr>) -> SelectStatement {
    let key = order.key();
    let mut rows = Query::select();
    rows.expr(Expr::cust(format!("l.thread, l.{key} as key"))).from_as("thread_listing", Alias::new("l"));
    rows.and_where_option(within);
    filter.narrow(&mut rows, "l");
    page.cut(&mut rows, Sorted::descending("l", key, "thread"));
    let seen = match numbers(viewer).as_slice() {
        [only] => rows.and_where(Expr::col(("l", "token")).eq(*only)).to_owned(),
        several => {
            rows.and_where(Expr::cust("l.token = g.g"));
            let mut merged = Query::select();
            merged.expr(Expr::cust("r.thread, r.key")).from_function(Func::cust("unnest").arg(Expr::val(array(several.to_vec()))), "g");
            merged.join_lateral(JoinType::InnerJoin, rows, "r", Expr::cust("true"));
            // One that several of the tokens admit to is there as often.
            merged.group_by_columns([("r", "thread"), ("r", "key")]);
            page.head(&mut merged, Sorted::descending("r", "key", "thread"));
            merged
        }
    };
    Query::select()
        .expr(Expr::cust("t.*"))
        .from_subquery(seen, "s")
        .join_as(JoinType::InnerJoin, "thread", Alias::new("t"), Expr::col(("t", "id")).equals(("s", "thread")))
        .and_where(visible("t", viewer))
        .to_owned()
}

/// How many threads there are, of those that lie `within`, if given.
pub(super) fn count(viewer: &Viewer, filter: &ThreadFilter, within: Option<Expr>) -> SelectStatement {
    let mut select = Query::select();
    select.expr(Expr::cust("count(distinct l.thread)")).from_as("thread_listing", Alias::new("l"));
    select.and_where(Expr::col(("l", "token")).eq_any(numbers(viewer)));
    select.and_where_option(within);
    filter.narrow(&mut select, "l");
    select
}

/// Lists new threads under each token of their audience, given as text with commas between the tokens.
pub(super) async fn open<'a>(opened: impl Iterator<Item = (Uuid, &'a str)>, db: &mut PgConnection) -> Result<(), sqlx::Error> {
    let (threads, tokens): (Vec<Uuid>, Vec<i64>) =
        opened.flat_map(|(thread, audience)| audience.split(',').map(move |token| (thread, number(token)))).unzip();
    sqlx::query!(
        "insert into thread_listing (token, thread, community, category, author, organisation, closed, answered, opened_at, \
         last_activity_at, upvote_count) \
         select n.token, t.id, t.community, t.category, t.author, t.organisation, t.closed, t.answer_count > 0, t.opened_at, \
         t.last_activity_at, t.upvote_count from unnest($1::uuid[], $2::bigint[]) n(thread, token) join thread t on t.id = n.thread",
        &threads,
        &tokens
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Brings what these threads are filtered and sorted by into their listing, where it is another than before.
pub(super) async fn renew(threads: &[Uuid], db: &mut PgConnection) -> Result<(), sqlx::Error> {
    if threads.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update thread_listing l set closed = t.closed, answered = t.answer_count > 0, last_activity_at = t.last_activity_at, \
         upvote_count = t.upvote_count from thread t where t.id = any($1) and l.thread = t.id \
         and (l.closed, l.answered, l.last_activity_at, l.upvote_count) \
         is distinct from (t.closed, t.answer_count > 0, t.last_activity_at, t.upvote_count)",
        threads
    )
    .execute(db)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The migration that fills the table computes the same in SQL.
    #[test]
    fn a_token_has_the_number_that_sql_gives_it() {
        assert_eq!(number("public"), -1_179_393_939_944_139_526);
        assert_eq!(number("members"), 1_672_872_452_124_002_891);
    }
}
