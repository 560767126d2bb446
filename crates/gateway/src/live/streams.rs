//! The sessions and API tokens that have open streams, and the end of those streams when they end.
//!
//! What the log says (a suspension, an erasure, a revoked token, a disabled provider) ends them before the next event is told. What
//! it does not say (a session that was ended or has run out) is asked for by one statement now and then, for all of them together.

use events::HubEvent;
use identity::{Bars, Credential, SessionId};
use kernel::{OrganisationId, PersonId, ProviderId, Recorded, TokenId};
use organisations::{organisation, person};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A session or token with open streams.
struct Entry {
    /// Tells it from one of the same id that ended before.
    number: u64,
    credential: Credential,
    holders: usize,
    ended: CancellationToken,
}

#[derive(Default)]
struct Entries {
    by_id: HashMap<Uuid, Entry>,
    numbers: u64,
}

/// The sessions and tokens with open streams, by their ids. Those that ended are not among them.
#[derive(Default)]
pub(super) struct Streams {
    entries: Mutex<Entries>,
}

fn id(credential: &Credential) -> Uuid {
    match credential {
        Credential::Session(session) => session.id.0,
        Credential::Token(token) => token.id.uuid(),
    }
}

/// A watch over a session or token, for as long as it is held.
pub struct Watched {
    ended: CancellationToken,
    /// None for strangers, who have nothing that could end.
    of: Option<(Uuid, u64, Arc<Streams>)>,
}

impl Watched {
    /// Resolves once the session or token no longer holds.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Whether it no longer holds.
    pub fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some((id, number, streams)) = &self.of else { return };
        let mut entries = streams.lock();
        if let Some(entry) = entries.by_id.get_mut(id).filter(|entry| entry.number == *number) {
            entry.holders -= 1;
            if entry.holders == 0 {
                entries.by_id.remove(id);
            }
        }
    }
}

impl Streams {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches over whatever a stream was opened with.
    pub(super) fn watch(self: &Arc<Self>, credential: Option<&Credential>) -> Watched {
        let Some(credential) = credential else { return Watched { ended: CancellationToken::new(), of: None } };
        let id = id(credential);
        let mut entries = self.lock();
        entries.numbers += 1;
        let number = entries.numbers;
        let entry = entries.by_id.entry(id).or_insert_with(|| {
            let (credential, ended) = (credential.clone(), CancellationToken::new());
            Entry { number, credential, holders: 0, ended }
        });
        entry.holders += 1;
        Watched { ended: entry.ended.clone(), of: Some((id, entry.number, Arc::clone(self))) }
    }

    /// How many sessions and tokens are watched.
    pub(super) fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    /// Ends the streams that this event ends.
    pub(super) fn follow(&self, recorded: &Recorded<HubEvent>) {
        match &recorded.event {
            HubEvent::Person(event) => match event {
                person::Event::Suspended { .. } | person::Event::Erased => {
                    let person = PersonId(recorded.stream.id);
                    self.end(|credential| credential.person() == person);
                }
                person::Event::TokenRevoked { token } => self.end(|credential| is_token(credential, *token)),
                person::Event::Joined { .. }
                | person::Event::PlaceholderCreated { .. }
                | person::Event::ProfileChanged { .. }
                | person::Event::RoleGranted { .. }
                | person::Event::RoleRevoked { .. }
                | person::Event::Reinstated
                | person::Event::TokenIssued { .. } => {}
            },
            HubEvent::Organisation(event) => match event {
                organisation::Event::Suspended { .. } => {
                    let organisation = OrganisationId(recorded.stream.id);
                    self.end(|credential| credential.organisation() == organisation);
                }
                organisation::Event::ProviderDisabled { provider } | organisation::Event::ProviderRemoved { provider } => {
                    self.end(|credential| is_through(credential, *provider));
                }
                organisation::Event::Registered { .. }
                | organisation::Event::Renamed { .. }
                | organisation::Event::Reinstated
                | organisation::Event::ProviderRegistered { .. }
                | organisation::Event::ProviderEnabled { .. } => {}
            },
            HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) | HubEvent::Thread(_) => {}
        }
    }

    /// Asks which no longer hold, by one statement, and ends their streams.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn look(&self, bars: &Bars) -> Result<(), sqlx::Error> {
        let (mut sessions, mut tokens): (Vec<SessionId>, Vec<TokenId>) = (Vec::new(), Vec::new());
        for entry in self.lock().by_id.values() {
            match &entry.credential {
                Credential::Session(session) => sessions.push(session.id),
                Credential::Token(token) => tokens.push(token.id),
            }
        }
        if sessions.is_empty() && tokens.is_empty() {
            return Ok(());
        }
        let ended: HashSet<Uuid> = bars.ended(&sessions, &tokens).await?.into_iter().collect();
        self.end(|credential| ended.contains(&id(credential)));
        Ok(())
    }

    fn end(&self, which: impl Fn(&Credential) -> bool) {
        self.lock().by_id.retain(|_, entry| {
            let ends = which(&entry.credential);
            if ends {
                entry.ended.cancel();
            }
            !ends
        });
    }
}

fn is_token(credential: &Credential, token: TokenId) -> bool {
    matches!(credential, Credential::Token(held) if held.id == token)
}

fn is_through(credential: &Credential, provider: ProviderId) -> bool {
    matches!(credential, Credential::Session(session) if session.provider == provider)
}
