//! Commands to categories of discussion.

use super::super::enums::Format;
use super::inputs::AudienceInput;
use super::lookup::{shown_category, visible_category, visible_community};
use super::payloads::CategoryPayload;
use super::{Sender, Stop, answer, refuse};
use async_graphql::{Context, ID, InputObject, Object, Result};
use discussions::category::Command;
use kernel::{CategoryId, Kind};
use services::HubCommand;
use uuid::Uuid;

/// Opens a category.
#[derive(InputObject)]
pub struct CategoryOpenInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
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
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
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
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The category.
    category: ID,
    /// Its new place, from 0.
    position: i32,
}

/// Names a category.
#[derive(InputObject)]
pub struct CategoryInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
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
            let sender = Sender::new(ctx, input.command_id, None)?;
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
            carry_out(&sender, sender.opened(), command).await
        };
        answer(run.await)
    }

    /// Change a category's name and description. For coordinators.
    async fn category_describe(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CategoryDescribeInput,
    ) -> Result<CategoryPayload> {
        let command = Command::Describe { name: input.name, description: input.description };
        answer(change(ctx, input.command_id, input.expected_version, &input.category, command).await)
    }

    /// Move a category among its community's. For coordinators.
    async fn category_reorder(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CategoryReorderInput,
    ) -> Result<CategoryPayload> {
        let run = async {
            let command = Command::Reorder { position: position(input.position)? };
            change(ctx, input.command_id, input.expected_version, &input.category, command).await
        };
        answer(run.await)
    }

    /// Close a category: what is there stays, nothing new is opened. For coordinators.
    async fn category_close(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: CategoryInput) -> Result<CategoryPayload> {
        answer(change(ctx, input.command_id, input.expected_version, &input.category, Command::Close).await)
    }
}

fn position(position: i32) -> Result<u16, Stop> {
    u16::try_from(position).map_err(|_| refuse(Kind::Invalid, "POSITION", &format!("“position” must be 0 to {}.", u16::MAX), "position"))
}

async fn change(ctx: &Context<'_>, id: Uuid, expected: Option<i32>, category: &ID, command: Command) -> Result<CategoryPayload, Stop> {
    let sender = Sender::new(ctx, id, expected)?;
    let category = visible_category(sender.request, category, "category").await?.reference.id;
    carry_out(&sender, category, command).await
}

async fn carry_out(sender: &Sender<'_>, category: CategoryId, command: Command) -> Result<CategoryPayload, Stop> {
    let token = sender.send(category, HubCommand::Category(command)).await?;
    Ok(CategoryPayload::done(shown_category(sender.request, category).await?, token))
}
