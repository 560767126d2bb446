//! What each caller may spend: a bucket of points that fills again steadily (docs/api/limits.md).
//!
//! An operation's cost is taken before it runs. A person has one bucket, whatever sessions and tokens are used; strangers have one for
//! their network address. Pages in the same process are not held by it: the rates of requests hold them.

use super::problem::Problem;
use super::ticks::Ticks;
use crate::settings::{Budget, Budgets};
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use http::header::{HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use kernel::PersonId;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// The policy that holds, by draft-ietf-httpapi-ratelimit-headers.
const POLICY_HEADER: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left under it.
const LIMIT_HEADER: HeaderName = HeaderName::from_static("ratelimit");

/// What an operation costs, and what its caller has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Points that were taken.
    pub requested: u64,
    /// The most points that one operation of this caller may cost.
    pub limit: u64,
    /// What is left; none for callers who are not held to a budget.
    pub balance: Option<Balance>,
}

impl Charge {
    /// As `extensions.cost` shows it.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = IndexMap::new();
        let mut show = |name: &str, points: u64| shown.insert(Name::new(name), Value::from(points));
        show("requested", self.requested);
        show("limit", self.limit);
        if let Some(Balance { available, budget }) = self.balance {
            show("available", available);
            show("capacity", u32::from(budget.capacity).into());
            show("restoreRate", u32::from(budget.restore).into());
        }
        Value::Object(shown)
    }
}

/// What is left in a caller's bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Points that are left.
    pub available: u64,
    /// The bucket.
    pub budget: Budget,
}

impl Balance {
    /// Seconds until so many points more are there, rounded up.
    fn seconds_for(self, points: u64) -> u64 {
        points.div_ceil(u64::from(self.budget.restore.get()))
    }

    /// The headers that tell of it. `t` is when the bucket is full again, unless one waits for less.
    fn headers(self, wait: Option<u64>) -> [(HeaderName, String); 2] {
        let capacity = u64::from(self.budget.capacity.get());
        let window = self.seconds_for(capacity);
        let left = wait.unwrap_or_else(|| self.seconds_for(capacity.saturating_sub(self.available)));
        [
            (POLICY_HEADER, format!("\"default\";q={capacity};w={window}")),
            (LIMIT_HEADER, format!("\"default\";r={};t={left}", self.available)),
        ]
    }

    /// Puts the headers that tell of it among an answer's.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        for (name, value) in self.headers(None) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}

/// Whose bucket is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payer {
    /// A person.
    Person(PersonId),
    /// Strangers of one network.
    Network(IpAddr),
}

/// Everyone's buckets.
pub(crate) struct Purses {
    persons: Option<Purse<PersonId>>,
    networks: Option<Purse<IpAddr>>,
}

impl Purses {
    pub(crate) fn new(budgets: Budgets, ticks: &Ticks) -> Self {
        Self {
            persons: budgets.of_person().map(|budget| Purse::new(budget, ticks)),
            networks: budgets.of_address().map(|budget| Purse::new(budget, ticks)),
        }
    }

    /// What a payer's bucket holds when it is full; none for callers who are not held to a budget.
    pub(crate) fn capacity(&self, payer: Option<Payer>) -> Option<u64> {
        let budget = match payer? {
            Payer::Person(_) => self.persons.as_ref()?.budget,
            Payer::Network(_) => self.networks.as_ref()?.budget,
        };
        Some(budget.capacity.get().into())
    }

    /// Takes the cost of an operation, of which one may cost `limit` at most.
    ///
    /// # Errors
    /// 429 with `Retry-After`, if there is not enough at present.
    pub(crate) fn take(&self, payer: Option<Payer>, requested: u64, limit: u64) -> Result<Charge, Problem> {
        match self.draw(payer, requested) {
            None => Ok(Charge { requested, limit, balance: None }),
            Some(Ok(balance)) => Ok(Charge { requested, limit, balance: Some(balance) }),
            Some(Err(Lacking { seconds, balance })) => {
                Err(too_little(Charge { requested, limit, balance: Some(balance) }, seconds, balance))
            }
        }
    }

    /// Takes so many points, or says how long to wait until they are there.
    pub(crate) fn lacking(&self, payer: Option<Payer>, points: u64) -> Option<Duration> {
        match self.draw(payer, points) {
            None | Some(Ok(_)) => None,
            Some(Err(Lacking { seconds, .. })) => Some(Duration::from_secs(seconds)),
        }
    }

    /// Draws from a payer's bucket; none for callers who are not held to a budget.
    fn draw(&self, payer: Option<Payer>, points: u64) -> Option<Result<Balance, Lacking>> {
        match payer? {
            Payer::Person(person) => self.persons.as_ref().map(|purse| purse.take(&person, points)),
            Payer::Network(network) => self.networks.as_ref().map(|purse| purse.take(&network, points)),
        }
    }

    /// Forgets those whose buckets are full again.
    pub(crate) fn sweep(&self) {
        self.persons.iter().for_each(|purse| purse.limiter.retain_recent());
        self.networks.iter().for_each(|purse| purse.limiter.retain_recent());
    }
}

/// The buckets of one kind of payer. A limiter of single cells, of which one is a point.
struct Purse<K: Hash + Eq + Clone> {
    budget: Budget,
    ticks: Ticks,
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, Ticks, StateInformationMiddleware>,
}

impl<K: Hash + Eq + Clone> Purse<K> {
    fn new(budget: Budget, ticks: &Ticks) -> Self {
        let quota = Quota::per_second(budget.restore).allow_burst(budget.capacity);
        let limiter = RateLimiter::new(quota, DefaultKeyedStateStore::default(), ticks.clone());
        Self { budget, ticks: ticks.clone(), limiter }
    }

    fn take(&self, payer: &K, cost: u64) -> Result<Balance, Lacking> {
        let capacity = self.budget.capacity;
        // What costs more than a full bucket is refused as too complex before it comes here; it would never fit.
        let cells = u32::try_from(cost).unwrap_or(u32::MAX).clamp(1, capacity.get());
        let cells = NonZeroU32::new(cells).expect("at least one");
        match self.limiter.check_key_n(payer, cells) {
            Ok(Ok(snapshot)) => Ok(Balance { available: snapshot.remaining_burst_capacity().into(), budget: self.budget }),
            Ok(Err(until)) => {
                let wait = until.wait_time_from(self.ticks.now());
                let lacking = (wait.as_nanos() * u128::from(self.budget.restore.get())).div_ceil(1_000_000_000);
                let lacking = u64::try_from(lacking).unwrap_or(u64::MAX);
                let available = u64::from(cells.get()).saturating_sub(lacking);
                Err(Lacking { seconds: wait.as_secs() + 1, balance: Balance { available, budget: self.budget } })
            }
            Err(_more_than_capacity) => unreachable!("the cells were held to the capacity"),
        }
    }
}

/// There is not enough.
#[derive(Clone, Copy, Debug)]
struct Lacking {
    /// When there will be.
    seconds: u64,
    /// What there is.
    balance: Balance,
}

fn too_little(charge: Charge, seconds: u64, balance: Balance) -> Problem {
    let (cost, Balance { available, budget: Budget { capacity, restore } }) = (charge.requested, balance);
    let plural = if seconds == 1 { "" } else { "s" };
    let message = format!(
        "This costs {cost} points; you have {available} of {capacity} left, and {restore} come back each second. Try again in {seconds} second{plural}, or ask for less."
    );
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
        .with(RETRY_AFTER, &seconds.to_string())
        .tell("retryAfter", seconds)
        .tell("cost", charge.shown());
    balance.headers(Some(seconds)).into_iter().fold(problem, |problem, (name, value)| problem.with(name, &value))
}

#[cfg(test)]
mod tests {
    use super::super::ticks::tests::Hand;
    use super::*;
    use chrono::TimeDelta;
    use std::sync::Arc;

    fn purse(capacity: u32, restore: u32) -> (Purse<u8>, Hand) {
        let hand = Hand::new();
        let number = |number| NonZeroU32::new(number).unwrap();
        let budget = Budget { capacity: number(capacity), restore: number(restore) };
        (Purse::new(budget, &Ticks::new(Arc::new(hand.clone()))), hand)
    }

    fn header(problem: &Problem, name: &str) -> String {
        let response = problem.clone().respond(super::super::negotiation::Media::Json);
        response.headers()[name].to_str().unwrap().to_owned()
    }

    #[test]
    fn what_is_spent_comes_back_with_time() {
        let (purse, hand) = purse(1_000, 100);
        assert_eq!(purse.take(&1, 300).unwrap().available, 700);
        assert_eq!(purse.take(&1, 700).unwrap().available, 0);
        // Others have their own.
        assert_eq!(purse.take(&2, 1_000).unwrap().available, 0);
        hand.moves(TimeDelta::seconds(3));
        assert_eq!(purse.take(&1, 250).unwrap().available, 50);
        hand.moves(TimeDelta::hours(1));
        assert_eq!(purse.take(&1, 1).unwrap().available, 999);
    }

    #[test]
    fn whoever_has_too_little_learns_when_it_suffices_and_pays_nothing() {
        let (purse, hand) = purse(1_000, 100);
        purse.take(&1, 900).unwrap();
        let Lacking { seconds, balance } = purse.take(&1, 350).unwrap_err();
        let problem = too_little(Charge { requested: 350, limit: 500, balance: Some(balance) }, seconds, balance);
        assert_eq!((problem.status, problem.code), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"));
        assert!(problem.message.contains("350 points; you have 100 of 1000 left"), "{}", problem.message);
        assert_eq!(header(&problem, "retry-after"), "3");
        assert_eq!(header(&problem, "ratelimit-policy"), "\"default\";q=1000;w=10");
        assert_eq!(header(&problem, "ratelimit"), "\"default\";r=100;t=3");
        // A moment before it does not suffice yet; then it does, exactly.
        hand.moves(TimeDelta::milliseconds(2_499));
        assert!(purse.take(&1, 350).is_err());
        hand.moves(TimeDelta::milliseconds(1));
        assert_eq!(purse.take(&1, 350).unwrap().available, 0);
    }

    #[test]
    fn the_headers_tell_of_what_is_left() {
        let (purse, _) = purse(1_000, 300);
        let mut headers = HeaderMap::new();
        purse.take(&1, 301).unwrap().tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"default\";q=1000;w=4");
        assert_eq!(headers["ratelimit"], "\"default\";r=699;t=2");
    }

    #[test]
    fn those_who_are_full_again_are_forgotten() {
        let hand = Hand::new();
        let purses = Purses::new(Budgets::default(), &Ticks::new(Arc::new(hand.clone())));
        for n in 0..1_000_u32 {
            purses.take(Some(Payer::Network(IpAddr::V4(n.into()))), 500, 1_000).unwrap();
        }
        let held = || purses.networks.as_ref().unwrap().limiter.len();
        purses.sweep();
        assert_eq!(held(), 1_000);
        hand.moves(TimeDelta::minutes(1));
        purses.sweep();
        assert_eq!(held(), 0);
    }
}
