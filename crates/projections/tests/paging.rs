//! Walking a list page by page, forward and backward, shows every visible row once and in order.

#![allow(
    clippy::unwrap_used,
    clippy::similar_names,
    clippy::too_many_lines,
    reason = "in a test a surprise ends the test, and what is alike is named alike"
)]

mod support;

use kernel::{Audience, Viewer};
use projections::discussions::thread::{self, ThreadFilter, ThreadOrder, ThreadRow};
use projections::discussions::{post, thread::Threads};
use projections::organisations::organisation;
use projections::{Page, Position, Slice};
use std::sync::Arc;
use support::World;

/// Walks a list to its end, and gives its rows in the list's own order.
async fn walk<R, F, Fut>(limit: u32, backward: bool, read: F) -> Vec<R>
where
    F: Fn(Page) -> Fut,
    Fut: Future<Output = Slice<R>>,
{
    let mut pages: Vec<Vec<R>> = Vec::new();
    let mut at: Option<Position> = None;
    loop {
        let mut page = if backward { Page::last(limit) } else { Page::first(limit) };
        if let Some(position) = &at {
            page = if backward { page.before(position.clone()) } else { page.after(position.clone()) };
        }
        let slice = read(page).await;
        assert!(slice.rows.len() <= limit as usize);
        let (behind, ahead) = if backward { (slice.has_next, slice.has_previous) } else { (slice.has_previous, slice.has_next) };
        assert_eq!(behind, at.is_some(), "there is something on the side that the walk came from");
        at = if backward { slice.rows.first() } else { slice.rows.last() }.map(|(position, _)| position.clone());
        pages.push(slice.into_rows());
        if !ahead {
            break;
        }
    }
    if backward {
        pages.reverse();
    }
    pages.into_iter().flatten().collect()
}

#[tokio::test]
async fn every_visible_thread_is_seen_once_and_in_order() {
    let mut world = World::new().await;
    let home = world.organisation("north").await;
    let author = world.person(home, "ada").await;
    let community = world.community("c", home, Some(Audience::public()), &[(author, home)]).await;
    let category = world.category(community, "g", Audience::public()).await;
    for n in 0..37_u32 {
        let audience = match n % 3 {
            0 => Audience::public(),
            1 => Audience::members(),
            _ => Audience::persons([support::id()]),
        };
        let (thread, opening) = world.thread(community, category, audience, author, home, &format!("t{n}")).await;
        // Many are upvoted equally often, so that the id has to break ties.
        for _ in 0..n % 4 {
            let upvoted = discussions::thread::Event::Upvoted { post: opening, person: support::id() };
            world.happens(thread.0, None, None, vec![upvoted]).await;
        }
    }
    world.project().await;
    let db = world.reads();
    let filters = [ThreadFilter::default(), ThreadFilter { category: Some(category), ..ThreadFilter::default() }];
    for viewer in [Viewer::stranger(), Viewer::person(author, home, [community])] {
        for filter in &filters {
            let total = usize::try_from(thread::total(&viewer, db, filter).await.unwrap()).unwrap();
            for order in [ThreadOrder::LatestActivity, ThreadOrder::Newest, ThreadOrder::MostUpvoted] {
                for limit in [1, 2, 5, 12, 13, 25, 100] {
                    let read = async |page: Page| thread::page(&viewer, db, filter, order, &page).await.unwrap();
                    let forward: Vec<ThreadRow> = walk(limit, false, read).await;
                    assert_eq!(forward.len(), total, "{order:?} by {limit}");
                    let key = |row: &ThreadRow| match order {
                        ThreadOrder::LatestActivity => (row.last_activity_at.timestamp_micros(), row.id),
                        ThreadOrder::Newest => (row.opened_at.timestamp_micros(), row.id),
                        ThreadOrder::MostUpvoted => (i64::from(row.upvote_count), row.id),
                    };
                    assert!(forward.windows(2).all(|pair| key(&pair[0]) > key(&pair[1])), "{order:?} by {limit}");
                    assert!(forward.iter().all(|row| viewer.sees(&row.audience)));
                    assert_eq!(walk(limit, true, read).await, forward, "{order:?} by {limit}, backward");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_page_lies_between_two_cursors() {
    let mut world = World::new().await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        world.organisation(name).await;
    }
    world.project().await;
    let (viewer, db) = (Viewer::stranger(), world.reads());
    let slugs =
        |slice: &Slice<organisation::OrganisationRow>| slice.rows.iter().map(|(_, row)| row.reference.slug.clone()).collect::<String>();
    let all = organisation::page(&viewer, db, &Page::first(100)).await.unwrap();
    assert_eq!((slugs(&all).as_str(), all.has_next, all.has_previous), ("abcdef", false, false));
    let (after, before) = (all.rows[0].0.clone(), all.rows[5].0.clone());
    let first = organisation::page(&viewer, db, &Page::first(2).after(after.clone()).before(before.clone())).await.unwrap();
    assert_eq!((slugs(&first).as_str(), first.has_next, first.has_previous), ("bc", true, true));
    let last = organisation::page(&viewer, db, &Page::last(2).after(after).before(before)).await.unwrap();
    assert_eq!((slugs(&last).as_str(), last.has_next, last.has_previous), ("de", true, true));
    // Out of bounds counts as the nearest bound.
    assert_eq!(organisation::page(&viewer, db, &Page::first(0)).await.unwrap().rows.len(), 1);
    assert_eq!(organisation::page(&viewer, db, &Page::first(u32::MAX)).await.unwrap().rows.len(), 6);
}

#[tokio::test]
async fn many_lists_are_paged_by_one_statement() {
    let mut world = World::new().await;
    let home = world.organisation("north").await;
    let author = world.person(home, "ada").await;
    let community = world.community("c", home, Some(Audience::public()), &[]).await;
    let category = world.category(community, "g", Audience::public()).await;
    let mut threads = Vec::new();
    for n in 0..5 {
        let (thread, _) = world.thread(community, category, Audience::public(), author, home, "t").await;
        let mut posts = Vec::new();
        for _ in 0..n {
            posts.push(world.reply(thread, author, None).await);
        }
        threads.push((thread, posts));
    }
    let head = world.sequence().await;
    let running = world.run(vec![Arc::new(Threads)]);
    running.reaches(head).await;
    running.stop().await;
    let ids: Vec<_> = threads.iter().map(|(thread, _)| *thread).collect();
    for (page, backward) in [(Page::first(2), false), (Page::last(2), true)] {
        let lists = post::of_threads(&Viewer::stranger(), world.reads(), &ids, &page).await.unwrap();
        for (thread, posts) in &threads {
            let expected = if backward { &posts[posts.len().saturating_sub(2)..] } else { &posts[..posts.len().min(2)] };
            let found: Vec<_> = lists[thread].rows.iter().map(|(_, row)| row.id).collect();
            assert_eq!(found, expected);
            assert_eq!(if backward { lists[thread].has_previous } else { lists[thread].has_next }, posts.len() > 2);
        }
    }
}
