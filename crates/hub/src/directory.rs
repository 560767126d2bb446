//! The hub's own answers to what identity asks, and what follows from suspensions and erasures.

use async_trait::async_trait;
use events::HubEvent;
use identity::{Bars, DirectoryError, ProviderDirectory, ProviderRecord};
use kernel::{OrganisationId, PersonId, ProviderId, Recorded, Viewer};
use organisations::person;
use projections::organisations::organisation as view;
use store::{Log, Reads};

/// The facts about identity providers, from the view of organisations.
pub(crate) struct Directory(pub(crate) Reads);

fn record(row: view::ProviderRecord) -> ProviderRecord {
    ProviderRecord {
        id: row.id,
        organisation: row.organisation.id,
        organisation_name: row.organisation.name,
        name: row.name,
        issuer: row.issuer,
        client_id: row.client_id,
        scopes: row.scopes,
        enabled: row.enabled,
        organisation_suspended: row.organisation_suspended,
    }
}

fn unreadable(error: sqlx::Error) -> DirectoryError {
    DirectoryError(Box::new(error))
}

#[async_trait]
impl ProviderDirectory for Directory {
    async fn provider(&self, id: ProviderId) -> Result<Option<ProviderRecord>, DirectoryError> {
        Ok(view::provider(&Viewer::stranger(), &self.0, id).await.map_err(unreadable)?.map(record))
    }

    async fn by_organisation(&self, organisation: OrganisationId) -> Result<Vec<ProviderRecord>, DirectoryError> {
        let rows = view::providers(&Viewer::stranger(), &self.0, &[organisation]).await.map_err(unreadable)?;
        Ok(rows.into_iter().map(record).collect())
    }

    async fn open(&self) -> Result<Vec<ProviderRecord>, DirectoryError> {
        let rows = view::sign_in_options(&Viewer::stranger(), &self.0).await.map_err(unreadable)?;
        Ok(rows.into_iter().map(record).collect())
    }
}

/// Ends sessions and tokens when a person, provider or organisation is suspended, and destroys the key of whoever was erased.
pub(crate) struct Consequences {
    /// Sessions and tokens.
    pub(crate) bars: Bars,
    /// The log, which holds the keys.
    pub(crate) log: Log,
}

#[async_trait]
impl services::process::Process for Consequences {
    fn name(&self) -> &'static str {
        "consequences"
    }

    async fn react(&self, recorded: &Recorded<HubEvent>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match &recorded.event {
            HubEvent::Person(event) => {
                let person = PersonId(recorded.stream.id);
                self.bars.follow_person(person, event).await?;
                if matches!(event, person::Event::Erased) {
                    self.log.destroy_key(person).await?;
                }
            }
            HubEvent::Organisation(event) => self.bars.follow_organisation(OrganisationId(recorded.stream.id), event).await?,
            HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) | HubEvent::Thread(_) => {}
        }
        Ok(())
    }
}
