//! Prints the GraphQL schema without building what is made from it: the pages are compiled against `schema.graphql`, so
//! `cargo xtask gen` has to have it before the hub can be built.

fn main() {
    print!("{}", gateway::sdl());
}
