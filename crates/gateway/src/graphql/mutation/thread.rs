//! Commands to threads and their posts.

use super::super::enums::{CloseReason, Reaction};
use super::super::ids;
use super::envelope::{Changing, Opening};
use super::inputs::AudienceInput;
use super::lookup::{shown_post, shown_thread, visible_category, visible_post, visible_thread};
use super::payloads::ThreadPayload;
use super::{Outcome, Sender, Stop, answer, refuse};
use async_graphql::{Context, ID, InputObject, Object, Result};
use discussions::thread::{Command, Home};
use kernel::{Kind, PostId, ThreadId};
use services::HubCommand;

/// Opens a thread.
#[derive(InputObject)]
pub struct ThreadOpenInput {
    #[graphql(flatten)]
    command: Opening,
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
    #[graphql(flatten)]
    command: Changing,
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
    #[graphql(flatten)]
    command: Changing,
    /// The thread.
    thread: ID,
    /// The title.
    title: String,
}

/// Names a thread.
#[derive(InputObject)]
pub struct ThreadInput {
    #[graphql(flatten)]
    command: Changing,
    /// The thread.
    thread: ID,
}

/// Closes a thread.
#[derive(InputObject)]
pub struct ThreadCloseInput {
    #[graphql(flatten)]
    command: Changing,
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
    #[graphql(flatten)]
    command: Changing,
    /// The post.
    post: ID,
    /// The whole post as it shall read, in Markdown.
    body: String,
}

/// Names a post.
#[derive(InputObject)]
pub struct PostInput {
    #[graphql(flatten)]
    command: Changing,
    /// The post.
    post: ID,
}

/// Names a post and a reaction.
#[derive(InputObject)]
pub struct PostReactionInput {
    #[graphql(flatten)]
    command: Changing,
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
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
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
                Ok(((sender.opened(), Some(post)), HubCommand::Thread(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Post in a thread.
    async fn thread_reply(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadReplyInput) -> Result<ThreadPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
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
                let command = Command::Reply { post, to, author, body: input.body, source: None };
                Ok(((thread, Some(post)), HubCommand::Thread(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Give a thread another title. For its author and the community's coordinators.
    async fn thread_retitle(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: ThreadRetitleInput,
    ) -> Result<ThreadPayload> {
        answer(change(Sender::new(ctx, &input), &input.thread, Command::Retitle { title: input.title }).await)
    }

    /// Take no more posts from members. For coordinators.
    async fn thread_lock(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadInput) -> Result<ThreadPayload> {
        answer(change(Sender::new(ctx, &input), &input.thread, Command::Lock).await)
    }

    /// Take posts again. For coordinators.
    async fn thread_unlock(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadInput) -> Result<ThreadPayload> {
        answer(change(Sender::new(ctx, &input), &input.thread, Command::Unlock).await)
    }

    /// Close a thread. For its author and coordinators.
    async fn thread_close(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadCloseInput) -> Result<ThreadPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let duplicate_of = match (&input.duplicate_of, input.reason) {
                    (None, _) => None,
                    (Some(id), CloseReason::Duplicate) => Some(ids::read::<ids::Thread>(id, "duplicateOf")?),
                    (Some(_), CloseReason::Resolved | CloseReason::Outdated) => {
                        let message = "Another thread is named only where the reason is DUPLICATE.";
                        return Err(refuse(Kind::Invalid, "DUPLICATE_OF", message, "duplicateOf"));
                    }
                };
                let thread = visible_thread(sender.request, &input.thread, "thread").await?.id;
                if let Some(id) = &input.duplicate_of {
                    visible_thread(sender.request, id, "duplicateOf").await?;
                }
                let command = Command::Close { reason: input.reason.of(duplicate_of) };
                Ok(((thread, None), HubCommand::Thread(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Open a closed thread again. For its author and coordinators.
    async fn thread_reopen(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: ThreadInput) -> Result<ThreadPayload> {
        answer(change(Sender::new(ctx, &input), &input.thread, Command::Reopen).await)
    }

    /// Edit a post; earlier versions stay readable. For its author and coordinators.
    async fn post_edit(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostEditInput) -> Result<ThreadPayload> {
        answer(to_post(Sender::new(ctx, &input), &input.post, |post| Command::EditPost { post, body: input.body }).await)
    }

    /// Mark a post as an answer. For the thread's author and coordinators.
    async fn post_mark_answer(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostInput) -> Result<ThreadPayload> {
        answer(to_post(Sender::new(ctx, &input), &input.post, |post| Command::MarkAnswer { post }).await)
    }

    /// Take the mark of an answer back. For the thread's author and coordinators.
    async fn post_unmark_answer(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostInput) -> Result<ThreadPayload> {
        answer(to_post(Sender::new(ctx, &input), &input.post, |post| Command::UnmarkAnswer { post }).await)
    }

    /// React to a post.
    async fn post_react(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostReactionInput) -> Result<ThreadPayload> {
        let reaction = input.reaction.into();
        answer(to_post(Sender::new(ctx, &input), &input.post, |post| Command::React { post, reaction }).await)
    }

    /// Take a reaction back.
    async fn post_reaction_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: PostReactionInput,
    ) -> Result<ThreadPayload> {
        let reaction = input.reaction.into();
        answer(to_post(Sender::new(ctx, &input), &input.post, |post| Command::WithdrawReaction { post, reaction }).await)
    }

    /// Upvote a post; the opening post stands for the thread.
    async fn post_upvote(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostInput) -> Result<ThreadPayload> {
        answer(to_post(Sender::new(ctx, &input), &input.post, |post| Command::Upvote { post }).await)
    }

    /// Take an upvote back.
    async fn post_upvote_withdraw(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PostInput) -> Result<ThreadPayload> {
        answer(to_post(Sender::new(ctx, &input), &input.post, |post| Command::WithdrawUpvote { post }).await)
    }
}

async fn to_post(
    sender: Result<Sender<'_>, Stop>,
    post: &ID,
    command: impl FnOnce(PostId) -> Command + Send,
) -> Result<ThreadPayload, Stop> {
    let sender = sender?;
    let looked_up = async {
        let (thread, post) = visible_post(sender.request, post, "post").await?;
        Ok(((thread, Some(post)), HubCommand::Thread(command(post))))
    };
    shown(&sender, sender.outcome(looked_up).await?).await
}

async fn change(sender: Result<Sender<'_>, Stop>, thread: &ID, command: Command) -> Result<ThreadPayload, Stop> {
    let sender = sender?;
    let looked_up = async {
        let thread = visible_thread(sender.request, thread, "thread").await?.id;
        Ok(((thread, None), HubCommand::Thread(command)))
    };
    shown(&sender, sender.outcome(looked_up).await?).await
}

async fn shown(sender: &Sender<'_>, outcome: Outcome<(ThreadId, Option<PostId>)>) -> Result<ThreadPayload, Stop> {
    let (thread, post) = outcome.of;
    let shown = shown_thread(sender.request, thread).await?;
    let post = match post {
        Some(post) => shown_post(sender.request, (thread, post)).await?,
        None => None,
    };
    Ok(ThreadPayload::done(shown, post, outcome.done))
}

commands! {
    ThreadOpenInput, ThreadReplyInput, ThreadRetitleInput, ThreadInput, ThreadCloseInput, PostEditInput, PostInput, PostReactionInput,
}
