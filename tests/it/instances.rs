//! Several instances on one MongoDB and one Redis, behind a balancer that sends each request anywhere.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use webchat_tests::{
    Browser, PATIENCE, Process, ScriptedModel, mongodb_uri, newest_message_in, redis_url, text_of,
};

/// How often is looked for what no event tells.
const POLL: Duration = Duration::from_millis(50);

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// How long a turn is taken for alive whose instance says nothing.
const LEASE: Duration = Duration::from_secs(10);

/// A model, databases, and a folder for each instance.
pub(crate) struct Site {
    pub(crate) model: ScriptedModel,
    mongodb_uri: String,
    redis_url: String,
    folders: [TempDir; 2],
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with_model(ScriptedModel::start())
    }

    pub(crate) fn with_model(model: ScriptedModel) -> Self {
        Self::on(redis_url(), model)
    }

    pub(crate) fn on(redis_url: String, model: ScriptedModel) -> Self {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        Self { model, mongodb_uri: mongodb_uri(), redis_url, folders }
    }

    pub(crate) async fn instance(&self, number: usize) -> Process {
        let settings = [
            ("AZURE_API_URL", self.model.url()),
            ("SECRET_KEY", KEY),
            ("REQUESTS_PER_SECOND", "0"),
            ("TURNS_PER_USER", "0"),
            ("WS_CONNECTIONS_PER_USER", "1000"),
            ("MONGODB_URI", &self.mongodb_uri),
            ("REDIS_URL", &self.redis_url),
        ];
        Process::start(self.folders[number].path(), &settings).await
    }

    /// The text of a conversation's newest message, as MongoDB has it.
    pub(crate) async fn newest_message(&self, id: &str) -> String {
        newest_message_in(&self.mongodb_uri, id).await
    }
}

pub(crate) async fn messages(browser: &Browser, id: &str) -> Vec<Value> {
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    page["messages"].as_array().unwrap_or_else(|| panic!("{page}")).clone()
}

#[tokio::test]
async fn a_conversation_goes_on_at_any_instance_and_is_live_at_all() {
    let site = Site::new();
    let (a, b) = tokio::join!(site.instance(0), site.instance(1));
    let at_a = a.browser();
    let id = at_a.start_conversation().await;
    let at_b = at_a.at(&b);
    let mut socket_a = at_a.connect().await;
    socket_a.say("subscribe", json!({"conversation_id": id})).await;
    socket_a.expect("subscribed").await;

    let loaded = at_b.get(&format!("/load_conversation/{id}")).await;
    let answer = site.model.next_answer();
    let mut socket_b = at_b.connect().await;
    socket_b.say("send_message", json!({"message": "from B, to the current one"})).await;
    let accepted = socket_a.expect("message_accepted").await;
    answer.say("Live ");
    socket_a.until("response_chunk").await;
    answer.say("at both.");
    answer.end();
    let at_the_end = socket_a.until("token_usage").await;

    assert_eq!((loaded.status.as_u16(), loaded.json()), (200, json!({"conversation": []})));
    assert_eq!(accepted["content"], json!("from B, to the current one"));
    assert_eq!(text_of(&at_the_end), "at both.");
    assert_eq!(text_of(&socket_b.until("token_usage").await), "Live at both.");
    let titles = at_a.get("/api/v1/conversations").await.json();
    assert_eq!(titles["conversations"][0]["title"], json!("from B, to the current one"));
    assert_eq!(socket_a.ask(&id, "and from A").await, "You said: and from A");
    assert_eq!(messages(&at_b, &id).await.len(), 4);
}

#[tokio::test]
async fn a_turn_at_one_instance_keeps_the_other_from_beginning_one() {
    let site = Site::new();
    let (a, b) = tokio::join!(site.instance(0), site.instance(1));
    let at_a = a.browser();
    let id = at_a.start_conversation().await;
    let (mut socket_a, mut socket_b) = (at_a.connect().await, at_a.at(&b).connect().await);
    let answer = site.model.next_answer();
    let named = json!({"conversation_id": id, "message": "one", "client_message_id": "c1"});
    socket_a.say("send_message", named.clone()).await;
    socket_a.expect("message_accepted").await;

    socket_b.say("send_message", json!({"conversation_id": id, "message": "two"})).await;
    let refused = loop {
        let (event, data) = socket_b.next().await;
        if event == "error" {
            break data;
        }
    };
    socket_b.say("send_message", named).await;
    let known = socket_b.expect("message_accepted").await;
    answer.say("One.");
    answer.end();
    socket_a.until("token_usage").await;

    assert_eq!(refused["code"], json!("turn_in_progress"));
    assert_eq!(known["client_message_id"], json!("c1"), "sent twice, stored once");
    assert_eq!(messages(&at_a, &id).await.len(), 2);
    assert_eq!(site.model.requests().len(), 1);
}

#[tokio::test]
async fn a_turn_at_one_instance_is_stopped_at_the_other() {
    let site = Site::new();
    let (a, b) = tokio::join!(site.instance(0), site.instance(1));
    let at_a = a.browser();
    let id = at_a.start_conversation().await;
    let (mut socket_a, mut socket_b) = (at_a.connect().await, at_a.at(&b).connect().await);
    let answer = site.model.next_answer();
    socket_a.say("send_message", json!({"conversation_id": id, "message": "go on"})).await;
    answer.say("So far");
    socket_a.until("response_chunk").await;

    socket_b.say("stop", json!({"conversation_id": id})).await;
    let end = socket_a.until("response_end").await;

    assert_eq!(end.last().unwrap().1["finish_reason"], json!("stopped"));
    answer.hung_up().await;
    let messages = messages(&at_a, &id).await;
    assert_eq!(messages[1]["content"], json!("So far"));
    assert_eq!(messages[1]["status"], json!("stopped"));
}

#[tokio::test]
async fn the_list_of_conversations_is_live_at_all_instances() {
    let site = Site::new();
    let (a, b) = tokio::join!(site.instance(0), site.instance(1));
    let at_a = a.browser();
    at_a.start_conversation().await;
    let mut socket_b = at_a.at(&b).connect().await;
    let mut strangers = b.browser().connect().await;

    let id = at_a.start_conversation().await;
    let started = socket_b.next_of_list().await;
    at_a.connect().await.ask(&id, "Why two tides?").await;
    let titled = socket_b.next_of_list().await;
    at_a.delete(&format!("/api/v1/conversations/{id}")).await;
    let gone = loop {
        let (event, data) = socket_b.next_of_list().await;
        if event == "conversation_unlisted" {
            break data;
        }
    };
    strangers.say("ping", json!({})).await;

    assert_eq!(started.1["conversation"]["conversation_id"], json!(id));
    assert_eq!(titled.1["conversation"]["title"], json!("Why two tides?"));
    assert_eq!(gone, json!({"conversation_id": id}));
    assert_eq!(strangers.next_frame().await, r#"{"event":"pong","data":{}}"#);
}

#[tokio::test]
async fn an_instance_that_dies_leaves_its_conversations_to_the_other() {
    let site = Site::new();
    let (a, b) = tokio::join!(site.instance(0), site.instance(1));
    let at_a = a.browser();
    let id = at_a.start_conversation().await;
    let mut socket_a = at_a.connect().await;
    let answer = site.model.next_answer();
    socket_a.say("send_message", json!({"conversation_id": id, "message": "one"})).await;
    answer.say(&"kept after four kilobytes ".repeat(200));
    socket_a.until("response_chunk").await;
    let at_b = at_a.at(&b);
    let path = format!("/api/v1/conversations/{id}");
    let kept = async {
        while at_b.get(&path).await.json()["total_tokens"].as_u64().unwrap() < 500 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, kept).await.expect("kept in time");

    let mut socket_b = at_b.connect().await;
    socket_b.say("subscribe", json!({"conversation_id": id})).await;
    socket_b.until("response_chunk").await;
    let killed = Instant::now();
    a.kill().await;
    // Until its hold on the conversation lapses, it is taken for alive.
    socket_b.say("send_message", json!({"conversation_id": id, "message": "too early"})).await;
    let refused = socket_b.expect("error").await;
    let told = socket_b.until("token_usage").await;
    let took = killed.elapsed();
    let page = at_b.get(&format!("{path}/messages")).await.json();

    assert_eq!(refused["code"], json!("turn_in_progress"));
    assert!(took < LEASE + Duration::from_secs(2), "{took:?}");
    assert_eq!((told.len(), told[0].0.as_str()), (2, "response_end"));
    assert_eq!(told[0].1["finish_reason"], json!("interrupted"));
    assert_eq!(told[0].1["token_count"], page["messages"][1]["token_count"]);
    assert_eq!(page["running_turn"], json!(null));
    let kept = page["messages"][1]["content"].as_str().unwrap();
    assert!(kept.starts_with("kept after four kilobytes"), "{kept}");
    assert_eq!(socket_b.ask(&id, "two").await, "You said: two");
    let messages = messages(&at_b, &id).await;
    let shown: Vec<_> = messages.iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(shown, ["complete", "interrupted", "complete", "complete"]);
}

#[tokio::test]
async fn a_file_is_cancelled_at_any_instance_and_taken_over_from_one_that_died() {
    let site = Site::new();
    let a = site.instance(0).await;
    let at_a = a.browser();
    let id = at_a.start_conversation().await;
    let files = format!("/api/v1/conversations/{id}/files");
    let (unwanted, unfinished) = (site.model.next_answer(), site.model.next_answer());
    let first = at_a.upload(&files, "unwanted.txt", b"tides").await.json();
    while site.model.requests().is_empty() {
        sleep(POLL).await;
    }
    at_a.upload(&files, "wanted.txt", b"tides").await;
    while site.model.requests().len() < 2 {
        sleep(POLL).await;
    }
    let b = site.instance(1).await;
    let at_b = at_a.at(&b);
    let mut socket = at_b.connect().await;
    socket.say("subscribe", json!({"conversation_id": id})).await;

    let path = format!("{files}/{}", first["job_id"].as_str().unwrap());
    assert_eq!(at_b.delete(&path).await.status, 204);
    unwanted.hung_up().await;
    unfinished.say("It is about");
    let answer = site.model.next_answer();
    answer.say("It is about tides.");
    answer.end();
    a.kill().await;
    let analysing = async {
        while messages(&at_b, &id).await.len() < 2 {
            sleep(POLL).await;
        }
    };
    timeout(PATIENCE, analysing).await.unwrap();

    assert_eq!(messages(&at_b, &id).await[1]["content"], json!("It is about tides."));
    let mut progress = Vec::new();
    while progress.last() != Some(&json!("complete")) {
        let (event, data) = socket.next().await;
        if event == "file_progress" {
            progress.push(data["status"].clone());
        }
    }
    assert!(progress.contains(&json!("cancelled")), "{progress:?}");
    assert_eq!(at_b.get(&path).await.json()["status"], json!("cancelled"));
}
