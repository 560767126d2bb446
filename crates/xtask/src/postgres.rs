//! A PostgreSQL of our own in a temporary folder, on a free port, that is stopped and removed whatever happens.

use std::{
    io::Read as _,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{run, tools};

/// How long the server may take to start or to stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// The superuser's name, on this server only.
const USER: &str = "hub";

/// Whether a crash of the machine may cost data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// For tests: nothing waits for the disk.
    None,
    /// For measurements: as in production.
    Full,
}

/// A running server.
pub(crate) struct Postgres {
    child: Child,
    port: u16,
    password: String,
    programs: PathBuf,
    folder: Option<TempDir>,
}

impl Postgres {
    /// Starts one, installing PostgreSQL first if the machine lacks it and allows it.
    pub(crate) fn start(durability: Durability) -> Result<Self> {
        let initdb = tools::POSTGRES.ensure()?;
        let programs = initdb.canonicalize()?.parent().context("initdb lies in a folder")?.to_owned();
        let owner = if tools::is_root() { Some(tools::somebody()?) } else { None };
        let folder = tempfile::Builder::new().prefix("hub-postgres-").tempdir()?;
        let password = random_password()?;
        let password_file = folder.path().join("password");
        std::fs::write(&password_file, &password)?;
        if let Some((user, group)) = owner {
            for path in [folder.path(), &password_file] {
                chown(path, Some(user), Some(group))?;
            }
        }
        let data = folder.path().join("data");
        let mut initdb = as_owner(&programs.join("initdb"), folder.path(), owner);
        initdb.args(["--username", USER, "--encoding", "UTF8", "--locale", "C", "--no-sync", "--auth-local", "reject"]);
        // The password goes over loopback only, and SCRAM's thousands of rounds would be paid at every connection.
        initdb.args(["--auth-host", "password", "--pwfile"]).arg(&password_file).arg("--pgdata").arg(&data);
        run::output(&mut initdb)
            .context("initdb (the temporary folder must be reachable for the user that PostgreSQL runs as; TMPDIR chooses another)")?;

        let port = free_port()?;
        let log = folder.path().join("log");
        let mut server = as_owner(&programs.join("postgres"), folder.path(), owner);
        server.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        let socket_folder = format!("unix_socket_directories={}", folder.path().display());
        for setting in ["listen_addresses=127.0.0.1", &socket_folder, "max_connections=400", "shared_buffers=256MB", "max_wal_size=4GB"] {
            server.args(["-c", setting]);
        }
        if durability == Durability::None {
            // To drop a database is to wait for every process of the server, of which the one that starts vacuums may nap for a minute.
            for setting in ["fsync=off", "full_page_writes=off", "autovacuum=off"] {
                server.args(["-c", setting]);
            }
        }
        let log_file = std::fs::File::create(&log)?;
        // Its own process group: Ctrl-C then stops the tests first and the server after them.
        server.process_group(0).stdin(Stdio::null()).stdout(log_file.try_clone()?).stderr(log_file);
        let child = server.spawn().context("cannot start postgres")?;
        let mut server = Self { child, port, password, programs, folder: Some(folder) };
        server.wait_until_ready(&log)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            run::check_interrupted()?;
            if let Some(status) = self.child.try_wait()? {
                bail!("PostgreSQL did not start ({status}):\n{}", std::fs::read_to_string(log).unwrap_or_default());
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() && self.psql("postgres", &["-c", "select 1"]).is_ok() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("PostgreSQL did not answer within {} s:\n{}", PATIENCE.as_secs(), std::fs::read_to_string(log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The address of one of its databases, as the superuser.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// A new database with every migration applied in order; gives its address.
    pub(crate) fn migrated(&self, name: &str) -> Result<String> {
        self.psql(
            "postgres",
            &["-c", &format!("create database {name}"), "-c", &format!("alter database {name} set search_path = views, public")],
        )?;
        for migration in migrations()? {
            let file = migration.to_str().context("a migration's path is UTF-8")?;
            self.psql(name, &["--single-transaction", "-f", file]).with_context(|| format!("migration {}", migration.display()))?;
        }
        Ok(self.url(name))
    }

    /// A program of this server's installation.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    fn psql(&self, database: &str, arguments: &[&str]) -> Result<()> {
        let own = self.program("psql");
        let mut psql = run::program(if own.is_file() { own } else { PathBuf::from("psql") });
        psql.args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--dbname", &self.url(database)]).args(arguments);
        run::output(&mut psql).map(drop)
    }

    fn stop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: it ends the sessions and leaves no shared memory behind.
        run::send_signal(self.child.id(), "INT");
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = self.folder.take()
            && let Err(error) = folder.close()
        {
            eprintln!("warning: the temporary folder of PostgreSQL could not be removed: {error}");
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `cargo xtask db`: a server with the migrations applied, until Ctrl-C.
pub(crate) fn serve() -> Result<()> {
    let server = Postgres::start(Durability::None)?;
    let url = server.migrated("hub")?;
    println!("export DATABASE_URL={url}");
    println!("export HUB_TEST_DATABASE_URL={}", server.url("postgres"));
    eprintln!("PostgreSQL runs until Ctrl-C; its data goes with it.");
    while run::check_interrupted().is_ok() {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Every migration, in the order in which they apply.
pub(crate) fn migrations() -> Result<Vec<PathBuf>> {
    let folder = run::root().join("migrations");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "sql"))
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("there are no migrations in {}", folder.display());
    }
    Ok(files)
}

fn as_owner(program: &Path, folder: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some((user, group)) = owner {
        command.gid(group).uid(user);
    }
    command
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn random_password() -> Result<String> {
    use std::fmt::Write as _;
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
