//! What a person's record decides, and how events change it.

use super::{Command, EMAIL, Event, GrantedRole, Identity, Person, Refusal, Stage, TOKEN_DAYS, TOKENS, TokenScope};
use kernel::{Action, Actor, Aggregate, Claim, OrganisationId, Personal, Scope, TextError, Timestamp, TokenId, text};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

impl Aggregate for Person {
    const CONTEXT: &'static str = "organisations";
    const NAME: &'static str = "person";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn new(id: Uuid) -> Self {
        Self {
            id: id.into(),
            stage: Stage::Unknown,
            organisation: None,
            identity: None,
            name: None,
            about: None,
            email: None,
            suspended: false,
            roles: BTreeSet::new(),
            tokens: BTreeMap::new(),
        }
    }

    fn decide(&self, command: Command, by: &Actor, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        if self.stage == Stage::Erased {
            return Err(Refusal::Gone);
        }
        match command {
            Command::Join { organisation, identity, name, email } => self.join(by, organisation, identity, &name, email),
            Command::CreatePlaceholder { source, handle, name } => self.create_placeholder(by, &source, &handle, &name),
            Command::ChangeProfile { name, about } => self.change_profile(by, &name, &about),
            Command::GrantRole { role } => {
                self.may_grant(by, role)?;
                self.with_account()?;
                if self.suspended {
                    return Err(Refusal::Suspended);
                }
                Ok(if self.roles.contains(&role) { Vec::new() } else { vec![Event::RoleGranted { role }] })
            }
            Command::RevokeRole { role } => {
                self.may_grant(by, role)?;
                Ok(if self.roles.contains(&role) { vec![Event::RoleRevoked { role }] } else { Vec::new() })
            }
            Command::Suspend { reason } => {
                self.allow(by, Action::PersonSuspend)?;
                self.with_account()?;
                if by.person_id() == Some(self.id) {
                    return Err(Refusal::Oneself);
                }
                let reason = text::body("reason", &reason, 2_000)?;
                Ok(if self.suspended { Vec::new() } else { vec![Event::Suspended { reason }] })
            }
            Command::Reinstate => {
                self.allow(by, Action::PersonSuspend)?;
                Ok(if self.suspended { vec![Event::Reinstated] } else { Vec::new() })
            }
            Command::IssueToken { token, name, scope, expires_at } => self.issue_token(by, now, token, &name, scope, expires_at),
            Command::RevokeToken { token } => {
                self.allow(by, Action::TokenRevoke)?;
                if !self.tokens.contains_key(&token) {
                    return Err(Refusal::TokenNotFound);
                }
                Ok(vec![Event::TokenRevoked { token }])
            }
            Command::Erase => {
                self.allow(by, Action::PersonErase)?;
                Ok(vec![Event::Erased])
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Joined { organisation, identity, name, email } => {
                self.stage = Stage::Joined;
                self.organisation = Some(*organisation);
                self.identity = Some(identity.clone());
                self.name = name.known().cloned();
                self.email = email.as_ref().and_then(Personal::known).cloned();
            }
            Event::PlaceholderCreated { source: _, handle: _, name } => {
                self.stage = Stage::Placeholder;
                self.name = name.known().cloned();
            }
            Event::ProfileChanged { name, about } => {
                self.name = name.known().cloned();
                self.about = about.known().cloned();
            }
            Event::RoleGranted { role } => {
                self.roles.insert(*role);
            }
            Event::RoleRevoked { role } => {
                self.roles.remove(role);
            }
            Event::Suspended { .. } => self.suspended = true,
            Event::Reinstated => self.suspended = false,
            Event::TokenIssued { token, name: _, scope: _, expires_at } => {
                self.tokens.insert(*token, *expires_at);
            }
            Event::TokenRevoked { token } => {
                self.tokens.remove(token);
            }
            Event::Erased => {
                let organisation = self.organisation;
                *self = Self::new(self.id.uuid());
                self.stage = Stage::Erased;
                self.organisation = organisation;
            }
        }
    }

    fn claims(&self, event: &Event) -> Vec<Claim> {
        match event {
            Event::Joined { identity, .. } => {
                identity.claim().map(|value| Claim::Take { space: Identity::SPACE, value }).into_iter().collect()
            }
            Event::Erased => self.identity_claim().into_iter().collect(),
            Event::PlaceholderCreated { .. }
            | Event::ProfileChanged { .. }
            | Event::RoleGranted { .. }
            | Event::RoleRevoked { .. }
            | Event::Suspended { .. }
            | Event::Reinstated
            | Event::TokenIssued { .. }
            | Event::TokenRevoked { .. } => Vec::new(),
        }
    }
}

impl Person {
    fn scope(&self) -> Scope {
        Scope { organisation: self.organisation, person: Some(self.id), ..Scope::default() }
    }

    /// Whether there is such a person, and the actor may do that to them.
    fn allow(&self, by: &Actor, action: Action) -> Result<(), Refusal> {
        if self.stage == Stage::Unknown {
            return Err(Refusal::NotFound);
        }
        Ok(by.may(action, &self.scope())?)
    }

    fn may_grant(&self, by: &Actor, role: GrantedRole) -> Result<(), Refusal> {
        self.allow(
            by,
            match role {
                GrantedRole::OrganisationAdmin => Action::OrganisationAdminGrant,
                GrantedRole::Steward => Action::StewardGrant,
            },
        )
    }

    /// A placeholder has no account: no roles, no tokens, no sign-in that could be suspended.
    fn with_account(&self) -> Result<(), Refusal> {
        if self.stage == Stage::Placeholder { Err(Refusal::Placeholder) } else { Ok(()) }
    }

    /// The provider's email address is kept as it is, however odd, unless it is too long to be one.
    fn join(
        &self,
        by: &Actor,
        organisation: OrganisationId,
        identity: Identity,
        name: &str,
        email: Option<String>,
    ) -> Result<Vec<Event>, Refusal> {
        by.may(Action::PersonJoin, &Scope::organisation(organisation))?;
        if self.stage != Stage::Unknown {
            return Err(Refusal::AlreadyJoined);
        }
        text::line("issuer", &identity.issuer, 2_000)?;
        if !identity.subject.known().is_some_and(|subject| (1..=255).contains(&subject.chars().count())) {
            return Err(Refusal::Subject);
        }
        let email = email.filter(|email| !email.trim().is_empty());
        if let Some(length) = email.as_ref().map(|email| email.chars().count()).filter(|length| *length > EMAIL) {
            return Err(TextError::TooLong { field: "email", length, most: EMAIL }.into());
        }
        let name = text::line("name", name, text::LINE)?.into();
        Ok(vec![Event::Joined { organisation, identity, name, email: email.map(Personal::from) }])
    }

    fn create_placeholder(&self, by: &Actor, source: &str, handle: &str, name: &str) -> Result<Vec<Event>, Refusal> {
        by.may(Action::PersonJoin, &Scope::hub())?;
        if self.stage != Stage::Unknown {
            return Err(Refusal::AlreadyJoined);
        }
        Ok(vec![Event::PlaceholderCreated {
            source: text::line("source", source, text::LINE)?,
            handle: text::line("handle", handle, text::LINE)?.into(),
            name: text::line("name", name, text::LINE)?.into(),
        }])
    }

    fn change_profile(&self, by: &Actor, name: &str, about: &str) -> Result<Vec<Event>, Refusal> {
        self.allow(by, Action::ProfileChange)?;
        let name = text::line("name", name, text::LINE)?;
        let about = text::optional("about", about, 2_000)?;
        if self.name.as_ref() == Some(&name) && self.about.as_deref().unwrap_or_default() == about {
            return Ok(Vec::new());
        }
        Ok(vec![Event::ProfileChanged { name: name.into(), about: about.into() }])
    }

    /// Tokens that have run out do not count towards the most that one may have.
    fn issue_token(
        &self,
        by: &Actor,
        now: Timestamp,
        token: TokenId,
        name: &str,
        scope: TokenScope,
        expires_at: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        self.allow(by, Action::TokenIssue)?;
        self.with_account()?;
        if self.suspended {
            return Err(Refusal::Suspended);
        }
        let name = text::line("name", name, text::LINE)?;
        let left = expires_at - now;
        if left.num_milliseconds() <= 0 || left.num_days() > TOKEN_DAYS {
            return Err(Refusal::TokenExpiry);
        }
        if self.tokens.contains_key(&token) {
            return Err(Refusal::TokenExists);
        }
        if self.tokens.values().filter(|ends| **ends > now).count() >= TOKENS {
            return Err(Refusal::TooManyTokens);
        }
        Ok(vec![Event::TokenIssued { token, name, scope, expires_at }])
    }
}
