//! The one client for every fetch that leaves the hub, most of all to addresses that someone typed.
//!
//! It demands https, resolves the name itself and connects to no other address than those it checked (so that a name cannot
//! point elsewhere between the check and the connection), follows no redirect, uses no proxy, and bounds time and size.

use crate::address;
use crate::site::is_loopback_host;
use http::{HeaderValue, Request, Response, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde::de::DeserializeOwned;
use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use url::{Host, Url};

/// What the client may fetch, and how long and large an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPolicy {
    /// Whether hosts that name this very machine may be fetched from, by http too: for the demonstration and for tests.
    pub allow_loopback: bool,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the whole exchange may take.
    pub total_timeout: Duration,
    /// The largest body taken, in bytes.
    pub largest_body: usize,
}

impl Default for FetchPolicy {
    /// The public internet by https; three seconds to connect, ten in all; one mebibyte.
    fn default() -> Self {
        Self {
            allow_loopback: false,
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            largest_body: 1 << 20,
        }
    }
}

impl FetchPolicy {
    /// The same, with loopback hosts allowed.
    pub fn with_loopback(self) -> Self {
        Self { allow_loopback: true, ..self }
    }
}

/// A fetch that was refused or failed. No query, header or body of the request is told, since secrets may be among them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address is not https.
    #[error("“{0}” must be an https address")]
    NotHttps(String),
    /// The address cannot be fetched at all: another scheme, a user name in it, or no host.
    #[error("“{0}” is not an address that can be fetched")]
    BadAddress(String),
    /// The host is, or resolves to, an address outside the public internet.
    #[error("“{0}” is at a private or special network address, and the hub does not fetch from those")]
    ForbiddenAddress(String),
    /// The answer was a redirect.
    #[error("“{0}” answered with a redirect, which the hub does not follow; give the final address")]
    Redirected(String),
    /// The body is larger than the policy admits.
    #[error("“{host}” sent more than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The time was up.
    #[error("“{0}” did not answer in time")]
    TimedOut(String),
    /// No connection, or it broke.
    #[error("“{0}” could not be reached")]
    Unreachable(String),
    /// The answer's status was not 2xx, where one was needed.
    #[error("“{host}” answered with status {status}")]
    Status {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The answer was not the JSON that was expected.
    #[error("“{host}” sent JSON that cannot be read: {reason}")]
    BadJson {
        /// The host.
        host: String,
        /// What was wrong and where; nothing of the content.
        reason: String,
    },
    /// The client could not be made, for want of TLS settings.
    #[error("no client for https can be made on this machine: {0}")]
    NoClient(String),
}

/// Fetches, with the guards of this module.
#[derive(Clone, Debug)]
pub struct GuardedClient {
    http: reqwest::Client,
    policy: FetchPolicy,
}

impl GuardedClient {
    /// A client that keeps to the policy.
    ///
    /// # Errors
    /// [`FetchError::NoClient`] if this machine has no usable TLS settings.
    #[allow(clippy::disallowed_methods, reason = "the one place that makes a client: this is the guarded one")]
    pub fn new(policy: FetchPolicy) -> Result<Self, FetchError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("hub/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(policy.connect_timeout)
            .timeout(policy.total_timeout)
            .dns_resolver(CheckedResolver { allow_loopback: policy.allow_loopback })
            .build()
            .map_err(|e| FetchError::NoClient(e.to_string()))?;
        Ok(Self { http, policy })
    }

    /// What it keeps to.
    pub fn policy(&self) -> FetchPolicy {
        self.policy
    }

    /// Send a request and read the whole answer, whatever its status, unless it is a redirect.
    ///
    /// # Errors
    /// [`FetchError`]: refused by the guards, or failed.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let text = request.uri().to_string();
        let url = Url::parse(&text).map_err(|_| FetchError::BadAddress(without_query(&text)))?;
        let host = self.check(&url)?;
        let (parts, body) = request.into_parts();
        let sent = self.http.request(parts.method, url).headers(parts.headers).body(body).send().await;
        let mut answer = sent.map_err(|e| failure(&host, &e))?;
        if answer.status().is_redirection() {
            return Err(FetchError::Redirected(host));
        }
        let limit = self.policy.largest_body;
        let too_large = || FetchError::TooLarge { host: host.clone(), limit };
        if answer.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| failure(&host, &e))? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }

    /// Get a JSON document, with a bearer token if one is given.
    ///
    /// # Errors
    /// [`FetchError`]: refused, failed, not 2xx, or not that JSON.
    pub async fn get_json<T: DeserializeOwned>(&self, url: &Url, bearer: Option<&str>) -> Result<T, FetchError> {
        let mut request = Request::get(url.as_str()).header(header::ACCEPT, "application/json");
        if let Some(token) = bearer {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| FetchError::BadAddress(without_query(url.as_str())))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let request = request.body(Vec::new()).map_err(|_| FetchError::BadAddress(without_query(url.as_str())))?;
        let response = self.send(request).await?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if !response.status().is_success() {
            return Err(FetchError::Status { host, status: response.status().as_u16() });
        }
        serde_json::from_slice(response.body()).map_err(|e| FetchError::BadJson { host, reason: place(&e) })
    }

    /// Whether the address may be fetched as far as it can be told without resolving its name. Yields the host.
    ///
    /// # Errors
    /// [`FetchError`], saying what is wrong with it.
    pub fn check(&self, url: &Url) -> Result<String, FetchError> {
        let shown = || without_query(url.as_str());
        let host = url.host_str().ok_or_else(|| FetchError::BadAddress(shown()))?.to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::BadAddress(host));
        }
        let loopback = self.policy.allow_loopback && is_loopback_host(url);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(FetchError::NotHttps(shown())),
            _ => return Err(FetchError::BadAddress(shown())),
        }
        // A host written as an address is never resolved, so it is checked here; names are checked when they are resolved.
        let address = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::from(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::from(ip)),
            Some(Host::Domain(_)) | None => None,
        };
        let admitted = |ip| address::is_public(ip) || (loopback && address::is_loopback(ip));
        if address.is_none_or(admitted) { Ok(host) } else { Err(FetchError::ForbiddenAddress(host)) }
    }
}

/// Resolves names and lets only checked addresses through. The connection is made to these very addresses.
struct CheckedResolver {
    allow_loopback: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("a private or special network address")]
struct Forbidden;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_loopback = self.allow_loopback;
        Box::pin(async move {
            let name = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            // Only a name that says it is this machine may be this machine: a public name that points here is an attack.
            let loopback = allow_loopback && (name == "localhost" || name.ends_with(".localhost"));
            let admitted = |ip: IpAddr| address::is_public(ip) || (loopback && address::is_loopback(ip));
            // One bad address spoils the name: its owner would otherwise have the choice by retrying.
            if found.iter().any(|found| !admitted(found.ip())) {
                return Err(Forbidden.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn failure(host: &str, error: &reqwest::Error) -> FetchError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<Forbidden>() {
            return FetchError::ForbiddenAddress(host.to_owned());
        }
        cause = inner.source();
    }
    if error.is_timeout() { FetchError::TimedOut(host.to_owned()) } else { FetchError::Unreachable(host.to_owned()) }
}

/// The address less query and fragment, where secrets may be.
fn without_query(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    text[..end].chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Where and how JSON fails to be what it should, without its content.
fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Io => "reading failed",
        serde_json::error::Category::Syntax => "not valid JSON",
        serde_json::error::Category::Data => "a field is missing or of the wrong kind",
        serde_json::error::Category::Eof => "it ends too early",
    };
    format!("{what}, line {}, column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: FetchPolicy, url: &str) -> Result<String, FetchError> {
        GuardedClient::new(policy).unwrap().check(&Url::parse(url).unwrap())
    }

    #[test]
    fn https_to_a_public_host_is_fine() {
        for url in ["https://example.org/a?b", "https://1.1.1.1/", "https://[2606:4700::1111]:8443/"] {
            assert!(check(FetchPolicy::default(), url).is_ok(), "{url}");
        }
    }

    #[test]
    fn http_is_for_loopback_only_and_only_where_allowed() {
        let open = FetchPolicy::default().with_loopback();
        for url in ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/", "https://127.0.0.1/"] {
            assert!(check(open, url).is_ok(), "{url}");
        }
        assert!(matches!(check(open, "http://example.org/"), Err(FetchError::NotHttps(_))));
        assert!(matches!(check(FetchPolicy::default(), "http://localhost/"), Err(FetchError::NotHttps(_))));
        assert!(matches!(check(FetchPolicy::default(), "https://127.0.0.1/"), Err(FetchError::ForbiddenAddress(_))));
    }

    #[test]
    fn addresses_are_seen_through_their_disguises() {
        for url in [
            "https://10.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://017700000001/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://169.254.169.254/latest/meta-data",
        ] {
            assert!(matches!(check(FetchPolicy::default(), url), Err(FetchError::ForbiddenAddress(_))), "{url}");
        }
        assert!(matches!(check(FetchPolicy::default().with_loopback(), "https://10.0.0.1/"), Err(FetchError::ForbiddenAddress(_))));
    }

    #[test]
    fn other_schemes_and_user_names_are_refused() {
        for url in ["file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "https://user:password@example.org/"] {
            assert!(matches!(check(FetchPolicy::default(), url), Err(FetchError::BadAddress(_))), "{url}");
        }
    }

    #[test]
    fn errors_keep_queries_to_themselves() {
        let error = check(FetchPolicy::default(), "http://example.org/token?secret=abc").unwrap_err();
        assert!(!error.to_string().contains("abc"), "{error}");
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_refused_when_it_is_connected_to() {
        let client = GuardedClient::new(FetchPolicy::default()).unwrap();
        let request = Request::get("https://localhost:9/").body(Vec::new()).unwrap();
        assert_eq!(client.send(request).await.unwrap_err(), FetchError::ForbiddenAddress("localhost".to_owned()));
    }
}
