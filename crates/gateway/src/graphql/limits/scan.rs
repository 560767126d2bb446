//! The text of a document, read once before it is parsed.
//!
//! The parser recurses at every bracket, and has no limit of its own there. What this scan takes for a string or a comment must
//! therefore be one for the parser too, or brackets could hide from it. They could where a string is never closed: the parser goes
//! back and reads the opening `"""` of such a block as an empty string and the start of the next, and what follows as brackets. So an
//! unclosed string is refused here; every other token is the same to both.

use super::{Limits, Unfit, UnfitKind};
use async_graphql::Pos;

/// What a text holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Its tokens.
    pub tokens: u64,
    /// Its brackets within each other.
    pub nesting: u64,
}

/// Scans the text of a document before it is parsed. Looks at each byte once.
///
/// # Errors
/// The limit that it goes beyond, or the string that is never closed.
pub fn scan(document: &str, limits: &Limits) -> Result<Scanned, Unfit> {
    let most = limits.bytes as u64;
    if document.len() as u64 > most {
        return Err(Unfit::beyond(
            "bytes of GraphQL",
            document.len() as u64,
            most,
            "Send values as variables, and several smaller requests.",
        ));
    }
    let bytes = document.as_bytes();
    let (mut at, mut open, mut longest) = (0, 0u64, 0);
    let mut found = Scanned::default();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' | 0xEF | 0xBB | 0xBF => at += 1,
            b'#' => at += bytes[at..].iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(bytes.len() - at),
            b'"' => {
                found.tokens += 1;
                at = end_of_string(bytes, at).ok_or_else(|| unclosed(document, at))?;
            }
            b'{' | b'[' | b'(' => {
                found.tokens += 1;
                open += 1;
                found.nesting = found.nesting.max(open);
                at += 1;
            }
            b'}' | b']' | b')' => {
                found.tokens += 1;
                open = open.saturating_sub(1);
                at += 1;
            }
            _ if is_word(*byte) => {
                found.tokens += 1;
                let length = bytes[at..].iter().position(|b| !is_word(*b)).unwrap_or(bytes.len() - at);
                longest = longest.max(length as u64);
                at += length;
            }
            _ => {
                found.tokens += 1;
                at += 1;
            }
        }
    }
    for (what, found, most, remedy) in [
        ("tokens", found.tokens, limits.tokens, "Ask for less at once."),
        ("bytes in one name or number", longest, limits.name_bytes, "No name and no number of this API is so long."),
        ("brackets within each other", found.nesting, limits.nesting, "Ask for less at once."),
    ] {
        if found > most {
            return Err(Unfit::beyond(what, found, most, remedy));
        }
    }
    Ok(found)
}

/// Scans the JSON of a request before it is parsed, so that a body of many small values is not first made into a hundred times as many bytes.
/// It need not be valid: what is a value too few or too many in broken JSON, the parser refuses.
///
/// # Errors
/// The limit that it goes beyond.
pub fn scan_json(json: &[u8], limits: &Limits) -> Result<(), Unfit> {
    let (mut values, mut within) = (1u64, false);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match (within, byte) {
            (true, b'\\') => _ = bytes.next(),
            (_, b'"') => within = !within,
            (false, b',' | b'[' | b'{') => values += 1,
            (true | false, _) => {}
        }
    }
    // The request itself, and its parameters beside the variables.
    let most = limits.values.saturating_add(limits.variables).saturating_add(20);
    if values > most { Err(Unfit::beyond("values", values, most, "Send several requests.")) } else { Ok(()) }
}

/// Letters, digits and what numbers are made of: these run together into one token.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.')
}

/// Just after the string that opens here; none if it is never closed.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let block = bytes[start..].starts_with(b"\"\"\"");
    let mut at = start + if block { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        at += match (block, byte) {
            (true, b'\\') if bytes[at..].starts_with(b"\\\"\"\"") => 4,
            (true, b'"') if bytes[at..].starts_with(b"\"\"\"") => return Some(at + 3),
            (false, b'"') => return Some(at + 1),
            // A string ends with its line at the latest, escaped or not.
            (false, b'\n' | b'\r') => return None,
            (false, b'\\') if !matches!(bytes.get(at + 1), None | Some(b'\n' | b'\r')) => 2,
            (true | false, _) => 1,
        };
    }
    None
}

fn unclosed(document: &str, start: usize) -> Unfit {
    let before = &document[..start];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Unfit {
        kind: UnfitKind::Malformed,
        message: "A string is opened here and never closed. Close it with the quotation marks that it was opened with.".to_owned(),
        at: Some(Pos { line, column }),
    }
}
