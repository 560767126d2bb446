//! What stands around every address: who comes too often is turned away, every answer carries the security headers and a
//! request id, a panic is answered, and everything is seen in traces and metrics.

use super::budget::{Payer, Purses};
use super::problem::Problem;
use super::ticks::Ticks;
use crate::api::Api;
use crate::caller::{Caller, address};
use crate::settings::Settings;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use kernel::{Clock, PersonId};
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tracing::Instrument;

/// The header that names a request in logs and answers.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Nothing may be loaded by, done by, or put around an answer that is no page; pages bring policies of their own.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
/// How often the memory of who came is swept, in requests.
const SWEEP: u64 = 10_000;
/// Bursts are this many times what is taken a second.
const BURST: NonZeroU32 = NonZeroU32::new(10).expect("the number is not zero");

/// Counts the requests of each of many.
type Counter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, Ticks, NoOpMiddleware<Nanos>>;

/// Who came how often, and spent how much.
pub(crate) struct Turnstile {
    addresses: Counter<IpAddr>,
    persons: Counter<PersonId>,
    purses: Purses,
    ticks: Ticks,
    count: AtomicU64,
}

impl Turnstile {
    pub(crate) fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let ticks = Ticks::new(clock);
        let quota = |rate: NonZeroU32| Quota::per_second(rate).allow_burst(rate.saturating_mul(BURST));
        Self {
            addresses: counter(quota(settings.rates.per_address), &ticks),
            persons: counter(quota(settings.rates.per_person), &ticks),
            purses: Purses::new(settings.budgets, &ticks),
            ticks,
            count: AtomicU64::new(0),
        }
    }

    /// What everyone may spend.
    pub(crate) fn purses(&self) -> &Purses {
        &self.purses
    }

    /// Forgets now and then who has not come for long, so that strangers cannot fill the memory.
    fn sweep(&self) {
        if self.count.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.addresses.retain_recent();
            self.persons.retain_recent();
            self.purses.sweep();
        }
    }

    fn admit<K: Hash + Eq + Clone>(&self, counter: &Counter<K>, key: &K) -> Result<(), Problem> {
        counter.check_key(key).map_err(|until| {
            let seconds = until.wait_time_from(self.ticks.now()).as_secs() + 1;
            let message = format!("Too many requests in a short time. Try again in {seconds} seconds.");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
                .with(RETRY_AFTER, &seconds.to_string())
                .tell("retryAfter", seconds)
        })
    }
}

fn counter<K: Hash + Eq + Clone>(quota: Quota, ticks: &Ticks) -> Counter<K> {
    RateLimiter::new(quota, DefaultKeyedStateStore::default(), ticks.clone())
}

impl Api {
    /// Whether a person may come again so soon.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub(crate) fn admit(&self, caller: &Caller) -> Result<(), Problem> {
        match &caller.credential {
            Some(credential) => self.turnstile().admit(&self.turnstile().persons, &credential.person()),
            None => Ok(()),
        }
    }

    /// Whether an operation may be taken over a socket, whose opening alone was counted as a request.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub(crate) fn admit_operation(&self, caller: &Caller) -> Result<(), Problem> {
        let stranger = caller.address.filter(|address| caller.credential.is_none() && self.limits_strangers_at(*address));
        match stranger {
            Some(address) => self.turnstile().admit(&self.turnstile().addresses, &network(address)),
            None => self.admit(caller),
        }
    }

    /// Whose budget a caller draws from; none for strangers who are not limited.
    pub(crate) fn payer(&self, caller: &Caller) -> Option<Payer> {
        match &caller.credential {
            Some(credential) => Some(Payer::Person(credential.person())),
            None => caller.address.filter(|address| self.limits_strangers_at(*address)).map(|address| Payer::Network(network(address))),
        }
    }

    /// Takes the cost of what is done unasked, such as one more answer of a subscription; waits until there is enough for it.
    pub(crate) async fn afford(&self, payer: Option<Payer>, cost: u64) {
        while let Some(wait) = self.turnstile().purses().lacking(payer, cost) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Loopback addresses are not limited, unless there is a proxy that brings everyone from there.
    fn limits_strangers_at(&self, address: IpAddr) -> bool {
        self.settings().behind_proxy || !address.is_loopback()
    }

    /// Puts the guard around a router: rate limits by address, security headers, request ids, spans, and answers even to panics.
    /// What an answer sets by itself, such as a page's policy, stays.
    pub fn guard(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), guarded))
    }
}

async fn guarded(State(api): State<Api>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&api, &request);
    let path = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("http", %method, path, request_id = id, status = tracing::field::Empty);
    if let Some(parent) = request.headers().get("traceparent").and_then(|value| value.to_str().ok()) {
        // What is no trace context simply begins a trace of its own.
        let _continued = telemetry::continue_from(&span, parent);
    }
    let mut response = handled(&api, request, next).instrument(span.clone()).await;
    let status = response.status();
    span.record("status", status.as_u16());
    let labels = [("method", method.to_string()), ("path", path), ("status", status.as_u16().to_string())];
    metrics::counter!("hub_http_requests_total", &labels).increment(1);
    metrics::histogram!("hub_http_request_seconds", &labels[..2]).record(started.elapsed().as_secs_f64());
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    let mut keep = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    keep(CONTENT_SECURITY_POLICY, POLICY);
    keep(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    keep(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    keep(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    keep(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    keep(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    if api.backend().identity.site.is_secure() {
        keep(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    response
}

async fn handled(api: &Api, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let turnstile = api.turnstile();
    turnstile.sweep();
    if let Some(address) = address(&parts, api.settings().behind_proxy).filter(|address| api.limits_strangers_at(*address))
        && let Err(problem) = turnstile.admit(&turnstile.addresses, &network(address))
    {
        return problem.into_response();
    }
    match AssertUnwindSafe(next.run(Request::from_parts(parts, body))).catch_unwind().await {
        Ok(response) => response,
        Err(_panic) => {
            tracing::error!("a handler panicked");
            Problem::internal().into_response()
        }
    }
}

/// What counts as one address: an IPv6 host commonly holds a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
    }
}

/// The id that the client or a proxy gave the request, if it is harmless; else a new one.
fn request_id(api: &Api, request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let harmless = |id: &&str| (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    given.filter(harmless).map_or_else(|| api.backend().ids.next().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::ticks::tests::Hand;
    use super::*;
    use crate::settings::Rates;

    #[test]
    fn a_host_of_ipv6_is_its_whole_network() {
        let (one, other): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        assert_eq!(network(one), network(other));
        assert_ne!(network(one), network("2001:db8:0:1::1".parse().unwrap()));
    }

    #[test]
    fn bursts_are_taken_and_then_no_more_until_later() {
        let rates = Rates { per_address: NonZeroU32::MIN, per_person: NonZeroU32::MIN };
        let hand = Hand::new();
        let turnstile = Turnstile::new(&Settings { rates, ..Settings::default() }, Arc::new(hand.clone()));
        let come = |address: &str| turnstile.admit(&turnstile.addresses, &address.parse().unwrap());
        for _ in 0..BURST.get() {
            assert!(come("192.0.2.1").is_ok());
        }
        let problem = come("192.0.2.1").unwrap_err();
        assert_eq!((problem.status, problem.code), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"));
        assert!(come("192.0.2.2").is_ok());
        hand.moves(chrono::TimeDelta::seconds(1));
        assert!(come("192.0.2.1").is_ok());
        assert!(come("192.0.2.1").is_err());
    }
}
