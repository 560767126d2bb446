//! The API itself: one way to ask it, whether over HTTP, over a socket, or from a page in the same process.

use crate::caller::{Caller, ConsistencyToken};
use crate::freshness::Freshness;
use crate::graphql::error::{FaultCode, is_passing};
use crate::graphql::limits::{self, Limits, Unfit};
use crate::graphql::of_the_log::OfTheLog;
use crate::graphql::{Backend, Cursors, HubSchema, RequestContext, parsing, standing, variables};
use crate::http::ask::Ask;
use crate::http::budget::{Charge, Payer};
use crate::http::conditional::{EntityTag, Revalidation, Subject, Tags};
use crate::http::guard::Turnstile;
use crate::http::problem::Problem;
use crate::http::statuses::Wrong;
use crate::live::{Live, Sources};
use crate::settings::Settings;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::{ErrorExtensionValues, Request, Response, ServerError, Value, Variables};
use futures::FutureExt;
use http::StatusCode;
use identity::Identity;
use kernel::{Clock, Ids};
use projections::{Progress, Reach};
use services::Dispatch;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use store::{KeyRing, Log, Reads};
use tokio::sync::watch;

/// Bytes of parsed documents that are kept, by the length of their text; parsed they take some twenty times as much.
const KEPT_DOCUMENTS: u64 = 512 * 1024;
/// The most errors that one answer carries.
const MOST_ERRORS: usize = 20;
/// The most operations that are named to who asks for one that is not there.
const MOST_NAMES: usize = 10;

/// What the API is made of.
pub struct Parts {
    /// The database with the views.
    pub db: Reads,
    /// The log.
    pub log: Log,
    /// Carries commands to the services.
    pub services: Arc<dyn Dispatch>,
    /// How far the views are.
    pub progress: Progress,
    /// Sessions, tokens, providers, sign-in.
    pub identity: Identity,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn Ids>,
    /// The hub's keys.
    pub keys: KeyRing,
    /// What may be set.
    pub settings: Settings,
}

/// The API. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    schema: HubSchema,
    /// The same schema, but it tells which names there are; none if nobody is told.
    suggesting: Option<HubSchema>,
    backend: Arc<Backend>,
    settings: Settings,
    documents: moka::sync::Cache<String, Arc<ExecutableDocument>>,
    turnstile: Turnstile,
    tags: Tags,
    of_the_log: OfTheLog,
    /// Where the log ends, as far as this process knows.
    end: watch::Receiver<u64>,
}

/// Which operations a way in may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Queries only: GET.
    Reading,
    /// Queries and mutations: POST.
    Full,
    /// The same, from a page in this process: its documents are the hub's own, and they draw from nobody's budget, for the rates of
    /// requests hold them.
    Page,
    /// Queries and subscriptions: SSE and WebSocket by GET.
    Streaming,
    /// Everything: SSE by POST, WebSocket.
    All,
}

impl Way {
    fn carries(self, operation: OperationType) -> bool {
        match operation {
            OperationType::Query => true,
            OperationType::Mutation => matches!(self, Self::Full | Self::Page | Self::All),
            OperationType::Subscription => matches!(self, Self::Streaming | Self::All),
        }
    }
}

/// What became of a request.
#[derive(Debug)]
pub enum Answer {
    /// It was refused before execution.
    Refused(Refusal),
    /// It was executed; there may be errors of single fields beside the data.
    Executed {
        /// The answer.
        response: Response,
        /// What it cost.
        charge: Charge,
        /// As of when it was read.
        freshness: Freshness,
        /// What to ask with whether it still holds, if that can be told.
        tag: Option<EntityTag>,
    },
    /// The client has the answer already.
    Unchanged {
        /// The tag that it has it by.
        tag: EntityTag,
        /// As of when that holds.
        freshness: Freshness,
    },
}

/// Why a request was not executed: its document, variables or operation are not valid, or the caller may not.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Why.
    pub errors: Vec<ServerError>,
    /// What the status follows from.
    pub cause: Cause,
}

/// What the status of a refusal follows from.
#[derive(Clone, Debug)]
pub enum Cause {
    /// What is wrong with the request; the status depends on the edition and the media type.
    Wrong(Wrong),
    /// The whole answer: its status stands for every media type, and it has headers besides.
    Problem(Problem),
}

impl Refusal {
    pub(crate) fn new(wrong: Wrong, error: ServerError) -> Self {
        Self { errors: vec![error], cause: Cause::Wrong(wrong) }
    }

    pub(crate) fn invalid(error: ServerError) -> Self {
        Self::new(Wrong::Invalid, error)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { errors: vec![problem.error()], cause: Cause::Problem(problem) }
    }
}

/// A request that may be executed.
pub(crate) struct Prepared {
    pub(crate) request: Request,
    pub(crate) operation: OperationType,
    /// What it costs in points.
    pub(crate) requested: u64,
    /// The most points that an operation of this caller may cost.
    most: u64,
    /// Whose budget it draws from.
    pub(crate) payer: Option<Payer>,
    /// The views must have come this far before they are read.
    pub(crate) consistency: Option<ConsistencyToken>,
    /// What its answer's tag stands for, if it can have one.
    subject: Option<Subject>,
}

impl Api {
    /// The API over these parts. Called within a runtime: it follows the log.
    pub fn new(parts: Parts) -> Self {
        let Parts { db, log, services, progress, identity, clock, ids, keys, settings } = parts;
        let cursors = Cursors::new(keys.derive("gateway/cursors"));
        let live = Live::follow(Sources {
            db: db.clone(),
            log: log.clone(),
            progress: progress.clone(),
            bars: identity.bars.clone(),
            recheck: settings.stream_recheck,
            kept: settings.stream_kept,
        });
        let (followed, closing, end) = (progress.clone(), live.clone(), log.progress());
        tokio::spawn(async move {
            tokio::select! {
                () = followed.follow() => {}
                () = closing.closed() => {}
            }
        });
        let tags = keys.derive("gateway/entity-tags");
        let projection_wait = settings.projection_wait;
        let backend = Arc::new(Backend { db, services, log, progress, live, identity, clock, ids, cursors, projection_wait });
        let documents = moka::sync::Cache::builder()
            .max_capacity(KEPT_DOCUMENTS)
            .weigher(|text: &String, _| u32::try_from(text.len()).unwrap_or(u32::MAX))
            .build();
        // Laid out now, so that the first request does not pay for it.
        limits::cost::prices();
        variables::lay_out();
        let schema = crate::graphql::schema(settings.introspection, false);
        let suggesting = settings.suggestions.reach(true).then(|| crate::graphql::schema(settings.introspection, true));
        let turnstile = Turnstile::new(&settings, Arc::clone(&backend.clock));
        let (tags, of_the_log) = (Tags::new(&tags, &schema.sdl()), OfTheLog::new(&schema));
        Self { inner: Arc::new(Inner { schema, suggesting, backend, settings, documents, turnstile, tags, of_the_log, end }) }
    }

    /// The schema in the schema definition language.
    pub fn sdl(&self) -> String {
        crate::graphql::sdl()
    }

    /// Where the log ends, as far as this process knows.
    pub(crate) fn known_end(&self) -> u64 {
        *self.inner.end.borrow()
    }

    /// The schema as this caller meets it.
    pub(crate) fn schema(&self, caller: &Caller) -> &HubSchema {
        let told = self.inner.settings.suggestions.reach(caller.is_signed_in());
        self.inner.suggesting.as_ref().filter(|_| told).unwrap_or(&self.inner.schema)
    }

    /// The parts of the hub behind the API.
    pub fn backend(&self) -> &Arc<Backend> {
        &self.inner.backend
    }

    /// What was set.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn turnstile(&self) -> &Turnstile {
        &self.inner.turnstile
    }

    /// Carries out a query or mutation.
    pub async fn execute(&self, caller: &Caller, ask: Ask, way: Way) -> Answer {
        self.answer(caller, ask, way, None).await
    }

    /// Carries out a query or mutation, unless the client has its answer already.
    pub(crate) async fn answer(&self, caller: &Caller, ask: Ask, way: Way, revalidation: Option<Revalidation>) -> Answer {
        let started = Instant::now();
        let (operation, answer) = match self.prepare(caller, ask, way, revalidation.as_ref()) {
            Ok(prepared) => {
                let operation = name(prepared.operation);
                (operation, self.carry_out(caller, prepared, revalidation.as_ref()).await.unwrap_or_else(Answer::Refused))
            }
            Err(refused) => ("unknown", Answer::Refused(refused)),
        };
        let outcome = match &answer {
            Answer::Refused(_) => "refused",
            Answer::Unchanged { .. } => "unchanged",
            Answer::Executed { response, .. } if response.is_ok() => "ok",
            Answer::Executed { .. } => "errors",
        };
        metrics::counter!("hub_graphql_requests_total", "operation" => operation, "outcome" => outcome).increment(1);
        metrics::histogram!("hub_graphql_request_seconds", "operation" => operation).record(started.elapsed().as_secs_f64());
        answer
    }

    /// Everything that can be said before anything is executed.
    pub(crate) fn prepare(
        &self,
        caller: &Caller,
        mut ask: Ask,
        way: Way,
        revalidation: Option<&Revalidation>,
    ) -> Result<Prepared, Refusal> {
        let documents = &self.inner.settings.documents;
        let (operation_name, variables) = (ask.operation_name.take(), std::mem::take(&mut ask.variables));
        let consistency = caller.consistency.max(ask.consistency);
        let found = documents.find(ask, way)?;
        let document = self.document(&found.text)?;
        let operation = select(&document, operation_name.as_deref())?;
        documents.admit(&found, operation)?;
        let query = found.text;
        let kind = operation.ty;
        let (limits, purses) = (&self.inner.settings.limits, self.inner.turnstile.purses());
        let payer = if way == Way::Page { None } else { self.payer(caller) };
        // What costs more than a full bucket would never be affordable.
        let most = purses.capacity(payer).unwrap_or(u64::MAX).min(limits.cost);
        let limits = Limits { cost: most, ..*limits };
        let measure = limits::check(&document, operation, &variables, limits::cost::prices(), &limits).map_err(unfit)?;
        // Only now, so that hostile documents do not drive out the pages'.
        if !self.inner.documents.contains_key(&query) {
            variables::check(&document).map_err(|unusable| {
                let mut error = coded("GRAPHQL_VALIDATION_FAILED", unusable.to_string());
                error.locations.push(unusable.at());
                Refusal::invalid(error)
            })?;
            self.inner.documents.insert(query.clone(), Arc::clone(&document));
        }
        if !way.carries(kind) {
            return Err(misplaced(kind, way));
        }
        if kind == OperationType::Mutation {
            may_write(caller)?;
        }
        require_variables(operation, &variables)?;
        let subject = revalidation.filter(|_| self.inner.of_the_log.holds(&document));
        let subject = subject.map(|asked| self.inner.tags.subject(caller, asked.media, &query, operation_name.as_deref(), &variables));
        let mut request = Request::new(query).variables(variables);
        if let Some(name) = operation_name {
            request = request.operation_name(name);
        }
        request.set_parsed_query(ExecutableDocument::clone(&document));
        Ok(Prepared { request, operation: kind, requested: measure.cost(), most, payer, consistency, subject })
    }

    fn document(&self, query: &str) -> Result<Arc<ExecutableDocument>, Refusal> {
        if let Some(document) = self.inner.documents.get(query) {
            return Ok(document);
        }
        limits::scan(query, &self.inner.settings.limits).map_err(unfit)?;
        let document = parsing::parse(query).map_err(|unparsed| Refusal::new(unparsed.wrong, unparsed.error))?;
        Ok(Arc::new(document))
    }

    /// Who looks and who acts, with rights that are not older than what the answer will be said to show.
    async fn context(&self, caller: &Caller, reach: Reach) -> Result<RequestContext, Refusal> {
        let backend = &self.inner.backend;
        let standing = match (&caller.credential, caller.standing(reach)) {
            (None, _) => standing::Standing::default(),
            (Some(_), Some(standing)) => standing.clone(),
            (Some(credential), None) => standing::read(&backend.db, credential).await.map_err(|error| unavailable(&error))?,
        };
        Ok(RequestContext::new(Arc::clone(backend), caller.credential.clone(), standing))
    }

    /// Takes what an operation costs from its caller's budget.
    pub(crate) fn charge(&self, prepared: &Prepared) -> Result<Charge, Problem> {
        let &Prepared { requested, most, payer, .. } = prepared;
        self.inner.turnstile.purses().take(payer, requested, most)
    }

    async fn carry_out(&self, caller: &Caller, prepared: Prepared, revalidation: Option<&Revalidation>) -> Result<Answer, Refusal> {
        if let Some(token) = prepared.consistency {
            self.await_consistency(token).await?;
        }
        let mut reach = self.inner.backend.progress.known();
        if let (Some(subject), Some(asked)) = (&prepared.subject, revalidation)
            && asked.has_any()
        {
            // What this process knows may be a moment old, and a 304 must be exact.
            reach = self.inner.backend.progress.read().await.map_err(|error| unavailable(&error))?;
            let tag = subject.at(reach.position);
            if reach.level && asked.knows(&tag) {
                return Ok(Answer::Unchanged { tag, freshness: self.freshness_of(reach) });
            }
        }
        // An answer that the client has already was not made again, and costs nothing.
        let charge = self.charge(&prepared)?;
        let freshness = self.freshness_of(reach);
        let response = with_cost(self.run(caller, prepared.request, freshness).await?, &charge);
        let tag = prepared.subject.filter(|_| reach.level && response.errors.is_empty()).map(|subject| subject.at(reach.position));
        Ok(Answer::Executed { response, charge, freshness, tag })
    }

    pub(crate) async fn run(&self, caller: &Caller, request: Request, freshness: Freshness) -> Result<Response, Refusal> {
        let context = self.context(caller, freshness.reach).await?;
        let execution = AssertUnwindSafe(self.schema(caller).execute(request.data(Arc::new(context)))).catch_unwind();
        match tokio::time::timeout(self.inner.settings.request_timeout, execution).await {
            Ok(Ok(response)) if is_request_error(&response) => {
                let errors =
                    response.errors.into_iter().take(MOST_ERRORS).map(|error| with_code(error, "GRAPHQL_VALIDATION_FAILED")).collect();
                Err(Refusal { errors, cause: Cause::Wrong(Wrong::Invalid) })
            }
            Ok(Ok(response)) => {
                let mut response = cleaned(response);
                freshness.tell(&mut response);
                Ok(response)
            }
            Ok(Err(_panic)) => {
                tracing::error!("a resolver panicked");
                Err(Problem::internal().into())
            }
            Err(_elapsed) => {
                // What was still being read is given up with it.
                let message = "The answer took too long and was given up. Ask for less at once, or try again later.";
                Err(Problem::again(StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT", message).into())
            }
        }
    }
}

/// Which of the document's operations shall run.
fn select<'d>(document: &'d ExecutableDocument, name: Option<&str>) -> Result<&'d OperationDefinition, Refusal> {
    let refused = |message: String| Refusal::invalid(coded("GRAPHQL_VALIDATION_FAILED", message));
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Multiple(all), Some(name)) if all.contains_key(name) => Ok(&all[name].node),
        (DocumentOperations::Multiple(all), None) if all.len() == 1 => {
            Ok(all.values().next().map(|operation| &operation.node).expect("there is exactly one"))
        }
        (DocumentOperations::Single(_), Some(name)) => {
            Err(refused(format!("The document has no operation “{name}”: its only one has no name. Leave “operationName” out.")))
        }
        (DocumentOperations::Multiple(all), Some(name)) => {
            let mut names: Vec<String> = all.keys().take(MOST_NAMES).map(|name| format!("“{name}”")).collect();
            names.sort_unstable();
            Err(refused(format!("The document has no operation “{name}”. It has {}.", names.join(", "))))
        }
        (_, None) => Err(refused("The document has several operations. Say which one with “operationName”.".to_owned())),
    }
}

/// Every variable that must have a value has one.
fn require_variables(operation: &OperationDefinition, variables: &Variables) -> Result<(), Refusal> {
    for definition in &operation.variable_definitions {
        let (name, variable) = (&definition.node.name.node, &definition.node.var_type.node);
        let missing = match variables.get(name) {
            None => definition.node.default_value.is_none(),
            Some(value) => *value == Value::Null,
        };
        if missing && !variable.nullable {
            let mut error = coded("INVALID_VARIABLE", format!("The variable “${name}” must have a value of the type {variable}."));
            error.locations.push(definition.pos);
            return Err(Refusal::invalid(error));
        }
    }
    Ok(())
}

fn may_write(caller: &Caller) -> Result<(), Refusal> {
    match &caller.credential {
        None => {
            let message = "Sign in, or present an API token, to change anything.";
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message);
            Err(problem.with(http::header::WWW_AUTHENTICATE, "Bearer realm=\"hub\"").into())
        }
        Some(credential) if !credential.may_write() => {
            let message = "This API token is for reading only. Issue one with the scope WRITE to change anything.";
            Err(Problem::new(StatusCode::FORBIDDEN, "NOT_ALLOWED", message).into())
        }
        Some(_) => Ok(()),
    }
}

fn misplaced(operation: OperationType, way: Way) -> Refusal {
    if operation == OperationType::Mutation {
        return Problem::method("POST").into();
    }
    let message = match way {
        Way::Reading | Way::Full | Way::Page => {
            "Subscriptions go over /graphql/stream (graphql-sse) or /graphql/ws (graphql-transport-ws)."
        }
        Way::Streaming | Way::All => "This operation cannot be carried here.",
    };
    Refusal::invalid(coded("GRAPHQL_VALIDATION_FAILED", message))
}

fn unfit(unfit: Unfit) -> Refusal {
    let mut error = coded(unfit.code(), unfit.message);
    error.locations.extend(unfit.at);
    Refusal::invalid(error)
}

/// The answer with what it cost.
pub(crate) fn with_cost(mut response: Response, charge: &Charge) -> Response {
    response.extensions.insert("cost".to_owned(), charge.shown());
    response
}

/// An error with a code.
pub(crate) fn coded(code: &str, message: impl Into<String>) -> ServerError {
    with_code(ServerError::new(message, None), code)
}

/// The error with this code, unless it has one.
fn with_code(mut error: ServerError, code: &str) -> ServerError {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", code);
    }
    error
}

pub(crate) fn unavailable(error: &sqlx::Error) -> Refusal {
    if is_passing(error) {
        tracing::warn!(%error, "the database does not answer");
        return Problem::unavailable("The hub cannot read its database at the moment. Try again shortly.").into();
    }
    tracing::error!(%error, "the caller's standing could not be read");
    Problem::internal().into()
}

/// Whether the response says that nothing was executed. Errors of fields carry the path of their field.
fn is_request_error(response: &Response) -> bool {
    response.data == Value::Null && !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty())
}

/// Takes from the errors what is none of the client's business, and gives each a code.
pub(crate) fn cleaned(mut response: Response) -> Response {
    response.errors.truncate(MOST_ERRORS);
    for error in &mut response.errors {
        let has_code = error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
        if has_code {
            continue;
        }
        if error.source.is_some() {
            // It came by `?` from some library: its words are for the log.
            let public = if let Some(database) = error.source::<sqlx::Error>() {
                crate::graphql::error::database(database)
            } else {
                tracing::error!(error = %error.message, path = ?error.path, "a resolver failed");
                crate::graphql::error::fault(FaultCode::Internal, Problem::internal().message)
            };
            error.message = public.message;
            error.extensions = public.extensions;
            error.source = None;
        } else {
            *error = with_code(error.clone(), FaultCode::InvalidArgument.as_str());
        }
    }
    response
}

fn name(operation: OperationType) -> &'static str {
    match operation {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}
