//! Running programs: one step is a heading, its work, its duration. On Ctrl-C or `kill` the program that runs is told to
//! stop, the step fails, and every temporary server and folder goes the same way as at any other end.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// From here on a signal ends the running program instead of this one, so that what was started is stopped.
pub(crate) fn watch_signals() -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            let running = RUNNING.lock().map(|pids| pids.clone()).unwrap_or_default();
            // The terminal sends Ctrl-C to the whole group; a plain `kill` reaches only this process.
            if signal != SIGINT {
                for pid in running {
                    send_signal(pid, "TERM");
                }
            }
        }
    });
    Ok(())
}

/// Fails once a signal has arrived: to be asked between steps and while waiting.
pub(crate) fn check_interrupted() -> Result<()> {
    if INTERRUPTED.load(Ordering::SeqCst) {
        bail!("interrupted");
    }
    Ok(())
}

/// Sends a signal to one process, by its id only.
pub(crate) fn send_signal(pid: u32, signal: &str) {
    let _ = Command::new("sh").arg("-c").arg(format!("kill -{signal} {pid}")).stderr(Stdio::null()).status();
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path.pop();
    path
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Cargo, at the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo told this process about this package must not reach another build: it would change its fingerprints.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" || name == "CARGO_MANIFEST_PATH")
        {
            command.env_remove(name);
        }
    }
    command
}

/// A program, at the workspace's root.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// Runs to the end, with the caller's terminal; fails unless it succeeds.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let text = describe(command);
    let status = wait(command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start `{text}`"))?)?;
    if !status.success() {
        bail!("`{text}` failed ({status})");
    }
    Ok(())
}

/// Runs to the end and gives what it wrote to its standard output; what it wrote to the other goes into the error.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let text = describe(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{text}`"))?;
    if !output.status.success() {
        bail!("`{text}` failed ({})\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(output.stdout)
}

fn wait(mut child: Child) -> Result<std::process::ExitStatus> {
    let pid = child.id();
    if let Ok(mut running) = RUNNING.lock() {
        running.push(pid);
    }
    let status = child.wait();
    if let Ok(mut running) = RUNNING.lock() {
        running.retain(|other| *other != pid);
    }
    check_interrupted()?;
    Ok(status?)
}

/// The command line as a person would type it.
pub(crate) fn describe(command: &Command) -> String {
    let name = PathBuf::from(command.get_program());
    let mut text = name.file_name().unwrap_or(name.as_os_str()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        let _ = write!(text, " {}", argument.to_string_lossy());
    }
    text
}

/// What was done, in order, for the closing lines.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
    failed: Vec<String>,
    notes: Vec<String>,
}

impl Steps {
    /// Prints the heading, does the work, prints how long it took. An error names the step.
    pub(crate) fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        check_interrupted()?;
        println!("\n── {name} ──");
        let _ = std::io::stdout().flush();
        let start = Instant::now();
        let result = work().with_context(|| format!("step “{name}”"))?;
        let took = start.elapsed();
        println!("── {name}: done in {} ──", seconds(took));
        self.done.push((name.to_owned(), took));
        Ok(result)
    }

    /// A step whose failure does not keep the others from running; [`finish`](Self::finish) then fails.
    pub(crate) fn attempt(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        if let Err(error) = self.step(name, work) {
            check_interrupted()?;
            eprintln!("\nerror: {error:#}");
            self.failed.push(format!("{error:#}"));
        }
        Ok(())
    }

    /// Something the reader of the closing lines must know, such as a check that ran elsewhere.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        println!("note: {text}");
        self.notes.push(text);
    }

    /// The closing lines: each step with its duration, the notes, and one line that says how it went.
    pub(crate) fn finish(self, what: &str) -> Result<()> {
        println!();
        for (name, took) in &self.done {
            println!("  {:>8}  {name}", seconds(*took));
        }
        for note in &self.notes {
            println!("  note: {note}");
        }
        if !self.failed.is_empty() {
            bail!("{what}: {} of {} steps failed:\n{}", self.failed.len(), self.failed.len() + self.done.len(), self.failed.join("\n"));
        }
        let total = self.done.iter().map(|(_, took)| *took).sum();
        println!("{what}: all {} steps passed in {}", self.done.len(), seconds(total));
        Ok(())
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
