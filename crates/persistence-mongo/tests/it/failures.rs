//! Tests of server failures: crashes, elections, errors, lost connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join3;
use mongodb::bson::{Document, doc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use webchat_domain::{ConversationId, MessageId, MessageStatus, SearchQuery, TurnId, UserId};
use webchat_persistence::testing::{empty_answer, final_state, moment, question};
use webchat_persistence::{
    AnswerUpdate, Append, AppendOutcome, ClaimScope, Conversations, Edit, StoreError, TurnLease,
};
use webchat_persistence_mongo::{MongoDatabase, MongoStore, Schema};

use crate::support::TestDatabase;
use crate::support::server::TestServer;

const WRITERS: usize = 4;

struct Fixture {
    server: TestServer,
    database: MongoDatabase,
    store: MongoStore,
    user_id: UserId,
    id: ConversationId,
}

/// Starts a server with one conversation.
async fn start() -> Fixture {
    let server = TestServer::start().await;
    let database = TestDatabase::on(&server).connect().await;
    Schema::of(database.clone()).prepare().await.unwrap();
    let store = MongoStore::new(database.clone());
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    store.create(user_id, id, moment(0)).await.unwrap();
    Fixture { server, database, store, user_id, id }
}

impl Fixture {
    async fn append(&self) -> Result<AppendOutcome, StoreError> {
        let append = Append { messages: vec![question("tide")], ..Append::default() };
        self.store.append(self.user_id, self.id, append, moment(1)).await
    }

    async fn count(&self) -> u64 {
        self.store.find(self.user_id, self.id).await.unwrap().unwrap().message_count
    }

    /// Makes the server fail these commands of the driver this many times.
    async fn fail(&self, commands: &[&str], times: i32, failure: Document) {
        let mut data = doc! { "failCommands": commands.to_vec() };
        data.extend(failure);
        let mode = doc! { "times": times };
        self.server.fail_point("failCommand", mode, data).await;
    }

    /// Starts several tasks that keep appending, even after errors.
    fn start_writers(&self) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..WRITERS {
            let (store, user_id, id) = (self.store.clone(), self.user_id, self.id);
            let stop = Arc::clone(&stop);
            tasks.spawn(async move { append_until(&stop, &store, user_id, id).await });
        }
        Writers { stop, tasks }
    }

    /// Asserts that acknowledged messages are stored and that each position is used once.
    async fn assert_consistent(&self, acknowledged: &[MessageId]) {
        let messages = self.store.messages(self.user_id, self.id, None, 100_000).await;
        let messages = messages.unwrap().unwrap();
        let stored: Vec<_> = messages.iter().map(|message| message.message_id).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|id| !stored.contains(id)).collect();
        assert!(lost.is_empty(), "{} of {} lost", lost.len(), acknowledged.len());
        let positions: Vec<_> = messages.iter().map(|message| message.position).collect();
        assert_eq!(positions, (1..=u64::try_from(stored.len()).unwrap()).collect::<Vec<_>>());
        assert_eq!(self.count().await, u64::try_from(stored.len()).unwrap());
    }
}

struct Writers {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<WriterReport>,
}

#[derive(Default)]
struct WriterReport {
    acknowledged: Vec<MessageId>,
    longest_pause: Duration,
}

impl Writers {
    async fn stop(self) -> WriterReport {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = WriterReport::default();
        for report in self.tasks.join_all().await {
            all.acknowledged.extend(report.acknowledged);
            all.longest_pause = all.longest_pause.max(report.longest_pause);
        }
        all
    }
}

async fn append_until(
    stop: &AtomicBool,
    store: &MongoStore,
    user_id: UserId,
    id: ConversationId,
) -> WriterReport {
    let mut report = WriterReport::default();
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let message = question("tide");
        let message_id = message.message_id;
        let append = Append { messages: vec![message], ..Append::default() };
        match store.append(user_id, id, append, moment(1)).await {
            Ok(_) => {
                report.acknowledged.push(message_id);
                report.longest_pause = report.longest_pause.max(last.elapsed());
                last = Instant::now();
            }
            Err(StoreError::Unavailable(_)) => sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("unexpected error: {error:?}"),
        }
    }
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_messages_survive_server_kills_and_writers_continue() {
    let mut fixture = start().await;
    let writers = fixture.start_writers();
    for uptime in [300, 700, 400] {
        sleep(Duration::from_millis(uptime)).await;
        fixture.server.kill();
        fixture.server.restart().await;
    }
    let after = fixture.count().await;
    sleep(Duration::from_secs(3)).await;

    let report = writers.stop().await;

    assert!(fixture.count().await > after, "the writers did not continue after the last restart");
    fixture.assert_consistent(&report.acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_answer_survives_a_server_kill() {
    let mut fixture = start().await;
    let turn_id = TurnId::generate();
    let append = Append {
        messages: vec![question("why?"), empty_answer(turn_id)],
        turn: Some(TurnLease { turn_id, lease_until: moment(10_000) }),
        ..Append::default()
    };
    let appended = fixture.store.append(fixture.user_id, fixture.id, append, moment(0)).await;
    let Ok(AppendOutcome::Stored { messages, .. }) = appended else { panic!("{appended:?}") };
    let answer = final_state(&messages[1], "Because.");
    let progress = AnswerUpdate { lease_until: Some(moment(11_000)), ..answer.clone() };

    fixture.store.save_answer(fixture.id, progress, moment(1)).await.unwrap();
    fixture.store.save_answer(fixture.id, answer, moment(2)).await.unwrap();
    fixture.server.kill();
    fixture.server.restart().await;

    let messages = fixture.store.messages(fixture.user_id, fixture.id, None, 2).await;
    let saved = messages.unwrap().unwrap().remove(1);
    assert_eq!((saved.content.as_str(), saved.status), ("Because.", MessageStatus::Complete));
    let conversation = fixture.store.find(fixture.user_id, fixture.id).await.unwrap().unwrap();
    assert_eq!((conversation.total_tokens, conversation.updated_at), (7 + 3, moment(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_steps_down_loses_no_message() {
    let fixture = start().await;
    let writers = fixture.start_writers();
    sleep(Duration::from_millis(500)).await;

    fixture.server.step_down().await;
    sleep(Duration::from_secs(5)).await;

    let report = writers.stop().await;
    assert!(report.longest_pause > Duration::from_millis(500), "the writers noticed no election");
    fixture.assert_consistent(&report.acknowledged).await;
}

#[tokio::test]
async fn without_a_server_calls_fail_within_seconds_and_succeed_after_its_restart() {
    let mut fixture = start().await;
    fixture.server.kill();
    // The first call waits longer, until the driver gives up selecting a server.
    let first = fixture.append().await;

    let started = Instant::now();
    let query = SearchQuery::parse("tide");
    let (found, appended, searched) = join3(
        fixture.store.find(fixture.user_id, fixture.id),
        fixture.append(),
        fixture.store.search(fixture.user_id, &query, 10),
    )
    .await;

    assert!(matches!(first, Err(StoreError::Unavailable(_))), "{first:?}");
    assert!(matches!(found, Err(StoreError::Unavailable(_))), "{found:?}");
    assert!(matches!(appended, Err(StoreError::Unavailable(_))), "{appended:?}");
    assert!(matches!(searched, Err(StoreError::Unavailable(_))), "{searched:?}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    fixture.server.restart().await;
    assert!(matches!(fixture.append().await, Ok(AppendOutcome::Stored { .. })));
}

#[tokio::test]
async fn errors_of_the_server_become_errors_of_the_store() {
    let fixture = start().await;
    let find = async |failure: Document| {
        // The driver retries some reads once. The next fail point replaces what is left of this one.
        fixture.fail(&["find"], 2, failure).await;
        fixture.store.find(fixture.user_id, fixture.id).await.unwrap_err()
    };

    for (code, meaning) in [
        (14031, "disk full"),
        (8000, "over the quota"),
        (91, "shutting down"),
        (10107, "not the primary"),
        (13, "unauthorized"),
    ] {
        let error = find(doc! { "errorCode": code }).await;
        assert!(matches!(error, StoreError::Unavailable(_)), "{meaning}: {error:?}");
    }
    let error = find(doc! { "closeConnection": true }).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let error = find(doc! { "errorCode": 50 }).await;
    assert!(matches!(error, StoreError::Timeout(_)), "too slow: {error:?}");
    let error = find(doc! { "errorCode": 2 }).await;
    assert!(matches!(error, StoreError::Fault(_)), "a bad value: {error:?}");
}

#[tokio::test]
async fn a_write_not_acknowledged_by_a_majority_fails() {
    let fixture = start().await;
    let write_concern_error = doc! { "code": 100, "codeName": "", "errmsg": "not enough members" };
    let failure = doc! { "writeConcernError": write_concern_error };

    fixture.fail(&["commitTransaction"], 1, failure.clone()).await;
    let appended = fixture.append().await;
    fixture.fail(&["commitTransaction"], 1, failure.clone()).await;
    let title = "Tides".to_owned().try_into().ok();
    let edit = Edit { title, ..Edit::default() };
    let renamed = fixture.store.edit(fixture.user_id, fixture.id, edit).await;
    fixture.fail(&["findAndModify"], 1, failure).await;
    let claimed = fixture
        .store
        .claim_expired_turns(ClaimScope::ALL, moment(1), moment(1), moment(2), 1)
        .await;

    assert!(matches!(appended, Err(StoreError::Unavailable(_))), "{appended:?}");
    assert!(matches!(renamed, Err(StoreError::Unavailable(_))), "{renamed:?}");
    assert!(matches!(claimed, Err(StoreError::Unavailable(_))), "{claimed:?}");
}

#[tokio::test]
async fn a_transaction_whose_connection_breaks_or_that_conflicts_is_applied_once() {
    let fixture = start().await;

    for commands in [["insert"], ["commitTransaction"]] {
        fixture.fail(&commands, 1, doc! { "closeConnection": true }).await;
        assert!(matches!(fixture.append().await, Ok(AppendOutcome::Stored { .. })));
    }
    fixture
        .fail(
            &["insert"],
            3,
            doc! { "errorCode": 112, "errorLabels": ["TransientTransactionError"] },
        )
        .await;
    assert!(matches!(fixture.append().await, Ok(AppendOutcome::Stored { .. })));

    assert_eq!(fixture.count().await, 3);
    fixture.assert_consistent(&[]).await;
}

#[tokio::test]
async fn a_dropped_call_does_not_block_others() {
    let fixture = start().await;

    for micros in (0..5_000).step_by(25).cycle().take(600) {
        let _ = timeout(Duration::from_micros(micros), fixture.append()).await;
        let started = Instant::now();
        assert!(matches!(fixture.append().await, Ok(AppendOutcome::Stored { .. })));
        assert!(started.elapsed() < Duration::from_secs(2), "{micros} µs: {:?}", started.elapsed());
    }

    fixture.assert_consistent(&[]).await;
}

#[tokio::test]
async fn closing_waits_for_dropped_calls() {
    let fixture = start().await;
    let slow = doc! { "blockConnection": true, "blockTimeMS": 400 };
    fixture.fail(&["insert"], 1, slow).await;
    let outcome = timeout(Duration::from_millis(100), fixture.append()).await;

    fixture.database.close().await;

    assert!(outcome.is_err());
    assert!(matches!(fixture.database.ping().await, Err(StoreError::Unavailable(_))));
    let uri = format!("mongodb://{}?replicaSet=test", fixture.database.location());
    let store = MongoStore::new(MongoDatabase::connect(&uri).await.unwrap());
    let found = store.find(fixture.user_id, fixture.id).await.unwrap().unwrap();
    assert_eq!(found.message_count, 1);
}

#[tokio::test]
async fn a_transaction_of_a_dead_instance_blocks_its_conversation_for_seconds_only() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    let id = ConversationId::generate();
    store.create(user_id, id, moment(0)).await.unwrap();
    let raw = database.raw().await;
    let mut session = raw.client().start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let conversation = doc! { "conversation_id": id.to_string() };
    let written = doc! { "$set": { "title": "half" } };
    let conversations = raw.collection::<Document>("conversations");
    conversations.update_one(conversation, written).session(&mut session).await.unwrap();
    // The transaction is neither committed nor aborted.
    std::mem::forget(session);

    let started = Instant::now();
    let append = || Append { messages: vec![question("tide")], ..Append::default() };
    let written = async { while store.append(user_id, id, append(), moment(1)).await.is_err() {} };
    timeout(Duration::from_secs(20), written).await.expect("the conversation is still blocked");

    assert!(
        started.elapsed() > Duration::from_secs(3),
        "the transaction did not block the conversation"
    );
    let found = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((found.title, found.message_count), (None, 1));
}
