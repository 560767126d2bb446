//! What holds for texts whatever, broken ones above all: what the scans take for strings, comments and brackets, the parsers do too.

use super::generator::json;
use super::judge::{self, on_stack};
use crate::graphql::limits::{Limits, STACK, scan_json};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Of what the ends of strings and comments are mistaken for, and brackets to hide behind them.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        5 => prop::sample::select(&["\"", "\"\"", "\"\"\"", "\\\"\"\"", "\\\"", "\\\\", "\\", "\\u0022", "\\n"][..]),
        2 => prop::sample::select(&["#", "\n", "\r", "\r\n", "\u{feff}", " ", ","][..]),
        4 => prop::sample::select(&["[", "]", "{", "}", "(", ")", "{a", "a:", "[1", "a(b:", "@a(b:", "...{", "...on A{"][..]),
        2 => prop::sample::select(&["a", "1", "-1.5e3", "...", "$a", ":", "=", "!", "@", "é", "null", "&", "|", "query", "fragment a on b"][..]),
    ];
    let times = prop_oneof![14 => Just(1usize), 2 => 2..4usize, 1 => Just(60usize)];
    let pieces = vec((piece, times).prop_map(|(piece, times)| piece.repeat(times)), 0..8).prop_map(|pieces| pieces.concat());
    let around = prop::sample::select(AROUND);
    let mixed = (around, pieces).prop_map(|((before, after), pieces)| format!("{before}{pieces}{after}"));
    // Strings that are opened in one way and closed in another, and brackets after them that the scan must see as the parser does.
    let quotes = prop::sample::select(&["\"", "\"\"", "\"\"\"", "\\\"\"\"", "\\\""][..]);
    let content = prop::sample::select(&["", "a", " x", "é", "#", "\n", "\\\\"][..]);
    let strings = vec((quotes, content).prop_map(|(quotes, content)| format!("{quotes}{content}")), 0..4);
    let brackets = prop::sample::select(&[("[", "]"), ("{a:", "}")][..]);
    let times = prop_oneof![4 => 0..60usize, 1 => Just(3_000usize)];
    let hidden = (prop::sample::select(WHERE_VALUES_STAND), strings, brackets, times).prop_map(|(around, strings, brackets, times)| {
        let ((before, after), (open, close)) = (around, brackets);
        format!("{before}{}{}1{}{after}", strings.concat(), open.repeat(times), close.repeat(times))
    });
    prop_oneof![2 => mixed, 1 => hidden]
}

/// What stands before and after.
const AROUND: &[(&str, &str)] = &[
    ("", ""),
    ("{a(b:[", "])}"),
    ("{a(b:[", ""),
    ("{a(b:{c:", "})}"),
    ("query($a:A=", "){a}"),
    ("{a", "}"),
    ("{a #", "\n}"),
    ("query($a:[", "]){a}"),
];
const WHERE_VALUES_STAND: &[(&str, &str)] = &[("{a(b:[", "])}"), ("{a(b:{c:[", "]})}"), ("{a@b(c:[", "])}"), ("query($a:A=[", "]){a}")];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Were a bracket hidden from the scan, the parser would call itself for it until the stack ends.
    #[test]
    fn what_the_scan_lets_through_the_parser_reads_as_the_scan_did(text in texts()) {
        let verdict = on_stack(STACK / 8, move || judge::read(&text).map(|_| ()));
        prop_assert!(verdict.is_ok(), "{}", verdict.unwrap_err());
    }

    #[test]
    fn nothing_that_is_sent_makes_the_scans_panic(text in "\\PC{0,40}", bytes in vec(any::<u8>(), 0..60)) {
        prop_assert!(judge::read(&text).is_ok());
        let _ = judge::read(&String::from_utf8_lossy(&bytes));
        let _ = scan_json(&bytes, &Limits::default());
    }

    #[test]
    fn the_values_of_json_are_counted_as_they_are(value in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        counted_rightly(&text.unwrap())?;
    }

    /// Also of what is repeated, and of what is JSON only by chance.
    #[test]
    fn what_is_json_is_counted_as_the_reader_counts_it(
        pieces in vec(prop::sample::select(&["[", "]", "{", "}", ",", ":", "\"a\":", "1", " ", "\n", "\"\"", "\"[,\"", "\"\\\"\"", "\"\\\\\"", "{}", "[ ]", "null", "\\", "\""][..]), 1..8),
        within in any::<bool>(),
    ) {
        let text = pieces.concat();
        counted_rightly(&if within { format!("{{\"a\":[{text}],\"a\":0}}") } else { text })?;
    }
}

/// With as many values as are taken a text is let through, and with one more it is not.
fn counted_rightly(text: &str) -> Result<(), TestCaseError> {
    // Those that every request has are beside what is set.
    let text = format!("[{}{text}]", "0,".repeat(20));
    let Ok(Counted(values)) = serde_json::from_str(&text) else {
        let _ = scan_json(text.as_bytes(), &Limits::default());
        return Ok(());
    };
    let most = |most: u64| Limits { values: most - 20, variables: 0, ..Limits::default() };
    prop_assert!(scan_json(text.as_bytes(), &most(values)).is_ok(), "{} in {}", values, text);
    prop_assert!(scan_json(text.as_bytes(), &most(values - 1)).is_err(), "{} in {}", values, text);
    Ok(())
}

/// How many values a JSON text has, those included that another of the same name takes the place of.
struct Counted(u64);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Counting).map(Self)
    }
}

struct Counting;

impl<'de> Visitor<'de> for Counting {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<u64, E> {
        Ok(1)
    }
    fn visit_i64<E>(self, _: i64) -> Result<u64, E> {
        Ok(1)
    }
    fn visit_u64<E>(self, _: u64) -> Result<u64, E> {
        Ok(1)
    }
    fn visit_f64<E>(self, _: f64) -> Result<u64, E> {
        Ok(1)
    }
    fn visit_str<E>(self, _: &str) -> Result<u64, E> {
        Ok(1)
    }
    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(1)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let mut sum = 1;
        while let Some(Counted(values)) = items.next_element()? {
            sum += values;
        }
        Ok(sum)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<u64, A::Error> {
        let mut sum = 1;
        while let Some((_, Counted(values))) = fields.next_entry::<String, Counted>()? {
            sum += values;
        }
        Ok(sum)
    }
}
