//! The threads of a community. The filter lives in the address, so that it can be kept and sent to others.

use super::{path, with_query};
use crate::documents::{DiscussionsPage, discussions_page};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Visit, me, page};
use crate::words::ThreadOrder;
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

const PAGE: i64 = 20;

/// The part of the address behind the question mark.
#[derive(Deserialize)]
pub(crate) struct Address {
    category: Option<String>,
    state: Option<String>,
    order: Option<String>,
    after: Option<String>,
}

/// Which threads are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    All,
    Open,
    Unanswered,
    Answered,
    Closed,
}

impl State {
    /// Every state, as the form lists them.
    pub(crate) const ALL: [Self; 5] = [Self::All, Self::Open, Self::Unanswered, Self::Answered, Self::Closed];

    /// The state as the address has it.
    pub(crate) fn wire(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Open => "open",
            Self::Unanswered => "unanswered",
            Self::Answered => "answered",
            Self::Closed => "closed",
        }
    }

    /// The state in words.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::All => "All threads",
            Self::Open => "Open threads",
            Self::Unanswered => "Without an answer",
            Self::Answered => "Answered",
            Self::Closed => "Closed threads",
        }
    }

    fn closed(self) -> Option<bool> {
        match self {
            Self::All | Self::Answered => None,
            Self::Open | Self::Unanswered => Some(false),
            Self::Closed => Some(true),
        }
    }

    fn answered(self) -> Option<bool> {
        match self {
            Self::All | Self::Open | Self::Closed => None,
            Self::Unanswered => Some(false),
            Self::Answered => Some(true),
        }
    }
}

struct Filter {
    category: String,
    state: State,
    order: ThreadOrder,
}

impl Filter {
    /// What the address says; words that mean nothing are passed over.
    fn of(address: &Address) -> Self {
        let state = address.state.as_deref().unwrap_or_default();
        let order = address.order.as_deref().unwrap_or_default();
        Self {
            category: address.category.clone().unwrap_or_default(),
            state: State::ALL.into_iter().find(|other| other.wire() == state).unwrap_or(State::All),
            order: ThreadOrder::ALL.iter().copied().find(|other| other.word() == order).unwrap_or(ThreadOrder::LatestActivity),
        }
    }

    fn is_narrow(&self) -> bool {
        !self.category.is_empty() || self.state != State::All
    }

    fn address(&self, base: &str, after: Option<&str>) -> String {
        let pairs = [
            ("category", self.category.as_str()),
            ("state", self.state.wire()),
            ("order", self.order.word()),
            ("after", after.unwrap_or_default()),
        ];
        let given: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        with_query(&format!("{base}/discussions"), &given)
    }
}

#[derive(Template)]
#[template(path = "discussions.html")]
struct Discussions {
    chrome: Chrome,
    community: discussions_page::DiscussionsPageCommunity,
    base: String,
    chosen: Option<String>,
    filter: Filter,
    after: Option<String>,
    first: String,
    next: Option<String>,
}

/// The threads that fit.
pub(crate) async fn show(visit: Visit, Path(slug): Path<String>, Query(address): Query<Address>) -> Result<Response, Problem> {
    let filter = Filter::of(&address);
    let base = path(&["communities", &slug]);
    let variables = discussions_page::Variables {
        slug,
        filter: Some(discussions_page::ThreadFilter {
            community: None,
            category: Some(filter.category.clone()).filter(|id| !id.is_empty()),
            author: None,
            organisation: None,
            closed: filter.state.closed(),
            answered: filter.state.answered(),
        }),
        order: filter.order,
        first: PAGE,
        after: address.after.clone(),
    };
    let data = visit.ask::<DiscussionsPage>(variables).await?;
    let chrome = visit.chrome(Here::Communities, me!(data.viewer));
    let community = data.community.ok_or(Problem::NotFound)?;
    let info = &community.threads.page_info;
    let next = info.end_cursor.as_deref().filter(|_| info.has_next_page).map(|cursor| filter.address(&base, Some(cursor)));
    let first = filter.address(&base, None);
    let chosen = community.categories.iter().find(|category| category.id == filter.category).map(|category| category.name.clone());
    page(&Discussions { chrome, chosen, first, next, after: address.after, base, filter, community })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_lives_in_the_address() {
        let address =
            Address { category: Some("c=1".into()), state: Some("unanswered".into()), order: Some("upvotes".into()), after: None };
        let filter = Filter::of(&address);
        assert_eq!((filter.state.closed(), filter.state.answered()), (Some(false), Some(false)));
        assert_eq!(
            filter.address("/communities/x", Some("cur")),
            "/communities/x/discussions?category=c%3D1&state=unanswered&order=upvotes&after=cur"
        );
    }

    #[test]
    fn words_that_mean_nothing_are_passed_over() {
        let filter = Filter::of(&Address { category: None, state: Some("<b>".into()), order: Some("??".into()), after: None });
        assert!(!filter.is_narrow());
        assert_eq!(filter.address("/c", None), "/c/discussions");
    }
}
