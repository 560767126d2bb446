//! Documents made from the code, so that they cannot say anything else.

use crate::cli::{Cli, Reference};
use crate::config::Config;
use anyhow::Context;
use clap::CommandFactory;
use std::fmt::Write as _;
use std::io::Write as _;

/// Prints the GraphQL schema.
pub(crate) fn schema() -> anyhow::Result<()> {
    write(&gateway::sdl())
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Prints one of the reference documents.
pub(crate) fn print(which: &Reference) -> anyhow::Result<()> {
    match which {
        Reference::Cli => write(&command_line()),
        Reference::Configuration => write(&Config::reference()),
        Reference::Events { dir } => {
            std::fs::create_dir_all(dir).with_context(|| format!("The folder {} cannot be made", dir.display()))?;
            for (name, schema) in events::schema::all() {
                let file = dir.join(format!("{name}.json"));
                let text = serde_json::to_string_pretty(&schema)? + "\n";
                std::fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
            }
            Ok(())
        }
        Reference::Asyncapi => write(&(serde_json::to_string_pretty(&events::asyncapi())? + "\n")),
        Reference::Authority => write(&authority()),
    }
}

/// Prints shell completions.
pub(crate) fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "hub", &mut std::io::stdout());
}

/// Prints the manual page.
pub(crate) fn man() -> anyhow::Result<()> {
    clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?;
    Ok(())
}

fn command_line() -> String {
    let mut text = String::from(
        "# The command line\n\nMade by `hub reference cli`. Settings are explained in [configuration.md](configuration.md).\n",
    );
    let mut command = Cli::command();
    command.build();
    describe(&command, "hub", &mut text);
    text
}

fn describe(command: &clap::Command, path: &str, text: &mut String) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = write!(text, "\n## `{path}`\n\n{about}.\n");
    let arguments: Vec<_> = command.get_arguments().filter(|argument| !argument.is_global_set() || path == "hub").collect();
    let shown: Vec<_> = arguments.into_iter().filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version")).collect();
    if !shown.is_empty() {
        text.push_str("\n| argument | meaning |\n|---|---|\n");
        for argument in shown {
            let name = argument.get_long().map_or_else(|| argument.get_id().to_string().to_uppercase(), |long| format!("--{long}"));
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "| `{name}` | {} |", help.replace('|', "\\|"));
        }
    }
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        describe(child, &format!("{path} {}", child.get_name()), text);
    }
}

fn authority() -> String {
    let mut text = String::from(
        "# Who may do what\n\nMade by `hub reference authority` from the one table in the code. The hub itself may do everything.\n\n| to | |\n|---|---|\n",
    );
    for action in kernel::Action::ALL {
        let who: Vec<&str> = kernel::authority::allowed(action).iter().map(|standing| standing.phrase()).collect();
        let who = if who.is_empty() { "only the hub itself".to_owned() } else { who.join("; ") };
        let _ = writeln!(text, "| {} | {who} |", action.phrase());
    }
    text
}
