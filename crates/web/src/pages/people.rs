//! People and the organisations they belong to.

use super::{path, with_query};
use crate::documents::{OrganisationPage, PersonPage, organisation_page, person_page};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Visit, me, page};
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

const PAGE: i64 = 60;

#[derive(Template)]
#[template(path = "person.html")]
struct OnePerson {
    chrome: Chrome,
    person: person_page::PersonWhole,
    threads: person_page::PersonPageThreads,
}

/// A person, and the threads they opened.
pub(crate) async fn person(visit: Visit, Path(id): Path<String>) -> Result<Response, Problem> {
    let data = visit.ask::<PersonPage>(person_page::Variables { id }).await?;
    let Some(person_page::PersonPageNode::Person(person)) = data.node else { return Err(Problem::NotFound) };
    page(&OnePerson { chrome: visit.chrome(Here::Elsewhere, me!(data.viewer)), person, threads: data.threads })
}

/// The part of the address behind the question mark.
#[derive(Deserialize)]
pub(crate) struct Address {
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "organisation.html")]
struct OneOrganisation {
    chrome: Chrome,
    organisation: organisation_page::OrganisationPageOrganisation,
    next: Option<String>,
}

/// An organisation, its people and teams.
pub(crate) async fn organisation(visit: Visit, Path(slug): Path<String>, Query(address): Query<Address>) -> Result<Response, Problem> {
    let here = path(&["organisations", &slug]);
    let data = visit.ask::<OrganisationPage>(organisation_page::Variables { slug, first: PAGE, after: address.after }).await?;
    let organisation = data.organisation.ok_or(Problem::NotFound)?;
    let info = &organisation.people.page_info;
    let next = info.end_cursor.as_deref().filter(|_| info.has_next_page).map(|cursor| with_query(&here, &[("after", cursor)]));
    page(&OneOrganisation { chrome: visit.chrome(Here::Elsewhere, me!(data.viewer)), next, organisation })
}
