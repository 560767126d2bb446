//! What people send with a form: read once, checked for its token, kept for showing again.

use crate::Web;
use crate::outcome::{Outcome, UserError};
use crate::problem::Problem;
use crate::visit::Visit;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Limited};
use url::form_urlencoded;
use uuid::Uuid;

/// The largest form that is read, in bytes: a long post and its fields.
const LARGEST: usize = 512 * 1024;

/// A form that one of our own pages sent, by someone who is signed in.
pub(crate) struct Posted {
    pub(crate) visit: Visit,
    pub(crate) fields: Fields,
}

/// The fields of a form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// What was typed in a field; nothing if it was left out. Line ends are as the hub writes them.
    pub(crate) fn text(&self, name: &str) -> String {
        self.0.iter().find(|(field, _)| field == name).map_or_else(String::new, |(_, value)| value.replace("\r\n", "\n"))
    }

    /// The same, if it is not blank.
    pub(crate) fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.trim().is_empty())
    }

    /// The id that the form's command has.
    pub(crate) fn command_id(&self) -> Result<Uuid, Problem> {
        self.text("command_id").parse().map_err(|_| Problem::FormExpired { typed: None }.keeping(&self.text("body")))
    }

    /// Whether the button “Preview” was pressed.
    pub(crate) fn wants_preview(&self) -> bool {
        self.text("do") == "preview"
    }
}

impl FromRequest<Web> for Posted {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Problem> {
        let visit = Visit::of(web, request.extensions(), request.uri(), request.headers());
        let urlencoded = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
            kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
        });
        if !urlencoded {
            return Err(Problem::Bad("This address takes the hub's own forms only. Programs use the GraphQL API.".to_owned()));
        }
        let bytes = Limited::new(request.into_body(), LARGEST)
            .collect()
            .await
            .map_err(|_| Problem::Bad(format!("That was too long: a form may have at most {} kB.", LARGEST / 1024)))?
            .to_bytes();
        let fields = Fields::parse(&bytes);
        if visit.holds(&fields.text("form_token")) {
            Ok(Self { visit, fields })
        } else {
            Err(Problem::FormExpired { typed: None }.keeping(&fields.text("body")))
        }
    }
}

/// Something to correct, beside its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// The id of the field.
    pub(crate) field: Option<String>,
    pub(crate) message: String,
}

impl FieldError {
    pub(crate) fn at(field: &str, message: &str) -> Self {
        Self { field: Some(field.to_owned()), message: message.to_owned() }
    }
}

/// What is wrong with a field.
pub(crate) fn message<'e>(errors: &'e [FieldError], field: &str) -> Option<&'e str> {
    errors.iter().find(|error| error.field.as_deref() == Some(field)).map(|error| error.message.as_str())
}

/// What a command refused, laid beside the fields that the page has, and in the words of their labels; what concerns no field of it
/// stands alone. Fields are given as the schema calls them, with their labels.
pub(crate) fn field_errors(outcome: &Outcome, fields: &[(&str, &str)]) -> Vec<FieldError> {
    let place = |error: &UserError| {
        // The schema may name a field within a field: charter.purpose.
        let path = error.field.as_deref()?;
        fields.iter().find(|(field, _)| path == *field || path.rsplit('.').next() == Some(*field) || path.split('.').next() == Some(*field))
    };
    let said = |error: &UserError| {
        // Messages name the field as the schema does: “slug” is empty.
        place(error)
            .map_or_else(|| error.message.clone(), |(field, label)| error.message.replacen(&format!("“{field}”"), &format!("“{label}”"), 1))
    };
    outcome
        .user_errors
        .iter()
        .map(|error| FieldError { field: place(error).map(|(field, _)| (*field).to_owned()), message: said(error) })
        .collect()
}

/// Goes on only if the command was taken: for buttons, where there is no form to correct.
pub(crate) fn taken(outcome: Outcome) -> Result<Outcome, Problem> {
    let Some(error) = outcome.user_errors.first() else { return Ok(outcome) };
    Err(match error.kind.as_str() {
        "NotFound" => Problem::NotFound,
        "NotAllowed" => Problem::NotAllowed(error.message.clone()),
        _ => Problem::Bad(error.message.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_with_the_line_ends_made_one() {
        let fields = Fields::parse(b"body=a%0D%0Ab+c&title=%C3%A9&do=preview");
        assert_eq!(fields.text("body"), "a\nb c");
        assert_eq!(fields.text("title"), "é");
        assert_eq!(fields.text("nothing"), "");
        assert!(fields.wants_preview());
    }

    #[test]
    fn refusals_are_laid_beside_their_fields() {
        let refusal = |field: Option<&str>| UserError {
            kind: "InvalidInput".into(),
            code: "x".into(),
            message: "“title” is empty.".into(),
            field: field.map(str::to_owned),
        };
        let outcome = Outcome {
            user_errors: vec![refusal(Some("title")), refusal(Some("charter.purpose")), refusal(Some("unknown")), refusal(None)],
            thread: None,
            post: None,
            community: None,
            secret: None,
        };
        let errors = field_errors(&outcome, &[("title", "Heading"), ("purpose", "Purpose")]);
        assert_eq!(errors[0].message, "“Heading” is empty.");
        let places: Vec<_> = errors.into_iter().map(|error| error.field).collect();
        assert_eq!(places, [Some("title".to_owned()), Some("purpose".to_owned()), None, None]);
    }
}
