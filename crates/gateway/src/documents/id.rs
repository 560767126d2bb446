//! The identifier of a registered document.

use std::fmt;

/// The longest identifier that is taken, in bytes.
const LONGEST: usize = 256;
/// What the identifiers begin with that are computed from the document.
const SHA256: &str = "sha256:";
/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// A document identifier, by the syntax of the appendix: `sha256:` with the document's hash, `x-…:` with whatever an application makes of
/// it, or a word without a colon. A word that could be a SHA-256 is one: clients commonly leave the prefix out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(String);

/// Why a text is no document identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongId {
    /// Nothing, or too much.
    #[error("it must have 1 to {LONGEST} characters")]
    Length,
    /// A character that an identifier may not have.
    #[error("letters, digits, “-”, “.”, “_” and “~” may stand in it, and a colon after a prefix")]
    Character,
    /// `sha256:` with something else.
    #[error("“sha256:” must be followed by 64 hexadecimal digits in lower case: the SHA-256 of the document in UTF-8")]
    Hash,
    /// Another prefix.
    #[error("the prefixes “sha256:” and those that begin with “x-” are taken; all others are reserved")]
    Prefix,
}

impl DocumentId {
    /// Reads an identifier.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(text: &str) -> Result<Self, WrongId> {
        if text.is_empty() || text.len() > LONGEST {
            return Err(WrongId::Length);
        }
        let Some((prefix, payload)) = text.split_once(':') else {
            return match () {
                () if is_hash(text) => Ok(Self(format!("{SHA256}{text}"))),
                () if is_unreserved(text) => Ok(Self(text.to_owned())),
                () => Err(WrongId::Character),
            };
        };
        if prefix == "sha256" {
            return if is_hash(payload) { Ok(Self(text.to_owned())) } else { Err(WrongId::Hash) };
        }
        if !is_unreserved(prefix) || !payload.split(':').all(is_unreserved) {
            return Err(WrongId::Character);
        }
        if prefix.len() > 2 && prefix.starts_with("x-") { Ok(Self(text.to_owned())) } else { Err(WrongId::Prefix) }
    }

    /// The identifier that is computed from a document.
    pub fn of(document: &str) -> Self {
        use sha2::{Digest, Sha256};
        use std::fmt::Write as _;
        let digest = Sha256::digest(document.as_bytes());
        let text = digest.iter().fold(SHA256.to_owned(), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        });
        Self(text)
    }

    /// Whether it is computed from its document, so that it can be held against it.
    pub fn is_computed(&self) -> bool {
        self.0.starts_with(SHA256)
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// `unreserved` of RFC 3986, section 2.3.
fn is_unreserved(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The appendix's own examples.
    const SPACED: (&str, &str) = (
        "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}",
        "sha256:7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e",
    );
    const CLOSE: (&str, &str) =
        ("query($id:ID!){user(id:$id){name}}", "sha256:71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b");

    #[test]
    fn the_examples_of_the_appendix_hold() {
        for (document, id) in [SPACED, CLOSE] {
            assert_eq!(DocumentId::of(document).as_str(), id);
            assert_eq!(DocumentId::read(id).unwrap(), DocumentId::of(document));
            assert_eq!(DocumentId::read(id.trim_start_matches("sha256:")).unwrap(), DocumentId::of(document));
        }
    }

    #[test]
    fn the_syntax_is_the_appendixs() {
        let digits = "0".repeat(DIGITS);
        for (text, wrong) in [
            ("ThreadList", None),
            ("a.b-c_d~1", None),
            ("0123456789abcdef0123456789abcdef", None),
            ("x-app:thread-list", None),
            ("x-app:1.2:thread-list", None),
            (&format!("sha256:{digits}"), None),
            ("", Some(WrongId::Length)),
            (&"a".repeat(257), Some(WrongId::Length)),
            ("a b", Some(WrongId::Character)),
            ("ä", Some(WrongId::Character)),
            ("app/1.0/list", Some(WrongId::Character)),
            ("x-app:", Some(WrongId::Character)),
            (":a", Some(WrongId::Character)),
            ("x-app:a b", Some(WrongId::Character)),
            ("sha256:", Some(WrongId::Hash)),
            ("sha256:00ff", Some(WrongId::Hash)),
            (&format!("sha256:{}", "F".repeat(DIGITS)), Some(WrongId::Hash)),
            (&format!("sha256:{digits}0"), Some(WrongId::Hash)),
            ("md5:0123", Some(WrongId::Prefix)),
            ("x-:a", Some(WrongId::Prefix)),
            ("SHA256:00", Some(WrongId::Prefix)),
        ] {
            assert_eq!(DocumentId::read(text).err(), wrong, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_so(text in "\\PC{0,80}") {
            if let Ok(id) = DocumentId::read(&text) {
                let prefixed = format!("sha256:{text}");
                prop_assert!(id.as_str() == text || id.as_str() == prefixed);
                prop_assert_eq!(DocumentId::read(id.as_str()), Ok(id.clone()));
            }
        }
    }
}
