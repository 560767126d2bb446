//! Reading a row column by column, in the order in which the statement lists them.

use sea_query::extension::postgres::PgExpr;
use sea_query::{Expr, IntoColumnRef};
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};
use uuid::Uuid;

/// Reads a row from left to right. What is read and what is selected stand side by side in one file.
pub(crate) struct Columns<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn of(row: &'r PgRow) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn next<T: Decode<'r, Postgres> + Type<Postgres>>(&mut self) -> Result<T, sqlx::Error> {
        let at = self.next;
        self.next += 1;
        self.row.try_get(at)
    }
}

/// A row of a view.
pub(crate) trait FromColumns: Sized {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error>;
}

impl FromColumns for i64 {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        columns.next()
    }
}

/// The condition that a column holds one of these ids.
pub(crate) fn any_of<I: Copy + Into<Uuid>>(table: &'static str, column: &'static str, ids: &[I]) -> Expr {
    Expr::col((table, column).into_column_ref()).eq_any(ids.iter().map(|id| -> Uuid { (*id).into() }))
}

/// Runs a statement and reads its rows.
pub(crate) async fn fetch<R: FromColumns>(
    db: &sqlx::PgPool,
    (sql, values): (String, sea_query_sqlx::SqlxValues),
) -> Result<Vec<R>, sqlx::Error> {
    let rows = sqlx::query_with(sqlx::AssertSqlSafe(sql), values).fetch_all(db).await?;
    rows.iter().map(|row| R::from_columns(&mut Columns::of(row))).collect()
}

/// Runs a statement that counts.
pub(crate) async fn count(db: &sqlx::PgPool, (sql, values): (String, sea_query_sqlx::SqlxValues)) -> Result<u64, sqlx::Error> {
    let count: i64 = sqlx::query_scalar_with(sqlx::AssertSqlSafe(sql), values).fetch_one(db).await?;
    Ok(u64::try_from(count).unwrap_or_default())
}
