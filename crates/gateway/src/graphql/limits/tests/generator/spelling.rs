//! Tokens, and a text of them.

use std::fmt::Write as _;

/// What may stand before a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// Anything.
    Free,
    /// White space, and some of it: the library wants that before the type of a condition.
    Space,
    /// Nothing: the library takes a type for one token.
    Nothing,
}

/// What tokens are written to.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    all: Vec<(Gap, String)>,
}

impl Tokens {
    /// A name, a number, a string, or a mark of punctuation.
    pub(super) fn put(&mut self, token: impl Into<String>) {
        self.all.push((Gap::Free, token.into()));
    }

    pub(super) fn put_all<const N: usize>(&mut self, tokens: [&str; N]) {
        for token in tokens {
            self.put(token);
        }
    }

    /// `on`, and the name of a type.
    pub(super) fn put_condition(&mut self, name: &str) {
        self.put("on");
        self.all.push((Gap::Space, name.to_owned()));
    }

    /// A type, such as `[ID!]!`.
    pub(super) fn put_type(&mut self, of: &str) {
        let mut rest = of;
        while !rest.is_empty() {
            let length = rest.find(['[', ']', '!']).map_or(rest.len(), |at| at.max(1));
            let gap = if rest.len() == of.len() { Gap::Free } else { Gap::Nothing };
            self.all.push((gap, rest[..length].to_owned()));
            rest = &rest[length..];
        }
    }

    /// A string that stands for this text, in one of the ways to write it.
    pub(super) fn put_text(&mut self, text: &str, way: u16) {
        let mut written = "\"".to_owned();
        for (place, letter) in text.chars().enumerate() {
            match letter {
                '"' => written.push_str("\\\""),
                '\\' => written.push_str("\\\\"),
                '\n' => written.push_str("\\n"),
                '\r' => written.push_str("\\r"),
                '\t' if way.is_multiple_of(2) => written.push_str("\\t"),
                '/' if way.is_multiple_of(2) => written.push_str("\\/"),
                _ if u32::from(letter) < 0xD800 && (usize::from(way) + place).is_multiple_of(7) => {
                    write!(written, "\\u{:04x}", u32::from(letter)).expect("a string takes it");
                }
                _ => written.push(letter),
            }
        }
        self.put(written + "\"");
    }

    /// A block string.
    pub(super) fn put_block(&mut self, text: &str) {
        // What it ends with must not run together with the marks that close it.
        self.put(format!("\"\"\"{} \"\"\"", text.replace("\"\"\"", "\\\"\"\"")));
    }

    pub(super) fn append(&mut self, mut others: Self) {
        self.all.append(&mut others.all);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        self.all.len() as u64
    }

    /// Brackets within each other.
    pub(super) fn nesting(&self) -> u64 {
        let (mut open, mut deepest) = (0, 0);
        for (_, token) in &self.all {
            match token.as_str() {
                "{" | "[" | "(" => open += 1,
                "}" | "]" | ")" => open -= 1,
                _ => {}
            }
            deepest = deepest.max(open);
        }
        deepest
    }

    /// The text, with what stands between its tokens.
    pub(super) fn text(&self, between: &[u8]) -> String {
        let mut text = String::new();
        let mut before = "";
        for (place, (gap, token)) in self.all.iter().enumerate() {
            let choice = usize::from(between[place % between.len()]);
            match gap {
                Gap::Free => text.push_str(BETWEEN[choice % BETWEEN.len()]),
                Gap::Space => text.push_str(SPACES[choice % SPACES.len()]),
                Gap::Nothing => {}
            }
            if *gap == Gap::Free && BETWEEN[choice % BETWEEN.len()].is_empty() && run_together(before, token) {
                text.push(' ');
            }
            text.push_str(token);
            before = token;
        }
        text
    }
}

/// Whether two tokens would be read as others if nothing stood between them.
fn run_together(before: &str, after: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let (words, strings) = (before.ends_with(is_word) && after.starts_with(is_word), before.ends_with('"') && after.starts_with('"'));
    words || strings
}

const BETWEEN: &[&str] =
    &["", " ", "", "\n", ",", "\t", "\r\n", "\u{feff}", "# { [ ( \" \"\"\" \\\n", " ,\r", "#\r", "#é \u{10ffff}\r\n ", ",,", "#\n#\n"];
const SPACES: &[&str] = &[" ", "\n", "\t ", ", ", "\r\n", "\u{feff}"];
