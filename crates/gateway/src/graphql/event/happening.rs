//! What every event says, whatever happened.

use super::super::context::RequestContext;
use super::super::ids::GlobalId;
use super::super::organisation::{Organisation, version};
use super::super::person::Person;
use super::super::query::{self, Node};
use super::super::views::{OrganisationOf, PersonOf, load};
use super::history::BeforeThat;
use super::{Change, Setters, category, community, organisation, person, team, thread};
use ::events::{HubEvent, WireEvent};
use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use kernel::{Recorded, Who};
use projections::events::{Earlier, Place, rule};
use std::sync::Arc;
use uuid::Uuid;

/// Something that happened, and whether what is private in it is for the viewer.
#[derive(Clone, Debug)]
pub struct Happening {
    recorded: Arc<Recorded<HubEvent>>,
    private: bool,
}

impl Happening {
    pub(super) fn new(recorded: Arc<Recorded<HubEvent>>, private: bool) -> Self {
        Self { recorded, private }
    }

    /// The event as the log holds it.
    pub fn recorded(&self) -> Arc<Recorded<HubEvent>> {
        Arc::clone(&self.recorded)
    }

    /// The stream that it stands in.
    pub(super) fn stream(&self) -> Uuid {
        self.recorded.stream.id
    }

    /// A private value, if it is for the viewer.
    pub(super) fn private<T>(&self, value: impl FnOnce() -> T) -> Option<T> {
        self.private.then(value)
    }

    fn setters(&self) -> Option<Setters> {
        match &self.recorded.event {
            HubEvent::Organisation(event) => organisation::setters(event),
            HubEvent::Person(event) => person::setters(event),
            HubEvent::Team(event) => team::setters(event),
            HubEvent::Community(event) => community::setters(event),
            HubEvent::Category(event) => category::setters(event),
            HubEvent::Thread(event) => thread::setters(event),
        }
    }

    /// What it changed, given the earlier event that set the same thing.
    pub(super) fn changed(&self, before: Option<HubEvent>) -> Vec<Change> {
        fn own<E: WireEvent>(before: Option<HubEvent>) -> Option<E> {
            before.and_then(E::from_hub)
        }
        match &self.recorded.event {
            HubEvent::Organisation(event) => organisation::changes(event, own(before).as_ref(), self.private),
            HubEvent::Person(event) => person::changes(event, own(before).as_ref(), self.private),
            HubEvent::Team(event) => team::changes(event, own(before).as_ref()),
            HubEvent::Community(event) => community::changes(event, own(before).as_ref()),
            HubEvent::Category(event) => category::changes(event, own(before).as_ref()),
            HubEvent::Thread(event) => thread::changes(event, own(before).as_ref()),
        }
    }
}

/// What every event says.
#[Object]
impl Happening {
    /// Its id: opaque, and the same for ever.
    pub async fn id(&self) -> ID {
        GlobalId::Event(self.recorded.id).encode()
    }
    /// Its name and version on the wire, such as `hub.discussions.thread_opened.v1`.
    #[graphql(name = "type")]
    pub async fn kind(&self) -> String {
        self.recorded.event.wire().wire_type()
    }
    /// Its place in the log of the whole hub; null where it has none (yet).
    pub async fn position(&self) -> Option<String> {
        (self.recorded.seq > 0).then(|| self.recorded.seq.to_string())
    }
    /// Its place among the events of the thing that it happened to, from 1.
    pub async fn version(&self) -> i32 {
        version(self.recorded.version)
    }
    /// When it happened; for imported content, at its source.
    pub async fn occurred_at(&self) -> DateTime<Utc> {
        self.recorded.meta.occurred_at
    }
    /// When the hub took it in.
    pub async fn recorded_at(&self) -> DateTime<Utc> {
        self.recorded.recorded_at
    }
    /// Who did it; null if the hub itself did.
    pub async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        match self.recorded.meta.actor {
            Who::Person(person) => Ok(load(RequestContext::of(ctx)?, PersonOf(person)).await?.map(Person::from)),
            Who::System(_) => Ok(None),
        }
    }
    /// The organisation for which it was done; null if the hub itself did it.
    pub async fn organisation(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        let Some(organisation) = self.recorded.meta.organisation else { return Ok(None) };
        Ok(load(RequestContext::of(ctx)?, OrganisationOf(organisation)).await?.map(Organisation::from))
    }
    /// The “commandId” of the command that it followed from.
    pub async fn command(&self) -> Uuid {
        self.recorded.meta.command.0
    }
    /// What ties together all that followed from one first cause: the id of the first command.
    pub async fn correlation(&self) -> Uuid {
        self.recorded.meta.correlation
    }
    /// The id of the event that the hub reacted to by this one, if it did.
    pub async fn cause(&self) -> Option<ID> {
        self.recorded.meta.causation.map(|event| GlobalId::Event(event).encode())
    }
    /// What it happened to, as it is now; null if you do not see it.
    pub async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        let stream = self.stream();
        let id = match &self.recorded.event {
            HubEvent::Organisation(_) => GlobalId::Organisation(stream.into()),
            HubEvent::Person(_) => GlobalId::Person(stream.into()),
            HubEvent::Team(_) => GlobalId::Team(stream.into()),
            HubEvent::Community(_) => GlobalId::Community(stream.into()),
            HubEvent::Category(_) => GlobalId::Category(stream.into()),
            HubEvent::Thread(_) => GlobalId::Thread(stream.into()),
        };
        query::named(RequestContext::of(ctx)?, id).await
    }
    /// What it changed, field by field, as far as that is for you to see.
    pub async fn changes(&self, ctx: &Context<'_>) -> Result<Vec<Change>> {
        let Some(Setters { kinds, from_the_start }) = self.setters() else { return Ok(self.changed(None)) };
        let than = Place { stream: self.stream(), version: self.recorded.version };
        let earlier = Earlier { than, kinds, part: rule::part(&self.recorded.event), from_the_start };
        Ok(self.changed(load(RequestContext::of(ctx)?, BeforeThat(earlier)).await?))
    }
}
