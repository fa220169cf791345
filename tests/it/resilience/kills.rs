//! `kill -9` at random moments under load: no accepted message is lost or duplicated, and every
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

/// The maximum time during which a message may be rejected. An instance takes over the turns of a killed one after it has
/// received nothing from it for 2.6 seconds, and the test kills most instances before they are as old as that.
const STUCK_AFTER: Duration = Duration::from_mins(5);

/// An instance that the test kills and restarts.
struct Instance {
    dir: TempDir,
    settings: Vec<(&'static str, String)>,
    process: Option<Process>,
    url: watch::Sender<Url>,
}

impl Instance {
    async fn start(settings: &[(&'static str, String)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let process = launch(&dir, settings).await;
        let url = watch::Sender::new(process.browser().base().clone());
        Self { dir, settings: settings.to_vec(), process: Some(process), url }
    }

    async fn kill(&mut self) {
        self.process.take().unwrap().kill().await;
    }

    async fn restart(&mut self) {
        let process = launch(&self.dir, &self.settings).await;
        self.url.send_replace(process.browser().base().clone());
        self.process = Some(process);
    }
}

async fn launch(dir: &TempDir, settings: &[(&'static str, String)]) -> Process {
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Process::start(dir.path(), &settings).await
}

/// A user who sends messages one at a time and retries each until it is accepted.
struct Writer {
    browser: Browser,
    /// There are several conversations, so that each stays short: every question is sent to the model with all
    /// previous messages.
    conversations: Vec<String>,
    urls: Vec<watch::Receiver<Url>>,
    are_kills_done: Arc<AtomicBool>,
}

impl Writer {
    /// Sends messages until `are_kills_done`. Returns the accepted ones with their conversations.
    async fn write(&self) -> Vec<(&str, String)> {
        let mut accepted = Vec::new();
        while !self.are_kills_done.load(Ordering::SeqCst) {
            let id = fastrand::choice(&self.conversations).unwrap();
            let message = format!("message {} to {id}", accepted.len());
            self.send_with_retry(id, &message).await;
            accepted.push((id.as_str(), message));
        }
        accepted
    }

    async fn send_with_retry(&self, id: &str, message: &str) {
        let started = Instant::now();
        while let Err(reason) = self.send(id, message).await {
            assert!(started.elapsed() < STUCK_AFTER, "stuck at {message}: {reason}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends a message to a random instance. Receives the answer, or a part of it if the instance is killed.
    async fn send(&self, id: &str, message: &str) -> Result<(), String> {
        let mut socket = self.random_instance().try_connect().await.ok_or("no connection")?;
        let data = json!({"conversation_id": id, "message": message, "client_message_id": message});
        if !socket.try_send("send_message", data).await {
            return Err("failed to send".to_owned());
        }
        let mut is_accepted = false;
        while let Some((event, data)) = socket.try_receive().await {
            let is_for_this_message = data["client_message_id"] == json!(message);
            match event.as_str() {
                // An event without a `seq` means that an earlier attempt was accepted.
                "message_accepted" if is_for_this_message && data["seq"].is_null() => return Ok(()),
                "message_accepted" if is_for_this_message => is_accepted = true,
                "error" if is_for_this_message => return Err(data["code"].to_string()),
                "token_usage" if is_accepted => return Ok(()),
                _ => {}
            }
        }
        if is_accepted { Ok(()) } else { Err("the connection ended".to_owned()) }
    }

    fn random_instance(&self) -> Browser {
        self.browser.at_url(fastrand::choice(&self.urls).unwrap().borrow().clone())
    }

    /// Asserts that the conversation contains every accepted message once and in order, with its answer. Returns the
    /// number of interrupted answers.
    async fn check(&self, id: &str, accepted: &[(&str, String)]) -> usize {
        let browser = self.random_instance();
        let messages = messages_when_idle(&browser, id).await;
        let accepted: Vec<_> =
            accepted.iter().filter(|(to, _)| *to == id).map(|(_, message)| message).collect();
        let (questions, answers): (Vec<_>, Vec<_>) =
            messages.iter().partition(|message| message["role"] == json!("user"));
        let stored: Vec<_> =
            questions.iter().map(|message| message["content"].as_str().unwrap()).collect();
        assert_eq!(stored, accepted);
        assert_eq!(answers.len(), questions.len());
        for (position, message) in (1..).zip(&messages) {
            assert_eq!(message["position"], json!(position));
        }
        let mut interrupted = 0;
        // Questions without an answer are sent together with the next one.
        let mut unanswered = Vec::new();
        for (question, answer) in stored.into_iter().zip(answers) {
            unanswered.push(question);
            let expected = format!("You said: {}", unanswered.join("\n\n"));
            let content = answer["content"].as_str().unwrap();
            match answer["status"].as_str().unwrap() {
                "complete" => assert_eq!(content, expected),
                "interrupted" => {
                    assert!(expected.starts_with(content), "{answer}");
                    interrupted += 1;
                }
                _ => panic!("{answer}"),
            }
            if !content.is_empty() {
                unanswered.clear();
            }
        }
        unanswered.push("still there?");
        let mut socket = browser.connect().await;
        let answer = socket.ask(id, "still there?").await;
        assert_eq!(answer, format!("You said: {}", unanswered.join("\n\n")));
        interrupted
    }
}

/// Waits until no turn is running. Returns all messages.
async fn messages_when_idle(browser: &Browser, id: &str) -> Vec<Value> {
    let path = format!("/api/v1/conversations/{id}/messages?limit=200");
    let wait = async {
        while !browser.get(&path).await.json()["running_turn"].is_null() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(TIMEOUT, wait).await.unwrap_or_else(|_| panic!("{id} is stuck"));
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

/// The numbers of accepted messages and of interrupted answers.
#[derive(Default)]
struct Counts {
    accepted: usize,
    interrupted: usize,
}

/// Kills random instances, one at a time, while users send messages to their conversations.
async fn kill_under_load(mut instances: Vec<Instance>, users: u32, kills: u32) -> Counts {
    let are_kills_done = Arc::new(AtomicBool::new(false));
    let urls: Vec<_> = instances.iter().map(|instance| instance.url.subscribe()).collect();
    let mut writers = Vec::new();
    for _ in 0..users {
        let browser = instances[0].process.as_ref().unwrap().browser();
        let mut conversations = Vec::new();
        for _ in 0..test_or_soak(2, 10) {
            conversations.push(browser.start_conversation().await);
        }
        let (urls, are_kills_done) = (urls.clone(), Arc::clone(&are_kills_done));
        writers.push(Writer { browser, conversations, urls, are_kills_done });
    }

    let kill_instances = async {
        for _ in 0..kills {
            sleep(Duration::from_millis(fastrand::u64(20..700))).await;
            let number = fastrand::usize(..instances.len());
            instances[number].kill().await;
            sleep(Duration::from_millis(fastrand::u64(..200))).await;
            instances[number].restart().await;
        }
        are_kills_done.store(true, Ordering::SeqCst);
    };
    let ((), accepted) = tokio::join!(kill_instances, join_all(writers.iter().map(Writer::write)));

    let mut counts = Counts::default();
    for (writer, accepted) in writers.iter().zip(&accepted) {
        assert!(!accepted.is_empty());
        for id in &writer.conversations {
            counts.interrupted += writer.check(id, accepted).await;
        }
        counts.accepted += accepted.len();
    }
    counts
}

fn report(stats: SoakStats, kills: u32, counts: &[Counts]) {
    let accepted: usize = counts.iter().map(|run| run.accepted).sum();
    let interrupted: usize = counts.iter().map(|run| run.interrupted).sum();
    let outcome = format!(
        "{accepted} messages accepted, none lost or duplicated; {interrupted} answers \
         interrupted, no conversation stuck"
    );
    stats.finish(kills, outcome);
}

/// Without token budgets: a killed turn keeps what it has reserved, and hundreds of them would use up a day's budget.
fn settings(model: &ScriptedModel) -> Vec<(&'static str, String)> {
    let common = [("AZURE_API_URL", model.url()), ("SECRET_KEY", KEY)];
    let budgets = [("DAILY_TOKENS_PER_USER", "0"), ("DAILY_TOKENS", "0")];
    common.into_iter().chain(budgets).map(|(name, value)| (name, value.to_owned())).collect()
}

/// In `make soak`, several servers run in parallel to save time.
#[tokio::test]
async fn killing_the_server_on_sqlite_loses_and_duplicates_no_accepted_message() {
    let stats = SoakStats::start("kill -9 under load, SQLite");
    let (servers, kills) = (test_or_soak(1, 4), test_or_soak(8, 250));
    let model = ScriptedModel::with_delay(Duration::from_millis(20));
    let settings = settings(&model);

    let runs = (0..servers)
        .map(|_| async { kill_under_load(vec![Instance::start(&settings).await], 4, kills).await });
    let counts = join_all(runs).await;

    report(stats, servers * kills, &counts);
}

/// In `make soak`, most conversations are waiting for a lease to expire at any time. Therefore, there are many users
/// and conversations.
#[tokio::test]
async fn killing_instances_on_mongodb_loses_and_duplicates_no_accepted_message() {
    let stats = SoakStats::start("kill -9 under load, two instances");
    let (pairs, users, kills) = (test_or_soak(1, 2), test_or_soak(4, 16), test_or_soak(8, 500));
    let model = ScriptedModel::with_delay(Duration::from_millis(20));

    let runs = (0..pairs).map(|_| async {
        let stores = [("MONGODB_URI", mongodb_uri()), ("REDIS_URL", redis_url())];
        let settings = [settings(&model), stores.to_vec()].concat();
        let (first, second) = tokio::join!(Instance::start(&settings), Instance::start(&settings));
        kill_under_load(vec![first, second], users, kills).await
    });
    let counts = join_all(runs).await;

    report(stats, pairs * kills, &counts);
}
