//! The file of registered documents: a JSON object of identifier and document, as the builds of common clients write it.

use super::id::{DocumentId, WrongId};
use crate::graphql::HubSchema;
use crate::graphql::limits::{self, Limits};
use crate::graphql::parsing::parse;
use crate::graphql::variables;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::{Pos, Request, Response, Variables};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// The documents that clients may ask for by an identifier. Each of them holds against the schema and the limits.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    texts: HashMap<DocumentId, Arc<str>>,
    known: HashSet<Arc<str>>,
}

/// What is wrong with one entry of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the entry “{entry}”: {reason}")]
pub struct Fault {
    /// The entry's name.
    pub entry: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// Why a file is no registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It is not the JSON that it must be.
    #[error("it is no JSON object of document identifiers and documents: {0}")]
    Json(String),
    /// Entries are wrong; all of them are named.
    #[error("{}", said(.0))]
    Entries(Vec<Fault>),
}

fn said(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Registry {
    /// Reads the file's text, and holds every document against its identifier, the schema and the limits.
    ///
    /// # Errors
    /// [`RegistryError`], with every entry that is wrong.
    pub async fn read(json: &str, limits: &Limits) -> Result<Self, RegistryError> {
        let Entries(entries) = serde_json::from_str(json).map_err(|error| RegistryError::Json(error.to_string()))?;
        let schema = crate::graphql::builder().extension(NothingRuns).finish();
        let (mut registry, mut faults) = (Self::default(), Vec::new());
        for (entry, document) in entries {
            match registry.entry(&entry, document, &schema, limits).await {
                Ok(()) => {}
                Err(reason) => faults.push(Fault { entry, reason }),
            }
        }
        if faults.is_empty() { Ok(registry) } else { Err(RegistryError::Entries(faults)) }
    }

    async fn entry(&mut self, entry: &str, document: Value, schema: &HubSchema, limits: &Limits) -> Result<(), String> {
        let id = DocumentId::read(entry).map_err(|wrong: WrongId| format!("its name is no document identifier: {wrong}"))?;
        let Value::String(text) = document else { return Err("its value must be the text of a GraphQL document".to_owned()) };
        let computed = DocumentId::of(&text);
        if id.is_computed() && id != computed {
            return Err(format!(
                "its document has the identifier {computed}. One of them was changed after the file was written: build it anew"
            ));
        }
        hold(&text, schema, limits).await?;
        if self.texts.get(&id).is_some_and(|other| **other != *text) {
            return Err("it is there twice, with different documents".to_owned());
        }
        self.insert(id, text.into());
        Ok(())
    }

    fn insert(&mut self, id: DocumentId, text: Arc<str>) {
        self.known.insert(Arc::clone(&text));
        self.texts.insert(id, text);
    }

    /// With these documents besides: those of the hub's own pages, which send their text.
    pub fn with_own(mut self, documents: impl IntoIterator<Item = &'static str>) -> Self {
        for document in documents {
            self.insert(DocumentId::of(document), document.into());
        }
        self
    }

    /// The document with this identifier.
    pub fn text(&self, id: &DocumentId) -> Option<&str> {
        self.texts.get(id).map(|text| &**text)
    }

    /// Whether this is the text of a registered document.
    pub fn holds(&self, text: &str) -> bool {
        self.known.contains(text)
    }

    /// How many identifiers there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// Whether a document can run here, as far as that does not depend on who sends it with which variables.
async fn hold(text: &str, schema: &HubSchema, limits: &Limits) -> Result<(), String> {
    limits::scan(text, limits).map_err(|unfit| unfit.message)?;
    let document = parse(text).map_err(|unparsed| unparsed.error.message)?;
    let against = |reason: String| format!("its document does not hold against the schema: {reason}");
    for (name, operation) in document.operations.iter() {
        limits::check(&document, &operation.node, &Variables::default(), limits::cost::prices(), limits).map_err(|unfit| unfit.message)?;
        // Before the library, as for every document: there are variables that it must not see.
        variables::check(&document).map_err(|unusable| against(placed(&unusable, Some(unusable.at()))))?;
        let mut request = Request::new(text);
        request.set_parsed_query(document.clone());
        if let Some(name) = name {
            request = request.operation_name(name.as_str());
        }
        if let Some(error) = schema.execute(request).await.errors.first() {
            return Err(against(placed(&error.message, error.locations.first().copied())));
        }
    }
    Ok(())
}

fn placed(message: &impl fmt::Display, at: Option<Pos>) -> String {
    match at {
        Some(at) => format!("{message} (line {}, column {})", at.line, at.column),
        None => message.to_string(),
    }
}

/// Lets a schema validate and run nothing: the library's rules of validation are not to be had apart from it.
pub(crate) struct NothingRuns;

impl ExtensionFactory for NothingRuns {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for NothingRuns {
    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::default()
    }
}

/// The entries as they stand in the file: a name that stands there twice must not hide one of its documents.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Entries;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::with_capacity(map.size_hint().unwrap_or_default());
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LIST: &str = "query List($first: Int!) { threads(first: $first) { nodes { id title } } }";

    async fn faults(file: Value) -> Vec<(String, String)> {
        match Registry::read(&file.to_string(), &Limits::default()).await {
            Ok(_) => Vec::new(),
            Err(RegistryError::Entries(faults)) => faults.into_iter().map(|fault| (fault.entry, fault.reason)).collect(),
            Err(RegistryError::Json(error)) => panic!("{error}"),
        }
    }

    #[tokio::test]
    async fn what_clients_builds_write_is_read() {
        let id = DocumentId::of(LIST);
        let bare = id.as_str().trim_start_matches("sha256:");
        let two = "query A { hub { version } } query B { hub { position } }";
        let follow = "subscription ($thread: ID!) { threadActivity(thread: $thread) { kind } }";
        let change = "mutation ($input: ThreadReplyInput!) { threadReply(input: $input) { userErrors { code } } }";
        let file = json!({ bare: LIST, "Two": two, "x-app:follow": follow, "d41d8cd98f00b204e9800998ecf8427e": change });
        let registry = Registry::read(&file.to_string(), &Limits::default()).await.unwrap();
        assert_eq!(registry.len(), 4);
        assert_eq!(registry.text(&id), Some(LIST));
        assert_eq!(registry.text(&DocumentId::read(bare).unwrap()), Some(LIST));
        assert_eq!(registry.text(&DocumentId::read("x-app:follow").unwrap()), Some(follow));
        assert!(registry.holds(two) && !registry.holds("{ hub { version } }"));
        // The same document under its name with and without the prefix is one.
        let file = json!({ bare: LIST, id.as_str(): LIST });
        assert_eq!(Registry::read(&file.to_string(), &Limits::default()).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn every_wrong_entry_is_named_with_its_reason() {
        let other = DocumentId::of("{ hub { version } }");
        let deep = format!("{{ {} id {} }}", "a { ".repeat(40), "} ".repeat(40));
        for (entry, document, reason) in [
            (other.as_str(), json!(LIST), "was changed after the file was written"),
            (other.as_str().trim_start_matches("sha256:"), json!(LIST), "was changed after the file was written"),
            ("md5:abc", json!(LIST), "are reserved"),
            ("a b", json!(LIST), "no document identifier"),
            ("A", json!(1), "must be the text"),
            ("A", json!("{"), "does not parse"),
            ("A", json!("{ nosuchfield }"), "Unknown field"),
            ("A", json!("{ thread(id: 1) { id } }"), "line 1, column"),
            ("A", json!("query ($id: Nothing) { node(id: $id) { id } }"), "does not hold against the schema"),
            ("A", json!("query ($id: ID) { node(id: $id) { id } }"), "is used where ID! is expected"),
            ("A", json!("query ($a: [Nothing] = [1]) { hub { version } }"), "the schema has no such type"),
            ("A", json!("query A { hub { version } } query B { nosuchfield }"), "Unknown field"),
            ("A", json!("{ ...A } fragment A on Query { ...A }"), "spreads itself"),
            ("A", json!(deep), "levels of fields"),
        ] {
            let found = faults(json!({ entry: document })).await;
            assert_eq!(found.len(), 1, "{entry}: {document}");
            assert_eq!(found[0].0, entry);
            assert!(found[0].1.contains(reason), "{reason}: {}", found[0].1);
        }
        assert_eq!(faults(json!({ "A": "{", "B": LIST, "C": "}" })).await.len(), 2, "all are named, not the first alone");
    }

    #[tokio::test]
    async fn a_name_that_is_there_twice_is_no_two_documents() {
        let read = async |json: &str| Registry::read(json, &Limits::default()).await;
        assert!(read(r#"{ "A": "{ hub { version } }", "A": "{ hub { version } }" }"#).await.is_ok());
        let error = read(r#"{ "A": "{ hub { version } }", "A": "{ hub { position } }" }"#).await.unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
        for json in ["", "[]", "1", "{ \"A\": }", "[\"A\"]"] {
            assert!(matches!(read(json).await, Err(RegistryError::Json(_))), "{json}");
        }
        assert!(read("{}").await.unwrap().is_empty());
    }
}
