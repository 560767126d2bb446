//! What commands need to be accepted: an organisation, a community, a category, members.

use std::sync::Arc;

use anyhow::bail;
use communities::{charter::Charter, community};
use discussions::{
    category::{self, Format},
    thread::{self, Home},
};
use kernel::{Actor, Audience, CategoryId, CommandId, CommunityId, Ids, OrganisationId, PersonId, PostId, RandomIds, Role, SystemClock};
use organisations::organisation;
use services::{Dispatch, Failure, HubCommand, Receipt, Request, Services};
use store::Log;
use uuid::Uuid;

/// A new identifier.
pub(crate) fn fresh() -> Uuid {
    RandomIds.next()
}

/// A community that people write in.
#[derive(Clone)]
pub(crate) struct World {
    services: Services,
    pub(crate) organisation: OrganisationId,
    pub(crate) community: CommunityId,
    category: CategoryId,
}

impl World {
    pub(crate) async fn found(log: &Log) -> anyhow::Result<Self> {
        let world = Self {
            services: Services::new(log.clone(), Arc::new(SystemClock), Arc::new(RandomIds)),
            organisation: OrganisationId(fresh()),
            community: CommunityId(fresh()),
            category: CategoryId(fresh()),
        };
        let hub = Actor::system("bench");
        let register = organisation::Command::Register { slug: "department".to_owned(), name: "Department".to_owned() };
        world.send(&hub, world.organisation.0, HubCommand::Organisation(register)).await?;
        let found = community::Command::Found {
            slug: "practice".to_owned(),
            name: "Practice".to_owned(),
            subject: "What we practise".to_owned(),
            home: world.organisation,
            audience: Audience::public(),
            charter: Charter::default(),
        };
        world.send(&hub, world.community.0, HubCommand::Community(found)).await?;
        let open = category::Command::Open {
            community: world.community,
            slug: "general".to_owned(),
            name: "General".to_owned(),
            description: "Anything".to_owned(),
            format: Format::Open,
            audience: Audience::public(),
            within: Audience::public(),
            position: 0,
        };
        world.send(&hub, world.category.0, HubCommand::Category(open)).await?;
        Ok(world)
    }

    /// Opens a thread; gives its id.
    pub(crate) async fn open_thread(&self) -> anyhow::Result<Uuid> {
        let (by, author) = self.member();
        let home =
            Home { community: self.community, category: self.category, format: Format::Open, audience: Audience::public(), open: true };
        let (title, body) = ("How do you do it?".to_owned(), "Some words about *how* we do it here.".repeat(5));
        let open = thread::Command::Open { home, author, post: PostId(fresh()), title, body, audience: None, source: None };
        let target = fresh();
        self.send(&by, target, HubCommand::Thread(open)).await?;
        Ok(target)
    }

    /// Replies in a thread, as someone who has not written before.
    pub(crate) async fn reply(&self, thread: Uuid) -> anyhow::Result<Receipt> {
        let (by, author) = self.member();
        let body = "We do it *this* way, and it has served us well for years.".repeat(3);
        let reply = thread::Command::Reply { post: PostId(fresh()), to: None, author, body, source: None };
        self.send(&by, thread, HubCommand::Thread(reply)).await
    }

    fn member(&self) -> (Actor, PersonId) {
        let person = PersonId(fresh());
        (Actor::person(person, self.organisation).with(Role::Member(self.community)), person)
    }

    /// Carries out a command, which must be accepted.
    pub(crate) async fn send(&self, by: &Actor, target: Uuid, command: HubCommand) -> anyhow::Result<Receipt> {
        match self.services.execute(Request::new(CommandId(fresh()), by.clone(), target, command)).await {
            Ok(receipt) => Ok(receipt),
            Err(Failure::Refused(refused)) => bail!("a command of the measurement was refused: {}", refused.message),
            Err(unavailable @ Failure::Unavailable(_)) => Err(unavailable.into()),
        }
    }
}
