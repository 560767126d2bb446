//! Signing in and out: the addresses around identity's relying party.

use super::problem::{Problem, RETRY_SECONDS};
use crate::api::Api;
use crate::caller::Caller;
use crate::graphql::error::is_passing;
use axum::extract::{Form, Path, Query, State};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use http::header::{CACHE_CONTROL, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use identity::{Callback, Finished, ReturnTo, SignInError, Verified};
use kernel::{Actor, CommandId, PersonId, ProviderId};
use organisations::person::{Command, Identity};
use serde::Deserialize;
use services::{Failure, HubCommand, Request};
use uuid::Uuid;

/// The process of the hub in whose name people join.
const PROCESS: &str = "sign-in";

/// Why someone could not sign in.
#[derive(Debug, thiserror::Error)]
enum NotSignedIn {
    /// The sign-in with the provider failed.
    #[error(transparent)]
    Provider(#[from] SignInError),
    /// The person or the organisation is suspended.
    #[error("You cannot sign in at the moment: your access, or your organisation's, is suspended. Ask your organisation's administrator.")]
    Suspended,
    /// The hub refused the newcomer.
    #[error("The hub could not take you in: {0}")]
    Refused(String),
    /// The database or a service does not answer.
    #[error("The hub cannot sign anyone in at the moment. Try again in a few seconds.")]
    Unavailable,
    /// A fault of the hub.
    #[error("The hub made a mistake while signing you in. It has been recorded; try again later.")]
    Fault,
}

impl From<sqlx::Error> for NotSignedIn {
    fn from(error: sqlx::Error) -> Self {
        if is_passing(&error) {
            tracing::warn!(%error, "sign-in: the database does not answer");
            Self::Unavailable
        } else {
            tracing::error!(%error, "sign-in failed");
            Self::Fault
        }
    }
}

impl NotSignedIn {
    fn status(&self) -> StatusCode {
        match self {
            Self::Provider(SignInError::UnknownProvider) => StatusCode::NOT_FOUND,
            Self::Provider(SignInError::Unavailable(_) | SignInError::Fetch { .. }) | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Provider(_) => StatusCode::BAD_REQUEST,
            Self::Suspended | Self::Refused(_) => StatusCode::FORBIDDEN,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for NotSignedIn {
    fn into_response(self) -> Response {
        let status = self.status();
        tracing::info!(reason = %self, %status, "a sign-in failed");
        metrics::counter!("hub_sign_ins_total", "outcome" => "failed").increment(1);
        let page = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>You are not signed in</title><main><h1>You are not signed in</h1><p>{}</p>\
             <p><a href=\"/sign-in\">Try again</a> or <a href=\"/\">go to the home page</a>.</p></main></html>",
            escaped(&self.to_string())
        );
        let mut response = (status, [(CACHE_CONTROL, "no-store")], Html(page)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
        }
        response
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub struct Start {
    return_to: Option<String>,
}

/// Sends the browser to the provider.
pub async fn start(State(api): State<Api>, Path(provider): Path<Uuid>, Query(start): Query<Start>) -> Response {
    let return_to = ReturnTo::or_home(start.return_to.as_deref());
    match api.backend().identity.sign_in.start(ProviderId(provider), &return_to).await {
        Ok(started) => {
            let headers =
                AppendHeaders([(SET_COOKIE, started.browser_cookie.to_header()), (CACHE_CONTROL, HeaderValue::from_static("no-store"))]);
            (headers, Redirect::to(started.redirect_url.as_str())).into_response()
        }
        Err(error) => NotSignedIn::from(error).into_response(),
    }
}

/// Takes the provider's answer: finds the person or lets the newcomer join, and opens a session.
pub async fn finish(
    State(api): State<Api>,
    Path(provider): Path<Uuid>,
    Query(callback): Query<Callback>,
    headers: HeaderMap,
    caller: Caller,
) -> Response {
    match finished(&api, ProviderId(provider), &callback, &headers, &caller).await {
        Ok(response) => {
            metrics::counter!("hub_sign_ins_total", "outcome" => "done").increment(1);
            response
        }
        Err(error) => error.into_response(),
    }
}

async fn finished(
    api: &Api,
    provider: ProviderId,
    callback: &Callback,
    headers: &HeaderMap,
    caller: &Caller,
) -> Result<Response, NotSignedIn> {
    let identity = &api.backend().identity;
    let Finished { verified, return_to, forget_cookie } = identity.sign_in.finish(provider, callback, headers).await?;
    let person = arrived(api, &verified).await?;
    for subject in [person.uuid(), verified.organisation.uuid(), verified.provider.uuid()] {
        if identity.bars.is_barred(subject).await? {
            return Err(NotSignedIn::Suspended);
        }
    }
    // Whatever session the browser had ends: a new one always has a cookie of its own.
    if let Some(session) = caller.session() {
        identity.sessions.end(session.person, session.id).await?;
    }
    let opened = identity.sessions.create(person, verified.organisation, verified.provider, &caller.device()).await?;
    let headers = AppendHeaders([
        (SET_COOKIE, opened.cookie.to_header()),
        (SET_COOKIE, forget_cookie.to_header()),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]);
    Ok((headers, Redirect::to(return_to.as_str())).into_response())
}

/// The person whom the provider vouches for: known by the identity that is claimed in the log, or joining now.
async fn arrived(api: &Api, verified: &Verified) -> Result<PersonId, NotSignedIn> {
    let identity = Identity { provider: verified.provider, issuer: verified.issuer.clone(), subject: verified.subject.clone().into() };
    let Some(claim) = identity.claim() else { return Err(NotSignedIn::Fault) };
    if let Some(person) = holder(api, &claim).await? {
        return Ok(person);
    }
    // Two first sign-ins at once cannot make two persons: the log lets one of them claim the identity.
    let id = CommandId(api.backend().ids.next());
    let command = Command::Join {
        organisation: verified.organisation,
        identity,
        name: verified.name.clone(),
        email: verified.email.clone().filter(|_| verified.email_verified),
    };
    let person = PersonId(api.backend().ids.next());
    let request = Request::new(id, Actor::system(PROCESS), person, HubCommand::Person(command));
    match api.backend().services.execute(request).await {
        Ok(receipt) => {
            if let Some(last) = receipt.events.last() {
                let wait = api.settings().projection_wait;
                // So that the first page already knows the newcomer. If it takes longer, the page after that one does.
                if let Ok(Some(position)) = api.backend().log.await_sequenced(*last, wait).await {
                    let _reached = api.backend().progress.await_projected(position, wait).await;
                }
            }
            Ok(person)
        }
        // Another first sign-in of the same person was faster.
        Err(Failure::Refused(refused)) if refused.code == "TAKEN" => holder(api, &claim).await?.ok_or(NotSignedIn::Fault),
        Err(Failure::Refused(refused)) => Err(NotSignedIn::Refused(refused.message)),
        Err(Failure::Unavailable(_)) => Err(NotSignedIn::Unavailable),
    }
}

async fn holder(api: &Api, claim: &str) -> Result<Option<PersonId>, NotSignedIn> {
    let held = api.backend().log.claim_holder(Identity::SPACE, claim).await.map_err(|error| {
        tracing::warn!(%error, "sign-in: the log does not answer");
        NotSignedIn::Unavailable
    })?;
    Ok(held.map(PersonId))
}

/// The form of the button “Sign out”.
#[derive(Deserialize)]
pub struct SignOut {
    form_token: String,
}

/// Ends the session and makes the browser forget its cookie.
pub async fn sign_out(
    State(api): State<Api>,
    caller: Caller,
    form: Result<Form<SignOut>, axum::extract::rejection::FormRejection>,
) -> Response {
    let identity = &api.backend().identity;
    let forget = (SET_COOKIE, identity.sessions.forget_cookie().to_header());
    let Some(session) = caller.session() else {
        // The session has ended already; signing out is done.
        return (AppendHeaders([forget]), Redirect::to("/")).into_response();
    };
    let holds = form.is_ok_and(|Form(form)| api.check_form_token(&caller, &form.form_token));
    if !holds {
        let message = "This form has expired. Go back, load the page again, and sign out from there.";
        return Problem::new(StatusCode::FORBIDDEN, "FORM_EXPIRED", message).into_response();
    }
    if let Err(error) = identity.sessions.end(session.person, session.id).await {
        tracing::warn!(%error, "a session could not be ended");
        return Problem::unavailable("You could not be signed out at the moment. Try again in a few seconds.").into_response();
    }
    (AppendHeaders([forget, (CACHE_CONTROL, HeaderValue::from_static("no-store"))]), Redirect::to("/")).into_response()
}
