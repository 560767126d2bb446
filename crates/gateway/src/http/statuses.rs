//! Which HTTP status tells what of a GraphQL request.
//!
//! The drafts of GraphQL over HTTP up to 2025 knew two: 400 for whatever is wrong with a request, 200 for whatever was executed.
//! That is what most clients have been written for, and what the audits of `graphql-http` demand. The first published edition
//! (<https://http-spec.graphql.org/September2026/>) tells more apart, in its sections “Body” and “Status Codes”. Which one the hub goes
//! by is a setting.

use super::negotiation::Media;
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// Whose statuses the hub answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statuses {
    /// Those of the drafts: 400 and 200.
    #[default]
    Classic,
    /// Those of the edition of September 2026: 422 for what can be read but not carried out, 294 for data with errors.
    September2026,
}

/// What is wrong with a request that is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Its body is no JSON.
    Unreadable,
    /// It is JSON, or the query of a GET, but no GraphQL request: a parameter is missing or of another type.
    Malformed,
    /// Its document does not parse.
    Unparseable,
    /// Its document does not hold against the schema or goes beyond a limit, which of its operations shall run is not clear, or its
    /// variables do not fit.
    Invalid,
    /// It names a registered document that is not there.
    Unregistered,
    /// Its document is none that the hub takes.
    Unwelcome,
}

impl Wrong {
    /// The status in `application/graphql-response+json`.
    pub fn status(self, statuses: Statuses) -> StatusCode {
        match (self, statuses) {
            (Self::Unreadable | Self::Unparseable, _) | (Self::Malformed | Self::Invalid, Statuses::Classic) => StatusCode::BAD_REQUEST,
            (Self::Malformed | Self::Invalid, Statuses::September2026) => StatusCode::UNPROCESSABLE_ENTITY,
            // Neither edition says which of the 4xx: these are what they are anywhere else.
            (Self::Unregistered, _) => StatusCode::NOT_FOUND,
            (Self::Unwelcome, _) => StatusCode::FORBIDDEN,
        }
    }
}

impl Statuses {
    /// The status and the media type of an answer without data.
    pub fn of_refusal(self, wrong: Wrong, media: Media) -> (StatusCode, Media) {
        match (self, media) {
            // The request was well-formed, and that is all that a status tells in application/json.
            (Self::Classic, Media::Json) if wrong.is_of_the_document() => (StatusCode::OK, Media::Json),
            _ => (wrong.status(self), self.media_of_failure(media)),
        }
    }

    /// The media type of an answer with a status of 4xx or 5xx. In `application/json` it could come from anyone on the way; the
    /// edition says that it is GraphQL's own then, whether the client named that or not.
    pub fn media_of_failure(self, media: Media) -> Media {
        match self {
            Self::Classic => media,
            Self::September2026 => Media::GraphqlResponse,
        }
    }

    /// The status of an answer with data, by whether there are errors beside it.
    ///
    /// # Panics
    /// Never: the number is a status.
    pub fn of_execution(self, errors: bool, media: Media) -> StatusCode {
        match (self, media) {
            // The edition defines 294 itself and wants it only where the media type says whose status it is (section 6.1).
            (Self::September2026, Media::GraphqlResponse) if errors => StatusCode::from_u16(294).expect("294 is a status"),
            _ => StatusCode::OK,
        }
    }
}

impl Wrong {
    /// Whether the request is well-formed, so that what is wrong lies in what it asks.
    fn is_of_the_document(self) -> bool {
        match self {
            Self::Unparseable | Self::Invalid | Self::Unregistered | Self::Unwelcome => true,
            Self::Unreadable | Self::Malformed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Media::{GraphqlResponse, Json};
    use Statuses::{Classic, September2026};

    /// Line by line what the editions say; the names are their own headings.
    #[test]
    fn each_edition_is_followed() {
        for (name, wrong, [classic, classic_json, newer, newer_json]) in [
            ("JSON parsing failure", Wrong::Unreadable, [400, 400, 400, 400]),
            ("Invalid parameters", Wrong::Malformed, [400, 400, 422, 422]),
            ("Document parsing failure", Wrong::Unparseable, [400, 200, 400, 400]),
            ("Document validation failure", Wrong::Invalid, [400, 200, 422, 422]),
            ("Persisted document not found", Wrong::Unregistered, [404, 200, 404, 404]),
            ("Client not permitted to issue the request", Wrong::Unwelcome, [403, 200, 403, 403]),
        ] {
            for (statuses, media, status, answered) in [
                (Classic, GraphqlResponse, classic, GraphqlResponse),
                (Classic, Json, classic_json, Json),
                (September2026, GraphqlResponse, newer, GraphqlResponse),
                (September2026, Json, newer_json, GraphqlResponse),
            ] {
                let found = statuses.of_refusal(wrong, media);
                assert_eq!((found.0.as_u16(), found.1), (status, answered), "{name}, {statuses:?}, {media:?}");
            }
        }
        for (errors, statuses, media, status) in [
            (false, Classic, GraphqlResponse, 200),
            (false, September2026, GraphqlResponse, 200),
            (true, Classic, GraphqlResponse, 200),
            (true, Classic, Json, 200),
            (true, September2026, GraphqlResponse, 294),
            (true, September2026, Json, 200),
        ] {
            assert_eq!(statuses.of_execution(errors, media).as_u16(), status, "{statuses:?}, {media:?}, errors: {errors}");
        }
    }
}
