//! The programs that tests need beside Rust: where they lie, and how they get onto a machine that lacks them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, Result, bail};

use crate::run;

/// A program from outside the workspace.
pub(crate) struct Tool {
    /// For people.
    name: &'static str,
    /// Names it goes by, best first.
    programs: &'static [&'static str],
    /// Folders to look in after `PATH`; one `*` stands for any name.
    folders: &'static [&'static str],
    debian: &'static str,
    homebrew: &'static str,
}

pub(crate) const POSTGRES: Tool = Tool {
    name: "PostgreSQL 15 or later",
    programs: &["initdb"],
    folders: &["/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin", "/usr/pgsql-*/bin"],
    debian: "postgresql",
    homebrew: "postgresql@17",
};

pub(crate) const NATS: Tool = Tool {
    name: "nats-server",
    programs: &["nats-server"],
    folders: &["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"],
    debian: "nats-server",
    homebrew: "nats-server",
};

pub(crate) const CHROMIUM: Tool = Tool {
    name: "Chromium",
    programs: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    folders: &["/usr/bin", "/Applications/Chromium.app/Contents/MacOS", "/Applications/Google Chrome.app/Contents/MacOS"],
    debian: "chromium",
    homebrew: "chromium",
};

pub(crate) const NODE: Tool =
    Tool { name: "Node.js", programs: &["node"], folders: &["/opt/homebrew/bin"], debian: "nodejs", homebrew: "node" };

pub(crate) const NPM: Tool = Tool { name: "npm", programs: &["npm"], folders: &["/opt/homebrew/bin"], debian: "npm", homebrew: "node" };

impl Tool {
    /// Where the program is, if the machine has it.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        for pattern in self.folders {
            folders.extend(expand(pattern));
        }
        self.programs.iter().find_map(|program| folders.iter().map(|folder| folder.join(program)).find(|file| file.is_file()))
    }

    /// Where the program is; installs it where this machine allows that, and else says what to install.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        if let Some(found) = self.find() {
            return Ok(found);
        }
        self.install()?;
        self.find().with_context(|| format!("{} was installed, and yet `{}` cannot be found", self.name, self.programs[0]))
    }

    fn install(&self) -> Result<()> {
        if Path::new("/usr/bin/apt-get").exists() {
            if !is_root() {
                bail!("{} is missing: run `sudo apt-get install {}`", self.name, self.debian);
            }
            println!("{} is missing: installing {}", self.name, self.debian);
            refresh_package_lists()?;
            run::succeed(
                run::program("apt-get")
                    .args(["install", "--yes", "--quiet", "--no-install-recommends", self.debian])
                    .env("DEBIAN_FRONTEND", "noninteractive")
                    .stdout(Stdio::null()),
            )
        } else if on_path("brew") {
            println!("{} is missing: installing {}", self.name, self.homebrew);
            run::succeed(run::program("brew").args(["install", self.homebrew]))
        } else {
            bail!("{} is missing: install it so that `{}` is found on PATH", self.name, self.programs[0]);
        }
    }
}

fn refresh_package_lists() -> Result<()> {
    static FRESH: AtomicBool = AtomicBool::new(false);
    if FRESH.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    run::succeed(run::program("apt-get").args(["update", "--quiet"]).stdout(Stdio::null()))
}

/// Whether a program of this name is on `PATH`.
pub(crate) fn on_path(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// Whether this process is root: PostgreSQL then has to run as someone else.
pub(crate) fn is_root() -> bool {
    number_from(Command::new("id").arg("-u")) == Some(0)
}

/// The user and group ids of someone who is not root, for servers that refuse to run as root.
pub(crate) fn somebody() -> Result<(u32, u32)> {
    for name in ["postgres", "nobody"] {
        let user = number_from(Command::new("id").args(["-u", name]));
        let group = number_from(Command::new("id").args(["-g", name]));
        if let (Some(user), Some(group)) = (user, group) {
            return Ok((user, group));
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` to run it as")
}

fn number_from(command: &mut Command) -> Option<u32> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    if output.status.success() { String::from_utf8(output.stdout).ok()?.trim().parse().ok() } else { None }
}

/// The folders that a pattern with at most one `*` stands for, the highest version first.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![PathBuf::from(pattern)] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.parse().unwrap_or(0);
            Some((version, PathBuf::from(format!("{parent}/{name}{after}"))))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}
