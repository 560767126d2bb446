//! A request to a page: who makes it, and what the page's frame needs to know.

use crate::Web;
use crate::execute::PageError;
use crate::outcome::{Command, Outcome};
use crate::problem::Problem;
use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Response};
use graphql_client::GraphQLQuery;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, StatusCode, Uri};
use kernel::Ids;
use std::convert::Infallible;
use std::sync::Arc;
use url::form_urlencoded;
use uuid::Uuid;

/// The header by which our script asks for a part of a page instead of the whole.
pub(crate) const FRAGMENT: HeaderName = HeaderName::from_static("x-hub-fragment");

/// A request under way.
pub(crate) struct Visit {
    pub(crate) web: Web,
    pub(crate) fragment: bool,
    caller: Extensions,
    form_token: Option<String>,
    path: String,
    referer: Option<String>,
}

/// Which entry of the main navigation a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Here {
    Home,
    Communities,
    Profile,
    SignIn,
    Elsewhere,
}

/// The reader, as the frame shows them.
pub(crate) struct Me {
    pub(crate) name: String,
    pub(crate) accent: &'static str,
}

/// What the frame around every page needs.
pub(crate) struct Chrome {
    pub(crate) here: Here,
    pub(crate) signed_in: bool,
    pub(crate) me: Option<Me>,
    pub(crate) form_token: String,
    pub(crate) path: String,
    ids: Arc<dyn Ids>,
}

/// The reader of a page, from its document's `viewer { person { ...Who } }`.
macro_rules! me {
    ($viewer:expr) => {
        $viewer.person.as_ref().map(|person| $crate::visit::Me {
            name: person.name.clone(),
            accent: person.organisation.as_ref().map_or("", |organisation| $crate::words::accent(&organisation.slug)),
        })
    };
}
pub(crate) use me;

impl Chrome {
    /// The sign-in page, and back here afterwards.
    pub(crate) fn sign_in(&self) -> String {
        if self.path == "/" {
            return "/sign-in".to_owned();
        }
        format!("/sign-in?{}", form_urlencoded::Serializer::new(String::new()).append_pair("return_to", &self.path).finish())
    }

    /// An id for the command that a form will send. It is drawn when the form is shown, so that sending the form twice does the thing once.
    pub(crate) fn command_id(&self) -> Uuid {
        self.ids.next()
    }
}

impl Visit {
    pub(crate) fn of(web: &Web, caller: &Extensions, uri: &Uri, headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            form_token: web.hub.form_token(caller),
            web: web.clone(),
            fragment: headers.contains_key(FRAGMENT),
            caller: caller.clone(),
            path: uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            referer: text(http::header::REFERER).map(str::to_owned),
        }
    }

    /// Whether somebody is signed in.
    pub(crate) fn is_signed_in(&self) -> bool {
        self.form_token.is_some()
    }

    /// Goes on only for those who are signed in.
    pub(crate) fn signed_in(&self) -> Result<(), Problem> {
        if self.is_signed_in() { Ok(()) } else { Err(Problem::SignedOut) }
    }

    /// Whether the form's token is the caller's.
    pub(crate) fn holds(&self, token: &str) -> bool {
        self.web.hub.check_form_token(&self.caller, token)
    }

    /// The frame for a page.
    pub(crate) fn chrome(&self, here: Here, me: Option<Me>) -> Chrome {
        Chrome {
            here,
            signed_in: self.is_signed_in(),
            me,
            form_token: self.form_token.clone().unwrap_or_default(),
            path: self.path.clone(),
            ids: Arc::clone(&self.web.ids),
        }
    }

    /// The page within a thread that a form was sent from, if it says so: to lead back there.
    pub(crate) fn came_from_thread(&self) -> Option<String> {
        let url = url::Url::parse(self.referer.as_deref()?).ok()?;
        let path = url.path();
        let plain = path.starts_with("/threads/") && !path.ends_with("/edit") && !path.ends_with("/reply");
        plain.then(|| url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
    }

    /// Ask a page's one document.
    pub(crate) async fn ask<Q: GraphQLQuery>(&self, variables: Q::Variables) -> Result<Q::ResponseData, Problem> {
        self.run::<Q>(variables).await.map_err(|error| Problem::from(error).when_looking())
    }

    /// Send a command.
    pub(crate) async fn send<C: Command>(&self, variables: C::Variables) -> Result<Outcome, Problem> {
        Ok(C::outcome(self.run::<C>(variables).await?))
    }

    async fn run<Q: GraphQLQuery>(&self, variables: Q::Variables) -> Result<Q::ResponseData, PageError> {
        let body = Q::build_query(variables);
        let variables = match serde_json::to_value(body.variables) {
            Ok(serde_json::Value::Null) => serde_json::json!({}),
            Ok(variables) => variables,
            Err(error) => return Err(PageError::Internal(format!("the variables of {}: {error}", body.operation_name))),
        };
        let data = self.web.hub.page_query(&self.caller, body.query, body.operation_name, variables).await?;
        serde_json::from_value(data).map_err(|error| PageError::Internal(format!("the answer to {}: {error}", body.operation_name)))
    }
}

impl FromRequestParts<Web> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Infallible> {
        Ok(Self::of(web, &parts.extensions, &parts.uri, &parts.headers))
    }
}

/// A page as an answer.
pub(crate) fn page(template: &impl Template) -> Result<Response, Problem> {
    page_with(StatusCode::OK, template)
}

/// A page with a status of its own: 422 for a form that must be corrected.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    match template.render() {
        Ok(html) => Ok((status, Html(html)).into_response()),
        Err(error) => {
            tracing::error!(%error, "a template could not be written");
            Err(Problem::Internal)
        }
    }
}
