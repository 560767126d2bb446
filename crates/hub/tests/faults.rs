//! What goes wrong around the hub, and what it says and does then.

#![allow(clippy::unwrap_used, reason = "in a test a surprise ends the test")]

mod common;

use common::{Ground, Nats, PATIENCE, client, hub};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Output;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const CHANGE: &str =
    "mutation Change($input: ProfileChangeInput!) { profileChange(input: $input) { person { name } userErrors { message } } }";
const ERASE: &str = "mutation Erase($input: PersonInput!) { personErase(input: $input) { userErrors { message } } }";
const WHO: &str = "query Who($id: ID!) { node(id: $id) { ... on Person { name } } }";

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// It failed, with one line that says this.
fn fails_with_one_line(output: &Output, says: &[&str]) {
    assert!(!output.status.success());
    let said = stderr(output);
    let line = said.lines().last().unwrap_or_default();
    for part in says {
        assert!(line.contains(part), "“{part}” is missing in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hub_on_the_same_folder_is_refused() {
    let ground = Ground::embedded();
    let first = ground.demo();
    let output = ground.run(&["serve", "--listen", "127.0.0.1:0"]);
    fails_with_one_line(&output, &["in use by another hub"]);
    first.stop();
    // Once the first has gone, its log can be checked where it lies.
    assert!(ground.succeed(&["events", "verify", "--data-dir", ground.data().to_str().unwrap()]).contains("whole"));
}

#[tokio::test]
async fn a_port_in_use_is_said_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ground = Ground::embedded();
    fails_with_one_line(&ground.run(&["demo", "--listen", &address]), &["cannot listen", &address, "--listen"]);
}

#[test]
fn a_bad_setting_is_named() {
    fails_with_one_line(&hub(&["serve"]).env("HUB_LISEN", "127.0.0.1:1").output().unwrap(), &["lisen"]);
    fails_with_one_line(&hub(&["serve"]).env("HUB_LISTEN", "not an address").output().unwrap(), &["listen"]);
    fails_with_one_line(&hub(&["serve", "--config", "/nowhere/hub.toml"]).output().unwrap(), &["/nowhere/hub.toml"]);
    let no_key = hub(&["serve"]).env("HUB_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none").output().unwrap();
    fails_with_one_line(&no_key, &["HUB_MASTER_KEY_FILE"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let inside = file.path().join("data");
    let output = hub(&["serve", "--data-dir", inside.to_str().unwrap()]).output().unwrap();
    fails_with_one_line(&output, &[inside.to_str().unwrap(), "--data-dir"]);
}

#[test]
fn a_mistyped_folder_is_no_empty_hub() {
    let folder = tempfile::tempdir().unwrap();
    let typo = folder.path().join("typo");
    for arguments in [&["events", "verify"][..], &["events", "export"], &["projections", "status"], &["org", "list"]] {
        let output = hub(arguments).env("HUB_DATA_DIR", &typo).output().unwrap();
        fails_with_one_line(&output, &["There is no hub in the folder", typo.to_str().unwrap()]);
        assert!(!typo.exists(), "hub {arguments:?} made the folder");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    use std::process::Stdio;
    let mut child = hub(&["reference", "authority"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_database_that_does_not_answer_is_said_without_its_password() {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let mut command = hub(&["doctor"]);
    command.env("HUB_DATABASE_URL", "postgres://hub:canary-password@127.0.0.1:1/none").env("HUB_MASTER_KEY_FILE", key.path());
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
    assert!(said.contains("WRONG  database"), "{said}");
    assert!(!said.contains("canary-password"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_a_healthy_hub_healthy() {
    let ground = Ground::embedded();
    ground.demo().stop();
    // The demonstration's providers run with it only, so the doctor must say that they do not answer, and no more than that.
    let output = ground.hub(&["doctor"]).env("HUB_LOOPBACK_PROVIDERS", "true").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong: Vec<&str> = said.lines().filter(|line| line.starts_with("WRONG")).collect();
    assert!(wrong.iter().all(|line| line.contains("identity provider")), "{said}");
    for what in ["configuration", "database", "migrations", "clock", "event log", "views", "bus"] {
        assert!(said.lines().any(|line| line.starts_with("ok") && line.contains(what)), "{what}: {said}");
    }
}

/// Carries connections to the database, until it is told to cut them.
struct Wire {
    address: SocketAddr,
    up: watch::Sender<bool>,
}

impl Wire {
    async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (up, is_up) = watch::channel(true);
        let target = Arc::new(target);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (mut is_up, target) = (is_up.clone(), target.clone());
                tokio::spawn(async move {
                    if !*is_up.borrow() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(target.as_str()).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = is_up.wait_for(|up| !up) => {}
                    }
                });
            }
        });
        Self { address, up }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_it_says_503_and_recovers_by_itself() {
    let ground = Ground::servers().await;
    let Ground::Servers { database, .. } = &ground else { unreachable!() };
    let direct = url::Url::parse(&database.url()).unwrap();
    let wire = Wire::to(format!("{}:{}", direct.host_str().unwrap(), direct.port().unwrap_or(5432))).await;
    let mut through = direct.clone();
    through.set_host(Some("127.0.0.1")).unwrap();
    through.set_port(Some(wire.address.port())).unwrap();
    let running = ground.demo_with(|command| {
        command.env("HUB_DATABASE_URL", through.as_str());
    });
    let query = json!({ "query": "{ communities(first: 5) { nodes { name } } }" });
    let ask = || async { client().post(running.graphql()).json(&query).send().await.unwrap() };
    assert_eq!(ask().await.status(), 200);

    wire.up.send_replace(false);
    let answer = ask().await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{body}");
    let page = client().get(format!("{}/communities", running.url())).send().await.unwrap();
    assert_eq!(page.status(), 503);
    assert!(page.text().await.unwrap().contains("<h1"));
    assert_eq!(client().get(format!("{}/readyz", running.url())).send().await.unwrap().status(), 503);

    wire.up.send_replace(true);
    let began = Instant::now();
    while ask().await.status() != 200 {
        assert!(began.elapsed() < PATIENCE, "the hub does not recover");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn losing_nats_loses_nothing() {
    let mut ground = Ground::servers().await;
    let running = ground.demo();
    let token = running.token(0).to_owned();
    let rename = |name: &str| {
        use kernel::Ids;
        let id = kernel::RandomIds.next().to_string();
        json!({ "input": { "commandId": id, "name": name, "about": "" } })
    };
    // NATS goes away with everything it held. Commands go on, and views follow: they are fed from the log.
    if let Ground::Servers { nats, .. } = &mut ground {
        *nats = Nats::start();
    }
    let changed = running.ask(Some(&token), CHANGE, rename("Ngozi without NATS")).await;
    assert_eq!(changed["profileChange"]["person"]["name"], "Ngozi without NATS", "{changed}");
    running.stop();
    // On a new and empty NATS the log is published again, whole.
    let said = ground.succeed(&["events", "republish"]);
    let head: Value = serde_json::from_str(&ground.succeed(&["events", "verify", "--json"])).unwrap();
    assert!(said.starts_with(&format!("{} events", head["events"])), "{said} {head}");
    let running = ground.demo();
    let again = running.ask(Some(&token), "{ viewer { person { name } } }", json!({})).await;
    assert_eq!(again["viewer"]["person"]["name"], "Ngozi without NATS");
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_stays_a_former_member_whatever_is_rebuilt() {
    let ground = Ground::embedded();
    let running = ground.demo();
    let token = running.token(6).to_owned();
    let me = running.ask(Some(&token), "{ viewer { person { id name } } }", json!({})).await;
    let person = me["viewer"]["person"]["id"].clone();
    let id = {
        use kernel::Ids;
        kernel::RandomIds.next().to_string()
    };
    let erased = running.ask(Some(&token), ERASE, json!({ "input": { "commandId": id, "person": person } })).await;
    assert_eq!(erased["personErase"]["userErrors"], json!([]), "{erased}");
    let other = running.token(0).to_owned();
    assert_eq!(running.ask(Some(&other), WHO, json!({ "id": person })).await["node"]["name"], "Former member");
    // The erased person's token has ended with them, as soon as the consequence is drawn.
    let began = Instant::now();
    while running.try_ask(Some(&token), "{ viewer { email } }", json!({})).await.unwrap().0 != 401 {
        assert!(began.elapsed() < PATIENCE, "the token still works");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    running.stop();
    ground.succeed(&["projections", "rebuild", "all"]);
    assert!(ground.succeed(&["events", "verify"]).contains("whole"));
    let shown = ground.succeed(&["events", "tail", "--after", "0", "--no-follow"]);
    assert!(!shown.contains("Rhys Oyelaran-Pugh"), "personal data shows in what the log prints");
    let running = ground.demo();
    assert_eq!(running.ask(Some(&other), WHO, json!({ "id": person })).await["node"]["name"], "Former member");
    running.stop();
}
