use crate::support::{append, id, personal, sequenced, stream};
use kernel::{Claim, CommandId, PersonId};
use serde_json::Value;
use store::{AppendError, ImportError, KeyRing, Log, export, import, testing, verify};

/// A log with something of everything, and the commands that filled it.
async fn filled(database: &testing::Database) -> (Log, Vec<store::Append>) {
    let log = database.log();
    let stream = stream();
    let (kept, erased) = (PersonId(id()), PersonId(id()));
    let mut claiming = append(&stream, 0, 3);
    claiming.claims = vec![Claim::Take { space: "community_slug", value: "rust".to_owned() }];
    let mut system = append(&stream, 3, 700);
    system.meta.actor = kernel::Who::System("demo".to_owned());
    system.meta.organisation = None;
    system.meta.traceparent = None;
    system.meta.causation = Some(claiming.events[0].id);
    let commands =
        vec![claiming, system, append(&stream, 703, 0), personal(kept, 0, "Ada"), personal(erased, 0, "Ben"), append(&stream, 703, 1)];
    for command in &commands {
        log.append(command.clone()).await.unwrap();
    }
    log.destroy_key(erased).await.unwrap();
    sequenced(&log, 706).await;
    (log, commands)
}

async fn exported(log: &Log, after: u64) -> String {
    let mut lines = Vec::new();
    export(log, after, &mut lines, |_, _| {}).await.unwrap();
    String::from_utf8(lines).unwrap()
}

#[tokio::test]
async fn an_imported_log_is_the_same_log() {
    let (source, target) = (testing::database().await, testing::database().await);
    let (log, commands) = filled(&source).await;
    let lines = exported(&log, 0).await;
    assert!(!lines.contains("Ada") && !lines.contains("rust"), "neither personal data nor claimed values");

    let copy = Log::new(target.pool().clone(), log.keys().clone());
    let mut reported = Vec::new();
    let imported = import(&copy, lines.as_bytes(), |done, of| reported.push((done, of))).await.unwrap();
    assert_eq!((imported.events, imported.commands), (706, 6));
    assert_eq!(reported.last(), Some(&(706, 706)));
    assert_eq!(*copy.progress().borrow(), 706);

    assert_eq!(copy.read(0, 1_000).await.unwrap(), log.read(0, 1_000).await.unwrap());
    assert_eq!(verify(&copy, |_, _| {}).await.unwrap(), verify(&log, |_, _| {}).await.unwrap());
    assert_eq!(imported.head_hash, verify(&log, |_, _| {}).await.unwrap().head_hash);
    assert_eq!(exported(&copy, 0).await, lines, "what is exported again is the same to the byte");

    // Idempotency, claims and erasure came along, and the log goes on behind the imported events.
    for command in &commands {
        assert!(copy.append(command.clone()).await.unwrap().repeated);
    }
    assert_eq!(copy.claim_holder("community_slug", "rust").await.unwrap(), log.claim_holder("community_slug", "rust").await.unwrap());
    let erased = commands[4].personal.unwrap();
    assert!(matches!(copy.append(personal(erased, 1, "Ben again")).await, Err(AppendError::Erased(_))));
    copy.append(append(&commands[0].stream, 704, 2)).await.unwrap();
    sequenced(&copy, 708).await;
    verify(&copy, |_, _| {}).await.unwrap();
}

#[tokio::test]
async fn an_empty_log_is_carried_too() {
    let (source, target) = (testing::database().await, testing::database().await);
    let log = source.log();
    let copy = Log::new(target.pool().clone(), log.keys().clone());
    let imported = import(&copy, exported(&log, 0).await.as_bytes(), |_, _| {}).await.unwrap();
    assert_eq!((imported.events, imported.head_hash), (0, [0; 32]));
}

#[tokio::test]
async fn what_has_no_place_yet_is_left_out_with_its_command_and_claims() {
    let source = testing::database().await;
    let log = source.log();
    log.append(append(&stream(), 0, 1)).await.unwrap();
    sequenced(&log, 1).await;
    let mut waiting = append(&stream(), 0, 1);
    waiting.claims = vec![Claim::Take { space: "community_slug", value: "late".to_owned() }];
    log.append(waiting.clone()).await.unwrap();
    let lines = exported(&log, 0).await;
    assert!(!lines.contains(&waiting.command.to_string()) && !lines.contains("claim"), "{lines}");
}

#[tokio::test]
async fn a_wrong_file_is_named_by_its_line_and_leaves_nothing() {
    let (source, target) = (testing::database().await, testing::database().await);
    let (log, _) = filled(&source).await;
    let lines: Vec<String> = exported(&log, 0).await.lines().map(str::to_owned).collect();
    let copy = Log::new(target.pool().clone(), log.keys().clone());
    let first_event = lines.iter().position(|line| line.starts_with("{\"event\"")).unwrap();
    let altered = |index: usize, from: &str, to: &str| {
        let mut lines = lines.clone();
        assert!(lines[index].contains(from), "{}", lines[index]);
        lines[index] = lines[index].replacen(from, to, 1);
        (lines, index + 1)
    };
    let without = |index: usize| (lines.iter().enumerate().filter(|line| line.0 != index).map(|line| line.1.clone()).collect(), index + 1);
    let swapped = {
        let mut lines = lines.clone();
        lines.swap(first_event, first_event + 1);
        (lines, first_event + 1)
    };
    let cases: Vec<((Vec<String>, usize), &str)> = vec![
        (altered(first_event + 1, "number\\\":1", "number\\\":2"), "altered"),
        (altered(first_event + 600, "thread_replied", "thread_deleted"), "altered"),
        (altered(first_event + 2, "{\"event\"", "{\"even\""), "not a line"),
        (altered(first_event, "}}", "}"), "not a line"),
        (altered(0, "hub event log", "other"), "only \"hub event log\" version 1"),
        (altered(lines.len() - 1, "\"events\":706", "\"events\":705"), "the end of 705"),
        (without(first_event + 3), "position 4 was expected"),
        (without(0), "header is missing"),
        (swapped, "position 1 was expected"),
    ];
    for ((lines, line), says) in cases {
        let refused = import(&copy, lines.join("\n").as_bytes(), |_, _| {}).await;
        match refused {
            Err(ImportError::Line { line: named, what }) => assert!(named == line as u64 && what.contains(says), "{says}: {named}: {what}"),
            other => panic!("{says}: {other:?}"),
        }
    }
    let mut doubled = lines.clone();
    doubled.push(lines[first_event].clone());
    assert!(matches!(import(&copy, doubled.join("\n").as_bytes(), |_, _| {}).await, Err(ImportError::Line { .. })));
    let cut = lines[..lines.len() - 1].join("\n");
    assert!(matches!(import(&copy, cut.as_bytes(), |_, _| {}).await, Err(ImportError::CutOff { lines: n }) if n == lines.len() as u64 - 1));
    assert!(matches!(import(&copy, "".as_bytes(), |_, _| {}).await, Err(ImportError::CutOff { lines: 0 })));
    let other = Log::new(target.pool().clone(), KeyRing::random());
    assert!(matches!(import(&other, lines.join("\n").as_bytes(), |_, _| {}).await, Err(ImportError::OtherMasterKey)));

    // After all these attempts the log is still empty, and the right file goes in.
    import(&copy, lines.join("\n").as_bytes(), |_, _| {}).await.unwrap();
    assert!(matches!(import(&copy, lines.join("\n").as_bytes(), |_, _| {}).await, Err(ImportError::NotEmpty)));
}

#[tokio::test]
async fn a_part_is_exported_with_its_commands_and_cannot_be_imported() {
    let (source, target) = (testing::database().await, testing::database().await);
    let (log, commands) = filled(&source).await;
    let lines = exported(&log, 705).await;
    let parsed: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = parsed.iter().filter_map(|line| line.get("event")).collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["seq"], 706);
    let listed: Vec<CommandId> =
        parsed.iter().filter_map(|line| line.get("command")).map(|line| line["id"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(listed, [commands[5].command]);
    let copy = Log::new(target.pool().clone(), log.keys().clone());
    assert!(matches!(import(&copy, lines.as_bytes(), |_, _| {}).await, Err(ImportError::Partial { after: 705 })));
}

#[tokio::test]
async fn nothing_is_imported_under_a_running_hub() {
    let database = testing::database().await;
    let log = database.log();
    let lines = exported(&log, 0).await;
    let mut leader = log.pool().acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock($1)").bind(store::sequencer::LOCK).execute(&mut *leader).await.unwrap();
    assert!(matches!(import(&log, lines.as_bytes(), |_, _| {}).await, Err(ImportError::Running)));
}
