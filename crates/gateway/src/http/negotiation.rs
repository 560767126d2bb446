//! Which media type a client sends, and which it wants back (RFC 9110; GraphQL over HTTP).

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};

/// The media type of a GraphQL answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/graphql-response+json`: the status code tells how it went.
    GraphqlResponse,
    /// `application/json`: whatever the document asks for is answered with 200, errors included.
    Json,
    /// `text/event-stream`: graphql-sse, distinct connections.
    EventStream,
}

impl Media {
    /// The `Content-Type` header's value.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::EventStream => "text/event-stream; charset=utf-8",
        }
    }
}

/// How well a range of an `Accept` header fits, the more exact the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Anything,
    Type,
    Exact,
}

fn fit(range: &str, kind: &str, subtype: &str) -> Option<Fit> {
    let (range_kind, range_subtype) = range.split_once('/')?;
    match (range_kind, range_subtype) {
        ("*", "*") => Some(Fit::Anything),
        (k, "*") if k.eq_ignore_ascii_case(kind) => Some(Fit::Type),
        (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => Some(Fit::Exact),
        _ => None,
    }
}

/// The media type to answer with; none if the client takes none that we have. `streams` says whether a stream of events may
/// be given. A client that says nothing, or takes anything, gets `application/json`, as clients of old expect.
pub fn accepted(headers: &HeaderMap, streams: bool) -> Option<Media> {
    let mut ranges: Vec<(&str, f32, bool)> = Vec::new();
    for value in headers.get_all(ACCEPT) {
        // What is not text names no media type.
        let Ok(value) = value.to_str() else { continue };
        for part in value.split(',') {
            let mut pieces = part.split(';').map(str::trim);
            let range = pieces.next().unwrap_or_default();
            let (mut quality, mut other_charset) = (1.0, false);
            for piece in pieces {
                let Some((name, value)) = piece.split_once('=') else { continue };
                let value = value.trim().trim_matches('"');
                if name.trim().eq_ignore_ascii_case("q") {
                    quality = value.parse().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0);
                } else if name.trim().eq_ignore_ascii_case("charset") {
                    other_charset = !value.eq_ignore_ascii_case("utf-8") && !value.eq_ignore_ascii_case("utf8");
                }
            }
            if !range.is_empty() {
                ranges.push((range, quality, other_charset));
            }
        }
    }
    if ranges.is_empty() {
        return Some(Media::Json);
    }
    let offers = [
        (Media::GraphqlResponse, "application", "graphql-response+json"),
        (Media::Json, "application", "json"),
        (Media::EventStream, "text", "event-stream"),
    ];
    let mut best: Option<(f32, Fit, Media)> = None;
    for (media, kind, subtype) in offers {
        // Of the ranges that fit, the most exact one decides.
        let Some((fit, quality)) = ranges
            .iter()
            .filter(|(_, _, other_charset)| !other_charset)
            .filter_map(|(range, quality, _)| fit(range, kind, subtype).map(|fit| (fit, *quality)))
            .max_by(|a, b| a.0.cmp(&b.0))
        else {
            continue;
        };
        // A stream is given only to who asks for it by name.
        if quality <= 0.0 || (media == Media::EventStream && (!streams || fit != Fit::Exact)) {
            continue;
        }
        let better = match best {
            None => true,
            Some((best_quality, best_fit, best_media)) => {
                quality > best_quality
                    || (quality >= best_quality
                        && (fit > best_fit || (fit == best_fit && fit != Fit::Exact && best_media == Media::GraphqlResponse)))
            }
        };
        if better {
            best = Some((quality, fit, media));
        }
    }
    best.map(|(_, _, media)| media)
}

/// Whether a body is JSON in UTF-8, by its `Content-Type`.
pub fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut pieces = value.split(';').map(str::trim);
    pieces.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
        && pieces.all(|piece| match piece.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                let value = value.trim().trim_matches('"');
                value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")
            }
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn accept(value: &str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(value).unwrap());
        accepted(&headers, true)
    }

    #[test]
    fn the_best_of_what_is_taken_is_given() {
        use Media::{EventStream, GraphqlResponse, Json};
        for (value, media) in [
            ("application/graphql-response+json", Some(GraphqlResponse)),
            ("application/json", Some(Json)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("application/graphql-response+json, application/json;q=0.9", Some(GraphqlResponse)),
            ("application/json, application/graphql-response+json", Some(GraphqlResponse)),
            ("application/json, application/graphql-response+json;q=0.5", Some(Json)),
            ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", Some(GraphqlResponse)),
            ("application/json; charset=iso-8859-1", None),
            ("text/html, */*;q=0.1", Some(Json)),
            ("application/json;q=0, */*", Some(GraphqlResponse)),
            ("*/*;q=0", None),
            ("text/event-stream", Some(EventStream)),
            ("text/event-stream, application/json", Some(Json)),
            ("text/*", None),
            ("text/html", None),
            ("image/png", None),
            ("APPLICATION/JSON", Some(Json)),
            ("application/json;q=2", None),
            ("nonsense", None),
        ] {
            assert_eq!(accept(value), media, "{value}");
        }
        assert_eq!(accepted(&HeaderMap::new(), false), Some(Json));
    }

    #[test]
    fn bodies_are_json_in_utf_8_and_nothing_else() {
        let is = |value: &'static str| is_json(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]));
        for value in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\"", "application/json; x=y"]
        {
            assert!(is(value), "{value}");
        }
        for value in [
            "text/plain",
            "application/json; charset=utf-16",
            "application/graphql",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "",
        ] {
            assert!(!is(value), "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(value in "[ -~]{0,80}") {
            let _ = accept(&value);
        }
    }
}
