//! What queries show, to whom.

use crate::hub::{Hub, fresh, text};
use gateway::graphql::GlobalId;
use kernel::Audience;
use serde_json::{Value, json};

const THREADS: &str = "query ($filter: ThreadFilter, $first: Int, $after: String) {
  threads(filter: $filter, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage endCursor }
    nodes { id title replyCount author { id name organisation { slug } about version } community { slug subject } category { slug threadCount } }
  }
}";

#[tokio::test]
async fn strangers_see_what_is_public_and_nobody_by_name() {
    let hub = Hub::start().await;
    let north = hub.organisation("north").await;
    let ada = hub.person(north, "Ada").await;
    let open = hub.place(&ada, "open").await;
    let closed = hub.place_for(&ada, "closed", Audience::members()).await;
    let (public, opening) = hub.thread(&ada, &open, "For all").await;
    let (hidden, _) = hub.thread(&ada, &closed, "For members").await;
    hub.reply(&ada, &public, "a reply").await;

    let seen = hub.ask(None, THREADS, json!({ "first": 10 })).await;
    let threads = &seen.data()["threads"];
    assert_eq!(threads["totalCount"], 1);
    let thread = &threads["nodes"][0];
    assert_eq!(thread["title"], "For all");
    assert_eq!(thread["replyCount"], 1);
    assert_eq!(thread["author"]["name"], "A member of Department north");
    assert_eq!(thread["author"]["organisation"]["slug"], "department-north");
    assert_eq!((&thread["author"]["about"], &thread["author"]["version"]), (&json!(""), &json!(0)));
    assert_eq!(thread["category"]["threadCount"], 1);

    let nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let ids =
        json!({ "ids": [public, opening, hidden, ada.global(), closed.community(), closed.category(), open.community(), open.category()] });
    let shown = |answer: &Value| answer["nodes"].as_array().unwrap().iter().map(|node| !node.is_null()).collect::<Vec<_>>();
    let stranger = hub.ask(None, nodes, ids.clone()).await;
    assert_eq!(shown(stranger.data()), [true, true, false, false, false, false, true, true]);
    let member = hub.ask(Some(&ada.token), nodes, ids).await;
    assert_eq!(shown(member.data()), [true; 8]);
    let person = hub.ask(Some(&ada.token), THREADS, json!({ "first": 10 })).await;
    assert_eq!(person.data()["threads"]["totalCount"], 2);
    assert_eq!(person.data()["threads"]["nodes"][0]["author"]["name"], "Ada");

    let viewer = "{ viewer { person { name } email roles sessions { id } apiTokens { name } memberships(first: 1) { totalCount } } }";
    let nobody = json!({ "person": null, "email": null, "roles": [], "sessions": [], "apiTokens": [], "memberships": { "totalCount": 0 } });
    assert_eq!(hub.ask(None, viewer, json!({})).await.data()["viewer"], nobody);
    let own = hub.ask(Some(&ada.token), viewer, json!({})).await;
    assert_eq!(own.data()["viewer"]["person"]["name"], "Ada");
    assert_eq!(own.data()["viewer"]["memberships"]["totalCount"], 2);
}

#[tokio::test]
async fn lists_are_paged_with_cursors_of_their_own() {
    let hub = Hub::start().await;
    let north = hub.organisation("north").await;
    let ada = hub.person(north, "Ada").await;
    let place = hub.place(&ada, "open").await;
    for n in 0..5 {
        hub.thread(&ada, &place, &format!("t{n}")).await;
    }
    let mut titles = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = hub.ask(None, THREADS, json!({ "first": 2, "after": after })).await;
        let threads = &answer.data()["threads"];
        titles.extend(threads["nodes"].as_array().unwrap().iter().map(|node| text(&node["title"])));
        assert_eq!(threads["pageInfo"]["hasPreviousPage"], !after.is_null());
        if threads["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = threads["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(titles, ["t4", "t3", "t2", "t1", "t0"]);
    // The same cursor with another filter is none.
    let other = hub.ask(None, THREADS, json!({ "first": 2, "after": after, "filter": { "closed": false } })).await;
    assert_eq!(other.code(), "INVALID_PAGE");
    assert_eq!(hub.ask(None, "{ threads { totalCount } }", json!({})).await.code(), "INVALID_PAGE");
    let wrong = hub.ask(None, THREADS, json!({ "first": 2, "filter": { "author": place.community() } })).await;
    assert_eq!(wrong.code(), "INVALID_ID");
    assert_eq!(hub.ask(None, "{ node(id: \"nonsense\") { id } }", json!({})).await.code(), "INVALID_ID");
}

#[tokio::test]
async fn permissions_follow_the_table_and_the_state() {
    let hub = Hub::start().await;
    let (north, south) = (hub.organisation("north").await, hub.organisation("south").await);
    let (ada, bob, eve) = (hub.person(north, "Ada").await, hub.person(south, "Bob").await, hub.person(south, "Eve").await);
    let place = hub.place(&ada, "open").await;
    hub.join(&bob, &place).await;
    let (thread, opening) = hub.thread(&bob, &place, "t").await;
    let document = "query ($thread: ID!, $opening: ID!) {
      thread: node(id: $thread) { ... on Thread { viewerCan { reply edit close lock markAnswer react } } }
      post: node(id: $opening) { ... on Post { viewerCanEdit } }
      community(slug: \"open\") { viewerCan { join leave manage openThread announce } viewerMembership { kind coordinator } }
    }";
    let may = async |token: Option<&str>| {
        let answer = hub.ask(token, document, json!({ "thread": thread, "opening": opening })).await;
        let data = answer.data().clone();
        let names = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .iter()
                .filter(|(_, may)| **may == json!(true))
                .map(|(name, _)| name.clone())
                .collect::<Vec<_>>()
                .join(" ")
        };
        (names(&data["thread"]["viewerCan"]), data["post"]["viewerCanEdit"] == json!(true), names(&data["community"]["viewerCan"]))
    };
    let all = "close edit lock markAnswer react reply";
    assert_eq!(may(None).await, (String::new(), false, String::new()));
    assert_eq!(may(Some(&eve.token)).await, (String::new(), false, "join".to_owned()));
    assert_eq!(may(Some(&bob.token)).await, ("close edit markAnswer react reply".to_owned(), true, "leave openThread".to_owned()));
    assert_eq!(may(Some(&ada.token)).await, (all.to_owned(), true, "announce leave manage openThread".to_owned()));

    let lock =
        "mutation ($input: ThreadInput!) { threadLock(input: $input) { thread { locked viewerCan { reply } } userErrors { message } } }";
    let locked = hub.ask(Some(&ada.token), lock, json!({ "input": { "commandId": fresh(), "thread": thread } })).await;
    assert_eq!(locked.data()["threadLock"]["thread"], json!({ "locked": true, "viewerCan": { "reply": true } }));
    assert_eq!(may(Some(&bob.token)).await, ("close markAnswer react".to_owned(), false, "leave openThread".to_owned()));
}

#[tokio::test]
async fn the_hub_tells_how_far_it_is_and_shows_markdown_safely() {
    let hub = Hub::start().await;
    hub.organisation("north").await;
    let answer = hub.ask(None, "{ hub { version position lag } markdownPreview(source: \"# Hi <script>\") }", json!({})).await;
    assert_eq!(answer.data()["hub"]["lag"], 0);
    assert_eq!(answer.data()["hub"]["position"], "1");
    assert_eq!(answer.data()["markdownPreview"], "<h3>Hi &lt;script&gt;</h3>\n");
    let organisation =
        "{ organisation(slug: \"department-north\") { id name suspended version providers { id } people(first: 1) { totalCount } } }";
    assert_eq!(hub.ask(None, organisation, json!({})).await.data()["organisation"]["version"], 1);
    let provider = GlobalId::Provider(kernel::ProviderId(uuid::Uuid::nil())).encode().0;
    assert_eq!(hub.ask(None, "query ($id: ID!) { node(id: $id) { id } }", json!({ "id": provider })).await.data()["node"], Value::Null);
}
