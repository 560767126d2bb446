//! A provider that does whatever a test tells it to, however wrong.

use crate::harness::{Harness, SECRET, query, with_cookie};
use axum::extract::{Form, State};
use axum::http::{HeaderMap as AxumHeaders, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{Callback, Finished, ReturnTo, SignInError, Started};
use kernel::{Clock as _, ProviderId};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A key of the provider's.
pub(crate) struct Key {
    pub(crate) id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    pub(crate) fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self { id: id.to_owned(), pair: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap() }
    }

    pub(crate) fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.id, "x": x, "y": y })
    }

    /// The claims, signed properly.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with_header(&json!({ "alg": "ES256", "kid": self.id }), claims)
    }

    pub(crate) fn sign_with_header(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// The claims without any signature.
pub(crate) fn sign_with_nothing(claims: &Value) -> String {
    format!("{}.", unsigned(&json!({ "alg": "none" }), claims))
}

/// The claims signed by a secret that both sides know.
pub(crate) fn sign_with_secret(kid: &str, secret: &[u8], claims: &Value) -> String {
    let signed = unsigned(&json!({ "alg": "HS256", "kid": kid }), claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// What the provider answers, and what it was asked.
#[derive(Default)]
struct Conduct {
    discovery: Mutex<Value>,
    keys: Mutex<Vec<u8>>,
    token: Mutex<Option<Response>>,
    user_information: Mutex<Value>,
    exchanged: Mutex<Option<(HashMap<String, String>, AxumHeaders)>>,
    keys_read: AtomicUsize,
    trap_entered: AtomicUsize,
}

/// The provider, answering on loopback until the test ends.
pub(crate) struct Hostile {
    pub(crate) issuer: String,
    pub(crate) key: Key,
    conduct: Arc<Conduct>,
}

impl Hostile {
    /// A provider that behaves, so far.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let conduct = Arc::new(Conduct::default());
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async |State(c): State<Arc<Conduct>>| Json(c.discovery.lock().unwrap().clone())),
            )
            .route(
                "/keys",
                get(async |State(c): State<Arc<Conduct>>| {
                    c.keys_read.fetch_add(1, Ordering::SeqCst);
                    ([(header::CONTENT_TYPE, "application/json")], c.keys.lock().unwrap().clone())
                }),
            )
            .route(
                "/token",
                post(async |State(c): State<Arc<Conduct>>, headers: AxumHeaders, Form(form): Form<HashMap<String, String>>| {
                    *c.exchanged.lock().unwrap() = Some((form, headers));
                    c.token.lock().unwrap().take().unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
                }),
            )
            .route("/userinfo", get(async |State(c): State<Arc<Conduct>>| Json(c.user_information.lock().unwrap().clone())))
            .route(
                "/trap",
                get(async |State(c): State<Arc<Conduct>>| c.trap_entered.fetch_add(1, Ordering::SeqCst).to_string())
                    .post(async |State(c): State<Arc<Conduct>>| c.trap_entered.fetch_add(1, Ordering::SeqCst).to_string()),
            )
            .with_state(conduct.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let hostile = Self { issuer, key: Key::new("first"), conduct };
        hostile.publish(&[&hostile.key]);
        hostile.discover(|_| {});
        hostile
    }

    /// Publish this discovery document, after a change.
    pub(crate) fn discover(&self, change: impl Fn(&mut Value)) {
        let issuer = &self.issuer;
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            // A liar's list: none of these is taken just because it stands here.
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256"],
        });
        change(&mut document);
        *self.conduct.discovery.lock().unwrap() = document;
    }

    /// Publish these keys.
    pub(crate) fn publish(&self, keys: &[&Key]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        self.publish_bytes(json!({ "keys": keys }).to_string().into_bytes());
    }

    pub(crate) fn publish_bytes(&self, bytes: Vec<u8>) {
        *self.conduct.keys.lock().unwrap() = bytes;
    }

    /// How often the keys were read.
    pub(crate) fn keys_read(&self) -> usize {
        self.conduct.keys_read.load(Ordering::SeqCst)
    }

    /// How often someone followed a redirect.
    pub(crate) fn trap_entered(&self) -> usize {
        self.conduct.trap_entered.load(Ordering::SeqCst)
    }

    /// Answer the next exchange with this ID token.
    pub(crate) fn hand_out(&self, id_token: &str) {
        let answer = json!({ "access_token": "an-access-token", "token_type": "Bearer", "expires_in": 60, "id_token": id_token });
        self.answer(Json(answer).into_response());
    }

    /// Answer the next exchange with this.
    pub(crate) fn answer(&self, response: Response) {
        *self.conduct.token.lock().unwrap() = Some(response);
    }

    /// Say this at the user information endpoint.
    pub(crate) fn tell(&self, user_information: Value) {
        *self.conduct.user_information.lock().unwrap() = user_information;
    }

    /// The form and headers of the last exchange.
    pub(crate) fn exchanged(&self) -> Option<(HashMap<String, String>, AxumHeaders)> {
        self.conduct.exchanged.lock().unwrap().take()
    }

    /// Claims that hold, for a nonce.
    pub(crate) fn claims(&self, harness: &Harness, nonce: &str) -> Value {
        let now = harness.clock.now().timestamp();
        json!({
            "iss": self.issuer, "aud": "hub", "sub": "person-1", "nonce": nonce, "iat": now, "exp": now + 300,
            "name": "Ada Example", "email": "ada@ministry.example", "email_verified": true,
        })
    }

    /// A whole sign-in in which the ID token is made by the test of the proper claims.
    pub(crate) async fn sign_in(
        &self,
        harness: &Harness,
        provider: ProviderId,
        token: impl FnOnce(Value) -> String,
    ) -> Result<Finished, SignInError> {
        let (started, answer) = self.begin(harness, provider).await;
        self.hand_out(&token(self.claims(harness, &query(&started.redirect_url)["nonce"])));
        harness.identity.sign_in.finish(provider, &answer, &with_cookie(&started.browser_cookie)).await
    }

    /// Begin a sign-in, and the answer that would end it well.
    pub(crate) async fn begin(&self, harness: &Harness, provider: ProviderId) -> (Started, Callback) {
        let started = harness.identity.sign_in.start(provider, &ReturnTo::parse("/threads").unwrap()).await.unwrap();
        let state = query(&started.redirect_url).remove("state");
        (started, Callback { code: Some("a-code".to_owned()), state, ..Callback::default() })
    }
}

/// A harness with one such provider.
pub(crate) async fn with_hostile() -> (Harness, Hostile, ProviderId) {
    let (harness, hostile) = (Harness::new().await, Hostile::start().await);
    let provider = harness.register(&hostile.issuer).await;
    (harness, hostile, provider)
}

/// No error says a secret, to people or to the log.
pub(crate) fn tells_no_secret(error: &SignInError) {
    let (shown, logged) = (error.to_string(), format!("{error:?}"));
    for secret in [SECRET, "an-access-token", "a-code"] {
        assert!(!shown.contains(secret) && !logged.contains(secret), "{logged}");
    }
}
