//! The hub's own public address, and what follows from it: cookie names and attributes, redirect URIs, same origin.

use http::HeaderMap;
use http::header::{COOKIE, ORIGIN};
use kernel::ProviderId;
use std::net::IpAddr;
use url::{Host, Url};

/// The public address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// It is no web address.
    #[error("the public address “{0}” is no web address; write it like https://hub.example.org")]
    NoAddress(String),
    /// It is http on a host that is not loopback.
    #[error("the public address “{0}” must be https: only on a loopback host (localhost, 127.0.0.1, [::1]) may it be http")]
    Insecure(String),
    /// It has a path, a query, a user or a fragment.
    #[error("the public address “{0}” must be an origin alone, without path, query or user: https://hub.example.org")]
    NotAnOrigin(String),
}

/// Where people reach the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    base: Url,
    secure: bool,
}

/// A `Set-Cookie` header's value, complete with its attributes.
#[derive(Clone, PartialEq, Eq)]
pub struct SetCookie(String);

impl SetCookie {
    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The header's value, marked sensitive so that it is not logged.
    ///
    /// # Panics
    /// Never: a cookie is made of base64url and constants.
    pub fn to_header(&self) -> http::HeaderValue {
        let mut value = http::HeaderValue::from_str(&self.0).expect("cookies are made of base64url and constants");
        value.set_sensitive(true);
        value
    }

    /// The bare `name=value`, as a browser sends it back.
    pub fn pair(&self) -> &str {
        self.0.split(';').next().unwrap_or_default()
    }
}

impl std::fmt::Debug for SetCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.0.split('=').next().unwrap_or_default();
        write!(f, "SetCookie({name}=…)")
    }
}

impl Site {
    /// The hub's public address, an origin. Plain http is taken on a loopback host only.
    pub fn new(address: &str) -> Result<Self, SiteError> {
        let base = Url::parse(address).map_err(|_| SiteError::NoAddress(address.to_owned()))?;
        let secure = match base.scheme() {
            "https" => true,
            "http" if is_loopback_host(&base) => false,
            "http" => return Err(SiteError::Insecure(address.to_owned())),
            _ => return Err(SiteError::NoAddress(address.to_owned())),
        };
        let origin_only = base.path() == "/"
            && base.query().is_none()
            && base.fragment().is_none()
            && base.username().is_empty()
            && base.password().is_none();
        if origin_only { Ok(Self { base, secure }) } else { Err(SiteError::NotAnOrigin(address.to_owned())) }
    }

    /// The address, ending with a slash.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The address as an `Origin` header gives it: no slash at the end.
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Whether cookies carry `Secure` and the `__Host-` prefix. Only a loopback http address goes without.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The redirect URI of a provider. Each has its own, against mix-up.
    pub fn redirect_uri(&self, provider: ProviderId) -> Url {
        let mut uri = self.base.clone();
        uri.set_path(&format!("/sign-in/{provider}/callback"));
        uri
    }

    /// Whether a request that changes something comes from our own pages, by the `Origin` header, or by `Sec-Fetch-Site` where
    /// a browser sends no origin. A request with neither is taken as foreign.
    pub fn is_same_origin(&self, headers: &HeaderMap) -> bool {
        if let Some(origin) = headers.get(ORIGIN) {
            return origin.to_str().is_ok_and(|origin| origin == self.origin());
        }
        headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
    }

    pub(crate) fn cookie_name(&self, name: &str) -> String {
        if self.secure { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// A cookie for this origin alone. Without `max_age` (seconds) it ends with the browser; with 0 it is deleted.
    pub(crate) fn set_cookie(&self, name: &str, value: &str, max_age: Option<i64>) -> SetCookie {
        let name = self.cookie_name(name);
        let secure = if self.secure { "; Secure" } else { "" };
        let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        SetCookie(format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"))
    }

    /// The value of one of our cookies in a request.
    pub(crate) fn read_cookie<'h>(&self, headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        let name = self.cookie_name(name);
        let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// Whether the address names this very machine.
pub(crate) fn is_loopback_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), http::HeaderValue::from_static(value))])
    }

    #[test]
    fn cookies_are_host_bound_and_secure() {
        let site = Site::new("https://hub.example.org").unwrap();
        assert_eq!(site.set_cookie("hub_session", "v", None).as_str(), "__Host-hub_session=v; Path=/; HttpOnly; SameSite=Lax; Secure");
    }

    #[test]
    fn on_loopback_http_alone_the_prefix_and_secure_are_dropped() {
        for address in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:2/"] {
            let site = Site::new(address).unwrap();
            assert_eq!(
                site.set_cookie("hub_session", "v", Some(0)).as_str(),
                "hub_session=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
                "{address}"
            );
        }
        for address in ["http://hub.example.org", "http://10.0.0.1", "http://localhost.example.org", "http://127.0.0.1.example.org"] {
            assert_eq!(Site::new(address), Err(SiteError::Insecure(address.to_owned())));
        }
        assert!(Site::new("https://localhost").unwrap().is_secure());
    }

    #[test]
    fn the_address_is_an_origin() {
        for address in ["https://hub.example.org/a", "https://a@hub.example.org", "https://hub.example.org/?q"] {
            assert_eq!(Site::new(address), Err(SiteError::NotAnOrigin(address.to_owned())));
        }
        assert!(matches!(Site::new("hub.example.org"), Err(SiteError::NoAddress(_))));
        assert!(matches!(Site::new("ftp://hub.example.org"), Err(SiteError::NoAddress(_))));
    }

    #[test]
    fn a_cookie_is_read_by_its_exact_name() {
        let site = Site::new("https://hub.example.org").unwrap();
        let request = headers("cookie", "hub_session=planted; a=b;__Host-hub_session=own");
        assert_eq!(site.read_cookie(&request, "hub_session"), Some("own"));
    }

    #[test]
    fn same_origin_is_exact() {
        let site = Site::new("https://hub.example.org").unwrap();
        assert!(site.is_same_origin(&headers("origin", "https://hub.example.org")));
        assert!(site.is_same_origin(&headers("sec-fetch-site", "same-origin")));
        for (name, value) in
            [("origin", "https://hub.example.org.evil"), ("origin", "null"), ("sec-fetch-site", "same-site"), ("accept", "*/*")]
        {
            assert!(!site.is_same_origin(&headers(name, value)), "{name}: {value}");
        }
    }
}
