//! The authorization endpoint: the page to choose a person on, and the way back to the hub.

use super::grants::Grant;
use super::{Provider, page};
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use url::Url;

/// What a client asks for (OpenID Connect Core 1.0, section 3.1.2.1).
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Request {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) response_type: String,
    pub(super) scope: String,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) code_challenge: String,
    pub(super) code_challenge_method: String,
    pub(super) prompt: String,
}

/// The form of the page: the request as it came, and who was chosen.
#[derive(Deserialize)]
pub(super) struct Choice {
    #[serde(flatten)]
    request: Request,
    #[serde(default)]
    person: String,
}

/// Where to after signing out.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SigningOut {
    post_logout_redirect_uri: String,
    state: String,
}

/// Show the people to choose from.
pub(super) async fn ask(State(provider): State<Arc<Provider>>, headers: HeaderMap, Query(request): Query<Request>) -> Response {
    match check(&provider, &headers, &request) {
        Ok(_) if request.prompt.split(' ').any(|prompt| prompt == "none") => refuse(&provider, &request, "login_required"),
        Ok(_) => page::people(&provider, &request),
        Err(response) => *response,
    }
}

/// Someone was chosen: back to the hub with a code.
pub(super) async fn choose(State(provider): State<Arc<Provider>>, headers: HeaderMap, Form(choice): Form<Choice>) -> Response {
    let scopes = match check(&provider, &headers, &choice.request) {
        Ok(scopes) => scopes,
        Err(response) => return *response,
    };
    // The form must be our own: another page's could sign someone in as somebody else.
    if headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes() != provider.issuer.as_bytes()) {
        return page::problem(
            &provider,
            StatusCode::FORBIDDEN,
            "This form was sent from another page. Go back to the hub and start again.",
        );
    }
    if choice.person.is_empty() {
        return refuse(&provider, &choice.request, "access_denied");
    }
    let Some(person) = provider.department.people.iter().find(|person| person.username == choice.person) else {
        return page::problem(&provider, StatusCode::BAD_REQUEST, "There is no such person here. Go back and choose one from the list.");
    };
    let Request { nonce, code_challenge, .. } = choice.request.clone();
    let nonce = (!nonce.is_empty()).then_some(nonce);
    let grant = Grant { person, scopes, challenge: code_challenge, nonce, at: provider.clock.now() };
    let code = provider.grants.code(grant);
    back(&provider, &choice.request, &[("code", &code)])
}

/// Nothing is kept of a sign-in, so there is nothing to end: back to the hub, if that is where the person came from.
pub(super) async fn end_session(State(provider): State<Arc<Provider>>, Query(query): Query<SigningOut>) -> Response {
    match Url::parse(&query.post_logout_redirect_uri) {
        Ok(mut url) if url.origin() == provider.redirect_uri.origin() => {
            if !query.state.is_empty() {
                url.query_pairs_mut().append_pair("state", &query.state);
            }
            Redirect::to(url.as_str()).into_response()
        }
        _ => page::signed_out(&provider),
    }
}

/// The scopes granted, or the answer to a request that cannot be. A redirect URI that is not the hub's is never followed.
fn check(provider: &Provider, headers: &HeaderMap, request: &Request) -> Result<Vec<String>, Box<Response>> {
    let problem = |text| Box::new(page::problem(provider, StatusCode::BAD_REQUEST, text));
    // Another host name for this address is another site's (DNS rebinding).
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if host != provider.issuer.strip_prefix("http://") {
        return Err(problem("This provider answers under its own address only."));
    }
    if request.client_id != provider.client_id {
        return Err(problem("The application that sent you here is not known to this provider."));
    }
    if request.redirect_uri != provider.redirect_uri.as_str() {
        return Err(problem("The application that sent you here gave an address to return to that is not its own."));
    }
    let refused = |code| Err(Box::new(refuse(provider, request, code)));
    if request.response_type != "code" {
        return refused("unsupported_response_type");
    }
    let scopes: Vec<String> =
        request.scope.split(' ').filter(|scope| ["openid", "profile", "email"].contains(scope)).map(str::to_owned).collect();
    if !scopes.iter().any(|scope| scope == "openid") {
        return refused("invalid_scope");
    }
    // A SHA-256 in base64url has 43 characters.
    if request.code_challenge_method != "S256" || request.code_challenge.len() != 43 {
        return refused("invalid_request");
    }
    Ok(scopes)
}

/// Back to the hub with an error.
fn refuse(provider: &Provider, request: &Request, code: &str) -> Response {
    back(provider, request, &[("error", code)])
}

/// Back to the hub with an answer that names its issuer (RFC 9207).
fn back(provider: &Provider, request: &Request, answer: &[(&str, &str)]) -> Response {
    let mut url = provider.redirect_uri.clone();
    {
        let mut query = url.query_pairs_mut();
        query.extend_pairs(answer).append_pair("iss", &provider.issuer);
        if !request.state.is_empty() {
            query.append_pair("state", &request.state);
        }
    }
    ([(header::CACHE_CONTROL, "no-store")], Redirect::to(url.as_str())).into_response()
}
