//! Tests of the database file: durability, restarts, and rejected files.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "these are tests")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use webchat_domain::{
    Clock, ConversationId, EventBody, EventId, Ledger, MessageAccepted, MessageId, NewMessage,
    ReasoningChunk, ResponseChunk, SystemClock, Timestamp, TokenUsage, TurnId, UserId,
};
use webchat_persistence::{
    AbandonedTurn, Append, AppendOutcome, ClaimScope, Contexts, Conversations, PublishedAnswer,
    Replay, TurnLease, TurnLog, TurnLogExt,
};
use webchat_persistence_sqlite::{OpenError, SqliteStore};

const NOW: Timestamp = Timestamp::FIXTURE;

/// The environment variable of the child process that runs [`write_until_killed`]. It contains the user, the
/// conversation and the path.
const CHILD_ARGUMENTS_VAR: &str = "WEBCHAT_TEST_WRITER_FILE";

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_appends_survive_a_kill_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    let store = SqliteStore::open(&path).await.unwrap();
    store.create(user_id, id, NOW).await.unwrap();
    drop(store);

    let mut acknowledged = 0;
    for kill in 0..10 {
        let path = path.clone();
        let lifetime = Duration::from_millis(20 + 13 * kill);
        acknowledged +=
            tokio::task::spawn_blocking(move || write_and_kill(&path, user_id, id, lifetime))
                .await
                .unwrap();
        let stored = count_messages(&dir.path().join("webchat.db"), user_id, id).await;
        assert!(stored >= acknowledged, "{stored} messages of {acknowledged} acknowledged");
        // At most one more append, which was in progress, is stored.
        assert!(stored <= acknowledged + 1, "{stored} messages of {acknowledged} acknowledged");
        acknowledged = stored;
    }
    assert!(acknowledged > 10, "too few appends were acknowledged: {acknowledged}");
}

/// Not a test, but the process that the test above kills.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "passes arguments to the child test process")]
async fn write_until_killed() {
    let Ok(arguments) = env::var(CHILD_ARGUMENTS_VAR) else {
        return;
    };
    let mut parts = arguments.splitn(3, ' ');
    let (user_id, id) = (parts.next().unwrap(), parts.next().unwrap());
    let (user_id, id) = (user_id.parse().unwrap(), id.parse().unwrap());
    let store = SqliteStore::open(Path::new(parts.next().unwrap())).await.unwrap();
    loop {
        let append = Append { messages: vec![message()], ..Append::default() };
        store.append(user_id, id, append, NOW).await.unwrap();
        eprintln!("acknowledged");
    }
}

#[tokio::test]
async fn sequence_numbers_keep_increasing_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let id = ConversationId::generate();

    let before = SqliteStore::open(&path)
        .await
        .unwrap()
        .turn_log()
        .append_one(id, EventId::generate(), chunk())
        .await;
    let after = SqliteStore::open(&path)
        .await
        .unwrap()
        .turn_log()
        .append_one(id, EventId::generate(), chunk())
        .await;

    assert!(after.unwrap().seq > before.unwrap().seq);
}

/// Starts a turn and publishes its first events. Returns their numbers.
async fn start_turn(
    store: &SqliteStore,
    user_id: UserId,
    id: ConversationId,
    turn_id: TurnId,
) -> [u64; 2] {
    store.create(user_id, id, NOW).await.unwrap();
    let turn = Some(TurnLease { turn_id, lease_until: NOW.plus(Duration::from_mins(1)) });
    let append = Append { messages: vec![message()], turn, ..Append::default() };
    store.append(user_id, id, append, NOW).await.unwrap();
    let log = store.turn_log();
    let text = EventBody::ResponseChunk(ResponseChunk { chunk: "anti".to_owned(), turn_id });
    let accepted = log.append_one(id, EventId::generate(), accepted(turn_id)).await.unwrap();
    let hm = ReasoningChunk { chunk: "Hm.".to_owned(), duration_ms: 7, turn_id };
    let hm = EventBody::ReasoningChunk(hm);
    log.append_one(id, EventId::generate(), hm).await.unwrap();
    let chunk = log.append_one(id, EventId::generate(), text).await.unwrap();
    [accepted.seq, chunk.seq]
}

/// Returns what [`start_turn`] publishes of the answer.
fn published_answer() -> PublishedAnswer {
    let (content, reasoning) = ("anti".to_owned(), "Hm.".to_owned());
    PublishedAnswer { content, reasoning, reasoning_ms: 7 }
}

#[tokio::test]
async fn the_events_of_a_running_turn_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let (user_id, id, turn_id) =
        (UserId::generate(), ConversationId::generate(), TurnId::generate());
    let store = SqliteStore::open(&path).await.unwrap();
    let [first, last] = start_turn(&store, user_id, id, turn_id).await;
    drop(store);

    let log = SqliteStore::open(&path).await.unwrap().turn_log();
    let published = log.published_answer(id, turn_id).await.unwrap();
    let replay = log.read(id, first).await.unwrap();
    let end = log.append_one(id, EventId::generate(), usage(turn_id)).await.unwrap();
    drop(log);
    let log = SqliteStore::open(&path).await.unwrap().turn_log();

    assert_eq!(published, Some(published_answer()));
    let Replay::Events(events) = replay else { panic!("{replay:?}") };
    assert_eq!((events.len(), events[1].seq), (2, last));
    assert!(end.seq > last);
    assert_eq!(log.checkpoint(id).await.unwrap().running_turn, None, "an ended turn was restored");
}

#[tokio::test]
async fn a_turn_that_the_database_does_not_know_is_not_restored() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    let store = SqliteStore::open(&path).await.unwrap();
    start_turn(&store, user_id, id, TurnId::generate()).await;
    store.reset(user_id, id, NOW).await.unwrap();
    drop(store);

    let log = SqliteStore::open(&path).await.unwrap().turn_log();

    assert_eq!(log.checkpoint(id).await.unwrap().running_turn, None);
}

#[tokio::test]
async fn a_damaged_file_of_running_turns_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    fs::write(path.with_extension("turns.jsonl"), "x".repeat(10_000)).unwrap();

    let store = SqliteStore::open(&path).await.unwrap();

    let (id, turn_id) = (ConversationId::generate(), TurnId::generate());
    start_turn(&store, UserId::generate(), id, turn_id).await;
    drop(store);
    let log = SqliteStore::open(&path).await.unwrap().turn_log();
    let published = log.published_answer(id, turn_id).await.unwrap();
    assert_eq!(published, Some(published_answer()));
}

#[tokio::test]
async fn an_interrupted_turn_does_not_block_the_next_one_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    let turn = || Append {
        messages: vec![message()],
        turn: Some(TurnLease {
            turn_id: TurnId::generate(),
            lease_until: NOW.plus(Duration::from_mins(1)),
        }),
        ..Append::default()
    };
    let store = SqliteStore::open(&path).await.unwrap();
    store.create(user_id, id, NOW).await.unwrap();
    store.append(user_id, id, turn(), NOW).await.unwrap();
    drop(store);

    let store = SqliteStore::open(&path).await.unwrap();
    let next = store.append(user_id, id, turn(), NOW).await.unwrap();

    assert!(matches!(next, AppendOutcome::Stored { .. }), "{next:?}");
}

#[tokio::test]
async fn an_interrupted_turn_has_expired_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    let (turn_id, lease_until) = (TurnId::generate(), NOW.plus(Duration::from_mins(1)));
    let turn = Some(TurnLease { turn_id, lease_until });
    let append = Append { messages: vec![message()], turn, ..Append::default() };
    let store = SqliteStore::open(&path).await.unwrap();
    store.create(user_id, id, NOW).await.unwrap();
    store.append(user_id, id, append, NOW).await.unwrap();
    let before =
        store.claim_expired_turns(ClaimScope::ALL, NOW, NOW, lease_until, 10).await.unwrap();
    drop(store);

    let store = SqliteStore::open(&path).await.unwrap();
    let after =
        store.claim_expired_turns(ClaimScope::ALL, NOW, NOW, lease_until, 10).await.unwrap();

    assert_eq!(before, []);
    assert_eq!(after, [AbandonedTurn { user_id, conversation_id: id, turn_id, answer: None }]);
}

#[tokio::test]
async fn an_interrupted_compaction_does_not_block_the_next_one_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    let until = NOW.plus(Duration::from_mins(4));
    let store = SqliteStore::open(&path).await.unwrap();
    store.create(user_id, id, NOW).await.unwrap();
    assert!(store.acquire_compaction_lease(id, NOW, until).await.unwrap());
    assert!(!store.acquire_compaction_lease(id, NOW, until).await.unwrap());

    drop(store);
    let store = SqliteStore::open(&path).await.unwrap();

    assert!(store.acquire_compaction_lease(id, NOW, until).await.unwrap());
}

#[tokio::test]
async fn a_file_in_use_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let _first = SqliteStore::open(&path).await.unwrap();

    let second = SqliteStore::open(&path).await;

    assert!(matches!(second, Err(OpenError::InUse(_))));

    // An administrator may delete the lock file by mistake.
    std::fs::remove_file(path.with_extension("lock")).unwrap();
    let third = SqliteStore::open(&path).await;

    assert!(matches!(third, Err(OpenError::InUse(_))));
}

#[tokio::test]
async fn a_file_of_a_newer_webchat_is_rejected_and_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 999).unwrap();
    drop(newer);

    let opened = SqliteStore::open(&path).await;

    assert!(matches!(opened, Err(OpenError::TooNew(_))));
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_rejected_and_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    fs::write(&path, "my only copy of a poem, much longer than a header".repeat(99)).unwrap();

    let opened = SqliteStore::open(&path).await;

    assert!(matches!(opened, Err(OpenError::Failed { .. })));
    assert!(fs::read_to_string(&path).unwrap().starts_with("my only copy"));
}

/// Returns the number of appends that the killed process acknowledged.
fn write_and_kill(path: &Path, user_id: UserId, id: ConversationId, lifetime: Duration) -> usize {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "write_until_killed", "--nocapture"])
        .env(CHILD_ARGUMENTS_VAR, format!("{user_id} {id} {}", path.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().expect("the child process wrote nothing").unwrap();
    assert_eq!(first, "acknowledged");
    thread::sleep(lifetime);
    child.kill().unwrap();
    child.wait().unwrap();
    1 + lines.count()
}

async fn count_messages(path: &Path, user_id: UserId, id: ConversationId) -> usize {
    let store = SqliteStore::open(path).await.unwrap();
    let (mut count, mut before) = (0, None);
    loop {
        let page = store.messages(user_id, id, before, 1_000).await.unwrap().unwrap();
        let Some(oldest) = page.first() else { break };
        before = Some(oldest.position);
        count += page.len();
    }
    let listed = store.find(user_id, id).await.unwrap().unwrap().message_count;
    assert_eq!(u64::try_from(count).unwrap(), listed);
    count
}

fn message() -> NewMessage {
    NewMessage { content: "tides ".repeat(200), token_count: 200, ..NewMessage::fixture() }
}

fn accepted(turn_id: TurnId) -> EventBody {
    EventBody::MessageAccepted(MessageAccepted {
        message_id: MessageId::generate(),
        position: 1,
        turn_id,
        client_message_id: None,
        answer_id: MessageId::generate(),
        content: "Why?".to_owned(),
        token_count: 2,
        created_at: SystemClock.now(),
        model: None,
    })
}

fn usage(turn_id: TurnId) -> EventBody {
    let ledger = Ledger::default();
    EventBody::TokenUsage(TokenUsage {
        turn_id,
        total_tokens_used: 3,
        cached_tokens: 0,
        reasoning_tokens: 0,
        ledger,
    })
}

fn chunk() -> EventBody {
    EventBody::ResponseChunk(ResponseChunk { chunk: "x".to_owned(), turn_id: TurnId::generate() })
}

#[tokio::test]
async fn events_lost_by_a_restart_are_reported_as_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webchat.db");
    let id = ConversationId::generate();
    let seen = {
        let log = SqliteStore::open(&path).await.unwrap().turn_log();
        let seen = log.checkpoint(id).await.unwrap().seq;
        log.append_one(id, EventId::generate(), chunk()).await.unwrap();
        seen
    };

    let log = SqliteStore::open(&path).await.unwrap().turn_log();
    let after_restart = log.read(id, seen).await.unwrap();
    let checkpoint = log.checkpoint(id).await.unwrap().seq;
    let nothing_new = log.read(id, checkpoint).await.unwrap();
    let next = log.append_one(id, EventId::generate(), chunk()).await.unwrap();

    assert_eq!(seen, 0);
    assert_eq!(after_restart, Replay::Gap { latest: checkpoint });
    assert_eq!(nothing_new, Replay::Events(Vec::new()));
    assert_eq!(log.read(id, seen).await.unwrap(), Replay::Gap { latest: next.seq });
    assert_eq!(log.read(id, checkpoint).await.unwrap(), Replay::Events(vec![next]));
}
