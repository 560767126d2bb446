//! Where to go after signing in: a place on the hub itself, never elsewhere (an open redirect would lend our name).

use std::sync::LazyLock;
use url::Url;

/// The longest path that is carried through a sign-in.
const LONGEST: usize = 2000;
/// Any origin will do to see whether a path leaves it.
static BASE: LazyLock<Url> = LazyLock::new(|| Url::parse("https://hub.invalid/").expect("a constant address"));

/// A path on the hub, with query and fragment: `/threads/…?after=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The home page.
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// The path, if it stays on this origin whatever browser reads it. That excludes `//host`, backslashes (which browsers
    /// read as slashes) and control characters (which browsers drop).
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.len() <= LONGEST
            && text.starts_with('/')
            && !text.starts_with("//")
            && !text.contains('\\')
            && !text.chars().any(char::is_control);
        // Held against a URL parser as well: what it resolves to must be the origin it was resolved against.
        let stays = plain && BASE.join(text).is_ok_and(|url| url.origin() == BASE.origin() && !url.path().starts_with("//"));
        stays.then(|| Self(text.to_owned()))
    }

    /// The path if it is safe, else the home page: a bad address is no reason to keep someone from signing in.
    pub fn or_home(text: Option<&str>) -> Self {
        text.and_then(Self::parse).unwrap_or_else(Self::home)
    }

    /// The path as text, for a `Location` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_hub_is_kept() {
        for path in ["/", "/threads/1?after=abc#post-2", "/a//b", "/caf%C3%A9"] {
            assert_eq!(ReturnTo::parse(path).as_ref().map(ReturnTo::as_str), Some(path));
        }
    }

    #[test]
    fn what_leads_elsewhere_becomes_the_home_page() {
        let long = format!("/{}", "a".repeat(LONGEST));
        for path in [
            "",
            "threads",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "/a\r\nSet-Cookie: x=y",
            "/.//evil.example",
            "/a/..//evil.example",
            "/\u{0}",
            "@evil.example",
            &long,
        ] {
            assert_eq!(ReturnTo::or_home(Some(path)), ReturnTo::home(), "{path:?}");
        }
    }
}
