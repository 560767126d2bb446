//! Lists whose items answer plainly, and the same by the executor: nobody can tell which it was.

use crate::hub::{Hub, Someone};
use serde_json::{Value, json};

/// Every field of a thread that a list can carry along, with what it refers to.
const FIELDS: &str = "__typename id title openedAt lastActivityAt locked closed answered replyCount upvoteCount source version \
    author { __typename id name placeholder organisation { __typename id slug name } } \
    category { __typename id slug name } community { __typename id slug name }";

async fn threads(hub: &Hub, who: Option<&Someone>, fields: &str) -> Value {
    let document = format!("query {{ threads(first: 10) {{ edges {{ cursor node {{ {fields} }} }} nodes {{ {fields} }} }} }} {FRAGMENT}");
    let document = if fields.contains("...Named") { document } else { document.replace(FRAGMENT, "") };
    hub.ask(who.map(|who| who.token.as_str()), &document, json!({})).await.data()["threads"].clone()
}

const FRAGMENT: &str = "fragment Named on Thread { id title author { name } }";

#[tokio::test]
async fn both_ways_give_the_same_answer() {
    let hub = Hub::start().await;
    let north = hub.organisation("north").await;
    let ada = hub.person(north, "Ada").await;
    let place = hub.place(&ada, "open").await;
    let (one, _) = hub.thread(&ada, &place, "One").await;
    hub.thread(&ada, &place, "Two").await;
    hub.reply(&ada, &one, "a reply").await;

    for who in [None, Some(&ada)] {
        let plain = threads(&hub, who, FIELDS).await;
        assert_eq!(plain["nodes"].as_array().unwrap().len(), 2);
        // A directive is the executor's business.
        let executed = threads(&hub, who, &FIELDS.replacen("title", "title @include(if: true)", 1)).await;
        assert_eq!(plain, executed);
        // So is a field that takes a look at a view, and one field asked for twice.
        for more in ["audience { reach }", "author { about }", "viewerHasUpvoted"] {
            let executed = threads(&hub, who, &format!("{FIELDS} {more}")).await;
            for (plain, executed) in plain["nodes"].as_array().unwrap().iter().zip(executed["nodes"].as_array().unwrap()) {
                for field in ["id", "title", "lastActivityAt", "replyCount", "category", "community"] {
                    assert_eq!(plain[field], executed[field], "{more}");
                }
                assert_eq!(plain["author"]["name"], executed["author"]["name"]);
            }
        }
    }
}

#[tokio::test]
async fn aliases_and_fragments_are_answered_plainly_as_the_executor_does() {
    let hub = Hub::start().await;
    let north = hub.organisation("north").await;
    let ada = hub.person(north, "Ada").await;
    let place = hub.place(&ada, "open").await;
    hub.thread(&ada, &place, "One").await;
    for fields in ["...Named", "... on Thread { title } ... { id }", "key: id name: title", "title title", "... on Node { id } title"] {
        let plain = threads(&hub, Some(&ada), fields).await;
        let mut executed = threads(&hub, Some(&ada), &format!("{fields} executed: version @include(if: true)")).await;
        for path in ["/nodes/0", "/edges/0/node"] {
            executed.pointer_mut(path).and_then(Value::as_object_mut).and_then(|node| node.remove("executed")).unwrap();
        }
        assert_eq!(plain, executed, "{fields}");
        assert!(plain["nodes"][0].as_object().is_some_and(|node| !node.is_empty()), "{fields}");
    }
}
