//! The direction of dependencies between the crates, held against what `cargo metadata` says.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run;

const CONTEXTS: &[&str] = &["organisations", "communities", "discussions"];

/// What each crate may use, as the table in ARCHITECTURE.md says. What these use in turn is allowed too. A context's
/// name stands for all of them.
const MAY_USE: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("organisations", &["kernel"]),
    ("communities", &["kernel"]),
    ("discussions", &["kernel"]),
    ("events", &["organisations", "communities", "discussions"]),
    ("store", &["kernel"]),
    ("bus", &["kernel", "events"]),
    ("services", &["organisations", "communities", "discussions", "store", "bus"]),
    ("projections", &["events", "store"]),
    ("identity", &["organisations", "store", "projections"]),
    ("interchange", &["kernel"]),
    ("gateway", &["services", "projections", "identity", "interchange", "telemetry"]),
    ("web", &["gateway", "identity"]),
    ("embedded", &["kernel"]),
    ("telemetry", &[]),
    ("hub", &["gateway", "web", "embedded", "telemetry"]),
    ("bench", &["gateway"]),
    ("xtask", &[]),
];

/// Crates that do no I/O, and the libraries whose presence would show that they do.
const PURE: &[&str] = &["kernel", "organisations", "communities", "discussions", "events", "interchange"];
const IMPURE: &[&str] = &["sqlx", "tokio", "reqwest", "axum", "async-nats", "async-graphql"];

/// One dependency of a crate, as it ships (tests may use more).
struct Edge {
    from: String,
    to: String,
}

/// Fails with every edge that points the wrong way, and with every crate that does not take the workspace's lints.
pub(crate) fn check() -> Result<()> {
    let metadata = run::output(run::cargo().args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_slice(&metadata).context("cargo metadata speaks JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    let names: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let edges: Vec<Edge> = packages.iter().flat_map(edges_of).collect();

    let mut faults = wrong_edges(&names, &edges);
    for package in packages {
        let manifest = package["manifest_path"].as_str().context("a package has a manifest")?;
        if !takes_workspace_lints(&std::fs::read_to_string(manifest)?) {
            faults.push(format!("{manifest} lacks `[lints] workspace = true`"));
        }
    }
    if faults.is_empty() {
        println!(
            "{} crates, {} dependencies, all point down",
            names.len(),
            edges.iter().filter(|edge| names.contains(edge.to.as_str())).count()
        );
        return Ok(());
    }
    bail!("the rules between crates (ARCHITECTURE.md) are broken:\n  {}", faults.join("\n  "))
}

fn edges_of(package: &Value) -> Vec<Edge> {
    let from = package["name"].as_str().unwrap_or_default();
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    // `kind` is null for what ships, "dev" and "build" for the rest.
    let shipped = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
    shipped.filter_map(|dependency| Some(Edge { from: from.to_owned(), to: dependency["name"].as_str()?.to_owned() })).collect()
}

fn wrong_edges(names: &BTreeSet<&str>, edges: &[Edge]) -> Vec<String> {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = MAY_USE.iter().map(|(name, _)| (*name, closure(name))).collect();
    let mut faults: Vec<String> = names
        .iter()
        .filter(|name| !allowed.contains_key(*name))
        .map(|name| format!("{name} is not in the table of xtask's direction.rs"))
        .collect();
    for Edge { from, to } in edges {
        let inside = names.contains(to.as_str());
        if inside && allowed.get(from.as_str()).is_some_and(|may_use| !may_use.contains(to.as_str())) {
            faults.push(format!("{from} → {to}: {from} may use {}", list(&allowed[from.as_str()])));
        }
        if PURE.contains(&from.as_str()) && IMPURE.contains(&to.as_str()) {
            faults.push(format!("{from} → {to}: {from} does no I/O"));
        }
    }
    faults
}

/// All that a crate may use, directly or through another.
fn closure(name: &str) -> BTreeSet<&'static str> {
    let direct = MAY_USE.iter().find(|(other, _)| *other == name).map(|(_, may_use)| *may_use).unwrap_or_default();
    let mut all = BTreeSet::new();
    for next in direct {
        all.insert(*next);
        all.extend(closure(next));
    }
    // Whoever knows one context through `events` knows them all.
    if all.contains("events") {
        all.extend(CONTEXTS);
    }
    all
}

fn list(names: &BTreeSet<&str>) -> String {
    if names.is_empty() { "no other crate".to_owned() } else { names.iter().copied().collect::<Vec<_>>().join(", ") }
}

fn takes_workspace_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.by_ref().take_while(|line| !line.starts_with('[')).any(|line| line.replace(' ', "") == "workspace=true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str) -> Edge {
        Edge { from: from.to_owned(), to: to.to_owned() }
    }

    #[test]
    fn an_edge_that_points_up_is_named() {
        let names = BTreeSet::from(["kernel", "store", "projections"]);
        let faults = wrong_edges(&names, &[edge("store", "kernel"), edge("projections", "store"), edge("store", "projections")]);
        assert_eq!(faults, ["store → projections: store may use kernel"]);
    }

    #[test]
    fn a_pure_crate_takes_no_input_or_output() {
        let faults = wrong_edges(&BTreeSet::from(["discussions"]), &[edge("discussions", "sqlx"), edge("discussions", "serde")]);
        assert_eq!(faults, ["discussions → sqlx: discussions does no I/O"]);
    }

    #[test]
    fn a_crate_nobody_placed_is_named() {
        assert_eq!(wrong_edges(&BTreeSet::from(["novelty"]), &[]).len(), 1);
    }

    #[test]
    fn the_table_has_no_circle() {
        for (name, _) in MAY_USE {
            assert!(!closure(name).contains(name), "{name} may use itself");
        }
    }

    #[test]
    fn lints_are_taken_only_from_their_own_table() {
        assert!(takes_workspace_lints("[package]\nname = \"x\"\n[lints]\nworkspace = true\n"));
        assert!(!takes_workspace_lints("[lints]\n[dependencies]\nworkspace = true\n"));
    }
}
