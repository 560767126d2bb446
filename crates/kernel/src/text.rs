//! Text that people type: trimmed, bounded, without control characters.

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing was given.
    #[error("“{field}” is empty. Write something.")]
    Empty {
        /// The input field.
        field: &'static str,
    },
    /// More was given than is taken.
    #[error("“{field}” has {length} characters; at most {most} are taken. Shorten it.")]
    TooLong {
        /// The input field.
        field: &'static str,
        /// Its length in characters.
        length: usize,
        /// The most that is taken, in characters.
        most: usize,
    },
    /// It holds characters that cannot be shown.
    #[error("“{field}” holds the control character U+{character:04X}. Remove it.")]
    Control {
        /// The input field.
        field: &'static str,
        /// The character's code point.
        character: u32,
    },
    /// It is not of the form that is asked for.
    #[error("“{field}” must be {form}.")]
    Form {
        /// The input field.
        field: &'static str,
        /// The form, in words.
        form: &'static str,
    },
}

impl TextError {
    /// The input field that is wrong.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Empty { field } | Self::TooLong { field, .. } | Self::Control { field, .. } | Self::Form { field, .. } => field,
        }
    }
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "TEXT_EMPTY",
            Self::TooLong { .. } => "TEXT_TOO_LONG",
            Self::Control { .. } => "TEXT_CONTROL_CHARACTER",
            Self::Form { .. } => "TEXT_FORM",
        }
    }
}

/// The most characters of a one-line text such as a title or a name.
pub const LINE: usize = 200;
/// The most characters of a longer text such as a post: 65,536, as GitHub Discussions takes.
pub const BODY: usize = 65_536;

/// A line: trimmed, not empty, no line breaks, at most `most` characters.
///
/// # Errors
/// What is wrong with it.
pub fn line(field: &'static str, text: &str, most: usize) -> Result<String, TextError> {
    let text = text.trim();
    if let Some(character) = text.chars().find(|c| c.is_control() || turns_direction(*c)) {
        return Err(TextError::Control { field, character: character.into() });
    }
    bounded(field, text, most)
}

/// Whether a character overrides or embeds a direction of writing, by which a line can be made to read as another
/// (Unicode Technical Report 36, “Bidirectional text spoofing”). Scripts written from right to left need none of them.
fn turns_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A body of several lines: not blank, line ends made uniform, at most `most` characters.
///
/// # Errors
/// What is wrong with it.
pub fn body(field: &'static str, text: &str, most: usize) -> Result<String, TextError> {
    let text = text.replace("\r\n", "\n");
    if let Some(character) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(TextError::Control { field, character: character.into() });
    }
    bounded(field, text.trim_end(), most)
}

/// A body that may be left out: blank means none.
///
/// # Errors
/// What is wrong with it.
pub fn optional(field: &'static str, text: &str, most: usize) -> Result<String, TextError> {
    if text.trim().is_empty() { Ok(String::new()) } else { body(field, text, most) }
}

/// A slug: 2 to 60 of `a-z`, `0-9` and single hyphens within.
///
/// # Errors
/// What is wrong with it.
pub fn slug(field: &'static str, text: &str) -> Result<String, TextError> {
    let text = text.trim();
    let fine = (2..=60).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    if fine {
        Ok(text.to_owned())
    } else {
        Err(TextError::Form { field, form: "2 to 60 lower-case letters, digits and single hyphens, such as “secure-engineering”" })
    }
}

fn bounded(field: &'static str, text: &str, most: usize) -> Result<String, TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty { field });
    }
    let length = text.chars().count();
    if length > most {
        return Err(TextError::TooLong { field, length, most });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_trimmed_and_bounded() {
        assert_eq!(line("title", "  Hello ", 10).unwrap(), "Hello");
        assert_eq!(line("title", "   ", 10), Err(TextError::Empty { field: "title" }));
        assert!(matches!(line("title", "a\nb", 10), Err(TextError::Control { .. })));
        assert!(matches!(line("title", "12345678901", 10), Err(TextError::TooLong { length: 11, .. })));
    }

    #[test]
    fn a_line_cannot_be_made_to_read_as_another() {
        assert!(matches!(line("title", "a\u{202e}bc", 10), Err(TextError::Control { character: 0x202e, .. })));
        assert_eq!(line("title", "שלום", 10).unwrap(), "שלום");
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert_eq!(line("title", "ééééé", 5).unwrap(), "ééééé");
    }

    #[test]
    fn slugs_have_a_form() {
        assert!(slug("slug", "secure-by-design").is_ok());
        for bad in ["a", "A-b", "-ab", "ab-", "a--b", "a b", "ä-b"] {
            assert!(slug("slug", bad).is_err(), "{bad}");
        }
    }
}
