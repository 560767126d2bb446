//! The demonstration's OpenID providers: one for each department, on loopback, on a port of its own.
//!
//! They are real in everything but the password: instead of asking for one, they let you choose who you are. They say so on the
//! page, and they listen on the loopback address only. What they need to stay the same over a restart (port, signing key,
//! client secret) lies in a file in the data folder, since an issuer is part of every person's identity.

mod authorization;
mod documents;
mod grants;
mod keeping;
mod page;
mod signing;
mod token;

use crate::demo::{DEPARTMENTS, Department};
use axum::Router;
use axum::routing::{get, post};
use grants::Grants;
use keeping::{Kept, KeptProvider};
use kernel::Clock;
use secrecy::SecretString;
use signing::SigningKey;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

/// The client id by which every demonstration provider knows the hub.
const CLIENT_ID: &str = "hub";

/// The demonstration's providers could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ProvidersError {
    /// Their file in the data folder cannot be read or written.
    #[error("the demonstration's file {} cannot be used: {reason}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// A port is taken.
    #[error(
        "port {port} of 127.0.0.1, which the sign-in of the {department} uses, cannot be listened on ({reason}); \
         end the program that has it, or begin with a new data folder"
    )]
    Port {
        /// The port.
        port: u16,
        /// The department.
        department: &'static str,
        /// What the system said.
        reason: io::Error,
    },
}

/// A department's provider that is bound to its port and not yet answering.
#[derive(Debug)]
pub struct BoundProvider {
    /// The department.
    pub department: &'static Department,
    /// Its issuer.
    pub issuer: String,
    /// The client id that it gave the hub.
    pub client_id: String,
    /// The client secret that it gave the hub.
    pub client_secret: SecretString,
    listener: TcpListener,
    key: SigningKey,
}

/// Providers that answer, until they are stopped or dropped.
#[derive(Debug)]
pub struct RunningProviders {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// Bind each department's provider, in the order of [`DEPARTMENTS`]. Each takes a free port at the first start and the same ever
/// after; `ports` decides otherwise (and changes the issuers with it).
///
/// # Errors
/// [`ProvidersError`]: a port is taken, or the file in the data folder cannot be used.
pub async fn bind(data_dir: &Path, ports: Option<[u16; 2]>) -> Result<Vec<BoundProvider>, ProvidersError> {
    let file = data_dir.join(keeping::FILE);
    let unusable = |reason: String| ProvidersError::File { file: file.clone(), reason };
    let mut kept = Kept::read(&file).map_err(unusable)?;
    let mut bound = Vec::new();
    for (place, department) in DEPARTMENTS.iter().enumerate() {
        let earlier = kept.providers.get(department.slug);
        let port = ports.map(|ports| ports[place]).or(earlier.map(|kept| kept.port)).unwrap_or(0);
        let taken = |reason| ProvidersError::Port { port, department: department.name, reason };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(taken)?;
        let port = listener.local_addr().map_err(taken)?.port();
        let provider = match earlier {
            Some(earlier) => KeptProvider { port, ..earlier.clone() },
            None => KeptProvider::new(port),
        };
        let key = SigningKey::from_pkcs8(&provider.key).map_err(unusable)?;
        bound.push(BoundProvider {
            department,
            issuer: format!("http://127.0.0.1:{port}"),
            client_id: CLIENT_ID.to_owned(),
            client_secret: provider.client_secret.clone().into(),
            listener,
            key,
        });
        kept.providers.insert(department.slug.to_owned(), provider);
    }
    kept.write(&file).map_err(unusable)?;
    Ok(bound)
}

/// Let the providers answer. Each is told the one redirect URI of the hub that it may send people to.
pub fn serve(providers: Vec<(BoundProvider, Url)>, clock: &Arc<dyn Clock>) -> RunningProviders {
    let stop = CancellationToken::new();
    let tasks = providers.into_iter().map(|(provider, redirect_uri)| {
        let BoundProvider { department, issuer, client_id, client_secret, listener, key } = provider;
        let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let provider =
            Provider { department, issuer, client_id, client_secret, redirect_uri, key, grants: Grants::default(), clock: clock.clone() };
        let router = provider.router();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            tracing::debug!(department = department.slug, %address, "a demonstration provider answers");
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(department = department.slug, %error, "a demonstration provider stopped");
            }
        })
    });
    let tasks = tasks.collect();
    RunningProviders { stop, tasks }
}

impl RunningProviders {
    /// Finish what is being answered, and stop.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a demonstration provider failed");
            }
        }
    }
}

impl Drop for RunningProviders {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One department's provider.
struct Provider {
    department: &'static Department,
    issuer: String,
    client_id: String,
    client_secret: SecretString,
    redirect_uri: Url,
    key: SigningKey,
    grants: Grants,
    clock: Arc<dyn Clock>,
}

impl Provider {
    fn router(self) -> Router {
        Router::new()
            .route("/", get(page::front))
            .route("/style.css", get(page::style))
            .route("/.well-known/openid-configuration", get(documents::discovery))
            .route("/keys", get(documents::keys))
            .route("/authorize", get(authorization::ask).post(authorization::choose))
            .route("/token", post(token::exchange))
            .route("/userinfo", get(token::user_information).post(token::user_information))
            .route("/end-session", get(authorization::end_session).post(authorization::end_session))
            .with_state(Arc::new(self))
    }
}
