//! The GraphQL schema: what may be asked and how it is answered.

pub mod connection;
pub mod context;
pub mod error;
pub mod ids;
pub mod limits;

pub use connection::{Connection, Cursors, Edge, ListCursors, PageInfo};
pub use context::{Backend, OrFault, RequestContext, Standing};
pub use error::{FaultCode, UserError};
pub use ids::GlobalId;
