//! Style sheet, script and icon: built in, named by their content, so that browsers may keep them for ever.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use std::sync::LazyLock;

struct Asset {
    path: String,
    kind: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, bytes: &'static [u8]) -> Self {
        Self { path: format!("/assets/{stem}.{:016x}.{ending}", digest(bytes)), kind, bytes }
    }
}

/// FNV-1a: enough to tell one release's file from the next; nothing is secured by it.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

static STYLESHEET: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("hub", "css", "text/css; charset=utf-8", include_bytes!("../assets/hub.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("hub", "js", "text/javascript; charset=utf-8", include_bytes!("../assets/hub.js")));
static ICON: LazyLock<Asset> = LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../assets/icon.svg")));

/// Where the style sheet is.
pub(crate) fn stylesheet() -> &'static str {
    &STYLESHEET.path
}

/// Where the script is.
pub(crate) fn script() -> &'static str {
    &SCRIPT.path
}

/// Where the icon is.
pub(crate) fn icon() -> &'static str {
    &ICON.path
}

/// Serve one of them. Its plain name (`hub.css`) is answered too, for a page of an older release that is still open.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let path = format!("/assets/{name}");
    let plain = |asset: &Asset| {
        let mut parts = asset.path.split('.');
        matches!((parts.next(), parts.next_back()), (Some(stem), Some(ending)) if path.strip_prefix(stem).is_some_and(|rest| {
            rest.strip_prefix('.').and_then(|rest| rest.strip_suffix(ending)).is_some_and(|middle| middle.is_empty() || middle.ends_with('.'))
        }))
    };
    for asset in [&STYLESHEET, &SCRIPT, &ICON] {
        if asset.path == path {
            return answer(asset, "public, max-age=31536000, immutable");
        }
        if plain(asset) {
            return answer(asset, "no-cache");
        }
    }
    StatusCode::NOT_FOUND.into_response()
}

fn answer(asset: &Asset, caching: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (CACHE_CONTROL, HeaderValue::from_static(caching)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, asset.bytes).into_response()
}
