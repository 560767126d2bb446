//! Fields that are read only if they are asked for, where the object that has them is plain data.

use super::context::RequestContext;
use super::error::{FaultCode, fault};
use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// What can be read later: most often what an id names, as far as the viewer sees it.
pub trait Later: Send + Sync {
    /// What is shown.
    type Shown: OutputType;

    /// Reads it.
    fn read(&self, request: &Arc<RequestContext>) -> impl Future<Output = async_graphql::Result<Self::Shown>> + Send;
}

/// A field of the type of what it stands for, read when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLater<K>(pub K);

impl<K: Later> OutputType for ReadLater<K> {
    fn type_name() -> Cow<'static, str> {
        K::Shown::type_name()
    }

    fn qualified_type_name() -> String {
        K::Shown::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        K::Shown::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let read = match ctx.data_opt::<Arc<RequestContext>>() {
            Some(request) => self.0.read(request).await,
            None => Err(fault(FaultCode::Internal, "The request has no context.")),
        };
        match read {
            Ok(shown) => shown.resolve(ctx, field).await,
            Err(error) => Err(ctx.set_error_path(error.into_server_error(field.pos))),
        }
    }
}
