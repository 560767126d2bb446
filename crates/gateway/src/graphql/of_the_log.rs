//! Which fields change with the log alone, so that an answer made of them is the same as long as the views stand where they stood.
//!
//! **To decide upon a new field:** if what it shows comes from the views (or is computed from its arguments), put it into
//! [`OF_THE_LOG`]. If it shows anything that changes without an event, such as the time, what lies in the tables of sessions, or the progress of
//! this process, put it into [`OUTSIDE`], with the reason. What is in neither is taken to be outside; a test asks for the decision.

use super::HubSchema;
use async_graphql::Name;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, DocumentOperations, ExecutableDocument, OperationType, Selection, SelectionSet, Type};
use async_graphql::parser::types::{ServiceDocument, TypeKind, TypeSystemDefinition};
use std::collections::HashMap;

/// The fields that change with the log alone, by their type.
const OF_THE_LOG: &[(&str, &str)] = &[
    ("Query", "communities community hub markdownPreview node nodes organisation organisations signInOptions threads viewer"),
    ("Audience", "communities organisations reach summary"),
    ("Category", "audience closed community description format id name position slug threadCount version"),
    ("Charter", "cadence format goals openClauses purpose scope sponsor"),
    ("Clause", "html stated text"),
    (
        "Community",
        "archiveReason archived audience categories charter coordinators coreMemberLimit foundedAt home id memberCount members name open \
         organisations slug subject threads version viewerCan viewerMembership",
    ),
    ("CommunityConnection", "edges nodes pageInfo totalCount"),
    ("CommunityEdge", "cursor node"),
    ("CommunityPermissions", "announce join leave manage openThread"),
    ("Hub", "position version"),
    ("IdentityProvider", "enabled id issuer name"),
    ("Membership", "community coordinator joinedAt kind organisation person team"),
    ("MembershipConnection", "edges nodes pageInfo totalCount"),
    ("MembershipEdge", "cursor node"),
    ("Node", "id"),
    ("Organisation", "id name people providers registeredAt slug suspended teams version"),
    ("OrganisationConnection", "edges nodes pageInfo totalCount"),
    ("OrganisationEdge", "cursor node"),
    ("PageInfo", "endCursor hasNextPage hasPreviousPage startCursor"),
    ("Person", "about id joinedAt name organisation placeholder suspended version"),
    ("PersonConnection", "edges nodes pageInfo totalCount"),
    ("PersonEdge", "cursor node"),
    (
        "Post",
        "author body createdAt editedAt html id isAnswer isOpening reactions replies replyTo revisions source thread upvoteCount viewerCanEdit \
         viewerHasUpvoted",
    ),
    ("PostConnection", "edges nodes pageInfo totalCount"),
    ("PostEdge", "cursor node"),
    ("ReactionGroup", "count reaction viewerHasReacted"),
    ("Revision", "at body by"),
    ("SignInOption", "name organisation provider signInUrl"),
    ("Team", "disbanded id members name organisation version"),
    ("TeamConnection", "edges nodes pageInfo totalCount"),
    ("TeamEdge", "cursor node"),
    (
        "Thread",
        "answered answers audience author category closeReason closed community duplicateOf id lastActivityAt locked openedAt openingPost \
         posts replyCount source title upvoteCount version viewerCan viewerHasUpvoted",
    ),
    ("ThreadConnection", "edges nodes pageInfo totalCount"),
    ("ThreadEdge", "cursor node"),
    ("ThreadPermissions", "close edit lock markAnswer react reply"),
    ("Viewer", "email memberships person roles"),
];

#[cfg(test)]
const HISTORY: &str = "a history is read from the log itself, which is ahead of the views at times";
/// The fields that change otherwise too, and why. What they lead to need not be decided upon.
#[cfg(test)]
const OUTSIDE: &[(&str, &str, &str)] = &[
    ("Category", "history", HISTORY),
    ("Community", "history", HISTORY),
    ("Organisation", "history", HISTORY),
    ("Person", "history", HISTORY),
    ("Post", "history", HISTORY),
    ("Team", "history", HISTORY),
    ("Thread", "history", HISTORY),
    ("Hub", "lag", "it grows while the log grows and the views stand still"),
    ("Viewer", "sessions", "sessions open, end and are used without an event"),
    ("Viewer", "apiTokens", "when a token was last used is no event"),
];

/// Knows which documents read what changes with the log alone.
pub(crate) struct OfTheLog {
    /// The fields that do, by type and name, with the type that they lead to.
    fields: HashMap<&'static str, HashMap<&'static str, String>>,
}

impl OfTheLog {
    pub(crate) fn new(schema: &HubSchema) -> Self {
        let types = types(parsed(schema));
        let fields = OF_THE_LOG
            .iter()
            .map(|(kind, names)| {
                let leads = |name| Some((name, types.get(*kind)?.get(name)?.clone()));
                (*kind, names.split_whitespace().filter_map(leads).collect())
            })
            .collect();
        Self { fields }
    }

    /// Whether every field that a document could read changes with the log alone. Each fragment is walked once, whoever spreads it.
    pub(crate) fn holds(&self, document: &ExecutableDocument) -> bool {
        let queries = |operation: OperationType| operation == OperationType::Query;
        let operations = match &document.operations {
            DocumentOperations::Single(only) => queries(only.node.ty) && self.set("Query", &only.node.selection_set.node),
            DocumentOperations::Multiple(all) => {
                all.values().all(|operation| queries(operation.node.ty) && self.set("Query", &operation.node.selection_set.node))
            }
        };
        operations
            && document
                .fragments
                .values()
                .all(|fragment| self.set(fragment.node.type_condition.node.on.node.as_str(), &fragment.node.selection_set.node))
    }

    fn set(&self, kind: &str, set: &SelectionSet) -> bool {
        set.items.iter().all(|selection| match &selection.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                let leads = self.fields.get(kind).and_then(|fields| fields.get(name));
                name == "__typename" || leads.is_some_and(|kind| self.set(kind, &field.node.selection_set.node))
            }
            // It stands in the document, and is walked there.
            Selection::FragmentSpread(_) => true,
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                self.set(condition.unwrap_or(kind), &fragment.node.selection_set.node)
            }
        })
    }
}

fn parsed(schema: &HubSchema) -> ServiceDocument {
    parse_schema(schema.sdl()).expect("the library parses what it writes")
}

/// The fields of every object and interface, with the type that each leads to.
fn types(document: ServiceDocument) -> HashMap<String, HashMap<String, String>> {
    let fields = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(kind) => {
            let name = kind.node.name.node.to_string();
            let fields = match kind.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::InputObject(_) => Vec::new(),
            };
            let fields = fields.into_iter().map(|field| (field.node.name.node.to_string(), innermost(&field.node.ty.node).to_string()));
            Some((name, fields.collect()))
        }
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    fields.collect()
}

fn innermost(kind: &Type) -> &Name {
    match &kind.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => innermost(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use std::collections::{BTreeSet, HashSet};

    #[test]
    fn every_field_has_been_decided_upon() {
        let document = parsed(&crate::graphql::schema(true, false));
        let types = types(document.clone());
        let inside: BTreeSet<(&str, &str)> =
            OF_THE_LOG.iter().flat_map(|(kind, names)| names.split_whitespace().map(move |name| (*kind, name))).collect();
        let outside: BTreeSet<(&str, &str)> = OUTSIDE.iter().map(|(kind, name, _)| (*kind, *name)).collect();
        assert_eq!(inside.intersection(&outside).count(), 0);
        // Whatever a query can reach, but not through what is outside anyway.
        let (mut reached, mut waiting) = (HashSet::new(), vec!["Query".to_owned()]);
        let mut undecided = Vec::new();
        while let Some(kind) = waiting.pop() {
            if !reached.insert(kind.clone()) {
                continue;
            }
            for (name, leads) in types.get(&kind).into_iter().flatten() {
                let field = (kind.as_str(), name.as_str());
                if inside.contains(&field) {
                    waiting.push(leads.clone());
                } else if !outside.contains(&field) {
                    undecided.push(format!("{kind}.{name}"));
                }
            }
            waiting.extend(kinds_of(&document, &kind));
        }
        undecided.sort();
        assert!(
            undecided.is_empty(),
            "decide whether these fields change with the log alone (crates/gateway/src/graphql/of_the_log.rs says how): {undecided:?}"
        );
        for (kind, name) in inside.union(&outside) {
            assert!(types.get(*kind).is_some_and(|fields| fields.contains_key(*name)), "{kind}.{name} is no more: strike it");
        }
    }

    /// What something of an interface or union may turn out to be.
    fn kinds_of(document: &ServiceDocument, abstract_kind: &str) -> Vec<String> {
        let found = document.definitions.iter().flat_map(|definition| {
            let TypeSystemDefinition::Type(kind) = definition else { return Vec::new() };
            let name = kind.node.name.node.to_string();
            match &kind.node.kind {
                TypeKind::Object(object) if object.implements.iter().any(|interface| interface.node == abstract_kind) => vec![name],
                TypeKind::Union(union) if name == abstract_kind => union.members.iter().map(|member| member.node.to_string()).collect(),
                _ => Vec::new(),
            }
        });
        found.collect()
    }

    #[test]
    fn documents_are_of_the_log_by_every_field_that_they_could_read() {
        let of_the_log = OfTheLog::new(&crate::graphql::schema(true, false));
        for (document, holds) in [
            ("{ threads(first: 1) { nodes { id title author { name } } } }", true),
            ("{ __typename viewer { person { name } email } }", true),
            ("{ node(id: \"a\") { id ... on Thread { title ...A } } } fragment A on Thread { posts(first: 1) { totalCount } }", true),
            ("query A { hub { version } } query B { hub { position } }", true),
            ("{ ... { hub { position } } }", true),
            ("{ hub { lag } }", false),
            ("{ a: hub { b: lag } }", false),
            ("{ hub { ...A } } fragment A on Hub { lag }", false),
            ("{ hub { ... on Hub { lag } } }", false),
            ("{ hub { version } viewer { sessions { id } } }", false),
            ("{ viewer { apiTokens { name } } }", false),
            ("query A { hub { version } } query B { hub { lag } }", false),
            ("{ hub { version } } fragment A on Viewer { sessions { id } }", false),
            ("{ __schema { types { name } } }", false),
            ("{ nosuchfield }", false),
            ("{ hub { nosuchfield } }", false),
            ("mutation { threadLock { userErrors { code } } }", false),
            ("subscription { threadActivity(thread: \"a\") { kind } }", false),
        ] {
            assert_eq!(of_the_log.holds(&parse_query(document).unwrap()), holds, "{document}");
        }
    }
}
