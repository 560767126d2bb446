//! The views as resolvers read them: what many objects of one answer ask for at once is read by one statement.
//!
//! There is no cache. A mutation looks again at what it changed, and a subscription looks for hours; both must see what is
//! there now. (What is the same for all to whom an event is shown is read once for them: see [`commons`](super::commons).) So the number of statements of a query depends on its depth, never on the length of its lists.
//!
//! **To batch another lookup or list:** give it a key here, and a row in [`lookups`] or [`lists`].

use super::commons::{Common, Commons, Found, Kept, Lookup};
use super::context::RequestContext;
use super::error::{FaultCode, database, fault};
use super::standing::Cell;
use super::wanted::WhileWanted;
use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::runtime::TokioTimer;
use kernel::{CategoryId, CommunityId, OrganisationId, PersonId, PostId, TeamId, ThreadId, Viewer};
use projections::communities::community::{self, CommunityRow};
use projections::communities::membership::{self, MembershipRow};
use projections::discussions::category::{self, CategoryRow};
use projections::discussions::post::{self, PostRow, ReactionRow, RevisionRow};
use projections::discussions::thread::{self, ThreadFilter, ThreadOrder, ThreadRow};
use projections::organisations::organisation::{self, OrganisationRef, OrganisationRow, ProviderRecord};
use projections::organisations::person::{self, PersonRef, PersonRow};
use projections::organisations::team::{self, TeamRow};
use projections::{Page, Slice};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use store::{Log, Reads};
use tokio_util::sync::DropGuard;

/// How many things of a kind are looked for one by one among those that viewers have in common.
const FEW: usize = 3;

/// Reads the views for one request's viewer.
pub struct Views {
    db: Reads,
    log: Log,
    standing: Cell,
    common: Option<Common>,
}

/// Why a batch could not be read; every resolver that waited for it gets it.
pub(super) type Failed = Arc<sqlx::Error>;

impl Views {
    /// A loader for a request with this standing, and the guard that the request holds; a subscription has something in common with
    /// others.
    pub fn loader(db: Reads, log: Log, standing: Cell, common: Option<Common>) -> (DataLoader<Self>, DropGuard) {
        let (spawner, guard) = WhileWanted::guarded();
        (DataLoader::new(Self { db, log, standing, common }, spawner, TokioTimer::default()), guard)
    }

    /// What these keys name, as far as the viewer sees it.
    async fn look<K: Lookup>(&self, keys: &[K]) -> Result<HashMap<K, K::Row>, Failed> {
        let (viewer, mut found, mut own) = (self.viewer(), HashMap::new(), Vec::new());
        match &self.common {
            // A list is read by one statement; what is shown with an event is a few things.
            Some(common) if keys.len() <= FEW => {
                for key in keys {
                    match common.find(&viewer, &self.db, *key).await? {
                        Found::Common(row) => found.extend(row.map(|row| (*key, row))),
                        Found::Own => own.push(*key),
                    }
                }
            }
            Some(_) | None => own.extend_from_slice(keys),
        }
        if !own.is_empty() {
            found.extend(K::read(&viewer, &self.db, &own).await.map_err(Arc::new)?);
        }
        Ok(found)
    }

    pub(super) fn db(&self) -> &Reads {
        &self.db
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn viewer(&self) -> Viewer {
        self.standing.get().viewer.clone()
    }
}

/// The request that a resolver works for, to be kept beyond the resolver's end: to count a list when asked.
pub(super) fn shared(ctx: &Context<'_>) -> async_graphql::Result<Arc<RequestContext>> {
    ctx.data_opt::<Arc<RequestContext>>().cloned().ok_or_else(|| fault(FaultCode::Internal, "The request has no context."))
}

/// Reads one thing in a batch with others.
pub(super) async fn load<K>(request: &RequestContext, key: K) -> async_graphql::Result<Option<<Views as Loader<K>>::Value>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Views: Loader<K, Error = Failed>,
{
    request.views().load_one(key).await.map_err(|error| database(&error))
}

/// Reads one thing that is shown with an event: most often the same as for everyone else to whom it is shown.
pub(super) async fn look<K>(request: &RequestContext, key: K) -> async_graphql::Result<Option<K::Row>>
where
    K: Lookup,
    Views: Loader<K, Value = K::Row, Error = Failed>,
{
    if let Some(common) = request.common() {
        let found = common.find(&request.viewer(), request.db(), key).await.map_err(|error| database(&error))?;
        if let Found::Common(row) = found {
            return Ok(row);
        }
    }
    load(request, key).await
}

/// Counts what a key of a count names, in a batch with others.
pub(super) async fn total<K>(request: Arc<RequestContext>, key: K) -> async_graphql::Result<u64>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Views: Loader<K, Error = Failed, Value = u64>,
{
    Ok(load(&request, key).await?.unwrap_or_default())
}

/// Single rows by their key; what is said after `common as` is kept for those to whom an event is shown, where a row shows all that
/// it has.
macro_rules! lookups {
    ($($(#[$doc:meta])* $key:ident($id:ty) => $row:ty: $read:path, $name:expr $(, common as $rows:ident if $whole:expr)?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $key(pub $id);

        impl Lookup for $key {
            type Row = $row;
            async fn read(viewer: &Viewer, db: &Reads, keys: &[Self]) -> Result<HashMap<Self, $row>, sqlx::Error> {
                let ids: Vec<$id> = keys.iter().map(|key| key.0).collect();
                let name: fn(&$row) -> $id = $name;
                Ok($read(viewer, db, &ids).await?.into_iter().map(|row| ($key(name(&row)), row)).collect())
            }
            $(
                fn kept(commons: &Commons) -> Option<Kept<'_, Self, $row>> {
                    Some((&commons.$rows, $whole))
                }
            )?
        }

        impl Loader<$key> for Views {
            type Value = $row;
            type Error = Failed;
            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, $row>, Failed> {
                self.look(keys).await
            }
        }
    )*};
}

lookups! {
    /// An organisation.
    OrganisationOf(OrganisationId) => OrganisationRow: organisation::by_ids, |row| row.reference.id, common as organisations if |_| true;
    /// A person that something seen refers to.
    PersonOf(PersonId) => PersonRow: person::referred, |row| row.reference.id, common as persons if |row| row.reference.visible;
    /// A person, if the viewer sees them.
    VisiblePerson(PersonId) => PersonRow: person::by_ids, |row| row.reference.id;
    /// A team, if the viewer sees it.
    TeamOf(TeamId) => TeamRow: team::by_ids, |row| row.id;
    /// A community that something seen refers to.
    CommunityOf(CommunityId) => CommunityRow: community::referred, |row| row.reference.id;
    /// A community, if the viewer sees it.
    VisibleCommunity(CommunityId) => CommunityRow: community::by_ids, |row| row.reference.id;
    /// A category that something seen refers to.
    CategoryOf(CategoryId) => CategoryRow: category::referred, |row| row.reference.id;
    /// A category, if the viewer sees it.
    VisibleCategory(CategoryId) => CategoryRow: category::by_ids, |row| row.reference.id;
    /// A thread, if the viewer sees it.
    ThreadOf(ThreadId) => ThreadRow: thread::by_ids, |row| row.id, common as threads if |row| row.author.visible;
    /// A post, if the viewer sees it.
    PostOf((ThreadId, PostId)) => PostRow: post::by_ids, |row| (row.thread, row.id), common as posts if |row| row.author.visible;
    /// The viewer's own membership of a community.
    OwnMembership(CommunityId) => MembershipRow: membership::of_viewer_in, |row| row.community.id;
}

/// Short lists that come whole, by what they belong to.
macro_rules! groups {
    ($($(#[$doc:meta])* $key:ident($id:ty) => $row:ty: $read:path, $split:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $key(pub $id);

        impl Loader<$key> for Views {
            type Value = Vec<$row>;
            type Error = Failed;
            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Vec<$row>>, Failed> {
                let ids: Vec<$id> = keys.iter().map(|key| key.0).collect();
                let mut groups: HashMap<$key, Vec<$row>> = HashMap::new();
                for row in $read(&self.viewer(), &self.db, &ids).await.map_err(Arc::new)? {
                    let (id, row) = $split(row);
                    groups.entry($key(id)).or_default().push(row);
                }
                Ok(groups)
            }
        }
    )*};
}

groups! {
    /// The identity providers of an organisation.
    ProvidersOf(OrganisationId) => ProviderRecord: organisation::providers, |row: ProviderRecord| (row.organisation.id, row);
    /// The organisations that take part in a community.
    ParticipantsOf(CommunityId) => OrganisationRef: community::organisations, |row: (CommunityId, OrganisationRef)| row;
    /// The coordinators of a community.
    CoordinatorsOf(CommunityId) => PersonRef: membership::coordinators, |row: (CommunityId, PersonRef)| row;
    /// The categories of a community.
    CategoriesOf(CommunityId) => CategoryRow: category::of_communities, |row: CategoryRow| (row.community.id, row);
    /// The posts that are marked as answers in a thread.
    AnswersOf(ThreadId) => PostRow: post::answers, |row: PostRow| (row.thread, row);
}

/// What belongs to posts; posts are read by thread and id, and told apart by id.
macro_rules! of_posts {
    ($($(#[$doc:meta])* $key:ident => $row:ty: $read:path;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $key(pub ThreadId, pub PostId);

        impl Loader<$key> for Views {
            type Value = Vec<$row>;
            type Error = Failed;
            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Vec<$row>>, Failed> {
                let ids: Vec<(ThreadId, PostId)> = keys.iter().map(|key| (key.0, key.1)).collect();
                let mut groups: HashMap<PostId, Vec<$row>> = HashMap::new();
                for row in $read(&self.viewer(), &self.db, &ids).await.map_err(Arc::new)? {
                    groups.entry(row.post).or_default().push(row);
                }
                Ok(keys.iter().filter_map(|key| Some((*key, groups.remove(&key.1)?))).collect())
            }
        }
    )*};
}

of_posts! {
    /// The reactions to a post.
    ReactionsTo => ReactionRow: post::reactions;
    /// The versions of a post that was edited.
    RevisionsOf => RevisionRow: post::revisions;
}

/// Whether the viewer has upvoted a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadUpvoted(pub ThreadId);

impl Loader<ThreadUpvoted> for Views {
    type Value = bool;
    type Error = Failed;
    async fn load(&self, keys: &[ThreadUpvoted]) -> Result<HashMap<ThreadUpvoted, bool>, Failed> {
        let ids: Vec<ThreadId> = keys.iter().map(|key| key.0).collect();
        let upvoted = thread::upvoted(&self.viewer(), &self.db, &ids).await.map_err(Arc::new)?;
        Ok(upvoted.into_iter().map(|id| (ThreadUpvoted(id), true)).collect())
    }
}

/// Whether the viewer has upvoted a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PostUpvoted(pub ThreadId, pub PostId);

impl Loader<PostUpvoted> for Views {
    type Value = bool;
    type Error = Failed;
    async fn load(&self, keys: &[PostUpvoted]) -> Result<HashMap<PostUpvoted, bool>, Failed> {
        let ids: Vec<(ThreadId, PostId)> = keys.iter().map(|key| (key.0, key.1)).collect();
        let upvoted: HashSet<PostId> = post::upvoted(&self.viewer(), &self.db, &ids).await.map_err(Arc::new)?.into_iter().collect();
        Ok(keys.iter().map(|key| (*key, upvoted.contains(&key.1))).collect())
    }
}

/// How many threads of a category the viewer sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CategoryThreads(pub CategoryId);

impl Loader<CategoryThreads> for Views {
    type Value = u64;
    type Error = Failed;
    async fn load(&self, keys: &[CategoryThreads]) -> Result<HashMap<CategoryThreads, u64>, Failed> {
        let ids: Vec<CategoryId> = keys.iter().map(|key| key.0).collect();
        let totals = thread::totals_of_categories(&self.viewer(), &self.db, &ids).await.map_err(Arc::new)?;
        Ok(totals.into_iter().map(|(id, count)| (CategoryThreads(id), count)).collect())
    }
}

/// Keys that ask for the same thing of several parents, by what they ask for.
fn by_question<K, Q: Eq + Hash, I>(keys: &[K], split: impl Fn(&K) -> (Q, I)) -> HashMap<Q, Vec<I>> {
    let mut questions: HashMap<Q, Vec<I>> = HashMap::new();
    for key in keys {
        let (question, id) = split(key);
        questions.entry(question).or_default().push(id);
    }
    questions
}

/// Long lists that come by pages, with their counts. Objects of one list nearly always ask for the same page of theirs.
macro_rules! lists {
    ($($(#[$doc:meta])* $key:ident, $total:ident($id:ty) => $row:ty: $read:path, $count:path;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $key(pub $id, pub Page);

        impl Loader<$key> for Views {
            type Value = Slice<$row>;
            type Error = Failed;
            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Slice<$row>>, Failed> {
                let mut slices = HashMap::with_capacity(keys.len());
                for (page, ids) in by_question(keys, |key| (key.1.clone(), key.0)) {
                    let read = $read(&self.viewer(), &self.db, &ids, &page).await.map_err(Arc::new)?;
                    slices.extend(read.into_iter().map(|(id, slice)| ($key(id, page.clone()), slice)));
                }
                Ok(slices)
            }
        }

        /// How many of them the viewer sees.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $total(pub $id);

        impl Loader<$total> for Views {
            type Value = u64;
            type Error = Failed;
            async fn load(&self, keys: &[$total]) -> Result<HashMap<$total, u64>, Failed> {
                let ids: Vec<$id> = keys.iter().map(|key| key.0).collect();
                let totals = $count(&self.viewer(), &self.db, &ids).await.map_err(Arc::new)?;
                Ok(totals.into_iter().map(|(id, count)| ($total(id), count)).collect())
            }
        }
    )*};
}

lists! {
    /// The people of an organisation.
    PeopleOf, PeopleTotal(OrganisationId) => PersonRow: person::of_organisations, person::totals_of_organisations;
    /// The teams of an organisation.
    TeamsOf, TeamsTotal(OrganisationId) => TeamRow: team::of_organisations, team::totals_of_organisations;
    /// The members of a team.
    TeamMembersOf, TeamMembersTotal(TeamId) => PersonRow: person::of_teams, person::totals_of_teams;
    /// The memberships of a community.
    MembershipsOf, MembershipsTotal(CommunityId) => MembershipRow: membership::of_communities, membership::totals_of_communities;
    /// The top-level posts of a thread.
    PostsOf, PostsTotal(ThreadId) => PostRow: post::of_threads, post::totals_of_threads;
    /// The replies to a post.
    RepliesTo, RepliesTotal(PostId) => PostRow: post::replies, post::totals_of_replies;
}

/// The threads of a community.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ThreadsOf(pub CommunityId, pub ThreadFilter, pub ThreadOrder, pub Page);

impl Loader<ThreadsOf> for Views {
    type Value = Slice<ThreadRow>;
    type Error = Failed;
    async fn load(&self, keys: &[ThreadsOf]) -> Result<HashMap<ThreadsOf, Slice<ThreadRow>>, Failed> {
        let mut slices = HashMap::with_capacity(keys.len());
        for ((filter, order, page), ids) in by_question(keys, |key| ((key.1.clone(), key.2, key.3.clone()), key.0)) {
            let read = thread::of_communities(&self.viewer(), &self.db, &ids, &filter, order, &page).await.map_err(Arc::new)?;
            slices.extend(read.into_iter().map(|(id, slice)| (ThreadsOf(id, filter.clone(), order, page.clone()), slice)));
        }
        Ok(slices)
    }
}

/// How many threads of a community the viewer sees.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ThreadsTotal(pub CommunityId, pub ThreadFilter);

impl Loader<ThreadsTotal> for Views {
    type Value = u64;
    type Error = Failed;
    async fn load(&self, keys: &[ThreadsTotal]) -> Result<HashMap<ThreadsTotal, u64>, Failed> {
        let mut totals = HashMap::with_capacity(keys.len());
        for (filter, ids) in by_question(keys, |key| (key.1.clone(), key.0)) {
            let counted = thread::totals_of_communities(&self.viewer(), &self.db, &ids, &filter).await.map_err(Arc::new)?;
            totals.extend(counted.into_iter().map(|(id, count)| (ThreadsTotal(id, filter.clone()), count)));
        }
        Ok(totals)
    }
}
