//! Given events, when a command, then events or a refusal: how every rule is tested.
//!
//! ```text
//! given([opened(), Event::Locked]).by(member()).when(reply("hello")).refused(Refusal::Locked);
//! ```

use crate::actor::Actor;
use crate::aggregate::Aggregate;
use crate::clock::Timestamp;
use uuid::Uuid;

/// The id of the aggregate under test.
pub const ID: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00aa);

/// What has happened so far, and who is about to act.
#[derive(Debug)]
pub struct Scenario<A: Aggregate> {
    state: A,
    by: Actor,
    now: Timestamp,
}

/// What came of a command.
#[derive(Debug)]
pub struct Outcome<A: Aggregate> {
    before: A,
    result: Result<Vec<A::Event>, A::Refusal>,
}

/// A history of the aggregate `A`; the hub itself acts, at the start of 2026, unless told otherwise.
///
/// # Panics
/// Never: the start of 2026 is a moment.
pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Scenario<A> {
    let mut state = A::new(ID);
    for event in events {
        state.apply(&event);
    }
    let now = chrono::DateTime::from_timestamp(1_767_225_600, 0).expect("2026-01-01T00:00:00Z is a moment");
    Scenario { state, by: Actor::system("test"), now }
}

impl<A: Aggregate> Scenario<A> {
    /// Who acts.
    pub fn by(mut self, actor: Actor) -> Self {
        self.by = actor;
        self
    }
    /// When.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }
    /// What they ask for.
    pub fn when(self, command: A::Command) -> Outcome<A> {
        let result = self.state.decide(command, &self.by, self.now);
        Outcome { before: self.state, result }
    }
}

impl<A: Aggregate> Outcome<A> {
    /// Exactly these events follow. Returns the state after them, for further looks.
    ///
    /// # Panics
    /// When something else follows.
    pub fn then(self, events: impl IntoIterator<Item = A::Event>) -> A {
        let expected: Vec<A::Event> = events.into_iter().collect();
        match self.result {
            Ok(found) => assert_eq!(found, expected, "other events followed"),
            Err(refusal) => panic!("expected {expected:?}, but it was refused: {refusal}"),
        }
        let mut state = self.before;
        for event in &expected {
            state.apply(event);
        }
        state
    }

    /// It is so already: nothing follows.
    ///
    /// # Panics
    /// When something follows.
    pub fn nothing(self) {
        self.then([]);
    }

    /// It is refused, and for this reason.
    ///
    /// # Panics
    /// When it is not, or for another reason.
    #[expect(clippy::needless_pass_by_value, reason = "a test reads best with the refusal written in place")]
    pub fn refused(self, reason: A::Refusal)
    where
        A::Refusal: PartialEq,
    {
        match self.result {
            Ok(events) => panic!("expected a refusal ({reason}), but these followed: {events:?}"),
            Err(refusal) => assert!(refusal == reason, "expected the refusal {reason:?}, got {refusal:?}"),
        }
    }

    /// It is refused with this code.
    ///
    /// # Panics
    /// When it is not, or with another code.
    pub fn refused_with(self, code: &str) {
        use crate::aggregate::Refusal as _;
        match self.result {
            Ok(events) => panic!("expected a refusal with {code}, but these followed: {events:?}"),
            Err(refusal) => assert_eq!(refusal.code(), code, "{refusal}"),
        }
    }
}
