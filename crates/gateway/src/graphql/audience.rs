//! Audiences, in words and by their members.

use super::community::Community;
use super::context::RequestContext;
use super::enums::Reach;
use super::organisation::Organisation;
use super::views::{OrganisationOf, VisibleCommunity, load};
use async_graphql::{Context, Object, Result};
use futures::future::try_join_all;
use kernel::Token;

/// Who may see something.
#[derive(Clone, Debug)]
pub struct Audience {
    audience: kernel::Audience,
}

impl From<kernel::Audience> for Audience {
    fn from(audience: kernel::Audience) -> Self {
        Self { audience }
    }
}

impl Audience {
    async fn named_organisations(&self, ctx: &Context<'_>) -> Result<Vec<Organisation>> {
        let request = RequestContext::of(ctx)?;
        let ids = self.audience.tokens().filter_map(|token| match token {
            Token::Organisation(id) => Some(id),
            Token::Public | Token::Members | Token::Community(_) | Token::Person(_) => None,
        });
        let rows = try_join_all(ids.map(|id| load(request, OrganisationOf(id)))).await?;
        Ok(rows.into_iter().flatten().map(Organisation::from).collect())
    }

    async fn named_communities(&self, ctx: &Context<'_>) -> Result<Vec<Community>> {
        let request = RequestContext::of(ctx)?;
        let ids = self.audience.tokens().filter_map(|token| match token {
            Token::Community(id) => Some(id),
            Token::Public | Token::Members | Token::Organisation(_) | Token::Person(_) => None,
        });
        let rows = try_join_all(ids.map(|id| load(request, VisibleCommunity(id)))).await?;
        Ok(rows.into_iter().flatten().map(Community::from).collect())
    }
}

/// Who may see something.
#[Object]
impl Audience {
    /// How far it reaches.
    async fn reach(&self) -> Reach {
        self.audience.reach().into()
    }
    /// In words: “Everyone signed in”.
    async fn summary(&self, ctx: &Context<'_>) -> Result<String> {
        match self.audience.reach() {
            kernel::Reach::Public => return Ok("Anyone".to_owned()),
            kernel::Reach::Members => return Ok("Everyone signed in".to_owned()),
            kernel::Reach::Group | kernel::Reach::Persons => {}
        }
        let (organisations, communities) = (self.named_organisations(ctx).await?, self.named_communities(ctx).await?);
        let persons = self.audience.tokens().filter(|token| matches!(token, Token::Person(_))).count();
        let mut parts: Vec<String> = organisations.iter().map(|organisation| format!("people of {}", organisation.title())).collect();
        parts.extend(communities.iter().map(|community| format!("members of {}", community.title())));
        match persons {
            0 => {}
            1 => parts.push("one named person".to_owned()),
            _ => parts.push(format!("{persons} named persons")),
        }
        let summary = parts.join(", ");
        let mut letters = summary.chars();
        Ok(match letters.next() {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => "A closed group".to_owned(),
        })
    }
    /// The organisations whose people it admits.
    async fn organisations(&self, ctx: &Context<'_>) -> Result<Vec<Organisation>> {
        self.named_organisations(ctx).await
    }
    /// The communities whose members it admits, as far as you see them.
    async fn communities(&self, ctx: &Context<'_>) -> Result<Vec<Community>> {
        self.named_communities(ctx).await
    }
}
