//! One's own API tokens and sessions.

use super::super::context::OrFault;
use super::super::enums::TokenScope;
use super::super::error::UserError;
use super::super::ids::{self, GlobalId};
use super::super::viewer::ApiToken;
use super::envelope::Opening;
use super::payloads::{ApiTokenPayload, SessionEndPayload};
use super::{Sender, Stop, answer};
use crate::graphql::RequestContext;
use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use identity::SessionId;
use kernel::{PersonId, TokenId};
use organisations::person::Command;
use secrecy::ExposeSecret as _;
use services::HubCommand;

/// Issues an API token.
#[derive(InputObject)]
pub struct ApiTokenIssueInput {
    #[graphql(flatten)]
    command: Opening,
    /// What it is for, in your own words.
    name: String,
    /// What it may be used for.
    scope: TokenScope,
    /// When it ends; within a year.
    expires_at: DateTime<Utc>,
}

/// Revokes an API token.
#[derive(InputObject)]
pub struct ApiTokenRevokeInput {
    #[graphql(flatten)]
    command: Opening,
    /// The token.
    api_token: ID,
}

/// Ends a session.
#[derive(InputObject)]
pub struct SessionEndInput {
    /// The session.
    session: ID,
    /// Only say whether it could be ended. Nothing is changed.
    #[graphql(default_with = "Some(false)")]
    validate_only: Option<bool>,
}

/// Commands about one's own API tokens and sessions.
#[derive(Default)]
pub struct AccessMutation;

#[Object]
impl AccessMutation {
    /// Issue an API token for yourself. Its secret stands in this one answer and nowhere else.
    async fn api_token_issue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: ApiTokenIssueInput,
    ) -> Result<ApiTokenPayload> {
        answer(issue(ctx, input).await)
    }

    /// Revoke one of your API tokens. It ends at once.
    async fn api_token_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: ApiTokenRevokeInput,
    ) -> Result<ApiTokenPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let person = sender.oneself()?;
            let id = ids::read::<ids::Token>(&input.api_token, "apiToken")?;
            // While it is there.
            let shown = listed(sender.request, person, id).await?;
            let command = HubCommand::Person(Command::RevokeToken { token: id });
            let outcome = sender.outcome(async { Ok(((person, id), command)) }).await?;
            if !sender.only_tries {
                sender.request.backend().identity.tokens.revoke(id).await.or_fault()?;
            }
            Ok(ApiTokenPayload::done(None, shown, outcome.done))
        };
        answer(run.await)
    }

    /// End one of your sessions. Its browser is signed out at once. That is no event: sessions stand outside of the log.
    async fn session_end(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: SessionEndInput) -> Result<SessionEndPayload> {
        let run = async {
            let request = RequestContext::of(ctx)?;
            let person = own_person(request)?;
            if request.credential().is_some_and(|credential| !credential.may_write()) {
                return Err(UserError::not_allowed(
                    "This API token is for reading only. Issue one with the scope WRITE to change anything.",
                )
                .into());
            }
            let id = ids::read::<ids::Session>(&input.session, "session")?;
            let sessions = &request.backend().identity.sessions;
            let only_tries = input.validate_only.unwrap_or(false);
            let there = if only_tries {
                sessions.list(person).await.or_fault()?.iter().any(|session| session.id == SessionId(id))
            } else {
                sessions.end(person, SessionId(id)).await.or_fault()?
            };
            if !there {
                return Err(UserError::not_found("session", "session").into());
            }
            let ended_id = (!only_tries).then(|| GlobalId::Session(id).encode());
            Ok(SessionEndPayload { ended_id, user_errors: Vec::new() })
        };
        answer(run.await)
    }
}

fn own_person(request: &RequestContext) -> Result<PersonId, Stop> {
    request.actor()?.person_id().ok_or_else(|| UserError::not_allowed("Only persons have sessions.").into())
}

async fn issue(ctx: &Context<'_>, input: ApiTokenIssueInput) -> Result<ApiTokenPayload, Stop> {
    let sender = Sender::new(ctx, &input)?;
    let (person, organisation) = (sender.oneself()?, sender.organisation()?);
    let id: TokenId = sender.opened();
    let scope = input.scope.into();
    let command = Command::IssueToken { token: id, name: input.name.clone(), scope, expires_at: input.expires_at };
    let outcome = sender.outcome(async { Ok(((person, id), HubCommand::Person(command))) }).await?;
    if sender.only_tries {
        return Ok(ApiTokenPayload::done(None, listed(sender.request, person, id).await?, outcome.done));
    }
    // The event first: a token is never good for anything that the log does not know of. If the next step fails, the same
    // command sent again makes up for it; once there is a secret, it never makes another.
    let issued = sender.request.backend().identity.tokens.issue(id, person, organisation, input.name.trim(), scope, input.expires_at).await;
    let secret = match issued {
        Ok(secret) => Some(secret.expose_secret().to_owned()),
        // The command was carried out before, and the secret was shown then.
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => None,
        Err(error) => return Err(super::super::error::database(&error).into()),
    };
    Ok(ApiTokenPayload::done(secret, listed(sender.request, person, id).await?, outcome.done))
}

commands! { ApiTokenIssueInput, ApiTokenRevokeInput }

async fn listed(request: &RequestContext, person: PersonId, id: TokenId) -> Result<Option<ApiToken>, Stop> {
    let tokens = request.backend().identity.tokens.list(person).await.or_fault()?;
    Ok(tokens.into_iter().find(|listed| listed.token.id == id).map(ApiToken::from))
}
