//! The GraphQL schema: what may be asked and how it is answered.
#![allow(clippy::struct_excessive_bools, reason = "an object that tells what a viewer may do has a field for each thing")]
#![allow(clippy::unused_async, reason = "resolvers are async by the rule of the macros")]

pub mod audience;
pub mod category;
pub mod commons;
pub mod community;
pub mod connection;
pub mod context;
pub mod enums;
pub mod error;
pub mod event;
pub mod ids;
pub mod later;
pub mod limits;
pub mod mutation;
pub(crate) mod of_the_log;
pub mod organisation;
pub(crate) mod parsing;
pub mod person;
pub(crate) mod plain;
pub mod post;
pub mod query;
pub mod standing;
pub mod subscription;
pub mod team;
pub mod thread;
pub mod variables;
pub mod viewer;
pub mod views;
mod wanted;

pub use connection::{Connection, Cursors, Edge, ListCursors, PageInfo};
pub use context::{Backend, OrFault, RequestContext};
pub use error::{FaultCode, UserError};
pub use ids::GlobalId;
pub use standing::Standing;

use async_graphql::{Schema, SchemaBuilder};
use mutation::Mutation;
use query::Query;
use subscription::Subscription;

/// The schema.
pub type HubSchema = Schema<Query, Mutation, Subscription>;

/// The schema before it is decided who is told what of it.
pub(crate) fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    // What the gateway's own limits let through is never more than this; theirs count again what ours have counted.
    let builder = Schema::build(Query, Mutation::default(), Subscription).limit_recursive_depth(limits::DEEPEST_LEVELS);
    builder.register_output_type::<UserError>().register_output_type::<query::Node>()
}

/// Builds the schema. `introspection` says whether it may be asked about itself, `suggestions` whether who mistypes a name is told
/// which ones there are.
pub fn schema(introspection: bool, suggestions: bool) -> HubSchema {
    let mut builder = builder();
    if !introspection {
        builder = builder.disable_introspection();
    }
    if !suggestions {
        builder = builder.disable_suggestions();
    }
    builder.finish()
}

/// The schema in the schema definition language. The directives that every schema has are left out, as the specification wants it.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    without_built_in_directives(&schema(true, false).sdl_with_options(options))
}

/// The text without the definitions of the directives that GraphQL itself defines, nor the descriptions before them.
fn without_built_in_directives(sdl: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in sdl.lines() {
        if !["include", "skip", "specifiedBy", "deprecated", "oneOf"].iter().any(|name| line.starts_with(&format!("directive @{name}"))) {
            kept.push(line);
        } else if kept.last().is_some_and(|line| line.trim() == "\"\"\"") {
            kept.pop();
            while kept.pop().is_some_and(|line| line.trim() != "\"\"\"") {}
        }
    }
    kept.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_directives_are_left_out_with_what_describes_them() {
        let sdl = "\"\"\"\nA.\n\"\"\"\ntype A {\n\tid: ID!\n}\n\n\"\"\"\nSkips.\n\"\"\"\ndirective @skip(if: Boolean!) on FIELD\ndirective @own on FIELD\nschema {\n}\n";
        assert_eq!(
            without_built_in_directives(sdl),
            "\"\"\"\nA.\n\"\"\"\ntype A {\n\tid: ID!\n}\n\ndirective @own on FIELD\nschema {\n}\n"
        );
    }

    #[test]
    fn the_schema_defines_no_directive_that_every_schema_has() {
        assert!(!sdl().contains("directive @skip") && sdl().contains("@specifiedBy(url:"));
    }
}
