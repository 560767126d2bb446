//! What a process and those that it started cost: processor time and memory, as Linux tells them in `/proc`.

use std::{collections::HashMap, path::PathBuf};

use anyhow::{Context, bail};

/// Ticks a second in `/proc/PID/stat`: 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// A process and its descendants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    root: u32,
}

/// Memory, in MB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: f64,
    /// The most that was ever resident.
    pub(crate) most: f64,
}

/// What `/proc/PID/stat` tells.
struct Stat {
    parent: u32,
    /// Seconds of processor time, its own.
    own: f64,
    /// Those of descendants that have ended and were waited for.
    ended: f64,
}

impl Tree {
    /// This process and what it started.
    pub(crate) fn of(root: u32) -> Self {
        Self { root }
    }

    /// The server behind a connection: the parent of its backend.
    pub(crate) async fn of_postgres(pool: &sqlx::PgPool) -> anyhow::Result<Self> {
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(pool).await?;
        let backend =
            stat(u32::try_from(backend)?).context("PostgreSQL must run on this machine, for its processor time is read from /proc")?;
        Ok(Self { root: backend.parent })
    }

    /// Seconds of processor time that all of it has taken so far.
    pub(crate) fn seconds(self) -> anyhow::Result<f64> {
        let all = every()?;
        let ended = all.get(&self.root).context("the process has ended")?.ended;
        Ok(ended + all.iter().filter(|(pid, _)| self.holds(**pid, &all)).map(|(_, stat)| stat.own).sum::<f64>())
    }

    /// Seconds of processor time of the first process alone, without those that it started.
    pub(crate) fn own_seconds(self) -> anyhow::Result<f64> {
        Ok(stat(self.root)?.own)
    }

    /// The memory of all of it together.
    pub(crate) fn memory(self) -> anyhow::Result<Memory> {
        let all = every()?;
        let mut memory = Memory { resident: 0.0, most: 0.0 };
        for pid in all.keys().filter(|pid| self.holds(**pid, &all)) {
            // One that has just ended holds none.
            let Ok(status) = std::fs::read_to_string(file(*pid, "status")) else { continue };
            let megabytes = |name: &str| -> f64 {
                let line = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
                line.and_then(|kilobytes| kilobytes.trim().parse::<f64>().ok()).unwrap_or_default() / 1024.0
            };
            memory.resident += megabytes("VmRSS:");
            memory.most += megabytes("VmHWM:");
        }
        Ok(memory)
    }

    fn holds(self, mut pid: u32, all: &HashMap<u32, Stat>) -> bool {
        loop {
            if pid == self.root {
                return true;
            }
            match all.get(&pid) {
                Some(stat) if stat.parent != pid => pid = stat.parent,
                _ => return false,
            }
        }
    }
}

fn file(pid: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}

fn every() -> anyhow::Result<HashMap<u32, Stat>> {
    let processes = std::fs::read_dir("/proc").context("processor time is read from /proc, which this system lacks; measure on Linux")?;
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // One that ends meanwhile is passed over.
    Ok(pids.filter_map(|pid| Some((pid, stat(pid).ok()?))).collect())
}

fn stat(pid: u32) -> anyhow::Result<Stat> {
    let text = std::fs::read_to_string(file(pid, "stat"))?;
    parse(&text)
}

/// proc(5): the program's name, in brackets, may hold anything; the fields follow its last closing bracket.
fn parse(text: &str) -> anyhow::Result<Stat> {
    let Some((_, rest)) = text.rsplit_once(')') else { bail!("/proc tells of a process without a name: {text}") };
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Counted from the state, which is field 3.
    let field = |number: usize| -> anyhow::Result<f64> { Ok(fields.get(number - 3).context("a short line in /proc")?.parse()?) };
    let parent = fields.get(1).context("a short line in /proc")?.parse()?;
    Ok(Stat { parent, own: (field(14)? + field(15)?) / TICKS, ended: (field(16)? + field(17)?) / TICKS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_program_is_called() {
        let stat = parse("42 (a) b) (c) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 20 10 20 0 1 0 5 6 7").unwrap();
        assert_eq!(stat.parent, 7);
        assert!((stat.own - 2.0).abs() < 1e-9 && (stat.ended - 0.3).abs() < 1e-9);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_belongs_to_its_parent() {
        let own = Tree::of(std::process::id());
        assert!(own.memory().unwrap().resident > 0.0);
        let parent = Tree::of(stat(std::process::id()).unwrap().parent);
        assert!(parent.seconds().unwrap() >= own.seconds().unwrap());
    }
}
