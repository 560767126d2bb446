//! `cargo xtask gen`: the files that are derived from the code and committed, so that a change of them is seen in review.
//!
//! To add a new derived file: let a hidden command of the hub print it, and add a line to [`DERIVED`].

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::{
    postgres::{Durability, Postgres},
    run,
    run::Steps,
};

/// Where sqlx's macros find what they know of each query when there is no database.
const QUERIES: &str = ".sqlx";

/// How a derived file or folder comes about.
enum Source {
    /// What these arguments to the hub print.
    Printed(&'static [&'static str]),
    /// What these arguments to the hub, and a folder, write into that folder.
    Folder(&'static [&'static str]),
}

/// Every derived file but the queries.
const DERIVED: &[(&str, Source)] = &[
    ("docs/authority.md", Source::Printed(&["reference", "authority"])),
    ("docs/cli.md", Source::Printed(&["reference", "cli"])),
    ("docs/configuration.md", Source::Printed(&["reference", "configuration"])),
    ("docs/asyncapi.json", Source::Printed(&["reference", "asyncapi"])),
    ("docs/events", Source::Folder(&["reference", "events", "--dir"])),
];

/// The GraphQL schema comes first and from the gateway alone: the pages are compiled against it, and the hub holds the pages.
const SCHEMA: &str = "schema.graphql";

/// Whether to write or to compare.
#[derive(Args)]
pub(crate) struct Options {
    /// Write nothing; fail with a list of the files that generating would change
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    let server = steps.step("starting PostgreSQL", || Postgres::start(Durability::None))?;
    if options.check {
        steps.step("derived files are up to date", || check(&server))?;
    } else {
        steps.step("GraphQL schema", || replace(SCHEMA, &schema(Some(&server.migrated("schema")?))?))?;
        steps.step("queries", || replace(QUERIES, &queries(&server)?))?;
        steps.step("event schemas, AsyncAPI, CLI reference", || {
            let hub = build_hub()?;
            DERIVED.iter().try_for_each(|(path, source)| replace(path, &derive(&hub, source)?))
        })?;
    }
    steps.finish(if options.check { "gen --check" } else { "gen" })
}

/// Fails with a list of the files that generating would change.
pub(crate) fn check(server: &Postgres) -> Result<()> {
    let mut differing = differences(QUERIES, &queries(server)?)?;
    differing.extend(differences(SCHEMA, &schema(None)?)?);
    let hub = build_hub()?;
    for (path, source) in DERIVED {
        differing.extend(differences(path, &derive(&hub, source)?)?);
    }
    if differing.is_empty() {
        return Ok(());
    }
    bail!("derived files are not up to date; run `cargo xtask gen` and commit what it changes:\n  {}", differing.join("\n  "))
}

/// Contents by path relative to the derived file or folder; a single file has the empty path.
type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// Lets sqlx's macros describe every query against a fresh database with all migrations.
fn queries(server: &Postgres) -> Result<Contents> {
    let scratch = run::target().join("xtask/sqlx");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch)?;
    let mut check = run::cargo();
    check.args(["check", "--workspace", "--locked", "--all-targets", "--quiet", "--message-format", "json-render-diagnostics"]);
    check.env("DATABASE_URL", server.migrated("queries")?).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", &scratch);
    // A wrapper of its own gives the workspace's crates fingerprints of their own, while all other crates are shared with
    // the usual builds. What it made is deleted afterwards, so that the macros expand again the next time.
    check.env("RUSTC_WORKSPACE_WRAPPER", wrapper()?);
    let output = check.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    forget(&output.stdout);
    run::check_interrupted()?;
    if !output.status.success() {
        bail!("the queries do not hold against the migrations (see above)");
    }
    contents(&scratch)
}

/// A program that runs the compiler and nothing else.
fn wrapper() -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = run::target().join("xtask/rustc-with-database");
    fs::create_dir_all(run::target().join("xtask"))?;
    fs::write(&file, "#!/bin/sh\nexec \"$@\"\n")?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}

/// Deletes what cargo says it built of the workspace's own crates.
fn forget(messages: &[u8]) {
    let root = run::root();
    let messages = messages.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    for message in messages.filter(|message| message["reason"] == "compiler-artifact") {
        let own = message["manifest_path"].as_str().is_some_and(|path| Path::new(path).starts_with(&root));
        let built = message["target"]["kind"]
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(|kind| kind != "custom-build" && kind != "proc-macro"));
        if own && built {
            for file in message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let _ = fs::remove_file(file);
            }
        }
    }
}

/// The schema, with the queries on the way checked against a database if one is given: after a change of queries and
/// schema at once, neither the committed queries nor the pages would compile.
fn schema(database: Option<&str>) -> Result<Contents> {
    let mut cargo = run::cargo();
    match database {
        Some(url) => cargo.env("DATABASE_URL", url).env("SQLX_OFFLINE", "false"),
        None => cargo.env("SQLX_OFFLINE", "true").env_remove("DATABASE_URL"),
    };
    run::succeed(cargo.args(["build", "--workspace", "--locked", "--quiet", "--example", "schema"]))?;
    Ok(single(run::output(&mut run::program(run::target().join("debug/examples/schema")))?))
}

/// Builds the hub with the features that the tests build it with: whole workspace, one target that may use dependencies for
/// tests. So the two share all that they are made of. The queries come from the committed data.
pub(crate) fn build_hub() -> Result<PathBuf> {
    let mut cargo = run::cargo();
    cargo.args(["build", "--workspace", "--locked", "--quiet", "--bin", "hub", "--example", "schema"]);
    run::succeed(cargo.env("SQLX_OFFLINE", "true").env_remove("DATABASE_URL"))?;
    Ok(run::target().join("debug/hub"))
}

fn derive(hub: &Path, source: &Source) -> Result<Contents> {
    match source {
        Source::Printed(arguments) => Ok(single(run::output(run::program(hub).args(*arguments))?)),
        Source::Folder(arguments) => {
            let scratch = tempfile::tempdir()?;
            run::output(run::program(hub).args(*arguments).arg(scratch.path()))?;
            contents(scratch.path())
        }
    }
}

fn single(bytes: Vec<u8>) -> Contents {
    Contents::from([(PathBuf::new(), bytes)])
}

/// A folder's files with their contents, or one file's.
fn contents(path: &Path) -> Result<Contents> {
    let mut found = Contents::new();
    if path.is_file() {
        found.insert(PathBuf::new(), fs::read(path)?);
    } else if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = PathBuf::from(entry.file_name());
            for (inner, bytes) in contents(&entry.path())? {
                let inner = if inner.as_os_str().is_empty() { name.clone() } else { name.join(inner) };
                found.insert(inner, bytes);
            }
        }
    }
    Ok(found)
}

/// The files below `path` that generating would add, change or remove.
fn differences(path: &str, wanted: &Contents) -> Result<Vec<String>> {
    let present = contents(&run::root().join(path))?;
    let mut names: Vec<&PathBuf> = present.keys().chain(wanted.keys()).collect();
    names.sort();
    names.dedup();
    let sign = |name: &PathBuf| match (present.get(name), wanted.get(name)) {
        (None, Some(_)) => Some("missing"),
        (Some(_), None) => Some("left over"),
        (Some(before), Some(after)) if before != after => Some("changed"),
        _ => None,
    };
    Ok(names
        .into_iter()
        .filter_map(|name| sign(name).map(|sign| format!("{} ({sign})", beneath(Path::new(path), name).display())))
        .collect())
}

/// Makes the file or folder at `path` be exactly this.
fn replace(path: &str, wanted: &Contents) -> Result<()> {
    let base = run::root().join(path);
    let present = contents(&base)?;
    let mut changed = 0;
    for (name, bytes) in wanted {
        if present.get(name) != Some(bytes) {
            let file = beneath(&base, name);
            fs::create_dir_all(file.parent().context("a derived file lies in a folder")?)?;
            fs::write(&file, bytes).with_context(|| format!("writing {}", file.display()))?;
            changed += 1;
        }
    }
    for name in present.keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(beneath(&base, name))?;
        changed += 1;
    }
    println!("{path}: {} files, {changed} changed", wanted.len());
    Ok(())
}

fn beneath(base: &Path, name: &Path) -> PathBuf {
    // Joining an empty path would add a slash to a file's name.
    if name.as_os_str().is_empty() { PathBuf::from(OsString::from(base)) } else { base.join(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folders_files_are_named_from_the_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("inner")).expect("a folder");
        fs::write(folder.path().join("inner/a.json"), "{}").expect("a file");
        let found = contents(folder.path()).expect("readable");
        assert_eq!(found, Contents::from([(PathBuf::from("inner/a.json"), b"{}".to_vec())]));
    }

    #[test]
    fn a_single_file_has_the_empty_name() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        assert_eq!(contents(file.path()).expect("readable"), single(Vec::new()));
    }
}
