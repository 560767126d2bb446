//! The handlers: one file for each page, with the forms that the page holds.

pub(crate) mod category;
pub(crate) mod communities;
pub(crate) mod community;
pub(crate) mod discussions;
pub(crate) mod founding;
pub(crate) mod home;
pub(crate) mod open_thread;
pub(crate) mod people;
pub(crate) mod post;
pub(crate) mod preview;
pub(crate) mod profile;
pub(crate) mod record;
pub(crate) mod sign_in;
pub(crate) mod thread;

use url::form_urlencoded;

/// An address with a query.
fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A path made of segments, whatever they hold.
fn path(segments: &[&str]) -> String {
    // The URL type knows which characters a segment may hold as they are.
    let mut url = url::Url::parse("https://hub.invalid/").expect("a constant");
    url.path_segments_mut().expect("https has segments").extend(segments);
    url.path().to_owned()
}
