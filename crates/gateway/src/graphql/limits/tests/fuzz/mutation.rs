//! Chance, and what it does to a case.

use super::Case;
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// Bytes of a text at most: larger ones show nothing else, and take their time.
const LONGEST: usize = 12_000;

/// What documents and JSON are made of.
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ":",
    "!",
    "=",
    "@",
    "$",
    "...",
    "\"",
    "\"\"",
    "\"\"\"",
    "\\",
    "\\\"\"\"",
    "#",
    "\n",
    "\r",
    "\u{feff}",
    ",",
    " ",
    "query",
    "mutation",
    "subscription",
    "fragment",
    "on",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e3",
    "1.5",
    "9223372036854775808",
    "Query",
    "Thread",
    "Node",
    "ThreadConnection",
    "Nothing",
    "ID",
    "ID!",
    "[ID!]!",
    "Boolean",
    "Int",
    "ThreadFilter",
    "__typename",
    "__schema",
    "types",
    "fields",
    "nodes",
    "edges",
    "node",
    "threads",
    "first",
    "last",
    "ids",
    "if",
    "@skip(if: true)",
    "@include(if: $v0)",
    "$v0",
    "$v1",
    "a: ",
    "...F0",
    "...F1",
    "... on Query {",
    "{ id }",
    "(first: 100)",
    "(id: $v0)",
    "fragment F0 on Query { ...F1 }",
    "=[1]",
    "&",
    "|",
];

/// Numbers by chance, the same ones from the same seed.
pub(super) struct Chance(TestRng);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    /// A number below this one, which is not 0.
    pub(super) fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.0.next_u64() % most as u64).expect("it is below a usize")
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A small number mostly, seldom a large one.
    fn some(&mut self, most: usize) -> usize {
        let most = match self.below(20) {
            0 => 3_000,
            1..=4 => 60,
            _ => 5,
        }
        .min(most);
        self.below(most.max(1))
    }

    /// A case of the corpus with some changes.
    pub(super) fn mutant(&mut self, corpus: &[Case]) -> Case {
        let mut case = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.some(4) {
            let other = &corpus[self.below(corpus.len())];
            if self.one_in(5) {
                case.sent = self.changed(&case.sent, &other.sent);
            } else {
                case.text = self.changed(&case.text, &other.text);
            }
        }
        if self.one_in(8) {
            case.chosen = self.below(4);
        }
        case
    }

    /// A text with one change.
    fn changed(&mut self, text: &str, other: &str) -> String {
        let mut pieces = pieces(text);
        let (at, to) = self.range(&pieces);
        match self.below(14) {
            0 => _ = pieces.drain(at..to),
            1 => {
                let again = pieces[at..to].repeat(1 + self.some(20));
                pieces.splice(at..at, again);
            }
            2 => {
                let others = self::pieces(other);
                let (from, until) = self.range(&others);
                let end = if self.one_in(2) { at } else { to };
                pieces.splice(at..end, others[from..until].iter().copied());
            }
            3 => pieces.insert(at, WORDS[self.below(WORDS.len())]),
            4 => _ = pieces.splice(at..to.min(at + 1), [WORDS[self.below(WORDS.len())]]),
            5 if !pieces.is_empty() => {
                let (one, another) = (self.below(pieces.len()), self.below(pieces.len()));
                pieces.swap(one, another);
            }
            6 => {
                // One name in place of another, wherever that stands.
                if let (Some(old), Some(new)) = (pieces.get(at).copied(), pieces.get(self.below(pieces.len().max(1))).copied()) {
                    pieces.iter_mut().filter(|piece| **piece == old).for_each(|piece| *piece = new);
                }
            }
            7 => {
                let (open, close) = [("{", "}"), ("[", "]"), ("(", ")"), ("\"", "\""), ("\"\"\"", "\"\"\""), ("...{", "}")][self.below(6)];
                let times = 1 + self.some(70);
                pieces.splice(to..to, std::iter::repeat_n(close, times));
                pieces.splice(at..at, std::iter::repeat_n(open, times));
            }
            8 => {
                let others = self::pieces(other);
                pieces.truncate(at);
                pieces.extend_from_slice(&others[self.below(others.len() + 1)..]);
            }
            9 => pieces.truncate(at),
            10..=12 => {
                // A word in place of a word, so that it may still be a document.
                let words: Vec<usize> = (0..pieces.len()).filter(|place| pieces[*place].starts_with(is_word)).collect();
                let others: Vec<&str> =
                    self::pieces(other).into_iter().chain(WORDS.iter().copied()).filter(|piece| piece.starts_with(is_word)).collect();
                if !words.is_empty() {
                    pieces[words[self.below(words.len())]] = others[self.below(others.len())];
                }
            }
            _ => return self.changed_bytes(text),
        }
        let mut changed = pieces.concat();
        let end = changed.floor_char_boundary(LONGEST);
        changed.truncate(end);
        changed
    }

    /// Pieces beside each other: mostly one, or all from a bracket to where it is closed.
    fn range(&mut self, pieces: &[&str]) -> (usize, usize) {
        let at = self.below(pieces.len() + 1);
        if self.one_in(4) {
            return (at, (at + 1 + self.some(30)).min(pieces.len()).max(at));
        }
        let mut open = 0u32;
        for (place, piece) in pieces.iter().enumerate().skip(at) {
            match *piece {
                "{" | "[" | "(" => open += 1,
                "}" | "]" | ")" => open = open.saturating_sub(1),
                _ => {}
            }
            if open == 0 {
                return (at, place + 1);
            }
        }
        (at, pieces.len())
    }

    fn changed_bytes(&mut self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        let at = self.below(bytes.len() + 1);
        let byte = u8::try_from(self.below(256)).expect("it is below 256");
        match (self.below(3), bytes.get_mut(at)) {
            (0, Some(old)) => *old = byte,
            (1, Some(_)) => _ = bytes.remove(at),
            _ => bytes.insert(at, byte),
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// A text in pieces: words as a whole, everything else letter by letter.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if is_word(first) { rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (piece, after) = rest.split_at(length);
        pieces.push(piece);
        rest = after;
    }
    pieces
}
