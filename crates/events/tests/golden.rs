//! Every version of every event that ever shipped has a golden file, and is still read from it.
//!
//! `UPDATE_GOLDEN=1 cargo test -p events` writes the files of the current versions that are missing. It changes no
//! file that is there: what an old log holds does not change either.

#![allow(clippy::unwrap_used, reason = "a test may stop at what is unexpected, in its helpers too")]

use events::wire::{WIRES, Wire};
use events::{HubEvent, samples, schema};
use kernel::Payload;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn write_missing() {
    fs::create_dir_all(folder()).unwrap();
    for event in samples() {
        let payload = event.to_payload();
        let file = folder().join(format!("{}.v{}.json", payload.kind, payload.schema));
        if !file.exists() {
            let mut text = serde_json::to_string_pretty(&payload).unwrap();
            text.push('\n');
            fs::write(file, text).unwrap();
        }
    }
}

/// The golden files by wire type.
fn golden() -> BTreeMap<String, Payload> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        write_missing();
    }
    let mut golden = BTreeMap::new();
    for entry in fs::read_dir(folder()).expect("crates/events/golden holds the golden files") {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let payload = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        golden.insert(name, payload);
    }
    golden
}

#[test]
fn every_version_that_ever_shipped_has_a_golden_file() {
    let found: BTreeSet<String> = golden().into_keys().collect();
    let expected: BTreeSet<String> =
        WIRES.iter().flat_map(|wire| (1..=wire.version).map(|version| format!("{}.v{version}", wire.kind()))).collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "no golden file for {missing:?}; run UPDATE_GOLDEN=1 cargo test -p events and commit them");
    let stray: Vec<_> = found.difference(&expected).collect();
    assert!(stray.is_empty(), "golden files of no known event: {stray:?}; an event that shipped must stay readable");
}

#[test]
fn every_golden_file_is_still_read() {
    for (name, payload) in golden() {
        assert_eq!(name, format!("{}.v{}", payload.kind, payload.schema), "the file's name tells what is in it");
        let event = HubEvent::from_payload(&payload).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = event.to_payload();
        assert_eq!(again.kind, payload.kind, "{name}");
        if again.schema == payload.schema {
            assert_eq!(again, payload, "{name} does not encode as it was decoded");
        }
    }
}

#[test]
fn every_golden_file_of_a_current_version_fits_its_schema() {
    let schemas: BTreeMap<String, serde_json::Value> = schema::all().into_iter().collect();
    for (name, payload) in golden() {
        if Wire::find(&payload.kind).is_some_and(|wire| wire.version == payload.schema) {
            let validator = jsonschema::validator_for(&schemas[&name]).unwrap();
            let errors: Vec<String> = validator.iter_errors(&payload.data).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
        }
    }
}
