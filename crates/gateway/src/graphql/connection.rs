//! Relay connections: a window onto a list, by keyset cursors that cannot be forged, never by offset.
//!
//! A list resolver reads its arguments with [`ListCursors::page`], asks its view for that page, and hands the slice it gets to
//! [`Connection::of_slice`].

use super::error::{FaultCode, fault};
use super::plain::{Listed, Plain, Plainly};
use async_graphql::{Object, OutputType, SimpleObject, TypeName};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::BoxFuture;
use hmac::{Hmac, Mac};
use projections::page::{MOST, Page, Position, Slice};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::Arc;

/// Bytes of a cursor's authentication code.
const TAG: usize = 16;
/// The longest cursor that is read, in characters.
const LONGEST_CURSOR: usize = 1_000;

/// Where a page lies in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether more follows after this page.
    pub has_next_page: bool,
    /// Whether there is something before this page.
    pub has_previous_page: bool,
    /// The cursor of the first item, to page backwards with `before`.
    pub start_cursor: Option<String>,
    /// The cursor of the last item, to page onwards with `after`.
    pub end_cursor: Option<String>,
}

/// Seals the positions in lists into cursors, with a key that clients do not have.
#[derive(Clone)]
pub struct Cursors {
    key: [u8; 32],
}

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursors(…)")
    }
}

impl Cursors {
    /// Cursors under this key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Cursors of one list: by its name, and its filter and order, so that a cursor is of no use with another.
    ///
    /// # Panics
    /// Never for filters that are plain data.
    pub fn of_list(&self, name: &str, filter: &impl Serialize) -> ListCursors {
        let filter = serde_json::to_vec(filter).expect("filters are plain data and serialise");
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(&Sha256::digest(filter));
        ListCursors { mac }
    }
}

/// The cursors of one list.
#[derive(Clone)]
pub struct ListCursors {
    mac: Hmac<Sha256>,
}

impl ListCursors {
    fn tag(&self, position: &[u8]) -> [u8; TAG] {
        let mut mac = self.mac.clone();
        mac.update(position);
        let full = mac.finalize().into_bytes();
        let mut tag = [0; TAG];
        tag.copy_from_slice(&full[..TAG]);
        tag
    }

    /// The cursor of a position.
    ///
    /// # Panics
    /// Never: positions are plain data.
    pub fn seal(&self, position: &Position) -> String {
        let position = serde_json::to_vec(position).expect("positions are plain data and serialise");
        let mut bytes = self.tag(&position).to_vec();
        bytes.extend_from_slice(&position);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position of a cursor, if it is one of this list's.
    pub fn open(&self, cursor: &str) -> Option<Position> {
        if cursor.len() > LONGEST_CURSOR {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, position) = bytes.split_at_checked(TAG)?;
        let mut mac = self.mac.clone();
        mac.update(position);
        // In constant time.
        mac.verify_truncated_left(tag).ok()?;
        serde_json::from_slice(position).ok()
    }

    /// Reads the arguments of a list field: which part of the list is asked for.
    ///
    /// # Errors
    /// `INVALID_PAGE`, saying what to give.
    pub fn page(&self, first: Option<i32>, after: Option<&str>, last: Option<i32>, before: Option<&str>) -> async_graphql::Result<Page> {
        let (limit, backward, name) = match (first, last) {
            (Some(first), None) => (first, false, "first"),
            (None, Some(last)) => (last, true, "last"),
            (None, None) => return Err(wrong(format!("Say how many items you want: give “first” or “last”, 1 to {MOST}."))),
            (Some(_), Some(_)) => return Err(wrong("Give “first” or “last”, not both.".to_owned())),
        };
        let limit = u32::try_from(limit).ok().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| {
            wrong(format!("“{name}” is {limit}; it must be 1 to {MOST}. For more, page on with the cursors in “pageInfo”."))
        })?;
        let position = |name: &str, cursor: Option<&str>| match cursor {
            None => Ok(None),
            Some(cursor) => self.open(cursor).map(Some).ok_or_else(|| {
                wrong(format!(
                    "“{name}” is no cursor of this list. Take cursors from the same list with the same filter and order, unchanged."
                ))
            }),
        };
        Ok(Page { limit, backward, after: position("after", after)?, before: position("before", before)? })
    }
}

fn wrong(message: String) -> async_graphql::Error {
    fault(FaultCode::InvalidPage, message)
}

/// An item of a list, and where it stands.
pub struct Edge<T> {
    position: Position,
    /// Seals the position if a client asks for it.
    cursors: Arc<ListCursors>,
    node: T,
    plainly: Plainly<T>,
}

/// Counts a whole list, if a client asks.
pub type Count = Arc<dyn Fn() -> BoxFuture<'static, async_graphql::Result<u64>> + Send + Sync>;

/// A page of a list.
pub struct Connection<T> {
    edges: Vec<Edge<T>>,
    has_next: bool,
    has_previous: bool,
    count: Count,
}

impl<T> Connection<T> {
    /// A page as its view read it. `count` runs only if `totalCount` is asked for; it counts what the viewer may see.
    pub fn of_slice<R, F, Fut>(slice: Slice<R>, cursors: &ListCursors, node: impl Fn(R) -> T, count: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = async_graphql::Result<u64>> + Send + 'static,
    {
        let Slice { rows, has_next, has_previous } = slice;
        let cursors = Arc::new(cursors.clone());
        let edge = |(position, row)| Edge { position, cursors: Arc::clone(&cursors), node: node(row), plainly: None };
        Self { edges: rows.into_iter().map(edge).collect(), has_next, has_previous, count: Arc::new(move || Box::pin(count())) }
    }

    /// The same page; its items answer plainly what they know of themselves.
    pub(super) fn plainly(mut self) -> Self
    where
        T: Plain,
    {
        for edge in &mut self.edges {
            edge.plainly = Some(|node| node);
        }
        self
    }
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// An item of a list, and where it stands.
#[Object(name_type)]
impl<T: OutputType> Edge<T> {
    /// Where the item stands, for `after` and `before`.
    async fn cursor(&self) -> String {
        self.cursors.seal(&self.position)
    }
    /// The item.
    async fn node(&self) -> Listed<'_, T> {
        Listed::new(&self.node, self.plainly)
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

/// A page of a list.
#[Object(name_type)]
impl<T: OutputType> Connection<T> {
    /// The items with their cursors.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }
    /// The items alone.
    async fn nodes(&self) -> Vec<Listed<'_, T>> {
        self.edges.iter().map(|edge| Listed::new(&edge.node, edge.plainly)).collect()
    }
    /// Where the page lies in its list.
    async fn page_info(&self) -> PageInfo {
        let cursor = |edge: &Edge<T>| edge.cursors.seal(&edge.position);
        PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.edges.first().map(cursor),
            end_cursor: self.edges.last().map(cursor),
        }
    }
    /// How many items the whole list holds for you. Counted only if asked for.
    async fn total_count(&self) -> async_graphql::Result<i32> {
        let count = (self.count)().await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn list(name: &str, filter: &str) -> ListCursors {
        Cursors::new([7; 32]).of_list(name, &filter)
    }

    fn position(key: i64, id: u128) -> Position {
        Position { key: projections::page::Key::Number(key), id: Uuid::from_u128(id) }
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_in_its_own_list_only(key in any::<i64>(), id in any::<u128>(), other in "[a-z]{1,6}") {
            let position = position(key, id);
            let cursor = list("threads", "").seal(&position);
            prop_assert_eq!(list("threads", "").open(&cursor), Some(position));
            prop_assert_eq!(list("threads", &other).open(&cursor), None);
            prop_assert_eq!(list(&other, "").open(&cursor), None);
        }

        #[test]
        fn a_changed_cursor_is_refused(key in any::<i64>(), byte in 0usize..200, bit in 0u8..8) {
            let cursors = list("threads", "");
            let mut bytes = URL_SAFE_NO_PAD.decode(cursors.seal(&position(key, 1))).unwrap();
            let byte = byte % bytes.len();
            bytes[byte] ^= 1 << bit;
            prop_assert_eq!(cursors.open(&URL_SAFE_NO_PAD.encode(bytes)), None);
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in "\\PC{0,80}") {
            prop_assert_eq!(list("threads", "").open(&text), None);
        }

        #[test]
        fn the_arguments_say_which_page(number in 1i32..=100, backward in any::<bool>()) {
            let cursors = list("threads", "");
            let cursor = cursors.seal(&position(4, 2));
            let (first, last) = if backward { (None, Some(number)) } else { (Some(number), None) };
            let page = cursors.page(first, Some(&cursor), last, None).unwrap();
            prop_assert_eq!(page, Page { limit: number.unsigned_abs(), backward, after: Some(position(4, 2)), before: None });
        }
    }

    #[test]
    fn the_arguments_are_checked() {
        let cursors = list("threads", "");
        let refused = |first, last, after: Option<&str>| {
            let error = cursors.page(first, after, last, None).unwrap_err();
            assert_eq!(error.extensions.unwrap().get("code"), Some(&async_graphql::Value::from("INVALID_PAGE")));
        };
        for (first, last) in
            [(None, None), (Some(1), Some(1)), (Some(0), None), (Some(101), None), (None, Some(-1)), (Some(i32::MAX), None)]
        {
            refused(first, last, None);
        }
        refused(Some(1), None, Some("bogus"));
    }
}
