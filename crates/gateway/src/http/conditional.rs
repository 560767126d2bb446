//! Answers that a client has already: entity tags, and what a request with `If-None-Match` is held against (RFC 9110, section 13).
//!
//! A GET is answered with an `ETag` if its answer depends on nothing but the log: on the position that the views are level at, on who
//! asks, on the document with its variables, and on this build of the hub. The same request with that tag is then answered with 304 as
//! long as the views are at that very position, which costs one look at their checkpoints.
//!
//! What someone may see is decided by grants, and grants are read from the views: they change with the log and with nothing else, so that
//! a tag which still fits says that they have not changed either. Whoever was suspended since is suspended by an event; a session or a
//! token that has ended is turned away before anything of this is looked at.
//!
//! Tags are weak, because an answer's extensions (what it cost, for one) are not part of what is compared. POST is never conditional: a
//! failed precondition of a POST is a 412 by the RFC, which would help nobody. A document too long for a GET is registered
//! ([`documents`](crate::documents)) and asked for by its identifier.

use super::negotiation::Media;
use crate::caller::Caller;
use async_graphql::Variables;
use hmac::{Hmac, Mac};
use http::header::IF_NONE_MATCH;
use http::{HeaderMap, HeaderValue};
use identity::Credential;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Bytes of a tag's code: enough that no two answers share one.
const CODE: usize = 16;
/// The most tags of one request that are looked at.
const MOST_TAGS: usize = 20;

/// Makes entity tags, with a key that clients do not have: a tag tells nothing and cannot be made up.
#[derive(Clone)]
pub(crate) struct Tags {
    mac: Hmac<Sha256>,
}

/// What a tag stands for, all but the position.
#[derive(Clone)]
pub(crate) struct Subject {
    mac: Hmac<Sha256>,
}

/// An entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// As `ETag` carries it.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("a tag is made of hexadecimal digits and quotes")
    }
}

impl Tags {
    /// Tags under this key, for a hub whose schema this is.
    pub(crate) fn new(key: &[u8; 32], schema: &str) -> Self {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
        // Another build may answer otherwise from the same log.
        part(&mut mac, env!("CARGO_PKG_VERSION").as_bytes());
        part(&mut mac, &Sha256::digest(schema.as_bytes()));
        Self { mac }
    }

    /// What this caller asks.
    pub(crate) fn subject(&self, caller: &Caller, media: Media, document: &str, operation: Option<&str>, variables: &Variables) -> Subject {
        let mut mac = self.mac.clone();
        part(&mut mac, media.content_type().as_bytes());
        match &caller.credential {
            None => part(&mut mac, b"stranger"),
            Some(credential) => {
                let kind: &[u8] = match credential {
                    Credential::Session(_) => b"session",
                    Credential::Token(_) => b"token",
                };
                part(&mut mac, kind);
                part(&mut mac, credential.person().uuid().as_bytes());
                part(&mut mac, &[u8::from(credential.may_write())]);
            }
        }
        part(&mut mac, document.as_bytes());
        part(&mut mac, operation.map(|name| format!("operation {name}")).unwrap_or_default().as_bytes());
        part(&mut mac, &serde_json::to_vec(variables).expect("variables came as JSON"));
        Subject { mac }
    }
}

/// Feeds one part, with its length, so that no two lists of parts are the same bytes.
fn part(mac: &mut Hmac<Sha256>, bytes: &[u8]) {
    mac.update(&(bytes.len() as u64).to_be_bytes());
    mac.update(bytes);
}

impl Subject {
    /// The tag of the answer that is read while the views are level at this position.
    pub(crate) fn at(&self, position: u64) -> EntityTag {
        let mut mac = self.mac.clone();
        mac.update(&position.to_be_bytes());
        let code = mac.finalize().into_bytes();
        let mut text = "W/\"".to_owned();
        for byte in &code[..CODE] {
            let _infallible = write!(text, "{byte:02x}");
        }
        text.push('"');
        EntityTag(text)
    }
}

/// A GET that may be answered with what its client has already.
#[derive(Clone, Debug)]
pub(crate) struct Revalidation {
    /// The media type of the answer.
    pub(crate) media: Media,
    known: Vec<String>,
}

impl Revalidation {
    /// Reads `If-None-Match`. `*` asks whether there is any answer at all, which only giving it could tell: it is passed over.
    pub(crate) fn of(headers: &HeaderMap, media: Media) -> Self {
        let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        // The hub's tags hold no commas; what a tag of someone else's is cut into fits none of them.
        let tags = values.flat_map(|value| value.split(',')).map(|tag| opaque(tag.trim()).to_owned());
        Self { media, known: tags.filter(|tag| tag.starts_with('"')).take(MOST_TAGS).collect() }
    }

    /// Whether the client has anything.
    pub(crate) fn has_any(&self) -> bool {
        !self.known.is_empty()
    }

    /// Whether the client has this answer, by the weak comparison.
    pub(crate) fn knows(&self, tag: &EntityTag) -> bool {
        self.known.iter().any(|known| known == opaque(&tag.0))
    }
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn tag(position: u64, document: &str, operation: Option<&str>, variables: serde_json::Value, media: Media) -> EntityTag {
        let tags = Tags::new(&[7; 32], "type Query { a: Int }");
        tags.subject(&Caller::stranger(), media, document, operation, &Variables::from_json(variables)).at(position)
    }

    #[test]
    fn a_tag_differs_by_everything_that_an_answer_depends_on() {
        let mut tags = vec![
            tag(1, "{ a }", None, json!({}), Media::Json),
            tag(2, "{ a }", None, json!({}), Media::Json),
            tag(1, "{ a }", None, json!({}), Media::GraphqlResponse),
            tag(1, "{ b }", None, json!({}), Media::Json),
            tag(1, "{ a }", Some("A"), json!({}), Media::Json),
            tag(1, "{ a }", Some(""), json!({}), Media::Json),
            tag(1, "{ a }", None, json!({ "a": 1 }), Media::Json),
            tag(1, "{ a }", None, json!({ "a": "1" }), Media::Json),
            Tags::new(&[8; 32], "type Query { a: Int }")
                .subject(&Caller::stranger(), Media::Json, "{ a }", None, &Variables::default())
                .at(1),
            Tags::new(&[7; 32], "type Query { b: Int }")
                .subject(&Caller::stranger(), Media::Json, "{ a }", None, &Variables::default())
                .at(1),
        ];
        let all = tags.len();
        assert_eq!(tags[0], tag(1, "{ a }", None, json!({}), Media::Json));
        tags.sort_by(|a, b| a.0.cmp(&b.0));
        tags.dedup();
        assert_eq!(tags.len(), all);
    }

    #[test]
    fn if_none_match_is_a_list_compared_weakly() {
        let own = tag(1, "{ a }", None, json!({}), Media::Json);
        let strong = own.0.trim_start_matches("W/").to_owned();
        for (value, knows) in [
            (own.0.clone(), true),
            (strong.clone(), true),
            (format!("\"a,b\", {} , W/\"c\"", own.0), true),
            ("*".to_owned(), false),
            (String::new(), false),
            (strong.trim_matches('"').to_owned(), false),
            (format!("w/{strong}"), false),
            ("\"other\"".to_owned(), false),
        ] {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(&value).unwrap())]);
            assert_eq!(Revalidation::of(&headers, Media::Json).knows(&own), knows, "{value}");
        }
        assert!(!Revalidation::of(&HeaderMap::new(), Media::Json).has_any());
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(value in "[ -~]{0,80}") {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(&value).unwrap())]);
            let _ = Revalidation::of(&headers, Media::Json).knows(&tag(1, "{ a }", None, json!({}), Media::Json));
        }
    }
}
