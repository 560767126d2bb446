//! Personal data within events.
//!
//! Personal data stands only in the person's own stream. On its way into the log every [`Personal`] value is
//! sealed under that person's key; on its way out it is opened, or comes back as [`Personal::Erased`] if the
//! key was destroyed. The log itself, its hashes and its exports never hold the plain value.

use serde::{Deserialize, Serialize};

/// A value about a person, or what is left of it after the person was erased.
///
/// As JSON: `{"$personal": value}` or `{"$erased": true}`; in the log `{"$sealed": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Personal<T> {
    /// The value.
    #[serde(rename = "$personal")]
    Known(T),
    /// It was erased.
    #[serde(rename = "$erased")]
    Erased(bool),
}

impl<T> Personal<T> {
    /// The value, unless it was erased.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased(_) => None,
        }
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_json_is_what_the_log_seals() {
        let json = serde_json::to_string(&Personal::from("Ada")).unwrap();
        assert_eq!(json, r#"{"$personal":"Ada"}"#);
        let erased: Personal<String> = serde_json::from_str(r#"{"$erased":true}"#).unwrap();
        assert_eq!(erased.known(), None);
    }
}
