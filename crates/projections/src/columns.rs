//! Reading a row column by column, in the order in which the statement lists them.

use sea_query::extension::postgres::PgExpr;
use sea_query::prepare::SqlWriter;
use sea_query::{Expr, IntoColumnRef, PostgresQueryBuilder, QueryBuilder, SelectStatement, Value, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};
use std::fmt::{self, Write};
use store::Reads;
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

/// A statement as it goes to the database.
pub(crate) trait Written {
    /// Its text and its values.
    fn written(&self) -> (String, SqlxValues);
}

impl Written for SelectStatement {
    fn written(&self) -> (String, SqlxValues) {
        let mut writer = Writer { text: String::with_capacity(2_048), values: Vec::new() };
        self.build_collect_into(PostgresQueryBuilder, &mut writer);
        (writer.text, SqlxValues(Values(writer.values)))
    }
}

/// Writes each value once, however often it is used, and limits as numbers: a plan that is made once for all values must
/// know how few rows are wanted.
struct Writer {
    text: String,
    values: Vec<Value>,
}

impl Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        Ok(())
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl SqlWriter for Writer {
    fn push_param<T: QueryBuilder>(&mut self, value: Value, _: &T) {
        let written = if let Value::BigUnsigned(Some(limit)) = value {
            write!(self.text, "{limit}")
        } else {
            let known = self.values.iter().position(|known| *known == value);
            let place = known.unwrap_or_else(|| {
                self.values.push(value);
                self.values.len() - 1
            });
            write!(self.text, "${}", place + 1)
        };
        written.expect("writing to a string does not fail");
    }

    fn as_writer(&mut self) -> &mut dyn Write {
        self
    }
}

/// Runs a statement and reads its rows.
pub(crate) async fn fetch<R: FromColumns>(db: &Reads, (sql, values): (String, SqlxValues)) -> Result<Vec<R>, sqlx::Error> {
    let rows = sqlx::query_with(sqlx::AssertSqlSafe(sql), values).fetch_all(db).await?;
    rows.iter().map(|row| R::from_columns(&mut Columns::of(row))).collect()
}

/// Runs a statement that counts.
pub(crate) async fn count(db: &Reads, (sql, values): (String, SqlxValues)) -> Result<u64, sqlx::Error> {
    let count: i64 = sqlx::query_scalar_with(sqlx::AssertSqlSafe(sql), values).fetch_one(db).await?;
    Ok(u64::try_from(count).unwrap_or_default())
}
