//! Every query, for every kind of audience and viewer, compared with the rule in plain Rust: `viewer.sees(&audience)`.

#![allow(
    clippy::unwrap_used,
    clippy::similar_names,
    clippy::too_many_lines,
    reason = "in a test a surprise ends the test, and what is alike is named alike"
)]

mod support;

use kernel::{Audience, CategoryId, CommunityId, OrganisationId, PersonId, PostId, TeamId, ThreadId, Token, Viewer};
use projections::communities::{community, membership};
use projections::discussions::thread::{ThreadFilter, ThreadOrder};
use projections::discussions::{category, post, thread};
use projections::organisations::{organisation, person, team};
use projections::{Page, Slice};
use std::collections::{BTreeSet, HashMap};
use support::World;

struct Seed {
    world: World,
    organisations: Vec<OrganisationId>,
    persons: Vec<(PersonId, OrganisationId)>,
    placeholder: PersonId,
    teams: Vec<TeamId>,
    communities: Vec<(CommunityId, Audience)>,
    members: HashMap<CommunityId, Vec<PersonId>>,
    categories: Vec<(CategoryId, CommunityId, Audience)>,
    threads: Vec<Threaded>,
}

struct Threaded {
    id: ThreadId,
    opening: PostId,
    reply: PostId,
    nested: PostId,
    community: CommunityId,
    category: CategoryId,
    audience: Audience,
    author: PersonId,
}

async fn seed() -> Seed {
    let mut world = World::new().await;
    let organisations = vec![world.organisation("north").await, world.organisation("south").await, world.organisation("east").await];
    let mut persons = Vec::new();
    for (n, organisation) in organisations.iter().enumerate() {
        for name in ["ada", "bob"] {
            persons.push((world.person(*organisation, &format!("{name}{n}")).await, *organisation));
        }
    }
    let placeholder: PersonId = support::id();
    let created = ::organisations::person::Event::PlaceholderCreated {
        source: "github".into(),
        handle: "octo".to_owned().into(),
        name: "Octo".to_owned().into(),
    };
    world.happens(placeholder.0, None, None, vec![created]).await;
    let mut teams = Vec::new();
    for (n, organisation) in organisations.iter().enumerate() {
        teams.push(world.team(*organisation, &format!("team {n}"), &[persons[n * 2].0, persons[n * 2 + 1].0]).await);
    }
    let mut communities = Vec::new();
    let mut members: HashMap<CommunityId, Vec<PersonId>> = HashMap::new();
    let audiences = |n: usize| match n {
        0 => Some(Audience::public()),
        1 => Some(Audience::members()),
        2 => Some(Audience::organisation(organisations[0])),
        // Its own members only.
        _ => None,
    };
    for n in 0..4 {
        let joined: Vec<_> = persons.iter().copied().skip(n).take(3).collect();
        let community = world.community(&format!("c{n}"), organisations[n % 3], audiences(n), &joined).await;
        members.insert(community, joined.iter().map(|(person, _)| *person).collect());
        communities.push((community, audiences(n).unwrap_or_else(|| Audience::community(community))));
    }
    let mut categories = Vec::new();
    for (n, (community, audience)) in communities.clone().into_iter().enumerate() {
        for (m, audience) in [audience, Audience::community(community)].into_iter().enumerate() {
            let category = world.category(community, &format!("g{n}{m}"), audience.clone()).await;
            categories.push((category, community, audience));
        }
    }
    let mut threads = Vec::new();
    for (n, (category, community, _)) in categories.clone().into_iter().enumerate() {
        let kinds = [
            Audience::public(),
            Audience::members(),
            Audience::organisation(organisations[n % 3]),
            Audience::community(community),
            Audience::persons([persons[n % 6].0]),
            Audience::of([Token::Organisation(organisations[1]), Token::Community(communities[3].0)]),
        ];
        for (m, audience) in kinds.into_iter().enumerate() {
            let (author, at) = persons[(n + m) % 6];
            let author = if m == 0 && n == 0 { placeholder } else { author };
            let (id, opening) = world.thread(community, category, audience.clone(), author, at, &format!("t{n}{m}")).await;
            let reply = world.reply(id, persons[(n + 1) % 6].0, None).await;
            let nested = world.reply(id, persons[(n + 2) % 6].0, Some(reply)).await;
            let reader = persons[m].0;
            let events = vec![
                ::discussions::thread::Event::AnswerMarked { post: reply },
                ::discussions::thread::Event::Reacted { post: opening, person: reader, reaction: ::discussions::thread::Reaction::Heart },
                ::discussions::thread::Event::Upvoted { post: opening, person: reader },
                ::discussions::thread::Event::PostEdited { post: reply, body: "edited".into() },
            ];
            world.happens(id.0, Some(reader), None, events).await;
            threads.push(Threaded { id, opening, reply, nested, community, category, audience, author });
        }
    }
    world.project().await;
    Seed { world, organisations, persons, placeholder, teams, communities, members, categories, threads }
}

impl Seed {
    fn viewers(&self) -> Vec<Viewer> {
        let mut viewers = vec![Viewer::stranger()];
        for (person, organisation) in &self.persons {
            let communities = self.members.iter().filter(|(_, members)| members.contains(person)).map(|(community, _)| *community);
            viewers.push(Viewer::person(*person, *organisation, communities));
            // Someone of the same organisation who belongs to no community.
            viewers.push(Viewer::person(support::id(), *organisation, []));
        }
        viewers
    }
}

fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    items.into_iter().collect()
}

fn all() -> Page {
    Page::first(100)
}

fn rows<R>(slice: Slice<R>) -> Vec<R> {
    assert!(!slice.has_next && !slice.has_previous);
    slice.into_rows()
}

#[tokio::test]
async fn every_query_obeys_the_rule() {
    let seed = seed().await;
    for viewer in seed.viewers() {
        organisations_and_persons(&seed, &viewer).await;
        communities_and_members(&seed, &viewer).await;
        categories(&seed, &viewer).await;
        threads(&seed, &viewer).await;
        posts(&seed, &viewer).await;
    }
}

async fn organisations_and_persons(seed: &Seed, viewer: &Viewer) {
    let db = seed.world.reads();
    let found = rows(organisation::page(viewer, db, &all()).await.unwrap());
    assert_eq!(set(found.iter().map(|row| row.reference.id)), set(seed.organisations.clone()));
    assert_eq!(organisation::total(viewer, db).await.unwrap(), 3);
    assert!(organisation::by_slug(viewer, db, "south").await.unwrap().is_some());
    assert!(organisation::by_slug(viewer, db, "nowhere").await.unwrap().is_none());

    let mut ids: Vec<PersonId> = seed.persons.iter().map(|(person, _)| *person).collect();
    ids.push(seed.placeholder);
    let expected = set(ids.iter().copied().filter(|id| viewer.sees(&person::audience(*id == seed.placeholder))));
    assert_eq!(set(person::by_ids(viewer, db, &ids).await.unwrap().into_iter().map(|row| row.reference.id)), expected);
    for row in person::referred(viewer, db, &ids).await.unwrap() {
        let visible = expected.contains(&row.reference.id);
        assert_eq!(row.reference.visible, visible);
        assert_eq!(row.reference.name.starts_with("A member of Department"), !visible, "{}", row.reference.name);
        assert_eq!(row.version == 0, !visible);
    }
    let signed_in = viewer.sees(&Audience::members());
    let people = person::of_organisations(viewer, db, &seed.organisations, &all()).await.unwrap();
    let totals = person::totals_of_organisations(viewer, db, &seed.organisations).await.unwrap();
    let teams = team::of_organisations(viewer, db, &seed.organisations, &all()).await.unwrap();
    let team_totals = team::totals_of_organisations(viewer, db, &seed.organisations).await.unwrap();
    for organisation in &seed.organisations {
        let expected = set(seed.persons.iter().filter(|(_, at)| signed_in && at == organisation).map(|(person, _)| *person));
        assert_eq!(totals[organisation], expected.len() as u64);
        assert_eq!(set(people[organisation].rows.iter().map(|(_, row)| row.reference.id)), expected);
        assert_eq!(teams[organisation].rows.len(), usize::from(viewer.sees(&team::audience())));
        assert_eq!(team_totals[organisation], u64::from(viewer.sees(&team::audience())));
    }
    assert_eq!(team::by_ids(viewer, db, &seed.teams).await.unwrap().len(), if signed_in { 3 } else { 0 });
    let members = person::of_teams(viewer, db, &seed.teams, &all()).await.unwrap();
    let totals = person::totals_of_teams(viewer, db, &seed.teams).await.unwrap();
    for team in &seed.teams {
        assert_eq!(members[team].rows.len(), if signed_in { 2 } else { 0 });
        assert_eq!(totals[team], if signed_in { 2 } else { 0 });
    }
    let own = person::oneself(viewer, db).await.unwrap();
    assert_eq!(own.is_some(), seed.persons.iter().any(|(person, _)| viewer.person == Some(*person)));
}

async fn communities_and_members(seed: &Seed, viewer: &Viewer) {
    let db = seed.world.reads();
    let ids: Vec<CommunityId> = seed.communities.iter().map(|(id, _)| *id).collect();
    let expected = set(seed.communities.iter().filter(|(_, audience)| viewer.sees(audience)).map(|(id, _)| *id));
    assert_eq!(set(rows(community::page(viewer, db, &all()).await.unwrap()).iter().map(|row| row.reference.id)), expected);
    assert_eq!(community::total(viewer, db).await.unwrap(), expected.len() as u64);
    assert_eq!(set(community::by_ids(viewer, db, &ids).await.unwrap().iter().map(|row| row.reference.id)), expected);
    for (n, (id, _)) in seed.communities.iter().enumerate() {
        assert_eq!(community::by_slug(viewer, db, &format!("c{n}")).await.unwrap().is_some(), expected.contains(id));
    }
    for row in community::referred(viewer, db, &ids).await.unwrap() {
        assert_eq!(row.visible, expected.contains(&row.reference.id));
        assert_eq!(row.subject.is_empty() && row.member_count == 0, !row.visible);
    }
    assert_eq!(set(community::organisations(viewer, db, &ids).await.unwrap().into_iter().map(|(id, _)| id)), expected);
    assert_eq!(set(membership::coordinators(viewer, db, &ids).await.unwrap().into_iter().map(|(id, _)| id)), expected);

    let memberships = membership::of_communities(viewer, db, &ids, &all()).await.unwrap();
    let totals = membership::totals_of_communities(viewer, db, &ids).await.unwrap();
    let signed_in = viewer.sees(&person::audience(false));
    for id in &ids {
        let expected = if expected.contains(id) && signed_in { set(seed.members[id].iter().copied()) } else { BTreeSet::new() };
        assert_eq!(totals[id], expected.len() as u64);
        assert_eq!(set(memberships[id].rows.iter().map(|(_, row)| row.person.id)), expected);
    }
    let own = set(ids.iter().copied().filter(|id| viewer.person.is_some_and(|person| seed.members[id].contains(&person))));
    assert_eq!(set(rows(membership::of_viewer(viewer, db, &all()).await.unwrap()).iter().map(|row| row.community.id)), own);
    assert_eq!(membership::total_of_viewer(viewer, db).await.unwrap(), own.len() as u64);
    assert_eq!(set(membership::of_viewer_in(viewer, db, &ids).await.unwrap().iter().map(|row| row.community.id)), own);
}

async fn categories(seed: &Seed, viewer: &Viewer) {
    let db = seed.world.reads();
    let ids: Vec<CategoryId> = seed.categories.iter().map(|(id, _, _)| *id).collect();
    let communities: Vec<CommunityId> = seed.communities.iter().map(|(id, _)| *id).collect();
    let expected = set(seed.categories.iter().filter(|(_, _, audience)| viewer.sees(audience)).map(|(id, _, _)| *id));
    assert_eq!(set(category::by_ids(viewer, db, &ids).await.unwrap().iter().map(|row| row.reference.id)), expected);
    assert_eq!(set(category::of_communities(viewer, db, &communities).await.unwrap().iter().map(|row| row.reference.id)), expected);
    for row in category::referred(viewer, db, &ids).await.unwrap() {
        assert_eq!(row.visible, expected.contains(&row.reference.id));
    }
}

/// Whether a thread passes a filter, in plain Rust.
type Matches = Box<dyn Fn(&Threaded) -> bool>;

async fn threads(seed: &Seed, viewer: &Viewer) {
    let db = seed.world.reads();
    let ids: Vec<ThreadId> = seed.threads.iter().map(|thread| thread.id).collect();
    let seen: Vec<&Threaded> = seed.threads.iter().filter(|thread| viewer.sees(&thread.audience)).collect();
    let expected = |matches: &dyn Fn(&Threaded) -> bool| set(seen.iter().filter(|thread| matches(thread)).map(|thread| thread.id));
    assert_eq!(set(thread::by_ids(viewer, db, &ids).await.unwrap().iter().map(|row| row.id)), expected(&|_| true));

    let (community, category, author) = (seed.communities[0].0, seed.categories[0].0, seed.persons[1].0);
    let filters: Vec<(ThreadFilter, Matches)> = vec![
        (ThreadFilter::default(), Box::new(|_| true)),
        (ThreadFilter { community: Some(community), ..Default::default() }, Box::new(move |thread| thread.community == community)),
        (ThreadFilter { category: Some(category), ..Default::default() }, Box::new(move |thread| thread.category == category)),
        (ThreadFilter { author: Some(author), ..Default::default() }, Box::new(move |thread| thread.author == author)),
        (ThreadFilter { answered: Some(true), closed: Some(false), ..Default::default() }, Box::new(|_| true)),
        (ThreadFilter { answered: Some(false), ..Default::default() }, Box::new(|_| false)),
    ];
    for (filter, matches) in &filters {
        let expected = expected(matches.as_ref());
        assert_eq!(thread::total(viewer, db, filter).await.unwrap(), expected.len() as u64, "{filter:?}");
        for order in [ThreadOrder::LatestActivity, ThreadOrder::Newest, ThreadOrder::MostUpvoted] {
            let found = rows(thread::page(viewer, db, filter, order, &all()).await.unwrap());
            assert_eq!(set(found.iter().map(|row| row.id)), expected, "{filter:?}");
            for row in found {
                assert_eq!(row.author.visible, viewer.sees(&person::audience(row.author.id == seed.placeholder)));
            }
        }
    }
    let communities: Vec<CommunityId> = seed.communities.iter().map(|(id, _)| *id).collect();
    let none = ThreadFilter::default();
    let lists = thread::of_communities(viewer, db, &communities, &none, ThreadOrder::Newest, &all()).await.unwrap();
    let totals = thread::totals_of_communities(viewer, db, &communities, &none).await.unwrap();
    for community in communities {
        let expected = expected(&|thread| thread.community == community);
        assert_eq!(totals[&community], expected.len() as u64);
        assert_eq!(set(lists[&community].rows.iter().map(|(_, row)| row.id)), expected);
    }
    let categories: Vec<CategoryId> = seed.categories.iter().map(|(id, _, _)| *id).collect();
    for (category, total) in thread::totals_of_categories(viewer, db, &categories).await.unwrap() {
        assert_eq!(total, expected(&|thread| thread.category == category).len() as u64);
    }
    let upvoted = thread::upvoted(viewer, db, &ids).await.unwrap();
    assert!(upvoted.iter().all(|id| expected(&|_| true).contains(id)));
}

async fn posts(seed: &Seed, viewer: &Viewer) {
    let db = seed.world.reads();
    let threads: Vec<ThreadId> = seed.threads.iter().map(|thread| thread.id).collect();
    let keys: Vec<(ThreadId, PostId)> =
        seed.threads.iter().flat_map(|thread| [thread.opening, thread.reply, thread.nested].map(|post| (thread.id, post))).collect();
    let seen: Vec<&Threaded> = seed.threads.iter().filter(|thread| viewer.sees(&thread.audience)).collect();
    let expected = set(seen.iter().flat_map(|thread| [thread.opening, thread.reply, thread.nested]));
    assert_eq!(set(post::by_ids(viewer, db, &keys).await.unwrap().iter().map(|row| row.id)), expected);
    assert_eq!(
        set(post::answers(viewer, db, &threads).await.unwrap().iter().map(|row| row.id)),
        set(seen.iter().map(|thread| thread.reply))
    );
    let replies: Vec<PostId> = seed.threads.iter().map(|thread| thread.reply).collect();
    let (top, top_totals) =
        (post::of_threads(viewer, db, &threads, &all()).await.unwrap(), post::totals_of_threads(viewer, db, &threads).await.unwrap());
    let (nested, nested_totals) =
        (post::replies(viewer, db, &replies, &all()).await.unwrap(), post::totals_of_replies(viewer, db, &replies).await.unwrap());
    for thread in &seed.threads {
        let visible = viewer.sees(&thread.audience);
        let ids = |found: &Slice<post::PostRow>| found.rows.iter().map(|(_, row)| row.id).collect::<Vec<_>>();
        assert_eq!(ids(&top[&thread.id]), if visible { vec![thread.reply] } else { vec![] });
        assert_eq!(top_totals[&thread.id], u64::from(visible));
        assert_eq!(ids(&nested[&thread.reply]), if visible { vec![thread.nested] } else { vec![] });
        assert_eq!(nested_totals[&thread.reply], u64::from(visible));
    }
    let openings = set(seen.iter().map(|thread| thread.opening));
    assert_eq!(set(post::reactions(viewer, db, &keys).await.unwrap().iter().map(|row| row.post)), openings);
    assert!(post::upvoted(viewer, db, &keys).await.unwrap().iter().all(|id| openings.contains(id)));
    let revised = set(seen.iter().map(|thread| thread.reply));
    assert_eq!(set(post::revisions(viewer, db, &keys).await.unwrap().iter().map(|row| row.post)), revised);
}
