//! Exactly once, poison, rebuild: the promises of the runtime, with crashes, rivals and a moving log.

#![allow(
    clippy::unwrap_used,
    clippy::similar_names,
    clippy::too_many_lines,
    reason = "in a test a surprise ends the test, and what is alike is named alike"
)]

mod support;

use async_trait::async_trait;
use discussions::thread::{CloseReason, Event, Reaction};
use events::HubEvent;
use kernel::{Audience, CategoryId, CommunityId, OrganisationId, PersonId, PostId, Recorded, ThreadId};
use projections::{Projection, RebuildError, Rebuilding, State, rebuild, runtime::rebuild_projection, status};
use sqlx::PgConnection;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use support::{World, contents, until};
use tokio_util::sync::CancellationToken;

/// Every table of every view.
fn tables() -> Vec<&'static str> {
    projections::all().iter().flat_map(|projection| projection.tables().to_vec()).collect()
}

/// A world in which a lot happens to threads: every kind of event, in an order that the rules allow.
struct Bustle {
    world: World,
    home: OrganisationId,
    community: CommunityId,
    category: CategoryId,
    persons: Vec<PersonId>,
    threads: Vec<Thread>,
    chance: u64,
}

struct Thread {
    id: ThreadId,
    posts: Vec<PostId>,
    upvotes: BTreeSet<(PostId, PersonId)>,
    reactions: BTreeSet<(PostId, PersonId)>,
    answers: BTreeSet<PostId>,
    closed: bool,
}

impl Bustle {
    async fn new(connections: u32) -> Self {
        let mut world = World::with_connections(connections).await;
        let home = world.organisation("north").await;
        let mut persons = Vec::new();
        for n in 0..4 {
            persons.push(world.person(home, &format!("p{n}")).await);
        }
        let members: Vec<_> = persons.iter().map(|person| (*person, home)).collect();
        world.team(home, "team", &persons).await;
        let community = world.community("c", home, Some(Audience::public()), &members).await;
        let category = world.category(community, "g", Audience::public()).await;
        Self { world, home, community, category, persons, threads: Vec::new(), chance: 42 }
    }

    fn pick(&mut self, of: usize) -> usize {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.chance >> 33).unwrap() % of
    }

    /// Something happens.
    async fn happens(&mut self) {
        let who = self.pick(self.persons.len());
        let author = self.persons[who];
        if self.threads.is_empty() || self.pick(6) == 0 {
            let audience = [Audience::public(), Audience::members(), Audience::organisation(self.home)][self.pick(3)].clone();
            let (id, post) = self.world.thread(self.community, self.category, audience, author, self.home, "A thread").await;
            let posts = vec![post];
            let (upvotes, reactions, answers) = Default::default();
            self.threads.push(Thread { id, posts, upvotes, reactions, answers, closed: false });
            return;
        }
        let (what, which) = (self.pick(9), self.pick(self.threads.len()));
        let nth = self.pick(self.threads[which].posts.len());
        let post = self.threads[which].posts[nth];
        let thread = &mut self.threads[which];
        let event = match what {
            0..3 => {
                let (new, to) = (support::id(), (what == 0 && thread.posts.len() > 1).then(|| thread.posts[1]));
                thread.posts.push(new);
                Event::Replied { post: new, to, author, body: "reply".into(), source: None }
            }
            3 if thread.upvotes.insert((post, author)) => Event::Upvoted { post, person: author },
            3 => {
                thread.upvotes.remove(&(post, author));
                Event::UpvoteWithdrawn { post, person: author }
            }
            4 if thread.reactions.insert((post, author)) => Event::Reacted { post, person: author, reaction: Reaction::Rocket },
            4 => {
                thread.reactions.remove(&(post, author));
                Event::ReactionWithdrawn { post, person: author, reaction: Reaction::Rocket }
            }
            5 => Event::PostEdited { post, body: format!("edited {}", self.chance) },
            6 if thread.answers.insert(post) => Event::AnswerMarked { post },
            6 => {
                thread.answers.remove(&post);
                Event::AnswerUnmarked { post }
            }
            7 if !thread.closed => {
                thread.closed = true;
                Event::Closed { reason: CloseReason::Duplicate(Some(support::id())) }
            }
            7 => {
                thread.closed = false;
                Event::Reopened
            }
            _ => Event::Retitled { title: format!("title {}", self.chance) },
        };
        let id = thread.id;
        self.world.happens(id.0, Some(author), Some(self.home), vec![event]).await;
    }

    async fn bustle(&mut self, events: usize) {
        for _ in 0..events {
            self.happens().await;
        }
    }

    /// Draws every view anew from the first event on, by one projector each.
    async fn drawn_anew(&self) -> Vec<(String, Vec<String>)> {
        let db = self.world.db();
        sqlx::query("delete from views.projection").execute(db).await.unwrap();
        for table in tables() {
            sqlx::query(sqlx::AssertSqlSafe(format!("truncate views.{table}"))).execute(db).await.unwrap();
        }
        self.world.project().await;
        contents(db, &tables()).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn crashes_and_rivals_change_nothing() {
    let mut bustle = Bustle::new(10).await;
    for _ in 0..12 {
        bustle.bustle(25).await;
        let head = bustle.world.sequence().await;
        // Two processes project the same views; one crashes wherever it is.
        let (one, other) = (bustle.world.run(projections::all()), bustle.world.run(projections::all()));
        let _on_its_way = one.progress.await_projected(head - 10, Duration::from_millis(20)).await;
        one.kill().await;
        other.kill().await;
    }
    let head = bustle.world.sequence().await;
    let (one, other) = (bustle.world.run(projections::all()), bustle.world.run(projections::all()));
    one.reaches(head).await;
    other.reaches(head).await;
    one.stop().await;
    other.stop().await;
    let after = contents(bustle.world.db(), &tables()).await;
    let anew = bustle.drawn_anew().await;
    assert_eq!(after, anew);
    let threads: i64 = sqlx::query_scalar("select count(*) from views.thread").fetch_one(bustle.world.db()).await.unwrap();
    assert_eq!(threads, i64::try_from(bustle.threads.len()).unwrap());
}

async fn rebuild_everything_while_the_log_grows(connections: u32) {
    let mut bustle = Bustle::new(connections).await;
    bustle.bustle(200).await;
    let head = bustle.world.sequence().await;
    let running = bustle.world.run(projections::all());
    running.reaches(head).await;
    let indexes = "select indexname::text from pg_indexes where schemaname = 'views' order by 1";
    let before: Vec<String> = sqlx::query_scalar(indexes).fetch_all(bustle.world.db()).await.unwrap();

    let (log, stop) = (bustle.world.log.clone(), CancellationToken::new());
    let rebuilds = tokio::spawn(async move {
        let mut positions = Vec::new();
        for projection in projections::all() {
            positions.push(rebuild(&log, projection.name(), &stop, |_| {}).await.unwrap());
        }
        positions
    });
    while !rebuilds.is_finished() {
        bustle.bustle(5).await;
        bustle.world.sequence().await;
    }
    assert!(rebuilds.await.unwrap().iter().all(|position| *position >= head));
    let head = bustle.world.sequence().await;
    running.reaches(head).await;
    running.stop().await;

    let after: Vec<String> = sqlx::query_scalar(indexes).fetch_all(bustle.world.db()).await.unwrap();
    assert_eq!(after, before, "a rebuilt view has the indexes of the old one, by name");
    let left: i64 = sqlx::query_scalar("select count(*) from pg_namespace where nspname like 'views_rebuild%'")
        .fetch_one(bustle.world.db())
        .await
        .unwrap();
    assert_eq!(left, 0, "nothing is left of the shadows");
    let rebuilt = contents(bustle.world.db(), &tables()).await;
    assert_eq!(rebuilt, bustle.drawn_anew().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rebuilt_view_equals_the_running_one() {
    rebuild_everything_while_the_log_grows(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_view_is_rebuilt_over_a_single_connection() {
    rebuild_everything_while_the_log_grows(1).await;
}

#[tokio::test]
async fn an_interrupted_rebuild_leaves_the_view_as_it_was() {
    let mut bustle = Bustle::new(10).await;
    bustle.bustle(60).await;
    bustle.world.project().await;
    let before = contents(bustle.world.db(), &tables()).await;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let told = move |told| {
        if matches!(told, Rebuilding::Filling { .. }) {
            stopping.cancel();
        }
    };
    assert!(matches!(rebuild(&bustle.world.log, "threads", &stop, told).await, Err(RebuildError::Stopped)));
    assert_eq!(contents(bustle.world.db(), &tables()).await, before);
    // What a rebuild leaves that was killed outright is cleared by the next one.
    let remains = "create schema views_rebuild_threads create table thread (id int)";
    sqlx::raw_sql(remains).execute(bustle.world.db()).await.unwrap();
    rebuild(&bustle.world.log, "threads", &CancellationToken::new(), |_| {}).await.unwrap();
    assert_eq!(contents(bustle.world.db(), &tables()).await, before);
    let unknown = rebuild(&bustle.world.log, "nothing", &CancellationToken::new(), |_| {}).await.unwrap_err();
    assert!(unknown.to_string().contains("organisations, people, teams, communities, categories, threads"), "{unknown}");
}

/// A view that keeps the places of all events, and fails at one of them as told.
struct Fragile {
    fails_at: AtomicU64,
    how: fn() -> Result<(), sqlx::Error>,
    /// How often it fails before it no longer does.
    times: AtomicU32,
}

impl Fragile {
    async fn new(world: &World, fails_at: u64, times: u32, how: fn() -> Result<(), sqlx::Error>) -> Arc<Self> {
        sqlx::query("create table views.place (seq bigint primary key)").execute(world.db()).await.unwrap();
        Arc::new(Self { fails_at: fails_at.into(), how, times: times.into() })
    }

    fn is_mended(&self) {
        self.fails_at.store(0, Ordering::SeqCst);
    }
}

#[async_trait]
impl Projection for Fragile {
    fn name(&self) -> &'static str {
        "fragile"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["place"]
    }

    fn concerns(&self, _event: &HubEvent) -> bool {
        true
    }

    async fn apply(&self, recorded: &Recorded<HubEvent>, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query("insert into place (seq) values ($1)").bind(recorded.seq.cast_signed()).execute(&mut *db).await?;
        if recorded.seq == self.fails_at.load(Ordering::SeqCst)
            && self.times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |times| times.checked_sub(1)).is_ok()
        {
            (self.how)()?;
        }
        Ok(())
    }
}

fn refusal() -> Result<(), sqlx::Error> {
    Err(sqlx::Error::Protocol("lost".into())).or(Err(sqlx::Error::RowNotFound))
}

async fn places(world: &World) -> Vec<i64> {
    sqlx::query_scalar("select seq from views.place order by seq").fetch_all(world.db()).await.unwrap()
}

async fn fragile(world: &World) -> projections::Status {
    status(world.db()).await.unwrap().into_iter().find(|status| status.name == "fragile").unwrap()
}

async fn poisoned(world: &World) -> projections::Status {
    let stopped = "select exists (select from views.projection where name = 'fragile' and state = 'poisoned')";
    until("the projection stops", async || sqlx::query_scalar(stopped).fetch_one(world.db()).await.unwrap()).await;
    fragile(world).await
}

#[tokio::test]
async fn a_poison_event_stops_one_projection_and_not_the_others() {
    let mut bustle = Bustle::new(10).await;
    bustle.bustle(30).await;
    let head = bustle.world.sequence().await;
    let fragile_view = Fragile::new(&bustle.world, 7, u32::MAX, refusal).await;
    let mut all = projections::all();
    all.push(fragile_view.clone());
    let running = bustle.world.run(all);
    let status = poisoned(&bustle.world).await;
    assert_eq!((status.checkpoint, status.error_seq, status.attempts), (6, Some(7), 5));
    assert!(status.error.as_ref().is_some_and(|error| !error.is_empty()) && !status.is_healthy());
    assert_eq!(places(&bustle.world).await, (1..=6).collect::<Vec<i64>>(), "what came before is in, and nothing of the event itself");
    // The others have gone on, and nobody waits for the one that stopped.
    running.reaches(head).await;

    // Tried again as it is, it stops again at the same event; mended, it goes on.
    projections::retry(bustle.world.db(), "fragile").await.unwrap();
    assert_eq!(poisoned(&bustle.world).await.error_seq, Some(7));
    fragile_view.is_mended();
    projections::retry(bustle.world.db(), "fragile").await.unwrap();
    until("the projection catches up", async || fragile(&bustle.world).await.checkpoint == head).await;
    assert_eq!(places(&bustle.world).await.len() as u64, head);
    running.stop().await;
}

#[tokio::test]
async fn a_poison_event_can_be_skipped() {
    let mut bustle = Bustle::new(10).await;
    bustle.bustle(5).await;
    let head = bustle.world.sequence().await;
    let fragile_view = Fragile::new(&bustle.world, 4, u32::MAX, || panic!("a handler's mistake")).await;
    let running = bustle.world.run(vec![fragile_view.clone()]);
    let status = poisoned(&bustle.world).await;
    assert!(status.error.unwrap().contains("a handler's mistake"));
    assert_eq!(projections::skip(bustle.world.db(), "fragile").await.unwrap(), 4);
    until("the projection catches up", async || fragile(&bustle.world).await.checkpoint == head).await;
    assert!(!places(&bustle.world).await.contains(&4));
    assert_eq!(fragile(&bustle.world).await.skipped, 1);
    assert!(projections::skip(bustle.world.db(), "fragile").await.unwrap_err().to_string().contains("nothing to skip"));
    assert!(projections::skip(bustle.world.db(), "other").await.unwrap_err().to_string().contains("no projection"));
    // A rebuild makes it whole.
    fragile_view.is_mended();
    rebuild_projection(&bustle.world.log, fragile_view.as_ref(), &CancellationToken::new(), |_| {}).await.unwrap();
    assert_eq!(places(&bustle.world).await.len() as u64, head);
    assert_eq!(fragile(&bustle.world).await.skipped, 0);
    running.stop().await;
}

#[tokio::test]
async fn a_lost_connection_is_no_poison() {
    let mut bustle = Bustle::new(10).await;
    bustle.bustle(5).await;
    let head = bustle.world.sequence().await;
    let fragile_view = Fragile::new(&bustle.world, 4, 7, || Err(sqlx::Error::PoolTimedOut)).await;
    let running = bustle.world.run(vec![fragile_view.clone()]);
    running.reaches(head).await;
    assert_eq!(fragile_view.times.load(Ordering::SeqCst), 0, "it failed more often than poison may");
    assert_eq!(places(&bustle.world).await.len() as u64, head);
    running.stop().await;
}

#[tokio::test]
async fn a_rebuild_that_meets_poison_says_where_and_changes_nothing() {
    let mut bustle = Bustle::new(10).await;
    bustle.bustle(5).await;
    let head = bustle.world.sequence().await;
    let fragile_view = Fragile::new(&bustle.world, 0, u32::MAX, refusal).await;
    let running = bustle.world.run(vec![fragile_view.clone()]);
    running.reaches(head).await;
    running.stop().await;
    fragile_view.fails_at.store(3, Ordering::SeqCst);
    let error = rebuild_projection(&bustle.world.log, fragile_view.as_ref(), &CancellationToken::new(), |_| {}).await.unwrap_err();
    assert!(matches!(error, RebuildError::Poison { name: "fragile", .. }), "{error}");
    assert_eq!(places(&bustle.world).await.len() as u64, head);
    assert!(fragile(&bustle.world).await.rebuild.is_none());
}

#[tokio::test]
async fn a_paused_view_waits_and_goes_on() {
    let mut bustle = Bustle::new(10).await;
    let head = bustle.world.sequence().await;
    let running = bustle.world.run(projections::all());
    running.reaches(head).await;
    projections::pause(bustle.world.db(), "threads").await.unwrap();
    bustle.bustle(10).await;
    let further = bustle.world.sequence().await;
    // The others reach it; the paused one is not waited for.
    running.reaches(further).await;
    let threads = status(bustle.world.db()).await.unwrap().into_iter().find(|status| status.name == "threads").unwrap();
    assert_eq!((threads.state, threads.checkpoint, threads.lag()), (State::Paused, head, further - head));
    projections::retry(bustle.world.db(), "threads").await.unwrap();
    let elsewhere = projections::Progress::of(bustle.world.db().clone());
    assert!(elsewhere.await_projected(further, support::PATIENCE).await.is_reached());
    assert!(!elsewhere.await_projected(further + 1, Duration::from_millis(1)).await.is_reached());
    running.stop().await;
}

#[tokio::test]
async fn how_far_the_views_are_is_known_without_asking_also_where_others_draw_them() {
    let mut bustle = Bustle::new(10).await;
    let head = bustle.world.sequence().await;
    let running = bustle.world.run(projections::all());
    running.reaches(head).await;
    let db = bustle.world.db().clone();
    let elsewhere = projections::Progress::of(db.clone());
    assert_eq!(elsewhere.known(), projections::Reach::default(), "nothing is known before it was looked at");
    let follower = elsewhere.clone();
    let following = tokio::spawn(async move { follower.follow().await });
    let known = async |position, level| {
        let reached = async {
            while elsewhere.known() != (projections::Reach { position, level }) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(support::PATIENCE, reached).await.unwrap_or_else(|_| panic!("{:?}", elsewhere.known()));
        let read = projections::Progress::of(db.clone()).read().await.unwrap();
        assert_eq!(read, projections::Reach { position, level }, "what is read is the same");
    };
    known(head, true).await;
    // One that is paused is not waited for, but the views do not stand level then.
    projections::pause(bustle.world.db(), "threads").await.unwrap();
    known(head, false).await;
    bustle.bustle(10).await;
    let further = bustle.world.sequence().await;
    known(further, false).await;
    projections::retry(bustle.world.db(), "threads").await.unwrap();
    known(further, true).await;
    // Nor do they while one lacks what was skipped, until it is drawn anew.
    sqlx::query("update views.projection set skipped = 1 where name = 'threads'").execute(bustle.world.db()).await.unwrap();
    known(further, false).await;
    following.abort();
    running.stop().await;
}
