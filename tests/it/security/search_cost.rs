//! Searches that are as expensive as possible.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;
use webchat_tests::{Browser, Process, ScriptedModel};

/// The maximum duration of another user's request at the same time. Without limits, it would take minutes.
const MAX_DELAY: Duration = Duration::from_secs(2);

struct Attack {
    server: Process,
    browser: Browser,
    _model: ScriptedModel,
    _dir: TempDir,
}

impl Attack {
    /// Stores messages that contain a word many times.
    async fn prepare() -> Self {
        let model = ScriptedModel::start();
        let dir = tempfile::tempdir().unwrap();
        let server = Process::start(dir.path(), &[("AZURE_API_URL", model.url())]).await;
        let browser = server.browser();
        let id = browser.start_conversation().await;
        for text in ["the moon and the tide of a sea ".repeat(100), "the ".repeat(60_000)] {
            let path = format!("/api/v1/conversations/{id}/messages");
            let request = browser.request(Method::POST, &path).json(&json!({"message": text}));
            assert_eq!(browser.send(request).await.status, 200);
        }
        Self { server, browser, _model: model, _dir: dir }
    }

    /// Starts a search and disconnects.
    async fn search_and_disconnect(&self, query: &str) {
        let path = format!("/api/v1/search?q={}", query.trim().replace(' ', "+"));
        timeout(Duration::from_millis(300), self.browser.get(&path)).await.ok();
    }
}

#[tokio::test]
async fn expensive_searches_of_one_user_do_not_delay_other_users() {
    let attack = Attack::prepare().await;
    let victim = attack.server.browser();
    victim.start_conversation().await;
    let query = "the ".repeat(250);

    let searches = (0..4).map(|_| attack.search_and_disconnect(&query));
    futures_util::future::join_all(searches).await;
    let started = Instant::now();
    let list = timeout(MAX_DELAY * 5, victim.get("/api/v1/conversations")).await;
    let search = timeout(MAX_DELAY * 5, victim.get("/api/v1/search?q=tide")).await;
    let delay = started.elapsed();

    assert_eq!(list.expect("the list was delayed").status, 200);
    assert_eq!(search.expect("the search was delayed").status, 200);
    assert!(delay < MAX_DELAY * 2, "{delay:?}");
}

#[tokio::test]
async fn expensive_searches_are_fast() {
    let attack = Attack::prepare().await;

    let started = Instant::now();
    let repeated = attack.browser.get(&format!("/api/v1/search?q={}the", "the+".repeat(200))).await;
    let flask = attack.browser.get("/search_conversations?q=the").await;
    let too_long = attack.browser.get(&format!("/api/v1/search?q={}", "a+".repeat(501))).await;
    let duration = started.elapsed();

    let hits = repeated.json()["hits"].as_array().unwrap().len();
    // Two questions, and the answers that repeat them.
    assert_eq!(hits, 4);
    assert_eq!(flask.json()["conversations"].as_array().unwrap().len(), 1);
    assert_eq!(too_long.status_and_code(), (400, "search_too_long".to_owned()));
    assert!(duration < MAX_DELAY * 2, "{duration:?}");
}
