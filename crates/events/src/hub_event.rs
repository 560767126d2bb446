//! The one event type that everything behind the log reads.

use communities::community;
use discussions::{category, thread};
use kernel::PersonId;
use organisations::{organisation, person, team};
use uuid::Uuid;

/// Something that happened, in whichever context.
///
/// **To add a new aggregate:** add a variant, and go where the compiler points.
#[derive(Clone, Debug, PartialEq)]
pub enum HubEvent {
    /// To an organisation.
    Organisation(organisation::Event),
    /// To a person.
    Person(person::Event),
    /// To a team.
    Team(team::Event),
    /// To a community.
    Community(community::Event),
    /// To a category of discussions.
    Category(category::Event),
    /// To a thread.
    Thread(thread::Event),
}

impl HubEvent {
    /// The context it comes from, as wire names carry it: `discussions`.
    pub fn context(&self) -> &'static str {
        match self {
            Self::Organisation(_) | Self::Person(_) | Self::Team(_) => "organisations",
            Self::Community(_) => "communities",
            Self::Category(_) | Self::Thread(_) => "discussions",
        }
    }

    /// The aggregate it happened to, as wire names carry it: `thread`.
    pub fn aggregate(&self) -> &'static str {
        match self {
            Self::Organisation(_) => "organisation",
            Self::Person(_) => "person",
            Self::Team(_) => "team",
            Self::Community(_) => "community",
            Self::Category(_) => "category",
            Self::Thread(_) => "thread",
        }
    }

    /// The person whose personal data the event holds, and whose key therefore seals it in the log:
    /// the one whose own stream it stands in. `stream` is that stream's id.
    pub fn personal(&self, stream: Uuid) -> Option<PersonId> {
        match self {
            Self::Person(_) => Some(stream.into()),
            Self::Organisation(_) | Self::Team(_) | Self::Community(_) | Self::Category(_) | Self::Thread(_) => None,
        }
    }
}

/// An aggregate's own event type, as part of [`HubEvent`]; it lets streams be loaded and appended generically.
pub trait WireEvent: Sized {
    /// The same event among all events.
    fn into_hub(self) -> HubEvent;
    /// Back again; none if the event happened to another kind of thing.
    fn from_hub(event: HubEvent) -> Option<Self>;
}

impl WireEvent for organisation::Event {
    fn into_hub(self) -> HubEvent {
        HubEvent::Organisation(self)
    }
    fn from_hub(event: HubEvent) -> Option<Self> {
        if let HubEvent::Organisation(event) = event { Some(event) } else { None }
    }
}

impl WireEvent for person::Event {
    fn into_hub(self) -> HubEvent {
        HubEvent::Person(self)
    }
    fn from_hub(event: HubEvent) -> Option<Self> {
        if let HubEvent::Person(event) = event { Some(event) } else { None }
    }
}

impl WireEvent for team::Event {
    fn into_hub(self) -> HubEvent {
        HubEvent::Team(self)
    }
    fn from_hub(event: HubEvent) -> Option<Self> {
        if let HubEvent::Team(event) = event { Some(event) } else { None }
    }
}

impl WireEvent for community::Event {
    fn into_hub(self) -> HubEvent {
        HubEvent::Community(self)
    }
    fn from_hub(event: HubEvent) -> Option<Self> {
        if let HubEvent::Community(event) = event { Some(event) } else { None }
    }
}

impl WireEvent for category::Event {
    fn into_hub(self) -> HubEvent {
        HubEvent::Category(self)
    }
    fn from_hub(event: HubEvent) -> Option<Self> {
        if let HubEvent::Category(event) = event { Some(event) } else { None }
    }
}

impl WireEvent for thread::Event {
    fn into_hub(self) -> HubEvent {
        HubEvent::Thread(self)
    }
    fn from_hub(event: HubEvent) -> Option<Self> {
        if let HubEvent::Thread(event) = event { Some(event) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn every_event_goes_back_to_its_own_aggregate_and_to_no_other() {
        for event in samples() {
            let homes = [
                organisation::Event::from_hub(event.clone()).map(WireEvent::into_hub),
                person::Event::from_hub(event.clone()).map(WireEvent::into_hub),
                team::Event::from_hub(event.clone()).map(WireEvent::into_hub),
                community::Event::from_hub(event.clone()).map(WireEvent::into_hub),
                category::Event::from_hub(event.clone()).map(WireEvent::into_hub),
                thread::Event::from_hub(event.clone()).map(WireEvent::into_hub),
            ];
            let found: Vec<HubEvent> = homes.into_iter().flatten().collect();
            assert_eq!(found, [event]);
        }
    }

    #[test]
    fn names_are_those_of_the_aggregates() {
        use kernel::Aggregate;
        fn name<A: Aggregate>() -> (&'static str, &'static str) {
            (A::CONTEXT, A::NAME)
        }
        for event in samples() {
            let expected = match &event {
                HubEvent::Organisation(_) => name::<organisation::Organisation>(),
                HubEvent::Person(_) => name::<person::Person>(),
                HubEvent::Team(_) => name::<team::Team>(),
                HubEvent::Community(_) => name::<community::Community>(),
                HubEvent::Category(_) => name::<category::Category>(),
                HubEvent::Thread(_) => name::<thread::Thread>(),
            };
            assert_eq!((event.context(), event.aggregate()), expected);
        }
    }

    /// Personal data stand in the person's own stream and nowhere else.
    #[test]
    fn only_a_persons_own_stream_holds_personal_data() {
        let stream = Uuid::from_u128(7);
        for event in samples() {
            let holds = event.to_payload().data.to_string().contains("$personal");
            let own = matches!(event, HubEvent::Person(_));
            assert!(own || !holds, "{event:?} holds personal data outside the person's stream");
            assert_eq!(event.personal(stream), own.then_some(stream.into()));
        }
    }
}
