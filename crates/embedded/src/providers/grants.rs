//! What a provider has handed out and will take back: codes, good once and for a minute, and access tokens.

use super::keeping::random_text;
use crate::demo::Person;
use chrono::TimeDelta;
use kernel::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long a code is good for.
const CODE_LASTS: TimeDelta = TimeDelta::minutes(1);
/// How long an access token is good for.
pub(super) const TOKEN_LASTS: TimeDelta = TimeDelta::minutes(5);

/// What was asked for and granted.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// Who was chosen.
    pub(super) person: &'static Person,
    /// The scopes granted.
    pub(super) scopes: Vec<String>,
    /// The PKCE challenge (S256).
    pub(super) challenge: String,
    /// The nonce to put into the ID token.
    pub(super) nonce: Option<String>,
    /// When the person was chosen.
    pub(super) at: Timestamp,
}

/// Codes and access tokens in use. They are kept in memory: a restart ends them.
#[derive(Default)]
pub(super) struct Grants {
    codes: Mutex<HashMap<String, Grant>>,
    tokens: Mutex<HashMap<String, (Grant, Timestamp)>>,
}

impl Grants {
    /// A code for a grant.
    pub(super) fn code(&self, grant: Grant) -> String {
        let code = random_text();
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, earlier| grant.at - earlier.at < CODE_LASTS);
        codes.insert(code.clone(), grant);
        code
    }

    /// The grant of a code, which is used up by this.
    pub(super) fn redeem(&self, code: &str, now: Timestamp) -> Option<Grant> {
        let grant = self.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(code);
        grant.filter(|grant| now - grant.at < CODE_LASTS)
    }

    /// An access token for a grant.
    pub(super) fn token(&self, grant: Grant, now: Timestamp) -> String {
        let token = random_text();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, (_, since)| now - *since < TOKEN_LASTS);
        tokens.insert(token.clone(), (grant, now));
        token
    }

    /// The grant of an access token.
    pub(super) fn of_token(&self, token: &str, now: Timestamp) -> Option<Grant> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).filter(|(_, since)| now - *since < TOKEN_LASTS).map(|(grant, _)| grant.clone())
    }
}
