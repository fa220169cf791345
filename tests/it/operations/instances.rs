//! Several instances with a shared MongoDB and Redis, as behind a load balancer without session affinity.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use webchat_tests::{
    Browser, Process, ScriptedModel, TIMEOUT, answer_text, mongodb_uri, newest_message, redis_url,
};

/// The interval between checks of a condition for which no event is published.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// The duration of a turn's lease.
const LEASE_DURATION: Duration = Duration::from_secs(10);

/// Instances that share a model and databases. Each instance has its own data directory.
pub(crate) struct Cluster {
    pub(crate) model: ScriptedModel,
    mongodb_uri: String,
    redis_url: String,
    dirs: [TempDir; 3],
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self::with_model(ScriptedModel::start())
    }

    pub(crate) fn with_model(model: ScriptedModel) -> Self {
        Self::with_redis(redis_url(), model)
    }

    pub(crate) fn with_redis(redis_url: String, model: ScriptedModel) -> Self {
        let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
        Self { model, mongodb_uri: mongodb_uri(), redis_url, dirs }
    }

    /// Starts the instance with this number.
    pub(crate) async fn instance(&self, number: usize) -> Process {
        self.instance_at(number, 0).await
    }

    /// Starts the instance with this number on this port; 0 means any free port.
    pub(crate) async fn instance_at(&self, number: usize, port: u16) -> Process {
        let port = port.to_string();
        let settings = [
            ("AZURE_API_URL", self.model.url()),
            ("SECRET_KEY", KEY),
            ("PORT", &port),
            ("REQUESTS_PER_SECOND", "0"),
            ("TURNS_PER_USER", "0"),
            ("DAILY_TOKENS_PER_USER", "0"),
            ("WS_CONNECTIONS_PER_USER", "1000"),
            ("MONGODB_URI", &self.mongodb_uri),
            ("REDIS_URL", &self.redis_url),
        ];
        Process::start(self.dirs[number].path(), &settings).await
    }

    /// Reads the content of a conversation's newest message from MongoDB.
    pub(crate) async fn newest_message(&self, id: &str) -> String {
        newest_message(&self.mongodb_uri, id).await
    }
}

pub(crate) async fn messages(browser: &Browser, id: &str) -> Vec<Value> {
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    page["messages"].as_array().unwrap_or_else(|| panic!("{page}")).clone()
}

#[tokio::test]
async fn a_conversation_continues_on_any_instance_and_its_events_reach_all() {
    let cluster = Cluster::new();
    let (a, b) = tokio::join!(cluster.instance(0), cluster.instance(1));
    let browser_a = a.browser();
    let id = browser_a.start_conversation().await;
    let browser_b = b.browser_with_cookies_of(&browser_a);
    let mut socket_a = browser_a.connect().await;
    socket_a.send("subscribe", json!({"conversation_id": id})).await;
    socket_a.expect("subscribed").await;

    let loaded = browser_b.get(&format!("/load_conversation/{id}")).await;
    let answer = cluster.model.next_answer();
    let mut socket_b = browser_b.connect().await;
    socket_b.send("send_message", json!({"message": "from B, to the current one"})).await;
    let accepted = socket_a.expect("message_accepted").await;
    answer.send("Live ");
    socket_a.receive_until("response_chunk").await;
    answer.send("at both.");
    answer.finish();
    let last_events = socket_a.receive_until("token_usage").await;

    assert_eq!((loaded.status.as_u16(), loaded.json()), (200, json!({"conversation": []})));
    assert_eq!(accepted["content"], json!("from B, to the current one"));
    assert_eq!(answer_text(&last_events), "at both.");
    assert_eq!(answer_text(&socket_b.receive_until("token_usage").await), "Live at both.");
    let titles = browser_a.get("/api/v1/conversations").await.json();
    assert_eq!(titles["conversations"][0]["title"], json!("from B, to the current one"));
    assert_eq!(socket_a.ask(&id, "and from A").await, "You said: and from A");
    assert_eq!(messages(&browser_b, &id).await.len(), 4);
}

#[tokio::test]
async fn a_running_turn_blocks_turns_on_the_other_instance() {
    let cluster = Cluster::new();
    let (a, b) = tokio::join!(cluster.instance(0), cluster.instance(1));
    let browser_a = a.browser();
    let id = browser_a.start_conversation().await;
    let (mut socket_a, mut socket_b) =
        (browser_a.connect().await, b.browser_with_cookies_of(&browser_a).connect().await);
    let answer = cluster.model.next_answer();
    let message = json!({"conversation_id": id, "message": "one", "client_message_id": "c1"});
    socket_a.send("send_message", message.clone()).await;
    socket_a.expect("message_accepted").await;

    socket_b.send("send_message", json!({"conversation_id": id, "message": "two"})).await;
    let rejected = loop {
        let (event, data) = socket_b.receive().await;
        if event == "error" {
            break data;
        }
    };
    socket_b.send("send_message", message).await;
    let duplicate = socket_b.expect("message_accepted").await;
    answer.send("One.");
    answer.finish();
    socket_a.receive_until("token_usage").await;

    assert_eq!(rejected["code"], json!("turn_in_progress"));
    assert_eq!(duplicate["client_message_id"], json!("c1"), "not accepted as a duplicate");
    assert_eq!(messages(&browser_a, &id).await.len(), 2);
    assert_eq!(cluster.model.requests().len(), 1);
}

#[tokio::test]
async fn a_turn_is_stopped_from_the_other_instance() {
    let cluster = Cluster::new();
    let (a, b) = tokio::join!(cluster.instance(0), cluster.instance(1));
    let browser_a = a.browser();
    let id = browser_a.start_conversation().await;
    let (mut socket_a, mut socket_b) =
        (browser_a.connect().await, b.browser_with_cookies_of(&browser_a).connect().await);
    let answer = cluster.model.next_answer();
    socket_a.send("send_message", json!({"conversation_id": id, "message": "go on"})).await;
    answer.send("So far");
    socket_a.receive_until("response_chunk").await;

    socket_b.send("stop", json!({"conversation_id": id})).await;
    let end = socket_a.receive_until("response_end").await;

    assert_eq!(end.last().unwrap().1["finish_reason"], json!("stopped"));
    answer.wait_for_disconnect().await;
    let messages = messages(&browser_a, &id).await;
    assert_eq!(messages[1]["content"], json!("So far"));
    assert_eq!(messages[1]["status"], json!("stopped"));
}

#[tokio::test]
async fn list_changes_are_published_on_all_instances() {
    let cluster = Cluster::new();
    let (a, b) = tokio::join!(cluster.instance(0), cluster.instance(1));
    let browser_a = a.browser();
    browser_a.start_conversation().await;
    let mut socket_b = b.browser_with_cookies_of(&browser_a).connect().await;
    let mut other_user = b.browser().connect().await;

    let id = browser_a.start_conversation().await;
    browser_a.connect().await.ask(&id, "Why two tides?").await;
    let titled = socket_b.receive_list_event().await;
    browser_a.delete(&format!("/api/v1/conversations/{id}")).await;
    let unlisted = loop {
        let (event, data) = socket_b.receive_list_event().await;
        if event == "conversation_unlisted" {
            break data;
        }
    };
    other_user.send("ping", json!({})).await;

    assert_eq!(titled.1["conversation"]["conversation_id"], json!(id));
    assert_eq!(titled.1["conversation"]["title"], json!("Why two tides?"));
    assert_eq!(unlisted, json!({"conversation_id": id}));
    assert_eq!(other_user.receive_text().await, r#"{"event":"pong","data":{}}"#);
}

#[tokio::test]
async fn the_other_instance_ends_the_turns_of_a_killed_one() {
    let cluster = Cluster::new();
    let (a, b) = tokio::join!(cluster.instance(0), cluster.instance(1));
    let browser_a = a.browser();
    let id = browser_a.start_conversation().await;
    let mut socket_a = browser_a.connect().await;
    let answer = cluster.model.next_answer();
    socket_a.send("send_message", json!({"conversation_id": id, "message": "one"})).await;
    answer.send(&"saved after four kilobytes ".repeat(200));
    socket_a.receive_until("response_chunk").await;
    let browser_b = b.browser_with_cookies_of(&browser_a);
    let path = format!("/api/v1/conversations/{id}");
    let save = async {
        while browser_b.get(&path).await.json()["total_tokens"].as_u64().unwrap() < 500 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TIMEOUT, save).await.expect("the text was not saved in time");

    let mut socket_b = browser_b.connect().await;
    socket_b.send("subscribe", json!({"conversation_id": id})).await;
    socket_b.receive_until("response_chunk").await;
    let killed_at = Instant::now();
    a.kill().await;
    // The turn counts as running until the other instance detects that this one is dead.
    socket_b.send("send_message", json!({"conversation_id": id, "message": "too early"})).await;
    let rejected = socket_b.expect("error").await;
    let received = socket_b.receive_until("token_usage").await;
    let duration = killed_at.elapsed();
    let page = browser_b.get(&format!("{path}/messages")).await.json();

    assert_eq!(rejected["code"], json!("turn_in_progress"));
    assert!(
        duration < LEASE_DURATION / 2,
        "the turn ended only when its lease expired: {duration:?}"
    );
    assert_eq!((received.len(), received[0].0.as_str()), (2, "response_end"));
    assert_eq!(received[0].1["finish_reason"], json!("interrupted"));
    assert_eq!(received[0].1["token_count"], page["messages"][1]["token_count"]);
    assert_eq!(page["running_turn"], json!(null));
    let saved = page["messages"][1]["content"].as_str().unwrap();
    assert!(saved.starts_with("saved after four kilobytes"), "{saved}");
    assert_eq!(socket_b.ask(&id, "two").await, "You said: two");
    let messages = messages(&browser_b, &id).await;
    let statuses: Vec<_> =
        messages.iter().map(|message| message["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["complete", "interrupted", "complete", "complete"]);
}

#[tokio::test]
async fn a_file_is_cancelled_from_any_instance_and_resumed_after_a_kill() {
    let cluster = Cluster::new();
    let a = cluster.instance(0).await;
    let browser_a = a.browser();
    let id = browser_a.start_conversation().await;
    let files = format!("/api/v1/conversations/{id}/files");
    let (unwanted_answer, unfinished_answer) =
        (cluster.model.next_answer(), cluster.model.next_answer());
    let first = browser_a.upload(&files, "unwanted.txt", b"tides").await.json();
    cluster.model.wait_for_requests(1).await;
    browser_a.upload(&files, "wanted.txt", b"tides").await;
    cluster.model.wait_for_requests(2).await;
    let b = cluster.instance(1).await;
    let browser_b = b.browser_with_cookies_of(&browser_a);
    let mut socket = browser_b.connect().await;
    socket.send("subscribe", json!({"conversation_id": id})).await;

    let path = format!("{files}/{}", first["job_id"].as_str().unwrap());
    assert_eq!(browser_b.delete(&path).await.status, 204);
    unwanted_answer.wait_for_disconnect().await;
    unfinished_answer.send("It is about");
    let answer = cluster.model.next_answer();
    answer.send("It is about tides.");
    answer.finish();
    a.kill().await;
    let analyse = async {
        while messages(&browser_b, &id).await.len() < 2 {
            sleep(POLL_INTERVAL).await;
        }
    };
    timeout(TIMEOUT, analyse).await.unwrap();

    assert_eq!(messages(&browser_b, &id).await[1]["content"], json!("It is about tides."));
    let mut progress = Vec::new();
    while progress.last() != Some(&json!("complete")) {
        let (event, data) = socket.receive().await;
        if event == "file_progress" {
            progress.push(data["status"].clone());
        }
    }
    assert!(progress.contains(&json!("cancelled")), "{progress:?}");
    assert_eq!(browser_b.get(&path).await.json()["status"], json!("cancelled"));
}
