//! Commands to organisations and their identity providers.

use super::super::context::OrFault;
use super::super::ids;
use super::envelope::{Changing, Opening};
use super::lookup::{shown_organisation, visible_organisation};
use super::payloads::OrganisationPayload;
use super::{Outcome, Sender, Stop, answer, refuse};
use async_graphql::{Context, ID, InputObject, Object, Result};
use kernel::{Kind, OrganisationId, ProviderId};
use organisations::organisation::Command;
use services::HubCommand;

/// The longest client secret that is taken, in bytes.
const LONGEST_SECRET: usize = 4_096;

/// Registers an organisation.
#[derive(InputObject)]
pub struct OrganisationRegisterInput {
    #[graphql(flatten)]
    command: Opening,
    /// The address within the hub: 2 to 60 lower-case letters, digits and single hyphens.
    slug: String,
    /// The name.
    name: String,
}

/// Renames an organisation.
#[derive(InputObject)]
pub struct OrganisationRenameInput {
    #[graphql(flatten)]
    command: Changing,
    /// The organisation.
    organisation: ID,
    /// The new name.
    name: String,
}

/// Suspends an organisation.
#[derive(InputObject)]
pub struct OrganisationSuspendInput {
    #[graphql(flatten)]
    command: Changing,
    /// The organisation.
    organisation: ID,
    /// Why, for the record.
    reason: String,
}

/// Ends the suspension of an organisation.
#[derive(InputObject)]
pub struct OrganisationReinstateInput {
    #[graphql(flatten)]
    command: Changing,
    /// The organisation.
    organisation: ID,
}

/// Registers an identity provider of an organisation.
#[derive(InputObject)]
pub struct ProviderRegisterInput {
    #[graphql(flatten)]
    command: Changing,
    /// The organisation.
    organisation: ID,
    /// What people call it: “Staff sign-in”.
    name: String,
    /// The issuer, exactly as the provider writes it.
    issuer: String,
    /// The client id that the provider gave the hub.
    client_id: String,
    /// The client secret that the provider gave the hub. It is sealed, and never shown again.
    client_secret: String,
    /// Scopes to ask for besides `openid`; `profile` and `email` if left out.
    scopes: Option<Vec<String>>,
}

/// Names an identity provider whose state shall change.
#[derive(InputObject)]
pub struct ProviderChangeStateInput {
    #[graphql(flatten)]
    command: Changing,
    /// The organisation.
    organisation: ID,
    /// The provider.
    provider: ID,
}

/// Commands to organisations.
#[derive(Default)]
pub struct OrganisationMutation;

#[Object]
impl OrganisationMutation {
    /// Register an organisation. For stewards.
    async fn organisation_register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: OrganisationRegisterInput,
    ) -> Result<OrganisationPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let command = Command::Register { slug: input.slug, name: input.name };
                Ok((sender.opened(), HubCommand::Organisation(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Rename an organisation. For its administrators and stewards.
    async fn organisation_rename(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: OrganisationRenameInput,
    ) -> Result<OrganisationPayload> {
        answer(change(Sender::new(ctx, &input), &input.organisation, Command::Rename { name: input.name }).await)
    }

    /// Suspend an organisation: its people are signed out and cannot sign in. For stewards.
    async fn organisation_suspend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: OrganisationSuspendInput,
    ) -> Result<OrganisationPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let outcome = to_organisation(&sender, &input.organisation, Command::Suspend { reason: input.reason }).await?;
            let organisation = outcome.of;
            let payload = shown(&sender, outcome).await?;
            if !sender.only_tries {
                let sessions = &sender.request.backend().identity.sessions;
                sessions.end_all_of_organisation(organisation).await.or_fault()?;
                sender.barred(organisation).await?;
            }
            Ok(payload)
        };
        answer(run.await)
    }

    /// End the suspension of an organisation. For stewards.
    async fn organisation_reinstate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: OrganisationReinstateInput,
    ) -> Result<OrganisationPayload> {
        answer(change(Sender::new(ctx, &input), &input.organisation, Command::Reinstate).await)
    }

    /// Register an identity provider; people may then sign in through it. For administrators and stewards.
    async fn provider_register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: ProviderRegisterInput,
    ) -> Result<OrganisationPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let provider: ProviderId = sender.opened();
            let looked_up = async {
                if input.client_secret.trim().is_empty() || input.client_secret.len() > LONGEST_SECRET {
                    let message = format!("Give the client secret, at most {LONGEST_SECRET} bytes, as the provider shows it.");
                    return Err(refuse(Kind::Invalid, "CLIENT_SECRET", &message, "clientSecret"));
                }
                let organisation = visible_organisation(sender.request, &input.organisation, "organisation").await?.reference.id;
                let scopes = input.scopes.unwrap_or_else(|| vec!["profile".to_owned(), "email".to_owned()]);
                let command =
                    Command::RegisterProvider { provider, name: input.name, issuer: input.issuer, client_id: input.client_id, scopes };
                Ok((organisation, HubCommand::Organisation(command)))
            };
            let outcome = sender.outcome(looked_up).await?;
            if !sender.only_tries {
                // After the command, so that a secret is kept only for a provider that was let in. If this fails, the same command
                // sent again makes up for it.
                let secret = input.client_secret.into();
                sender.request.backend().identity.providers.store_secret(provider, &secret).await.or_fault()?;
            }
            shown(&sender, outcome).await
        };
        answer(run.await)
    }

    /// Close an identity provider: whoever signed in through it is signed out, and nobody can. For administrators and stewards.
    async fn provider_disable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: ProviderChangeStateInput,
    ) -> Result<OrganisationPayload> {
        answer(close_provider(ctx, input, |provider| Command::DisableProvider { provider }).await)
    }

    /// Open an identity provider again. For administrators and stewards.
    async fn provider_enable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: ProviderChangeStateInput,
    ) -> Result<OrganisationPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let outcome = to_provider(&sender, &input, |provider| Command::EnableProvider { provider }).await?;
            shown(&sender, outcome).await
        };
        answer(run.await)
    }

    /// Remove an identity provider for good, with its secret. For administrators and stewards.
    async fn provider_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: ProviderChangeStateInput,
    ) -> Result<OrganisationPayload> {
        answer(close_provider(ctx, input, |provider| Command::RemoveProvider { provider }).await)
    }
}

async fn close_provider(
    ctx: &Context<'_>,
    input: ProviderChangeStateInput,
    command: fn(ProviderId) -> Command,
) -> Result<OrganisationPayload, Stop> {
    let sender = Sender::new(ctx, &input)?;
    let outcome = to_provider(&sender, &input, command).await?;
    let payload = shown(&sender, outcome).await?;
    if !sender.only_tries {
        let provider = ids::read::<ids::Provider>(&input.provider, "provider")?;
        sender.request.backend().identity.sessions.end_all_of_provider(provider).await.or_fault()?;
        sender.barred(provider).await?;
    }
    Ok(payload)
}

async fn to_provider(
    sender: &Sender<'_>,
    input: &ProviderChangeStateInput,
    command: fn(ProviderId) -> Command,
) -> Result<Outcome<OrganisationId>, Stop> {
    let looked_up = async {
        let provider = ids::read::<ids::Provider>(&input.provider, "provider")?;
        let organisation = visible_organisation(sender.request, &input.organisation, "organisation").await?.reference.id;
        Ok((organisation, HubCommand::Organisation(command(provider))))
    };
    sender.outcome(looked_up).await
}

async fn change(sender: Result<Sender<'_>, Stop>, organisation: &ID, command: Command) -> Result<OrganisationPayload, Stop> {
    let sender = sender?;
    shown(&sender, to_organisation(&sender, organisation, command).await?).await
}

async fn to_organisation(sender: &Sender<'_>, organisation: &ID, command: Command) -> Result<Outcome<OrganisationId>, Stop> {
    let looked_up = async {
        let organisation = visible_organisation(sender.request, organisation, "organisation").await?.reference.id;
        Ok((organisation, HubCommand::Organisation(command)))
    };
    sender.outcome(looked_up).await
}

async fn shown(sender: &Sender<'_>, outcome: Outcome<OrganisationId>) -> Result<OrganisationPayload, Stop> {
    Ok(OrganisationPayload::done(shown_organisation(sender.request, outcome.of).await?, outcome.done))
}

commands! {
    OrganisationRegisterInput, OrganisationRenameInput, OrganisationSuspendInput, OrganisationReinstateInput, ProviderRegisterInput,
    ProviderChangeStateInput,
}
