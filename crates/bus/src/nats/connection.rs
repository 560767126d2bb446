//! One connection to NATS, which heals itself.

use crate::error::BusError;
use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use bytes::Bytes;
use futures::StreamExt as _;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;

/// The header that carries W3C trace context.
pub(super) const TRACEPARENT: &str = "traceparent";

/// What may stand in a header: anything else would be refused by the client.
pub(super) fn is_header_value(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// How the hub makes itself known to NATS. (A user and password may also stand in the address.)
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user and a password.
    User {
        /// The user.
        name: String,
        /// The password.
        password: String,
    },
    /// A file with a JWT and a key seed, as `nsc` writes it.
    File(PathBuf),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { name, .. } => f.debug_struct("User").field("name", name).finish_non_exhaustive(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// How to reach NATS, and how the stream of events is to be.
#[derive(Clone)]
pub struct Settings {
    /// The address: `nats://host:4222` or `tls://host:4222`; several servers of a cluster are separated by commas.
    pub url: String,
    /// How the hub makes itself known, if the server asks.
    pub credentials: Option<Credentials>,
    /// The name of the stream of events.
    pub stream: String,
    /// On how many servers of the cluster the stream is kept: 3 in production, 1 on a single server.
    pub replicas: usize,
    /// How many published events may wait for their acknowledgement at the same time.
    pub max_ack_in_flight: usize,
    /// How long the server may take for an answer.
    pub timeout: Duration,
}

impl Settings {
    /// The defaults for this address: stream `HUB_EVENTS`, one replica, 256 acknowledgements in flight, five seconds.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: None,
            stream: "HUB_EVENTS".to_owned(),
            replicas: 1,
            max_ack_in_flight: 256,
            timeout: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        f.debug_struct("Settings")
            .field("credentials", &self.credentials)
            .field("stream", &self.stream)
            .field("replicas", &self.replicas)
            .field("max_ack_in_flight", &self.max_ack_in_flight)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A client that reconnects by itself, and says when it has.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) timeout: Duration,
    /// Counts the connections made so far.
    connects: watch::Receiver<u64>,
}

impl Connection {
    pub(super) async fn open(settings: &Settings) -> Result<Self, BusError> {
        let servers = servers(&settings.url)?;
        let names: Vec<String> = servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
        let names = names.join(", ");
        let (counter, connects) = watch::channel(0);
        let options = ConnectOptions::new()
            .name("hub")
            .connection_timeout(settings.timeout)
            .request_timeout(Some(settings.timeout))
            .reconnect_delay_callback(|attempts| {
                Duration::from_millis(100).saturating_mul(u32::try_from(attempts).unwrap_or(u32::MAX)).min(Duration::from_secs(2))
            })
            .event_callback(move |event| {
                match &event {
                    Event::Connected => {
                        tracing::info!("connected to NATS");
                        counter.send_modify(|connects| *connects += 1);
                    }
                    Event::Disconnected => tracing::warn!("the connection to NATS is lost; trying again"),
                    other => tracing::warn!(event = %other, "NATS"),
                }
                std::future::ready(())
            });
        let options = match &settings.credentials {
            // The client itself does not look for them in the address.
            None => match servers.iter().find_map(|server| Some((server.username()?, server.password().unwrap_or_default()))) {
                Some((user, password)) => options.user_and_password(decoded(user), decoded(password)),
                None => options,
            },
            Some(Credentials::User { name, password }) => options.user_and_password(name.clone(), password.clone()),
            Some(Credentials::File(path)) => options.credentials_file(path).await.map_err(|error| BusError::Config {
                problem: format!("The NATS credentials in {} cannot be read: {error}.", path.display()),
                remedy: "Name a file as `nsc` writes it, readable by the hub.".to_owned(),
            })?,
        };
        let client = options.connect(servers).await.map_err(|error| match error.kind() {
            async_nats::ConnectErrorKind::Authentication | async_nats::ConnectErrorKind::AuthorizationViolation => BusError::Config {
                problem: format!("NATS at {names} refuses the hub's credentials."),
                remedy: "Set the user and password, or the credentials file, that its configuration names.".to_owned(),
            },
            _ => BusError::unavailable(format!("cannot connect to {names}: {error}")),
        })?;
        Ok(Self { client, timeout: settings.timeout, connects })
    }

    /// Refuses at once while there is no connection, rather than letting a message wait that the caller has
    /// long given up on.
    pub(super) fn must_be_up(&self) -> Result<(), BusError> {
        match self.client.connection_state() {
            State::Connected => Ok(()),
            State::Pending | State::Disconnected => Err(BusError::unavailable("there is no connection; it is being made again")),
        }
    }

    /// Returns when the server has dealt with everything that was sent so far: it answers in order.
    pub(super) async fn settle(&self) -> Result<(), BusError> {
        let inbox = self.client.new_inbox();
        let mut echo = self.client.subscribe(inbox.clone()).await.map_err(BusError::unavailable)?;
        self.client.publish(inbox, Bytes::new()).await.map_err(BusError::unavailable)?;
        match tokio::time::timeout(self.timeout, echo.next()).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(BusError::unavailable("the connection is closed")),
            Err(_) => Err(BusError::Timeout { what: "the server's echo".to_owned(), limit: self.timeout }),
        }
    }

    /// Changes with every connection made.
    pub(super) fn connects(&self) -> watch::Receiver<u64> {
        self.connects.clone()
    }
}

/// The servers that an address names.
fn servers(url: &str) -> Result<Vec<ServerAddr>, BusError> {
    url.split(',')
        .map(|one| {
            // The address is not repeated in the error: it may hold a password.
            one.trim().parse::<ServerAddr>().ok().filter(|server| !server.host().is_empty()).ok_or_else(|| BusError::Config {
                problem: "The address of NATS cannot be understood.".to_owned(),
                remedy: "Give one such as nats://localhost:4222; several are separated by commas.".to_owned(),
            })
        })
        .collect()
}

/// A part of an address without its percent-encoding (RFC 3986, section 2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let encoded = match after {
            [high, low, ..] if *first == b'%' => std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        bytes.push(encoded.unwrap_or(*first));
        rest = if encoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_may_be_percent_encoded() {
        assert_eq!(decoded("p%40ss%2Fword%"), "p@ss/word%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
        assert_eq!(decoded("gr%C3%BCn"), "grün");
    }

    #[test]
    fn an_address_may_name_several_servers() {
        let found: Vec<String> =
            servers("nats://a:4222, b").unwrap().iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
        assert_eq!(found, ["a:4222", "b:4222"]);
        for wrong in ["", "nats://", "nats://a:b:c", "nats://a,"] {
            assert!(matches!(servers(wrong), Err(BusError::Config { .. })), "{wrong}");
        }
    }
}
