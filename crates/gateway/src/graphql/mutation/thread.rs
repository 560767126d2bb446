//! Commands to threads and their posts.

use super::super::enums::{CloseReason, Reaction};
use super::super::ids;
use super::inputs::AudienceInput;
use super::lookup::{shown_post, shown_thread, visible_category, visible_post, visible_thread};
use super::payloads::ThreadPayload;
use super::{Sender, Stop, answer, refuse};
use async_graphql::{Context, ID, InputObject, Object, Result};
use discussions::thread::{Command, Home};
use kernel::{Kind, PostId, ThreadId};
use services::HubCommand;
use uuid::Uuid;

/// Opens a thread.
#[derive(InputObject)]
pub struct ThreadOpenInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The category.
    category: ID,
    /// The title.
    title: String,
    /// The opening post, in Markdown.
    body: String,
    /// Who may see it, if fewer than the category's audience.
    audience: Option<AudienceInput>,
}

/// Posts in a thread.
#[derive(InputObject)]
pub struct ThreadReplyInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The thread.
    thread: ID,
    /// The post, in Markdown.
    body: String,
    /// The post that it replies to; a reply to a reply counts as one to the first.
    reply_to: Option<ID>,
}

/// Gives a thread another title.
#[derive(InputObject)]
pub struct ThreadRetitleInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The thread.
    thread: ID,
    /// The title.
    title: String,
}

/// Names a thread.
#[derive(InputObject)]
pub struct ThreadInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The thread.
    thread: ID,
}

/// Closes a thread.
#[derive(InputObject)]
pub struct ThreadCloseInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The thread.
    thread: ID,
    /// Why.
    reason: CloseReason,
    /// The thread that it is a duplicate of, for DUPLICATE.
    duplicate_of: Option<ID>,
}

/// Edits a post.
#[derive(InputObject)]
pub struct PostEditInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version of the thread that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The post.
    post: ID,
    /// The whole post as it shall read, in Markdown.
    body: String,
}

/// Names a post.
#[derive(InputObject)]
pub struct PostInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version of the thread that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The post.
    post: ID,
}

/// Names a post and a reaction.
#[derive(InputObject)]
pub struct PostReactionInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version of the thread that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The post.
    post: ID,
    /// The reaction.
    reaction: Reaction,
}

/// Commands to threads.
#[derive(Default)]
pub struct ThreadMutation;

#[Object]
impl ThreadMutation {
    /// Open a thread.
    async fn thread_open(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadOpenInput) -> Result<ThreadPayload> {
        let run = async {
            let sender = Sender::new(ctx, input.command_id, None)?;
            let author = sender.oneself()?;
            let category = visible_category(sender.request, &input.category, "category").await?;
            let home = Home {
                community: category.community.id,
                category: category.reference.id,
                format: category.format,
                audience: category.audience,
                open: !category.closed && !category.community_archived,
            };
            let audience = input.audience.map(|audience| audience.read(sender.request, home.community)).transpose()?;
            let post: PostId = sender.derived("post");
            let command = Command::Open { home, author, post, title: input.title, body: input.body, audience, source: None };
            carry_out(&sender, sender.opened(), Some(post), command).await
        };
        answer(run.await)
    }

    /// Post in a thread.
    async fn thread_reply(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadReplyInput) -> Result<ThreadPayload> {
        let run = async {
            let sender = Sender::new(ctx, input.command_id, input.expected_version)?;
            let author = sender.oneself()?;
            let thread = visible_thread(sender.request, &input.thread, "thread").await?.id;
            let to = match &input.reply_to {
                None => None,
                Some(id) => {
                    let (other, post) = visible_post(sender.request, id, "replyTo").await?;
                    if other != thread {
                        return Err(refuse(Kind::Invalid, "OTHER_THREAD", "“replyTo” is a post of another thread.", "replyTo"));
                    }
                    Some(post)
                }
            };
            let post: PostId = sender.derived("post");
            carry_out(&sender, thread, Some(post), Command::Reply { post, to, author, body: input.body, source: None }).await
        };
        answer(run.await)
    }

    /// Give a thread another title. For its author and the community's coordinators.
    async fn thread_retitle(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: ThreadRetitleInput,
    ) -> Result<ThreadPayload> {
        answer(change(ctx, input.command_id, input.expected_version, &input.thread, Command::Retitle { title: input.title }).await)
    }

    /// Take no more posts from members. For coordinators.
    async fn thread_lock(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadInput) -> Result<ThreadPayload> {
        answer(change(ctx, input.command_id, input.expected_version, &input.thread, Command::Lock).await)
    }

    /// Take posts again. For coordinators.
    async fn thread_unlock(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadInput) -> Result<ThreadPayload> {
        answer(change(ctx, input.command_id, input.expected_version, &input.thread, Command::Unlock).await)
    }

    /// Close a thread. For its author and coordinators.
    async fn thread_close(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadCloseInput) -> Result<ThreadPayload> {
        let run = async {
            let duplicate_of = match (&input.duplicate_of, input.reason) {
                (None, _) => None,
                (Some(id), CloseReason::Duplicate) => Some(ids::read::<ids::Thread>(id, "duplicateOf")?),
                (Some(_), CloseReason::Resolved | CloseReason::Outdated) => {
                    let message = "Another thread is named only where the reason is DUPLICATE.";
                    return Err(refuse(Kind::Invalid, "DUPLICATE_OF", message, "duplicateOf"));
                }
            };
            let sender = Sender::new(ctx, input.command_id, input.expected_version)?;
            let thread = visible_thread(sender.request, &input.thread, "thread").await?.id;
            if let Some(id) = &input.duplicate_of {
                visible_thread(sender.request, id, "duplicateOf").await?;
            }
            carry_out(&sender, thread, None, Command::Close { reason: input.reason.of(duplicate_of) }).await
        };
        answer(run.await)
    }

    /// Open a closed thread again. For its author and coordinators.
    async fn thread_reopen(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadInput) -> Result<ThreadPayload> {
        answer(change(ctx, input.command_id, input.expected_version, &input.thread, Command::Reopen).await)
    }

    /// Edit a post; earlier versions stay readable. For its author and coordinators.
    async fn post_edit(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostEditInput) -> Result<ThreadPayload> {
        let body = input.body;
        answer(to_post(ctx, input.command_id, input.expected_version, &input.post, |post| Command::EditPost { post, body }).await)
    }

    /// Mark a post as an answer. For the thread's author and coordinators.
    async fn post_mark_answer(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostInput) -> Result<ThreadPayload> {
        answer(to_post(ctx, input.command_id, input.expected_version, &input.post, |post| Command::MarkAnswer { post }).await)
    }

    /// Take the mark of an answer back. For the thread's author and coordinators.
    async fn post_unmark_answer(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostInput) -> Result<ThreadPayload> {
        answer(to_post(ctx, input.command_id, input.expected_version, &input.post, |post| Command::UnmarkAnswer { post }).await)
    }

    /// React to a post.
    async fn post_react(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostReactionInput) -> Result<ThreadPayload> {
        let reaction = input.reaction.into();
        answer(to_post(ctx, input.command_id, input.expected_version, &input.post, |post| Command::React { post, reaction }).await)
    }

    /// Take a reaction back.
    async fn post_reaction_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: PostReactionInput,
    ) -> Result<ThreadPayload> {
        let reaction = input.reaction.into();
        answer(
            to_post(ctx, input.command_id, input.expected_version, &input.post, |post| Command::WithdrawReaction { post, reaction }).await,
        )
    }

    /// Upvote a post; the opening post stands for the thread.
    async fn post_upvote(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostInput) -> Result<ThreadPayload> {
        answer(to_post(ctx, input.command_id, input.expected_version, &input.post, |post| Command::Upvote { post }).await)
    }

    /// Take an upvote back.
    async fn post_upvote_withdraw(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostInput) -> Result<ThreadPayload> {
        answer(to_post(ctx, input.command_id, input.expected_version, &input.post, |post| Command::WithdrawUpvote { post }).await)
    }
}

async fn to_post(
    ctx: &Context<'_>,
    id: Uuid,
    expected: Option<i32>,
    post: &ID,
    command: impl FnOnce(PostId) -> Command,
) -> Result<ThreadPayload, Stop> {
    let sender = Sender::new(ctx, id, expected)?;
    let (thread, post) = visible_post(sender.request, post, "post").await?;
    carry_out(&sender, thread, Some(post), command(post)).await
}

async fn change(ctx: &Context<'_>, id: Uuid, expected: Option<i32>, thread: &ID, command: Command) -> Result<ThreadPayload, Stop> {
    let sender = Sender::new(ctx, id, expected)?;
    let thread = visible_thread(sender.request, thread, "thread").await?.id;
    carry_out(&sender, thread, None, command).await
}

async fn carry_out(sender: &Sender<'_>, thread: ThreadId, post: Option<PostId>, command: Command) -> Result<ThreadPayload, Stop> {
    let token = sender.send(thread, HubCommand::Thread(command)).await?;
    let shown = shown_thread(sender.request, thread).await?;
    let post = match post {
        Some(post) => shown_post(sender.request, (thread, post)).await?,
        None => None,
    };
    Ok(ThreadPayload::done(shown, post, token))
}
