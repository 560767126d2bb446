//! The answer to a GraphQL query of `repository.discussions`. Fields that were not asked for have their usual values.

use super::{
    Category, CloseReason, Discussion, Post, Thread,
    merge::{Collection, Parent, Seen, repository_of},
    reader::{At, Fault},
};

/// Reads one page.
pub(super) fn read(into: &mut Collection, line: usize, at: &At<'_>) {
    for error in at.get("errors").and_then(|errors| errors.elements()).into_iter().flatten() {
        let place = into.next_record(line, error.path());
        let message = error.get_text("message").ok().flatten().unwrap_or("without a message");
        into.problem_at(place, format!("GitHub answered with an error: {message}"));
    }
    let data = at.get("data");
    let repository = data.as_ref().unwrap_or(at).get("repository").or_else(|| data.as_ref().and_then(|data| data.get("node")));
    let Some(repository) = repository else {
        if data.is_some() {
            let place = into.next_record(line, at.path());
            into.problem_at(place, "`data.repository` is missing: the query asks `repository(owner:, name:) { discussions … }`");
        }
        return;
    };
    let name = repository.get_text("nameWithOwner").ok().flatten();
    let Some(discussions) = repository.get("discussions") else {
        // `repository.discussion(number:)` and `node(id:)` give a single one.
        if let Some(single) = repository.get("discussion") {
            return read_discussion(into, line, &single, name);
        }
        let place = into.next_record(line, repository.path());
        return into.problem_at(place, "`discussions` is missing: the query asks `repository(owner:, name:) { discussions … }`");
    };
    for discussion in discussions.nodes() {
        read_discussion(into, line, &discussion, name);
    }
}

fn read_discussion(into: &mut Collection, line: usize, at: &At<'_>, repository: Option<&str>) {
    let place = into.next_record(line, at.path());
    let discussion = match discussion(at, repository) {
        Ok(discussion) => discussion,
        Err(fault) => return into.fault(&place, fault),
    };
    let thread = discussion.thread.source_id.clone();
    into.see_discussion(discussion, None);
    let Some(comments) = at.get("comments") else { return };
    incomplete(into, &place, &comments, "comments");
    for comment in comments.nodes() {
        // A comment that cannot be read costs its replies their parent, and nothing else.
        let parent = match post(&comment, Parent::None) {
            Ok(seen) => {
                let parent = Parent::Source(seen.post.source_id.clone());
                into.see_post(&thread, seen);
                parent
            }
            Err(fault) => {
                into.fault(&place, fault);
                Parent::None
            }
        };
        let Some(replies) = comment.get("replies") else { continue };
        incomplete(into, &place, &replies, "replies");
        for reply in replies.nodes() {
            match post(&reply, parent.clone()) {
                Ok(seen) => into.see_post(&thread, seen),
                Err(fault) => into.fault(&place, fault),
            }
        }
    }
}

fn incomplete(into: &mut Collection, place: &super::Place, at: &At<'_>, what: &str) {
    let more = at.get("pageInfo").is_some_and(|page| page.flag("hasNextPage").unwrap_or(false));
    if more {
        into.fault(place, at.fault(&format!("GitHub has more {what} than this file: ask for the next pages too")));
    }
}

fn discussion(at: &At<'_>, repository: Option<&str>) -> Result<Discussion, Fault> {
    let url = at.get_text("url")?;
    let created_at = at.need_time("createdAt")?;
    let Some(repository) = repository.map(str::to_owned).or_else(|| url.and_then(repository_of)) else {
        return Err(at.fault("has no `url`, and its repository no `nameWithOwner`: nobody could tell where it was held"));
    };
    let closed = at.flag("closed")?;
    let thread = Thread {
        source_id: source_id(at, url)?,
        url: url.map(str::to_owned),
        number: at.need_number("number")?,
        title: at.need_text("title")?.to_owned(),
        body: at.get_text("body")?.unwrap_or_default().to_owned(),
        author: at.author("author")?,
        created_at,
        updated_at: at.get_time("updatedAt")?.unwrap_or(created_at),
        locked: at.flag("locked")?,
        closed,
        close_reason: if closed { at.get_text("stateReason")?.and_then(CloseReason::from_source) } else { None },
        answer: match at.get("answer") {
            Some(answer) => Some(source_id(&answer, answer.get_text("url")?)?),
            None => marked_as_answer(at)?,
        },
        answered_at: at.get_time("answerChosenAt")?,
        answered_by: at.get("answerChosenBy").map(|_| at.author("answerChosenBy")).transpose()?,
        upvotes: at.number("upvoteCount")?,
        labels: at
            .get("labels")
            .map_or_else(Vec::new, |labels| labels.nodes())
            .iter()
            .map(|label| label.need_text("name").map(str::to_owned))
            .collect::<Result<_, _>>()?,
    };
    let category = at.get("category").map_or_else(|| Ok(Category::general()), |category| Category::read(&category, "isAnswerable"))?;
    Ok(Discussion { repository, category, thread, posts: Vec::new() })
}

/// The comment or reply that says of itself that it is the answer, for queries that ask there.
fn marked_as_answer(at: &At<'_>) -> Result<Option<String>, Fault> {
    let comments = at.get("comments").map_or_else(Vec::new, |comments| comments.nodes());
    let replies = comments.iter().filter_map(|comment| comment.get("replies")).flat_map(|replies| replies.nodes());
    for post in comments.iter().cloned().chain(replies) {
        if post.flag("isAnswer")? {
            return source_id(&post, post.get_text("url")?).map(Some);
        }
    }
    Ok(None)
}

fn post(at: &At<'_>, parent: Parent) -> Result<Seen, Fault> {
    let created_at = at.need_time("createdAt")?;
    let url = at.get_text("url")?;
    let post = Post {
        source_id: source_id(at, url)?,
        url: url.map(str::to_owned),
        reply_to: None,
        author: at.author("author")?,
        body: at.get_text("body")?.unwrap_or_default().to_owned(),
        created_at,
        edited: at.get("lastEditedAt").is_some() || at.flag("includesCreatedEdit")?,
        upvotes: at.number("upvoteCount")?,
    };
    let parent = match at.get("replyTo") {
        Some(comment) => Parent::Source(source_id(&comment, comment.get_text("url")?)?),
        None => parent,
    };
    Ok(Seen { post, number: None, parent, updated_at: at.get_time("updatedAt")?.unwrap_or(created_at), path: at.path().to_owned() })
}

/// The node id, or the address.
fn source_id(at: &At<'_>, url: Option<&str>) -> Result<String, Fault> {
    match (at.get_text("id")?.filter(|id| !id.is_empty()), url) {
        (Some(id), _) => Ok(id.to_owned()),
        (None, Some(url)) => Ok(url.to_owned()),
        (None, None) => Err(at.fault("has neither `id` nor `url`: it could not be known again")),
    }
}
