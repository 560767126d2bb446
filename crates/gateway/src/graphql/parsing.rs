//! The parser, and what it has against a document, in words.

use crate::api::coded;
use crate::http::statuses::Wrong;
use async_graphql::ServerError;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::parser::{Error, parse_query};

/// Why a document was not parsed.
#[derive(Clone, Debug)]
pub(crate) struct Unparsed {
    /// What is wrong with it.
    pub(crate) wrong: Wrong,
    /// The error, as answers carry it.
    pub(crate) error: ServerError,
}

/// Parses a document that was scanned before.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn parse(text: &str) -> Result<ExecutableDocument, Box<Unparsed>> {
    parse_query(text).map_err(|error| {
        // What the parser refuses besides what does not follow the grammar, the specification calls validation.
        let (wrong, code, message) = match &error {
            Error::Syntax { message, start, .. } => {
                let message =
                    format!("The document does not parse: {} at line {}, column {}.", expected(message), start.line, start.column);
                (Wrong::Unparseable, "GRAPHQL_PARSE_FAILED", message)
            }
            Error::MultipleOperations { .. } => {
                (Wrong::Invalid, INVALID, "The document has an operation without a name beside others. Give each a name.".to_owned())
            }
            Error::OperationDuplicated { operation, .. } => {
                (Wrong::Invalid, INVALID, format!("The document has two operations “{operation}”. Give each a name of its own."))
            }
            Error::FragmentDuplicated { fragment, .. } => {
                (Wrong::Invalid, INVALID, format!("The document has two fragments “{fragment}”. Give each a name of its own."))
            }
            Error::MissingOperation => {
                (Wrong::Invalid, INVALID, "The document has no operation. Send a query, a mutation or a subscription.".to_owned())
            }
            Error::RecursionLimitExceeded => {
                (Wrong::Invalid, "TOO_COMPLEX", "The document has too many levels within each other. Ask for less at once.".to_owned())
            }
            // Of documents that define schemas, and whatever the library may come to know.
            other => (Wrong::Invalid, INVALID, format!("The document is no request: {other}.")),
        };
        let mut said = coded(code, message);
        said.locations = error.positions().collect();
        Box::new(Unparsed { wrong, error: said })
    })
}

const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";

/// What the grammar wanted, out of the parser's drawing of the place.
fn expected(drawing: &str) -> String {
    drawing.rsplit_once("= ").map_or("it is no GraphQL", |(_, expected)| expected.trim_end()).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_is_said_in_a_sentence_with_its_place() {
        for (document, wrong, message) in [
            ("{", Wrong::Unparseable, "The document does not parse: expected selection at line 1, column 2."),
            ("{ a(b: ) }", Wrong::Unparseable, "The document does not parse: expected value at line 1, column 8."),
            ("", Wrong::Unparseable, "The document does not parse: expected executable definition at line 1, column 1."),
            ("fragment A on B { c }", Wrong::Invalid, "The document has no operation. Send a query, a mutation or a subscription."),
            ("{ a } query B { b }", Wrong::Invalid, "The document has an operation without a name beside others. Give each a name."),
            ("query A { a } query A { b }", Wrong::Invalid, "The document has two operations “A”. Give each a name of its own."),
            (
                "{ ...A } fragment A on B { c } fragment A on B { c }",
                Wrong::Invalid,
                "The document has two fragments “A”. Give each a name of its own.",
            ),
        ] {
            let unparsed = parse(document).unwrap_err();
            assert_eq!((unparsed.wrong, unparsed.error.message.as_str()), (wrong, message), "{document}");
        }
        let deep = format!("{}a{}", "{a".repeat(70), "}".repeat(70));
        assert!(parse(&deep).unwrap_err().error.message.contains("too many levels"));
        assert_eq!(parse("query {").unwrap_err().error.locations.len(), 1);
    }

    proptest! {
        #[test]
        fn whatever_does_not_parse_is_said_in_one_line(text in "[\\PC\n]{0,60}") {
            if let Err(unparsed) = parse(&text) {
                prop_assert!(!unparsed.error.message.contains('\n'), "{}", unparsed.error.message);
            }
        }
    }
}
