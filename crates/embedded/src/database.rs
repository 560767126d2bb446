//! The embedded database: PostgreSQL 17 compiled to WebAssembly, in a folder of the hub's own.
//!
//! It has one backend. A pool on it must have exactly one connection, and a second client waits until the first is gone. It is
//! reached by a Unix socket in a folder that only this user may enter, since it asks for no password.

use pglite_oxide::{PgliteServer, PgliteServerBuilder};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The database's folder within the data folder.
const FOLDER: &str = "postgres";
/// The file that says which process uses the data folder.
const LOCK: &str = "hub.lock";
/// The socket's name, as clients of PostgreSQL derive it from port 5432.
const SOCKET: &str = ".s.PGSQL.5432";
/// The longest path that a socket may have on every system (macOS admits 104 bytes with the final zero).
const LONGEST_SOCKET: usize = 103;
/// How long clients get to go away when the database is stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// The embedded database could not be opened or closed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The folder that should hold the data folder does not exist.
    #[error("the data folder {} cannot be made, because {} does not exist; make that first, or choose another data folder", .0.display(), parent(.0).display())]
    NoParent(PathBuf),
    /// The data folder is a file.
    #[error("{} is not a folder; choose another data folder", .0.display())]
    NotAFolder(PathBuf),
    /// The data folder cannot be written to.
    #[error("the data folder {} cannot be written to ({reason}); change its owner or permissions, or choose another", .folder.display())]
    Unwritable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Another hub uses the data folder.
    #[error("the data folder {} is in use by another hub{}; stop that one, or choose another data folder", .folder.display(), process(*.pid))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other hub's process id, if it is known.
        pid: Option<u32>,
    },
    /// The database did not start.
    #[error("the embedded database in {} did not start: {reason}", .folder.display())]
    Start {
        /// The folder.
        folder: PathBuf,
        /// What it said.
        reason: String,
    },
    /// The database did not stop.
    #[error("the embedded database did not stop: {0}")]
    Stop(String),
}

fn parent(folder: &Path) -> &Path {
    folder.parent().unwrap_or(folder)
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// A running embedded database. The data folder stays locked for as long as it lives.
#[derive(Debug)]
pub struct Embedded {
    url: String,
    running: Option<Running>,
}

/// Dropped in this order: the server, its socket's folder, and last the lock.
#[derive(Debug)]
struct Running {
    server: PgliteServer,
    socket: Option<SocketFolder>,
    lock: Lock,
}

/// Whether a data folder holds a database already.
pub fn is_there(data_dir: &Path) -> bool {
    data_dir.join(FOLDER).is_dir()
}

/// Open the database in the data folder, which is made if it does not exist, with everything in it.
///
/// # Errors
/// [`DatabaseError`], one clear line each: a missing or unwritable folder, a folder in use.
pub async fn database(data_dir: &Path) -> Result<Embedded, DatabaseError> {
    let data_dir = data_dir.to_owned();
    // Unpacking and starting take most of a second of work.
    let started = tokio::task::spawn_blocking(move || start(&data_dir)).await;
    started.unwrap_or_else(|panic| Err(DatabaseError::Start { folder: PathBuf::new(), reason: panic.to_string() }))
}

impl Embedded {
    /// Where clients reach it: for a pool of exactly one connection.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stop it. Close every client first: it waits for them, though not for ever.
    ///
    /// # Errors
    /// [`DatabaseError::Stop`] if a client stays. Nothing that was committed is lost all the same.
    pub async fn stop(mut self) -> Result<(), DatabaseError> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let stopping = tokio::task::spawn_blocking(move || {
            let Running { server, socket, lock } = running;
            let result = server.shutdown();
            drop((socket, lock));
            result
        });
        match tokio::time::timeout(PATIENCE, stopping).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(DatabaseError::Stop(one_line(&error))),
            Ok(Err(panic)) => Err(DatabaseError::Stop(panic.to_string())),
            Err(_) => Err(DatabaseError::Stop(format!("a client is still connected after {} seconds", PATIENCE.as_secs()))),
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // The server's own drop waits for its last client, which may be waiting for this very thread.
        if let Some(running) = self.running.take() {
            std::thread::spawn(move || drop(running));
        }
    }
}

fn start(data_dir: &Path) -> Result<Embedded, DatabaseError> {
    let data_dir = make_folder(data_dir)?;
    let lock = Lock::take(&data_dir)?;
    let folder = data_dir.join(FOLDER);
    let failed = |error: &dyn std::fmt::Display| DatabaseError::Start { folder: folder.clone(), reason: error.to_string() };
    let (builder, socket, url) = endpoint(PgliteServer::builder().path(&folder).database(DATABASE), &data_dir).map_err(|e| failed(&e))?;
    let server = builder.start().map_err(|e| failed(&one_line(&e)))?;
    let url = url.unwrap_or_else(|| server.connection_uri());
    Ok(Embedded { url, running: Some(Running { server, socket, lock }) })
}

/// The database within the cluster.
const DATABASE: &str = "postgres";

type Endpoint = (PgliteServerBuilder, Option<SocketFolder>, Option<String>);

#[cfg(unix)]
fn endpoint(builder: PgliteServerBuilder, data_dir: &Path) -> io::Result<Endpoint> {
    let own = data_dir.join(SOCKET);
    // A path too long for a socket gets one in a folder of its own among the temporary ones.
    let (path, folder) = if own.as_os_str().len() <= LONGEST_SOCKET && own.to_str().is_some() {
        (own, None)
    } else {
        let folder = SocketFolder::make()?;
        (folder.0.join(SOCKET), Some(folder))
    };
    let host: String = url::form_urlencoded::byte_serialize(parent(&path).to_string_lossy().as_bytes()).collect();
    let url = format!("postgres://postgres@localhost/{DATABASE}?host={host}&port=5432&sslmode=disable");
    Ok((builder.unix(path), folder, Some(url)))
}

#[cfg(not(unix))]
fn endpoint(builder: PgliteServerBuilder, _data_dir: &Path) -> io::Result<Endpoint> {
    Ok((builder, None, None))
}

/// A folder among the temporary ones that only this user may enter, gone with this value.
#[derive(Debug)]
struct SocketFolder(PathBuf);

impl SocketFolder {
    fn make() -> io::Result<Self> {
        let mut random = [0; 8];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random).map_err(|_| io::Error::other("no random bytes"))?;
        let path = std::env::temp_dir().join(format!("hub-{:016x}", u64::from_be_bytes(random)));
        private_folder(&path)?;
        Ok(Self(path))
    }
}

impl Drop for SocketFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(folder = %self.0.display(), %error, "the socket's folder stays behind");
        }
    }
}

/// Make a folder that only this user may enter. It must not exist.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The data folder, made if need be, as an absolute path.
fn make_folder(folder: &Path) -> Result<PathBuf, DatabaseError> {
    let unwritable = |reason| DatabaseError::Unwritable { folder: folder.to_owned(), reason };
    let absolute = std::path::absolute(folder).map_err(unwritable)?;
    match fs::metadata(&absolute) {
        Ok(found) if found.is_dir() => return Ok(absolute),
        Ok(_) => return Err(DatabaseError::NotAFolder(absolute)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(reason) => return Err(unwritable(reason)),
    }
    private_folder(&absolute).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => DatabaseError::NoParent(absolute.clone()),
        _ => unwritable(error),
    })?;
    Ok(absolute)
}

/// The data folder's lock. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Lock {
    fn take(folder: &Path) -> Result<Self, DatabaseError> {
        let unwritable = |reason| DatabaseError::Unwritable { folder: folder.to_owned(), reason };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(LOCK)).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(DatabaseError::InUse { folder: folder.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(unwritable)?;
        Ok(Self(file))
    }
}

/// The chain of an error's causes on one line.
fn one_line(error: &impl std::fmt::Display) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}
