//! `kill -9` at random moments under load: no acknowledged message is lost or duplicated, and every
//! conversation can be continued.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use webchat_tests::{
    Browser, Process, ScriptedModel, SoakStats, TIMEOUT, mongodb_uri, redis_url, test_or_soak,
};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// How long a message may be rejected before the test fails. It is long enough for the lease of a killed
/// instance to expire, and then those of instances that took over its turns and were killed too.
const STUCK_AFTER: Duration = Duration::from_mins(1);

/// An instance that is killed and restarted.
struct Instance {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
    process: Option<Process>,
    url: watch::Sender<Url>,
}

impl Instance {
    async fn start(settings: &[(&'static str, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = launch(&folder, settings).await;
        let url = watch::Sender::new(process.browser().base().clone());
        Self { folder, settings: settings.to_vec(), process: Some(process), url }
    }

    async fn kill(&mut self) {
        self.process.take().unwrap().kill().await;
    }

    async fn restart(&mut self) {
        let process = launch(&self.folder, &self.settings).await;
        self.url.send_replace(process.browser().base().clone());
        self.process = Some(process);
    }
}

async fn launch(folder: &TempDir, settings: &[(&'static str, String)]) -> Process {
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Process::start(folder.path(), &settings).await
}

/// A user who sends one message after the other and retries each until it is acknowledged.
struct Writer {
    browser: Browser,
    /// Several, so that each stays short: the model receives all previous messages with each question.
    conversations: Vec<String>,
    urls: Vec<watch::Receiver<Url>>,
    killing_is_over: Arc<AtomicBool>,
}

impl Writer {
    /// Sends messages until `killing_is_over`. Returns the acknowledged ones with their conversations.
    async fn write(&self) -> Vec<(&str, String)> {
        let mut acknowledged = Vec::new();
        while !self.killing_is_over.load(Ordering::SeqCst) {
            let id = fastrand::choice(&self.conversations).unwrap();
            let message = format!("message {} to {id}", acknowledged.len());
            self.send_with_retry(id, &message).await;
            acknowledged.push((id.as_str(), message));
        }
        acknowledged
    }

    async fn send_with_retry(&self, id: &str, message: &str) {
        let started = Instant::now();
        while let Err(reason) = self.send(id, message).await {
            assert!(started.elapsed() < STUCK_AFTER, "stuck at {message}: {reason}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends a message to a random instance and receives its answer, or a part of it if the instance is
    /// killed.
    async fn send(&self, id: &str, message: &str) -> Result<(), String> {
        let mut socket = self.random_instance().try_connect().await.ok_or("no connection")?;
        let data = json!({"conversation_id": id, "message": message, "client_message_id": message});
        if !socket.try_send("send_message", data).await {
            return Err("sending failed".to_owned());
        }
        let mut is_acknowledged = false;
        while let Some((event, data)) = socket.try_receive().await {
            let is_for_this_message = data["client_message_id"] == json!(message);
            match event.as_str() {
                // Without a `seq`: an earlier attempt was accepted.
                "message_accepted" if is_for_this_message && data["seq"].is_null() => return Ok(()),
                "message_accepted" if is_for_this_message => is_acknowledged = true,
                "error" if is_for_this_message => return Err(data["code"].to_string()),
                "token_usage" if is_acknowledged => return Ok(()),
                _ => {}
            }
        }
        if is_acknowledged { Ok(()) } else { Err("the connection ended".to_owned()) }
    }

    fn random_instance(&self) -> Browser {
        self.browser.at_url(fastrand::choice(&self.urls).unwrap().borrow().clone())
    }

    /// Asserts that the conversation has every acknowledged message once and in order, each with its answer.
    /// Returns the number of interrupted answers.
    async fn check(&self, id: &str, acknowledged: &[(&str, String)]) -> usize {
        let browser = self.random_instance();
        let messages = messages_when_idle(&browser, id).await;
        let acknowledged: Vec<_> =
            acknowledged.iter().filter(|(to, _)| *to == id).map(|(_, message)| message).collect();
        let (questions, answers): (Vec<_>, Vec<_>) =
            messages.iter().partition(|message| message["role"] == json!("user"));
        let stored: Vec<_> =
            questions.iter().map(|message| message["content"].as_str().unwrap()).collect();
        assert_eq!(stored, acknowledged);
        assert_eq!(answers.len(), questions.len());
        for (position, message) in (1..).zip(&messages) {
            assert_eq!(message["position"], json!(position));
        }
        let mut interrupted = 0;
        for (question, answer) in stored.into_iter().zip(answers) {
            let (expected, content) = (format!("You said: {question}"), &answer["content"]);
            match answer["status"].as_str().unwrap() {
                "complete" => assert_eq!(content, &json!(expected)),
                "interrupted" => {
                    assert!(expected.starts_with(content.as_str().unwrap()), "{answer}");
                    interrupted += 1;
                }
                _ => panic!("{answer}"),
            }
        }
        let mut socket = browser.connect().await;
        assert_eq!(socket.ask(id, "and on?").await, "You said: and on?");
        interrupted
    }
}

/// Waits until no turn is running. Returns all messages.
async fn messages_when_idle(browser: &Browser, id: &str) -> Vec<Value> {
    let path = format!("/api/v1/conversations/{id}/messages?limit=200");
    let waiting = async {
        while !browser.get(&path).await.json()["running_turn"].is_null() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(TIMEOUT, waiting).await.unwrap_or_else(|_| panic!("{id} is stuck"));
    let mut messages = Vec::new();
    let mut page = browser.get(&path).await.json();
    loop {
        let mut older = page["messages"].as_array().unwrap().clone();
        older.append(&mut messages);
        messages = older;
        let Some(before) = page["next_before"].as_u64() else { return messages };
        page = browser.get(&format!("{path}&before={before}")).await.json();
    }
}

/// The numbers of acknowledged messages and of interrupted answers.
#[derive(Default)]
struct Counts {
    acknowledged: usize,
    interrupted: usize,
}

/// Kills random instances, one at a time, while users send messages, each in their own conversations.
async fn kill_under_load(mut instances: Vec<Instance>, users: u32, kills: u32) -> Counts {
    let killing_is_over = Arc::new(AtomicBool::new(false));
    let urls: Vec<_> = instances.iter().map(|instance| instance.url.subscribe()).collect();
    let mut writers = Vec::new();
    for _ in 0..users {
        let browser = instances[0].process.as_ref().unwrap().browser();
        let mut conversations = Vec::new();
        for _ in 0..test_or_soak(2, 10) {
            conversations.push(browser.start_conversation().await);
        }
        let (urls, killing_is_over) = (urls.clone(), Arc::clone(&killing_is_over));
        writers.push(Writer { browser, conversations, urls, killing_is_over });
    }

    let killing = async {
        for _ in 0..kills {
            sleep(Duration::from_millis(fastrand::u64(20..700))).await;
            let number = fastrand::usize(..instances.len());
            instances[number].kill().await;
            sleep(Duration::from_millis(fastrand::u64(..200))).await;
            instances[number].restart().await;
        }
        killing_is_over.store(true, Ordering::SeqCst);
    };
    let ((), acknowledged) = tokio::join!(killing, join_all(writers.iter().map(Writer::write)));

    let mut counts = Counts::default();
    for (writer, acknowledged) in writers.iter().zip(&acknowledged) {
        assert!(!acknowledged.is_empty());
        for id in &writer.conversations {
            counts.interrupted += writer.check(id, acknowledged).await;
        }
        counts.acknowledged += acknowledged.len();
    }
    counts
}

fn report(stats: SoakStats, kills: u32, counts: &[Counts]) {
    let acknowledged: usize = counts.iter().map(|run| run.acknowledged).sum();
    let interrupted: usize = counts.iter().map(|run| run.interrupted).sum();
    let outcome = format!(
        "{acknowledged} messages acknowledged, none lost or duplicated; {interrupted} answers \
         interrupted, no conversation stuck"
    );
    stats.finish(kills, outcome);
}

/// In a long run, several servers run in parallel to save time.
#[tokio::test]
async fn killing_the_server_on_sqlite_loses_and_duplicates_no_acknowledged_message() {
    let stats = SoakStats::start("kill -9 under load, SQLite");
    let (servers, kills) = (test_or_soak(1, 4), test_or_soak(8, 250));
    let model = ScriptedModel::with_delay(Duration::from_millis(20));
    let settings = [("AZURE_API_URL", model.url().to_owned()), ("SECRET_KEY", KEY.to_owned())];

    let killing = (0..servers)
        .map(|_| async { kill_under_load(vec![Instance::start(&settings).await], 4, kills).await });
    let counts = join_all(killing).await;

    report(stats, servers * kills, &counts);
}

/// In a long run, most conversations are waiting for a lease to expire, so there are many users and
/// conversations.
#[tokio::test]
async fn killing_instances_on_mongodb_loses_and_duplicates_no_acknowledged_message() {
    let stats = SoakStats::start("kill -9 under load, two instances");
    let (pairs, users, kills) = (test_or_soak(1, 2), test_or_soak(4, 16), test_or_soak(8, 500));
    let model = ScriptedModel::with_delay(Duration::from_millis(20));

    let killing = (0..pairs).map(|_| async {
        let settings = [
            ("AZURE_API_URL", model.url().to_owned()),
            ("SECRET_KEY", KEY.to_owned()),
            ("MONGODB_URI", mongodb_uri()),
            ("REDIS_URL", redis_url()),
        ];
        let (one, other) = tokio::join!(Instance::start(&settings), Instance::start(&settings));
        kill_under_load(vec![one, other], users, kills).await
    });
    let counts = join_all(killing).await;

    report(stats, pairs * kills, &counts);
}
