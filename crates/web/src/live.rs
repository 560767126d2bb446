//! What the pages' script asks the API by itself, from the browser.

use std::sync::LazyLock;

/// How the script introduces its document, and how it ends.
const BEGINS: &str = "const SUBSCRIPTION = `";
const ENDS: &str = "`;";

static DOCUMENT: LazyLock<&'static str> = LazyLock::new(|| {
    let script = include_str!("../assets/hub.js");
    let document = script.split_once(BEGINS).and_then(|(_, rest)| rest.split_once(ENDS));
    document.map(|(document, _)| document).expect("the script holds its document")
});

/// The documents that the pages send from the browser. A hub that takes registered documents only must take these too.
pub fn own_documents() -> [&'static str; 1] {
    [*DOCUMENT]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_scripts_document_is_found_whole() {
        let [document] = super::own_documents();
        assert!(document.starts_with("subscription ") && document.ends_with('}'), "{document}");
        assert_eq!(document.matches('{').count(), document.matches('}').count());
        assert!(!document.contains('`') && !document.contains("${"), "it is text as it stands: {document}");
    }
}
