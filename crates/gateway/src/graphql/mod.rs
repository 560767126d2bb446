//! The GraphQL schema: what may be asked and how it is answered.

pub mod connection;
pub mod context;
pub mod enums;
pub mod error;
pub mod ids;
pub mod limits;
pub mod mutation;
pub mod standing;
pub mod subscription;

pub use connection::{Connection, Cursors, Edge, ListCursors, PageInfo};
pub use context::{Backend, OrFault, RequestContext};
pub use error::{FaultCode, UserError};
pub use ids::GlobalId;
pub use standing::Standing;
