//! Commands to categories of discussion.

use super::super::enums::Format;
use super::envelope::{Changing, Opening};
use super::inputs::AudienceInput;
use super::lookup::{shown_category, visible_category, visible_community};
use super::payloads::CategoryPayload;
use super::{Outcome, Sender, Stop, answer, refuse};
use async_graphql::{Context, ID, InputObject, Object, Result};
use discussions::category::Command;
use kernel::{CategoryId, Kind};
use services::HubCommand;

/// Opens a category.
#[derive(InputObject)]
pub struct CategoryOpenInput {
    #[graphql(flatten)]
    command: Opening,
    /// Its community.
    community: ID,
    /// The address within the community: 2 to 60 lower-case letters, digits and single hyphens.
    slug: String,
    /// The name.
    name: String,
    /// What belongs in it.
    description: String,
    /// What its threads are like.
    format: Format,
    /// Who may see what is in it; the community's own audience if left out, and never wider.
    audience: Option<AudienceInput>,
    /// Where it stands among the community's categories, from 0; last if left out.
    position: Option<i32>,
}

/// Describes a category anew.
#[derive(InputObject)]
pub struct CategoryDescribeInput {
    #[graphql(flatten)]
    command: Changing,
    /// The category.
    category: ID,
    /// The name.
    name: String,
    /// What belongs in it.
    description: String,
}

/// Moves a category among its community's.
#[derive(InputObject)]
pub struct CategoryReorderInput {
    #[graphql(flatten)]
    command: Changing,
    /// The category.
    category: ID,
    /// Its new place, from 0.
    position: i32,
}

/// Names a category.
#[derive(InputObject)]
pub struct CategoryInput {
    #[graphql(flatten)]
    command: Changing,
    /// The category.
    category: ID,
}

/// Commands to categories.
#[derive(Default)]
pub struct CategoryMutation;

#[Object]
impl CategoryMutation {
    /// Open a category. For the community's coordinators.
    async fn category_open(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CategoryOpenInput,
    ) -> Result<CategoryPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let community = visible_community(sender.request, &input.community, "community").await?;
                let within = community.audience;
                let community = community.reference.id;
                let audience = match input.audience {
                    Some(audience) => audience.read(sender.request, community)?,
                    None => within.clone(),
                };
                let command = Command::Open {
                    community,
                    slug: input.slug,
                    name: input.name,
                    description: input.description,
                    format: input.format.into(),
                    audience,
                    within,
                    position: input.position.map_or(Ok(u16::MAX), position)?,
                };
                Ok((sender.opened(), HubCommand::Category(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Change a category's name and description. For coordinators.
    async fn category_describe(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CategoryDescribeInput,
    ) -> Result<CategoryPayload> {
        let sender = Sender::new(ctx, &input);
        let command = Command::Describe { name: input.name, description: input.description };
        answer(change(sender, &input.category, command).await)
    }

    /// Move a category among its community's. For coordinators.
    async fn category_reorder(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CategoryReorderInput,
    ) -> Result<CategoryPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let command = Command::Reorder { position: position(input.position)? };
                let category = visible_category(sender.request, &input.category, "category").await?.reference.id;
                Ok((category, HubCommand::Category(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Close a category: what is there stays, nothing new is opened. For coordinators.
    async fn category_close(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: CategoryInput) -> Result<CategoryPayload> {
        answer(change(Sender::new(ctx, &input), &input.category, Command::Close).await)
    }
}

fn position(position: i32) -> Result<u16, Stop> {
    u16::try_from(position).map_err(|_| refuse(Kind::Invalid, "POSITION", &format!("“position” must be 0 to {}.", u16::MAX), "position"))
}

async fn change(sender: Result<Sender<'_>, Stop>, category: &ID, command: Command) -> Result<CategoryPayload, Stop> {
    let sender = sender?;
    let looked_up = async {
        let category = visible_category(sender.request, category, "category").await?.reference.id;
        Ok((category, HubCommand::Category(command)))
    };
    shown(&sender, sender.outcome(looked_up).await?).await
}

async fn shown(sender: &Sender<'_>, outcome: Outcome<CategoryId>) -> Result<CategoryPayload, Stop> {
    Ok(CategoryPayload::done(shown_category(sender.request, outcome.of).await?, outcome.done))
}

commands! { CategoryOpenInput, CategoryDescribeInput, CategoryReorderInput, CategoryInput }
