//! As on the embedded database: a pool of one connection, with which everything has to make do.

use crate::support::{PATIENCE, append, id, personal, stream};
use futures::future::join_all;
use kernel::PersonId;
use store::{Leadership, Sequencer, testing, verify};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_serves_writers_readers_and_sequencer() {
    let database = testing::database_with(1).await;
    let log = database.log();
    let stop = CancellationToken::new();
    let sequencer = tokio::spawn(Sequencer::new(log.clone(), Leadership::Sole).run(stop.clone()));
    let writers = (0..16).map(|number| {
        let log = log.clone();
        tokio::spawn(async move {
            let stream = stream();
            for version in 0..5 {
                let appended = log.append(append(&stream, version, 1)).await.unwrap();
                assert!(log.await_sequenced(appended.receipt.events[0], PATIENCE).await.unwrap().is_some());
            }
            log.append(personal(PersonId(id()), 0, &format!("name {number}"))).await.unwrap();
            log.load(&stream).await.unwrap().len()
        })
    });
    for written in join_all(writers).await {
        assert_eq!(written.unwrap(), 5);
    }
    log.progress().wait_for(|head| *head == 96).await.unwrap();
    assert_eq!(log.read(0, 200).await.unwrap().len(), 96);
    let mut exported = Vec::new();
    store::export(&log, 0, &mut exported, |_, _| {}).await.unwrap();
    assert_eq!(verify(&log, |_, _| {}).await.unwrap().events, 96);
    stop.cancel();
    sequencer.await.unwrap();
}
