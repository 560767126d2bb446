//! From text to JSON documents: one, several one after the other, or one a line. A fault in one leaves the others readable.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A JSON document within the text.
pub(super) struct Document {
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    /// What it says.
    pub(super) value: Value,
}

/// Where JSON is broken.
pub(super) struct Fault {
    /// The line of it, from 1.
    pub(super) line: usize,
    /// What is wrong, for people.
    pub(super) message: String,
}

/// All documents of the text and all places where it is none. After such a place, reading goes on at the next line that
/// begins with a brace or bracket; elements of an array that stand before the fault are kept.
pub(super) fn split(text: &str) -> (Vec<Document>, Vec<Fault>) {
    let (mut documents, mut faults) = (Vec::new(), Vec::new());
    let (mut rest, mut line) = (text, 1);
    loop {
        let trimmed = rest.trim_start();
        line += newlines(&rest[..rest.len() - trimmed.len()]);
        rest = trimmed;
        if rest.is_empty() {
            break;
        }
        let mut kept = Vec::new();
        let mut stream = serde_json::Deserializer::from_str(rest);
        let outcome = Salvage(&mut kept).deserialize(&mut stream);
        // A deserializer does not tell where it stands, so the reader of streams is asked how long the document is.
        let length = outcome.as_ref().ok().and_then(|_| length_of_first(rest));
        match (outcome, length) {
            (Ok(value), Some(length)) => {
                documents.push(Document { line, value: value.unwrap_or(Value::Array(kept)) });
                line += newlines(&rest[..length]);
                rest = &rest[length..];
            }
            (outcome, _) => {
                let (inner_line, message) = match outcome {
                    Err(error) => (error.line().max(1), format!("not JSON from column {} on: {error}", error.column())),
                    Ok(_) => (1, "not JSON".to_owned()),
                };
                // An object's own lines are indented or it has only one, so a brace at the start of a line begins another.
                let next = next_start(rest, if rest.starts_with('[') { inner_line } else { 1 });
                let broken = if next.is_some_and(|next| newlines(&rest[..next]) < inner_line) { 1 } else { inner_line };
                if !kept.is_empty() {
                    documents.push(Document { line, value: Value::Array(kept) });
                }
                faults.push(Fault { line: line + broken - 1, message });
                let Some(next) = next else { break };
                line += newlines(&rest[..next]);
                rest = &rest[next..];
            }
        }
    }
    if documents.is_empty() && faults.is_empty() {
        faults.push(Fault { line: 1, message: "the file is empty".to_owned() });
    }
    (documents, faults)
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn length_of_first(text: &str) -> Option<usize> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<de::IgnoredAny>();
    stream.next()?.ok()?;
    Some(stream.byte_offset())
}

/// Where, after so many lines, a line begins with a document.
fn next_start(text: &str, after: usize) -> Option<usize> {
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if index >= after && line.starts_with(['{', '[']) {
            return Some(offset);
        }
        offset += line.len();
    }
    None
}

/// Reads a document; the elements of an array go to where they stay if the array turns out to be broken further down.
struct Salvage<'a>(&'a mut Vec<Value>);

impl<'de> DeserializeSeed<'de> for Salvage<'_> {
    /// None: it was an array.
    type Value = Option<Value>;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Salvage<'_> {
    type Value = Option<Value>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object or an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        while let Some(element) = elements.next_element()? {
            self.0.push(element);
        }
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, value)) = entries.next_entry()? {
            map.insert(name, value);
        }
        Ok(Some(Value::Object(map)))
    }
}
