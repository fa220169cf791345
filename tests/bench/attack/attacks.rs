//! The attacks. Each function is one round, which the attackers repeat.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};
use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Client, Method};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::attacker::Attacker;
use super::connections;
use super::import_file::flask_file;
use super::upstream::{ENDLESS, SLOW};

/// An attack: its name and one round of it.
pub(super) struct Attack {
    pub(super) name: &'static str,
    pub(super) round: fn(Attacker) -> LocalBoxFuture<'static, ()>,
}

pub(super) const ATTACKS: [Attack; 15] = [
    Attack { name: "expensive searches", round: |client| searches(client).boxed_local() },
    Attack { name: "imports of empty nodes", round: |client| import_nodes(client).boxed_local() },
    Attack { name: "imports and deletions", round: |client| import_letters(client).boxed_local() },
    Attack { name: "uploads of one character", round: |client| uploads(client).boxed_local() },
    Attack { name: "new users", round: |client| new_users(client).boxed_local() },
    Attack { name: "questions with summaries", round: |client| summaries(client).boxed_local() },
    Attack { name: "endless answers", round: |client| endless_answers(client).boxed_local() },
    Attack { name: "large pages", round: |client| pages(client).boxed_local() },
    Attack { name: "exports", round: |client| exports(client).boxed_local() },
    Attack { name: "saved files", round: |client| saved_files(client).boxed_local() },
    Attack { name: "unread responses", round: |client| connections::unread(client).boxed_local() },
    Attack { name: "slow bodies", round: |client| connections::slow_bodies(client).boxed_local() },
    Attack { name: "live connections", round: |client| connections::live(client).boxed_local() },
    Attack { name: "large frames", round: |client| connections::frames(client).boxed_local() },
    Attack {
        name: "malformed requests",
        round: |client| connections::malformed(client).boxed_local(),
    },
];

const MB: usize = 1_000_000;

/// The characters of the uploads. The tokens of long runs of them are expensive to count.
const CHARACTERS: [&str; 4] = [".", "\n", "\0", "漢"];

/// A ChatGPT conversation with many empty nodes: a file of 25 MB whose import once used gigabytes of memory.
static NODES: LazyLock<Bytes> = LazyLock::new(|| {
    let nodes: Vec<String> = (0..2_000_000).map(|number| format!("\"{number}\":{{}}")).collect();
    format!("[{{\"id\":\"x\",\"mapping\":{{{}}}}}]", nodes.join(",")).into()
});

/// The conversation with the most messages that an import accepts.
static LETTERS: LazyLock<Bytes> =
    LazyLock::new(|| flask_file((0..100_000).map(|_| "a".to_owned())).into());

async fn searches(client: Attacker) {
    let words: Vec<String> = (0..32).map(|number| format!("{number}")).collect();
    let queries = [
        "the ".repeat(250),
        "\"the moon and the tide\" ".repeat(40),
        format!("the moon and tide of a sea {}", words.join(" ")),
        "\"the the\" the moon -nothing".to_owned(),
    ];
    join_all(
        queries
            .iter()
            .map(async |query| client.get(&format!("/api/v1/search?limit=100&q={query}")).await),
    )
    .await;
    let abandoned = format!("/search_conversations?q={}", queries[0]);
    timeout(Duration::from_millis(50), client.get(&abandoned)).await.ok();
}

async fn import_nodes(client: Attacker) {
    import(&client, NODES.clone()).await;
}

async fn import_letters(client: Attacker) {
    import(&client, LETTERS.clone()).await;
    let list = client.send(client.user.request(Method::GET, "/api/v1/conversations")).await;
    if let Some(id) = list["conversations"][0]["conversation_id"].as_str() {
        let path = format!("/api/v1/conversations/{id}");
        client.send(client.user.request(Method::DELETE, &path)).await;
    }
}

/// Imports a file and waits until the import has ended.
async fn import(client: &Attacker, file: Bytes) {
    let request = client.user.request(Method::POST, "/api/v1/imports");
    let started = client.send(request.body(Body::from(file))).await;
    let Some(id) = started["import_id"].as_str() else { return };
    let path = format!("/api/v1/imports/{id}");
    while client.send(client.user.request(Method::GET, &path)).await["status"] == "running" {
        sleep(Duration::from_millis(500)).await;
    }
}

async fn uploads(client: Attacker) {
    for character in CHARACTERS {
        let Some(path) = client.start_conversation().await else { continue };
        let text = character.repeat(5 * MB / character.len());
        let form = Form::new().part("file", Part::bytes(text.into_bytes()).file_name("a.txt"));
        let files = format!("{path}/files");
        client.send(client.user.request(Method::POST, &files).multipart(form)).await;
        client.send(client.user.request(Method::DELETE, &path)).await;
    }
}

/// Sends a question as a new user, without waiting for the answer. Then drops the cookie.
async fn new_users(client: Attacker) {
    let http = Client::builder().local_address(client.address).build().unwrap();
    let url = |path: &str| client.browser.base().join(path).unwrap();
    client.send(http.get(url("/"))).await;
    let Ok(response) = http.post(url("/api/v1/conversations")).send().await else { return };
    client.count(response.status().as_str());
    let cookie = response.headers().get(SET_COOKIE).cloned();
    let conversation: serde_json::Value = response.json().await.unwrap_or_default();
    let (Some(cookie), Some(id)) = (cookie, conversation["conversation_id"].as_str()) else {
        return;
    };
    let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
    let ask = http.post(url(&format!("/api/v1/conversations/{id}/messages")));
    let ask = ask.header(COOKIE, cookie).header(ACCEPT, "text/event-stream");
    if let Ok(response) = ask.json(&json!({"message": format!("Speak {SLOW}.")})).send().await {
        client.count(response.status().as_str());
    }
}

async fn summaries(client: Attacker) {
    let ask = client.browser.request(Method::POST, &client.path("/messages"));
    client.send(ask.json(&json!({"message": "One question."}))).await;
}

async fn endless_answers(client: Attacker) {
    let Some(path) = client.start_conversation().await else { return };
    let ask = client.user.request(Method::POST, &format!("{path}/messages"));
    client.send(ask.json(&json!({"message": format!("An {ENDLESS} answer.")}))).await;
}

async fn pages(client: Attacker) {
    client.get(&client.path("/messages?limit=200")).await;
    client.get(&format!("/load_conversation/{}", client.conversation)).await;
}

/// Starts exports and disconnects before their end.
async fn exports(client: Attacker) {
    for path in ["/api/v1/export".to_owned(), client.path("/export?format=flask")] {
        timeout(Duration::from_secs(1), client.get(&path)).await.ok();
    }
}

async fn saved_files(client: Attacker) {
    client.send(client.browser.request(Method::POST, &client.path("/save"))).await;
}
