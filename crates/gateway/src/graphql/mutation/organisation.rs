//! Commands to organisations and their identity providers.

use super::super::context::OrFault;
use super::super::ids;
use super::lookup::{shown_organisation, visible_organisation};
use super::payloads::OrganisationPayload;
use super::{Sender, Stop, answer, refuse};
use async_graphql::{Context, ID, InputObject, Object, Result};
use kernel::{Kind, OrganisationId, ProviderId};
use organisations::organisation::Command;
use services::HubCommand;
use uuid::Uuid;

/// The longest client secret that is taken, in bytes.
const LONGEST_SECRET: usize = 4_096;

/// Registers an organisation.
#[derive(InputObject)]
pub struct OrganisationRegisterInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The address within the hub: 2 to 60 lower-case letters, digits and single hyphens.
    slug: String,
    /// The name.
    name: String,
}

/// Renames an organisation.
#[derive(InputObject)]
pub struct OrganisationRenameInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The organisation.
    organisation: ID,
    /// The new name.
    name: String,
}

/// Suspends an organisation.
#[derive(InputObject)]
pub struct OrganisationSuspendInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The organisation.
    organisation: ID,
    /// Why, for the record.
    reason: String,
}

/// Ends the suspension of an organisation.
#[derive(InputObject)]
pub struct OrganisationReinstateInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The organisation.
    organisation: ID,
}

/// Registers an identity provider of an organisation.
#[derive(InputObject)]
pub struct ProviderRegisterInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
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
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version of the organisation that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
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
            let sender = Sender::new(ctx, input.command_id, None)?;
            let id = sender.opened();
            carry_out(&sender, id, Command::Register { slug: input.slug, name: input.name }).await
        };
        answer(run.await)
    }

    /// Rename an organisation. For its administrators and stewards.
    async fn organisation_rename(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: OrganisationRenameInput,
    ) -> Result<OrganisationPayload> {
        answer(change(ctx, input.command_id, input.expected_version, &input.organisation, Command::Rename { name: input.name }).await)
    }

    /// Suspend an organisation: its people are signed out and cannot sign in. For stewards.
    async fn organisation_suspend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: OrganisationSuspendInput,
    ) -> Result<OrganisationPayload> {
        let run = async {
            let sender = Sender::new(ctx, input.command_id, input.expected_version)?;
            let organisation = visible_organisation(sender.request, &input.organisation, "organisation").await?.reference.id;
            let payload = carry_out(&sender, organisation, Command::Suspend { reason: input.reason }).await?;
            let sessions = &sender.request.backend().identity.sessions;
            sessions.end_all_of_organisation(organisation).await.or_fault()?;
            sender.barred(organisation).await?;
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
        answer(change(ctx, input.command_id, input.expected_version, &input.organisation, Command::Reinstate).await)
    }

    /// Register an identity provider; people may then sign in through it. For administrators and stewards.
    async fn provider_register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: ProviderRegisterInput,
    ) -> Result<OrganisationPayload> {
        let run = async {
            let sender = Sender::new(ctx, input.command_id, input.expected_version)?;
            if input.client_secret.trim().is_empty() || input.client_secret.len() > LONGEST_SECRET {
                let message = format!("Give the client secret, at most {LONGEST_SECRET} bytes, as the provider shows it.");
                return Err(refuse(Kind::Invalid, "CLIENT_SECRET", &message, "clientSecret"));
            }
            let organisation = visible_organisation(sender.request, &input.organisation, "organisation").await?.reference.id;
            let provider: ProviderId = sender.opened();
            let scopes = input.scopes.unwrap_or_else(|| vec!["profile".to_owned(), "email".to_owned()]);
            let command =
                Command::RegisterProvider { provider, name: input.name, issuer: input.issuer, client_id: input.client_id, scopes };
            let token = sender.send(organisation, HubCommand::Organisation(command)).await?;
            // After the command, so that a secret is kept only for a provider that was let in. If this fails, the same command
            // sent again makes up for it.
            let secret = input.client_secret.into();
            sender.request.backend().identity.providers.store_secret(provider, &secret).await.or_fault()?;
            Ok(OrganisationPayload::done(shown_organisation(sender.request, organisation).await?, token))
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
            let provider = ids::read::<ids::Provider>(&input.provider, "provider")?;
            change(ctx, input.command_id, input.expected_version, &input.organisation, Command::EnableProvider { provider }).await
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
    let sender = Sender::new(ctx, input.command_id, input.expected_version)?;
    let provider = ids::read::<ids::Provider>(&input.provider, "provider")?;
    let organisation = visible_organisation(sender.request, &input.organisation, "organisation").await?.reference.id;
    let payload = carry_out(&sender, organisation, command(provider)).await?;
    sender.request.backend().identity.sessions.end_all_of_provider(provider).await.or_fault()?;
    sender.barred(provider).await?;
    Ok(payload)
}

async fn change(
    ctx: &Context<'_>,
    id: Uuid,
    expected: Option<i32>,
    organisation: &ID,
    command: Command,
) -> Result<OrganisationPayload, Stop> {
    let sender = Sender::new(ctx, id, expected)?;
    let organisation = visible_organisation(sender.request, organisation, "organisation").await?.reference.id;
    carry_out(&sender, organisation, command).await
}

async fn carry_out(sender: &Sender<'_>, organisation: OrganisationId, command: Command) -> Result<OrganisationPayload, Stop> {
    let token = sender.send(organisation, HubCommand::Organisation(command)).await?;
    Ok(OrganisationPayload::done(shown_organisation(sender.request, organisation).await?, token))
}
