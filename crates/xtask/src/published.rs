//! `cargo xtask publish-schema`: from now on the schema as it is counts as what clients were promised.

use anyhow::{Context, Result};

use crate::run;

/// What clients were promised: changes are held against it.
const PUBLISHED: &str = "tests/schema/published.graphql";
/// The changes since then that break clients and were announced.
const DECLARED: &str = "tests/schema/declared.json";

/// Takes over the schema and forgets the announced changes, which it now holds. Part of every release.
pub(crate) fn publish() -> Result<()> {
    let root = run::root();
    let schema = std::fs::read(root.join("schema.graphql")).context("schema.graphql cannot be read; `cargo xtask gen` writes it")?;
    std::fs::write(root.join(PUBLISHED), schema).with_context(|| format!("{PUBLISHED} cannot be written"))?;
    std::fs::write(root.join(DECLARED), "[]\n").with_context(|| format!("{DECLARED} cannot be written"))?;
    println!("{PUBLISHED} is the schema as it is now; {DECLARED} is empty. Commit both with the release.");
    Ok(())
}
