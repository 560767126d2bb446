//! Prints the GraphQL schema, for `cargo xtask gen`: the pages are compiled against it, so it cannot come from the binary that
//! holds the pages.

fn main() {
    print!("{}", gateway::sdl());
}
