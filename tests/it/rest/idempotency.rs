//! Idempotency keys, with which a client can safely repeat a request that got no response.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::sleep;
use webchat_tests::{Browser, Response, TestServer};

/// The interval between checks of a condition for which no event is published.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

const CONVERSATIONS: &str = "/api/v1/conversations";

fn with_key(key: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("idempotency-key", key)
}

async fn start_conversation(browser: &Browser, key: &str) -> Response {
    browser.send(with_key(key, browser.request(Method::POST, CONVERSATIONS))).await
}

/// Sends a request twice concurrently and once afterwards. Returns the bodies of the responses.
async fn send_three_times(browser: &Browser, request: impl Fn() -> RequestBuilder) -> [Value; 3] {
    let (first, second) = tokio::join!(browser.send(request()), browser.send(request()));
    let third = browser.send(request()).await;
    [first, second, third].map(|response| {
        assert!(response.status.is_success(), "{response:?}");
        response.json()
    })
}

/// Asserts that all bodies have the same value of this field. Returns the value.
fn assert_same<'a>(bodies: &'a [Value; 3], field: &str) -> &'a Value {
    let [first, second, third] = bodies.each_ref().map(|body| &body[field]);
    assert!(first.is_string() && first == second && first == third, "{bodies:?}");
    first
}

#[tokio::test]
async fn an_idempotency_key_creates_one_conversation_per_user() {
    let server = TestServer::start().await;
    let (browser, other) = (server.browser(), server.browser());
    browser.get("/").await;
    let post = || with_key("k1", browser.request(Method::POST, CONVERSATIONS));

    let id = assert_same(&send_three_times(&browser, post).await, "conversation_id").clone();
    let with_other_key = start_conversation(&browser, "k2").await.json();
    let by_other_user = start_conversation(&other, "k1").await.json();
    let path = format!("{CONVERSATIONS}/{}", id.as_str().unwrap());
    browser.patch(&path, &json!({"title": "Tides"})).await;
    let after_rename = start_conversation(&browser, "k1").await;
    browser.delete(&path).await;
    let after_deletion = start_conversation(&browser, "k1").await;

    assert_ne!(with_other_key["conversation_id"], id);
    assert_ne!(by_other_user["conversation_id"], id);
    assert_eq!(after_rename.status, 201);
    assert_eq!(after_rename.json()["title"], json!("Tides"));
    assert_eq!(
        (after_deletion.status.as_u16(), &after_deletion.json()["title"]),
        (201, &json!(null))
    );
    let list = browser.get("/list_conversations").await.json();
    assert_eq!(list["conversations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_idempotency_key_adds_one_example() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let path = format!("{CONVERSATIONS}/{id}/few_shot_examples");
    let example = json!({"user_prompt": "1 + 1?", "assistant_response": "2."});
    let add = |key: &str| with_key(key, browser.request(Method::POST, &path).json(&example));

    let added = send_three_times(&browser, || add("k1")).await;
    let with_other_key = browser.send(add("k2")).await.json();

    let example_id = assert_same(&added, "example_id");
    let listed = browser.get(&path).await.json();
    let ids: Vec<_> =
        (0..2).map(|index| &listed["few_shot_examples"][index]["example_id"]).collect();
    assert_eq!(ids, [example_id, &with_other_key["example_id"]]);
    assert_eq!(listed["few_shot_examples"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_idempotency_key_creates_one_file_job() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let path = format!("{CONVERSATIONS}/{id}/files");
    let upload = || {
        let part = Part::bytes(b"Tides come and go.").file_name("tides.txt");
        with_key(
            "k1",
            browser.request(Method::POST, &path).multipart(Form::new().part("file", part)),
        )
    };

    let jobs = send_three_times(&browser, upload).await;

    let job = format!("{path}/{}", assert_same(&jobs, "job_id").as_str().unwrap());
    while browser.get(&job).await.json()["status"] != json!("complete") {
        sleep(POLL_INTERVAL).await;
    }
    let late = browser.send(upload()).await.json();
    assert_eq!(late["status"], json!("complete"));
    let page = browser.get(&format!("{CONVERSATIONS}/{id}/messages")).await.json();
    assert_eq!(page["messages"].as_array().unwrap().len(), 2);
    assert_eq!(server.model.requests().len(), 1);
}

#[tokio::test]
async fn an_idempotency_key_starts_one_import_and_the_end_of_the_import_is_published() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let file =
        json!([{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "The moon."}]);
    let import = |key: &str| {
        with_key(key, browser.request(Method::POST, "/api/v1/imports").body(file.to_string()))
    };

    let first = browser.send(import("k1")).await.json();
    let received = socket.receive_list_event().await;
    let again = browser.send(import("k1")).await;
    let with_other_key = browser.send(import("k2")).await.json();

    assert_eq!(received, ("list_changed".to_owned(), json!({})));
    assert_eq!(again.status, 202);
    assert_eq!(again.json()["import_id"], first["import_id"]);
    assert_ne!(with_other_key["import_id"], first["import_id"]);
}

#[tokio::test]
async fn an_invalid_idempotency_key_is_rejected() {
    let server = TestServer::start().await;
    let browser = server.browser();

    for key in ["", &"k".repeat(129), "Schlüssel"] {
        let rejected = start_conversation(&browser, key).await;
        assert_eq!(rejected.status_and_code(), (400, "invalid_request".to_owned()), "{key}");
    }
    let list = browser.get(CONVERSATIONS).await.json();
    assert_eq!(list["conversations"], json!([]));
}

#[tokio::test]
async fn an_idempotency_key_for_another_text_is_rejected() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let path = format!("{CONVERSATIONS}/{id}/messages");
    let send = |text: &str| {
        let request = browser.request(Method::POST, &path).json(&json!({"message": text}));
        browser.send(with_key("k1", request))
    };

    let first = send("one text").await;
    let other = send("another text").await;
    let again = send("one text").await;

    assert_eq!(other.status_and_code(), (422, "idempotency_key_reused".to_owned()));
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (200, 200));
    assert_eq!(first.json()["question"], again.json()["question"]);
    let page = browser.get(&path).await.json();
    assert_eq!(page["messages"].as_array().unwrap().len(), 2);
}
