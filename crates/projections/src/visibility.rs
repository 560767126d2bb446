//! The one rule of visibility in SQL: `audience && grants`.

use kernel::{Audience, Grants, Viewer};
use sea_query::{ArrayType, Expr, Value};

/// A viewer's grants as a bound value.
pub(crate) fn grants(viewer: &Viewer) -> Value {
    texts(viewer.grants.to_texts())
}

/// Texts as a bound value of the type `text[]`.
pub(crate) fn texts(texts: Vec<String>) -> Value {
    let values = texts.into_iter().map(|text| Value::String(Some(text))).collect();
    Value::Array(ArrayType::String, Some(Box::new(values)))
}

/// The condition that the viewer sees the row of this table alias.
///
/// For strangers it is written as the partial indexes of public rows are, so that those serve it.
pub(crate) fn visible(table: &'static str, viewer: &Viewer) -> Expr {
    if viewer.grants == Grants::default() {
        Expr::cust(format!("{table}.audience @> '{{public}}'::text[]"))
    } else {
        Expr::cust_with_values(format!("{table}.audience && $1"), [grants(viewer)])
    }
}

/// The audience that a column holds. What cannot be read admits no one.
pub(crate) fn audience(texts: Vec<String>) -> Audience {
    Audience::of(texts.into_iter().filter_map(|text| text.parse().ok()))
}
