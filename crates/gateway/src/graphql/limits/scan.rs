//! The text of a document, read once before it is parsed.
//!
//! The parser recurses at every bracket, and has no limit of its own there. What this scan takes for a string or a comment must
//! therefore be one for the parser too, or brackets could hide from it. They could where a string is never closed: the parser goes
//! back and reads the opening `"""` of such a block as an empty string and the start of the next, and what follows as brackets. So an
//! unclosed string is refused here; every other string, comment and bracket is the same to both. What is one word here may be several
//! to the parser (it reads `nullnull` as two values): that is held by the bytes of a word, and moves no bracket.

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
            b'.' if bytes[at..].starts_with(b"...") => {
                found.tokens += 1;
                at += 3;
            }
            _ if is_in_number(*byte) => {
                found.tokens += 1;
                let goes_on: fn(u8) -> bool = if is_in_name(*byte) && !byte.is_ascii_digit() { is_in_name } else { is_in_number };
                let length = bytes[at..].iter().position(|b| !goes_on(*b)).unwrap_or(bytes.len() - at);
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
    // Just after a bracket it is not known yet whether anything is in it.
    let (mut values, mut within, mut opened) = (1u64, false, false);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        if within {
            match byte {
                b'\\' => _ = bytes.next(),
                b'"' => within = false,
                _ => {}
            }
            continue;
        }
        if opened && !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            values += u64::from(!matches!(byte, b']' | b'}'));
            opened = false;
        }
        match byte {
            b'"' => within = true,
            b'[' | b'{' => opened = true,
            b',' => values += 1,
            _ => {}
        }
    }
    // The request itself, and its parameters beside the variables.
    let most = limits.values.saturating_add(limits.variables).saturating_add(20);
    if values > most { Err(Unfit::beyond("values", values, most, "Send several requests.")) } else { Ok(()) }
}

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What numbers are made of, and what must not follow upon one.
fn is_in_number(byte: u8) -> bool {
    is_in_name(byte) || matches!(byte, b'-' | b'+' | b'.')
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
