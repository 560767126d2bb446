//! The token endpoint and the user information endpoint.

use super::Provider;
use super::grants::{Grant, TOKEN_LASTS};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Form, Json};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// How long an ID token is good for, in seconds.
const ID_TOKEN_LASTS: i64 = 300;

/// What a client sends to have its code exchanged (RFC 6749, section 4.1.3; RFC 7636).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Exchange {
    grant_type: String,
    code: String,
    redirect_uri: String,
    code_verifier: String,
    client_id: String,
    client_secret: String,
}

/// Exchange a code for tokens.
pub(super) async fn exchange(State(provider): State<Arc<Provider>>, headers: HeaderMap, Form(form): Form<Exchange>) -> Response {
    let (client, secret) = basic(&headers).unwrap_or((form.client_id, form.client_secret));
    let known = client == provider.client_id && bool::from(secret.as_bytes().ct_eq(provider.client_secret.expose_secret().as_bytes()));
    if !known {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if form.grant_type != "authorization_code" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let now = provider.clock.now();
    // The code is used up whether or not the rest holds.
    let grant = provider.grants.redeem(&form.code, now).filter(|grant| {
        form.redirect_uri == provider.redirect_uri.as_str()
            && URL_SAFE_NO_PAD.encode(Sha256::digest(&form.code_verifier)) == grant.challenge
    });
    let Some(grant) = grant else { return refuse(StatusCode::BAD_REQUEST, "invalid_grant") };
    let access_token = provider.grants.token(grant.clone(), now);
    let mut id_token = claims(&grant);
    let times = json!({
        "iss": provider.issuer,
        "aud": provider.client_id,
        "iat": now.timestamp(),
        "exp": now.timestamp() + ID_TOKEN_LASTS,
        "auth_time": grant.at.timestamp(),
        "nonce": grant.nonce,
        "at_hash": URL_SAFE_NO_PAD.encode(&Sha256::digest(&access_token)[..16]),
    });
    merge(&mut id_token, times);
    let answer = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": TOKEN_LASTS.num_seconds(),
        "scope": grant.scopes.join(" "),
        "id_token": provider.key.sign(&id_token),
    });
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

/// Who the access token is about.
pub(super) async fn user_information(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| text.strip_prefix("Bearer "));
    match token.and_then(|token| provider.grants.of_token(token, provider.clock.now())) {
        Some(grant) => ([(header::CACHE_CONTROL, "no-store")], Json(claims(&grant))).into_response(),
        None => (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")]).into_response(),
    }
}

/// What the granted scopes tell of the person.
fn claims(grant: &Grant) -> Value {
    let person = grant.person;
    let granted = |scope: &str| grant.scopes.iter().any(|granted| granted == scope);
    let mut claims = json!({ "sub": person.subject() });
    if granted("profile") {
        merge(&mut claims, json!({ "name": person.name, "preferred_username": person.username }));
    }
    if granted("email") {
        merge(&mut claims, json!({ "email": person.email, "email_verified": true }));
    }
    claims
}

/// Add what is not null.
fn merge(claims: &mut Value, more: Value) {
    if let (Value::Object(claims), Value::Object(more)) = (claims, more) {
        claims.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
}

/// The client's id and secret from the header, each of which is form-encoded (RFC 6749, section 2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (client, secret) = pair.split_once(':')?;
    Some((form_decoded(client), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    url::form_urlencoded::parse(format!("v={text}").as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn refuse(status: StatusCode, code: &str) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::WWW_AUTHENTICATE, "Basic realm=\"demonstration\"")];
    (status, headers, Json(json!({ "error": code }))).into_response()
}
