//! The command line.

#![allow(clippy::doc_markdown, reason = "these comments are the help text on the terminal")]

use crate::config::Flags;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use uuid::Uuid;

/// A community's whole memory in one place, across organisations: provable, and readable as of any date.
#[derive(Debug, Parser)]
#[command(name = "hub", version, about, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Settings that override file and environment.
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What the hub can be told to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the hub on an embedded database with two demonstration departments and something to read
    Demo {
        /// Print one JSON line instead of text
        #[arg(long)]
        json: bool,
    },
    /// Run the hub
    Serve,
    /// Look at the event log, check it, move it
    #[command(subcommand)]
    Events(Events),
    /// Look at the views drawn from the log, and mend them
    #[command(subcommand)]
    Projections(Projections),
    /// Bring in what people wrote elsewhere
    #[command(subcommand)]
    Import(Import),
    /// Register organisations and their identity providers
    #[command(subcommand)]
    Org(Org),
    /// Look at the file of registered GraphQL documents
    #[command(subcommand)]
    Documents(Documents),
    /// Check configuration, database, bus, providers, clock and migrations, one line each
    Doctor,
    /// Print the GraphQL schema
    Schema,
    /// Print reference documents made from the code
    #[command(subcommand)]
    Reference(Reference),
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// The event log.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Print events as they are recorded, one JSON line each
    Tail {
        /// Begin after this position
        #[arg(long, value_name = "POSITION")]
        after: Option<u64>,
        /// Stop at the end of the log instead of waiting for more
        #[arg(long)]
        no_follow: bool,
    },
    /// Print every event of a stream, one JSON line each
    Show {
        /// The stream, as AGGREGATE/ID: thread/0190…
        stream: String,
    },
    /// Walk the hash chain and name the first broken link
    Verify {
        /// Print one JSON line instead of text
        #[arg(long)]
        json: bool,
    },
    /// Write the whole log as JSON Lines
    Export {
        /// The file to write; standard output if left out
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Read an exported log into an empty hub
    Import {
        /// The file to read; - for standard input
        file: PathBuf,
    },
    /// Publish the whole log to NATS again, after NATS lost it
    Republish,
}

/// The views.
#[derive(Debug, Subcommand)]
pub(crate) enum Projections {
    /// Show each view: how far it is, and whether it stands
    Status {
        /// Print one JSON line instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Draw a view again from the log, beside the one in use, and put it in its place
    Rebuild {
        /// The view's name, or `all`
        name: String,
    },
    /// Stop a view where it is
    Pause {
        /// The view's name
        name: String,
    },
    /// Try the event that stopped a view again
    Retry {
        /// The view's name
        name: String,
    },
    /// Leave out the event that stopped a view, and go on
    Skip {
        /// The view's name
        name: String,
    },
}

/// Imports.
#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// GitHub Discussions: webhook deliveries, or the JSON of a repository.discussions query
    GithubDiscussions {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The address of the community to import into; founded if it does not exist
        #[arg(long, value_name = "SLUG")]
        community: Option<String>,
        /// The address of the organisation at whose home it is founded; the repository's owner if left out
        #[arg(long, value_name = "SLUG")]
        organisation: Option<String>,
        /// Let only signed-in people see a newly founded community
        #[arg(long)]
        members_only: bool,
        /// Print one JSON line instead of text
        #[arg(long)]
        json: bool,
    },
}

/// Registered documents.
#[derive(Debug, Subcommand)]
pub(crate) enum Documents {
    /// Hold every document of a file against its identifier, the schema and the limits, without starting the hub
    Check {
        /// The file: a JSON object of identifier and document, as the builds of clients write it
        file: PathBuf,
        /// Print one JSON line instead of text
        #[arg(long)]
        json: bool,
    },
}

/// Organisations.
#[derive(Debug, Subcommand)]
pub(crate) enum Org {
    /// Register an organisation
    Add {
        /// Its address within the hub: lower-case letters, digits and hyphens
        #[arg(long)]
        slug: String,
        /// Its name
        #[arg(long)]
        name: String,
    },
    /// List organisations and their providers
    List,
    /// Register the identity provider of an organisation
    AddProvider {
        /// The organisation's address within the hub
        #[arg(long)]
        org: String,
        /// What people call it: “Staff sign-in”
        #[arg(long)]
        name: String,
        /// The issuer, exactly as the provider writes it
        #[arg(long)]
        issuer: String,
        /// The client id that the provider gave the hub
        #[arg(long)]
        client_id: String,
        /// The file that holds the client secret (- for standard input)
        #[arg(long, value_name = "FILE")]
        client_secret_file: PathBuf,
        /// Scopes to ask for besides openid
        #[arg(long, default_values = ["profile", "email"])]
        scope: Vec<String>,
        /// The provider's id, to choose its redirect address in advance
        #[arg(long)]
        id: Option<Uuid>,
    },
    /// Grant a role to a person who has signed in
    Grant {
        /// The person's id, as the address of their page shows it
        person: String,
        /// The role: organisation-admin or steward
        role: String,
    },
}

/// Reference documents.
#[derive(Debug, Subcommand)]
pub(crate) enum Reference {
    /// This command line, in Markdown
    Cli,
    /// Every setting, in Markdown
    Configuration,
    /// The JSON Schema of every event, one file each
    Events {
        /// The folder to write into
        #[arg(long)]
        dir: PathBuf,
    },
    /// The AsyncAPI document of the events
    Asyncapi,
    /// Who may do what, in Markdown
    Authority,
}
