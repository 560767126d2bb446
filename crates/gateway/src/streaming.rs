//! Any operation as a stream of answers, and the end of streams whose callers may no longer have them.

use crate::api::{Api, Refusal, Way, cleaned, unavailable, with_cost};
use crate::caller::Caller;
use crate::graphql::RequestContext;
use crate::graphql::limits::cost::SUBSCRIBING;
use crate::graphql::subscription::root;
use crate::http::ask::Ask;
use crate::http::problem::Problem;
use crate::live::{Held, Place, Watched};
use async_graphql::Response;
use async_graphql::parser::types::OperationType;
use futures::StreamExt;
use futures::stream::BoxStream;
use identity::Credential;
use std::sync::Arc;

/// The answers to an operation.
pub struct Streamed {
    /// The answers.
    pub responses: BoxStream<'static, Response>,
    /// The position that was shown last, for who must break off.
    pub place: Place,
    /// Whether it is a subscription, which someone may come back to.
    pub lasting: bool,
}

/// What the resolvers of subscriptions work with, besides the request.
pub(crate) struct Following {
    pub(crate) held: Arc<Held>,
    pub(crate) place: Place,
}

impl Api {
    /// Carries out any operation as a stream of answers; queries and mutations give one.
    ///
    /// A stream ends when the hub stops, and when the session, the token or the person it was opened with is no longer good.
    ///
    /// # Errors
    /// What [`Answer::Refused`](crate::Answer::Refused) would hold.
    pub async fn stream(&self, caller: &Caller, ask: Ask, way: Way) -> Result<Streamed, Refusal> {
        let operation = ask.operation_name.clone();
        let mut prepared = self.prepare(caller, ask, way, None)?;
        let place = Place::default();
        if let Some(token) = prepared.consistency {
            self.await_consistency(token).await?;
        }
        if prepared.operation != OperationType::Subscription {
            let charge = self.charge(&prepared)?;
            let api = self.clone();
            let caller = caller.clone();
            let answer = async move {
                let freshness = api.freshness();
                match api.run(&caller, prepared.request, freshness).await {
                    Ok(response) => with_cost(response, &charge),
                    Err(refused) => Response::from_errors(refused.errors),
                }
            };
            return Ok(Streamed { responses: futures::stream::once(answer).boxed(), place, lasting: false });
        }
        let document = prepared.request.parsed_query().cloned();
        let document = document.and_then(|document| root::single(document, operation.as_deref())).map_err(Refusal::invalid)?;
        let mut charge = Some(self.charge(&prepared)?);
        prepared.request.set_parsed_query(document);
        metrics::counter!("hub_graphql_requests_total", "operation" => "subscription", "outcome" => "ok").increment(1);
        let live = &self.backend().live;
        // Watched before anything is read, so that nothing ends unnoticed.
        let watched = live.watch(caller.credential.as_ref());
        let held = live.hold(caller.credential.as_ref().map(Credential::person)).await;
        let held = held.map_err(|error| {
            if live.is_closed() {
                Problem::unavailable("The hub is stopping. Try again in a few seconds.").into()
            } else {
                unavailable(&error)
            }
        })?;
        let context = RequestContext::following(Arc::clone(self.backend()), caller.credential.clone(), held.cell().clone());
        let request = prepared.request.data(Arc::new(context)).data(Following { held, place: place.clone() });
        let responses = self.schema(caller).execute_stream(request).map(cleaned);
        // The first answer is paid for at the start, and says so. Each other is paid for before it is made: whoever has too little
        // waits for it, and misses nothing.
        let (api, payer, each) = (self.clone(), prepared.payer, prepared.requested.saturating_sub(SUBSCRIBING));
        let responses = futures::stream::unfold((responses.boxed(), true), move |(mut responses, first)| {
            let api = api.clone();
            async move {
                if !first {
                    api.afford(payer, each).await;
                }
                let response = responses.next().await?;
                Some((response, (responses, false)))
            }
        });
        let responses = responses.map(move |response| match charge.take() {
            Some(charge) => with_cost(response, &charge),
            None => response,
        });
        let ended = {
            let api = self.clone();
            async move { api.ended(&watched).await }
        };
        Ok(Streamed { responses: responses.take_until(Box::pin(ended)).boxed(), place, lasting: true })
    }

    /// Watches over what a stream is opened with.
    pub(crate) fn watch(&self, credential: Option<&Credential>) -> Watched {
        self.backend().live.watch(credential)
    }

    /// Resolves once streams that are so watched must end: the hub stops, or the session, the token or the person is no longer good.
    pub(crate) async fn ended(&self, watched: &Watched) {
        tokio::select! {
            () = self.backend().live.closed() => {}
            () = watched.ended() => {}
        }
    }

    /// Whether the process is about to stop.
    pub fn is_closing(&self) -> bool {
        self.backend().live.is_closed()
    }

    /// Ends every open stream, so that the process can stop.
    pub fn close_streams(&self) {
        self.backend().live.close();
    }
}
