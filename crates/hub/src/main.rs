//! The hub, as a program: configuration, roles, lifecycle, administration.

mod admin;
mod cli;
mod config;
mod demo;
mod directory;
mod foundation;
mod output;
mod pages;
mod reference;
mod running;
mod signals;

use clap::Parser;
use cli::{Cli, Command};
use config::{Config, Purpose};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read what was printed has gone: `hub events tail | head -1`.
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // One line for people; the chain of causes follows on the same line, most general first.
            eprintln!("hub: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match &cli.command {
        Command::Schema => return reference::schema(),
        Command::Reference(which) => return reference::print(which),
        Command::Completions { shell } => {
            reference::completions(*shell);
            return Ok(());
        }
        Command::Man => return reference::man(),
        _ => {}
    }
    let purpose = if matches!(cli.command, Command::Demo { .. }) { Purpose::Demonstration } else { Purpose::Production };
    let config = Config::read(&cli.flags, purpose)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(gateway::graphql::limits::STACK).build()?;
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Demo { json } => demo::run(config, json).await,
            Command::Serve => running::serve(config).await,
            Command::Events(command) => admin::events::run(&config, command).await,
            Command::Projections(command) => admin::projections::run(&config, command).await,
            Command::Import(command) => admin::imports::run(&config, command).await,
            Command::Org(command) => admin::organisations::run(&config, command).await,
            Command::Documents(command) => admin::documents::run(&config, command).await,
            Command::Doctor => admin::doctor::run(&config).await,
            Command::Schema | Command::Reference(_) | Command::Completions { .. } | Command::Man => Ok(()),
        }
    });
    // Blocking work that hangs (a lookup of names, say) must not keep the program from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    outcome
}
