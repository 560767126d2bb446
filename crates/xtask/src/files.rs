//! Rules about the files of the tree that no compiler holds.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run;

/// A file is one idea. Beyond this it is usually several.
const LONG: usize = 700;

/// Words that mark work left undone; written apart so that this file does not find itself.
const UNDONE: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!("), concat!("unimpl", "emented!(")];

/// Warns of long files, and fails on marks of work left undone and on lock files that name a registry's host.
pub(crate) fn check() -> Result<()> {
    let mut faults = Vec::new();
    let files = tracked()?;
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        let Ok(text) = std::fs::read_to_string(run::root().join(file)) else { continue };
        let lines = text.lines().count();
        if lines > LONG {
            println!("warning: {} has {lines} lines; split it along the domain", file.display());
        }
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = UNDONE.iter().find(|word| line.contains(**word)) {
                faults.push(format!("{}:{}: “{word}”: finish it or write down elsewhere what is left", file.display(), number + 1));
            }
        }
    }
    if std::fs::read_to_string(run::root().join("tests/package-lock.json")).is_ok_and(|text| text.contains("\"resolved\"")) {
        faults.push("tests/package-lock.json names a registry: run npm with tests/.npmrc, which leaves it out".to_owned());
    }
    if faults.is_empty() {
        println!("{} files", files.len());
        return Ok(());
    }
    bail!("{}", faults.join("\n  "))
}

/// Files that git knows or would take.
fn tracked() -> Result<Vec<PathBuf>> {
    let list = run::output(run::program("git").args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]))
        .context("listing the tree's files")?;
    Ok(String::from_utf8(list)?.split('\0').filter(|name| !name.is_empty()).map(|name| Path::new(name).to_owned()).collect())
}
