//! Turns over HTTP and server-sent events.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use webchat_tests::{Browser, EventStream, Response, StreamedEvent, TIMEOUT, TestServer};

/// A server with a conversation.
struct TestChat {
    server: TestServer,
    browser: Browser,
    id: String,
}

impl TestChat {
    async fn open() -> Self {
        let server = TestServer::start().await;
        let browser = server.browser();
        let created = browser.post("/api/v1/conversations").await.json();
        let id = created["conversation_id"].as_str().unwrap().to_owned();
        Self { server, browser, id }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/conversations/{}/{rest}", self.id)
    }

    fn request(&self, message: &str) -> RequestBuilder {
        let request = self.browser.request(Method::POST, &self.path("messages"));
        request.json(&json!({"message": message}))
    }

    async fn ask(&self, message: &str) -> Response {
        self.browser.send(self.request(message)).await
    }

    fn events(&self, query: &str) -> RequestBuilder {
        self.browser.request(Method::GET, &self.path(&format!("events{query}")))
    }

    async fn messages(&self) -> Vec<Value> {
        let page = self.browser.get(&self.path("messages")).await.json();
        page["messages"].as_array().unwrap().clone()
    }

    /// Waits until a turn is running. Returns its id.
    async fn running_turn(&self) -> String {
        let wait = async {
            loop {
                let page = self.browser.get(&self.path("messages")).await.json();
                if let Some(turn_id) = page["running_turn"].as_str() {
                    return turn_id.to_owned();
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(TIMEOUT, wait).await.unwrap()
    }
}

fn names(events: &[StreamedEvent]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

fn text(events: &[StreamedEvent]) -> String {
    events.iter().filter_map(|event| event.data["chunk"].as_str()).collect()
}

#[tokio::test]
async fn a_message_returns_the_complete_turn() {
    let chat = TestChat::open().await;

    let response = chat.ask("Why two tides a day?").await;

    assert_eq!(response.status, 200, "{response:?}");
    let body = response.json();
    assert_eq!(body["question"]["content"], "Why two tides a day?");
    assert_eq!(body["answer"]["content"], "You said: Why two tides a day?");
    assert_eq!((&body["finish_reason"], &body["error"]), (&json!("stop"), &json!(null)));
    assert_eq!(body["ledger"]["window"], 128_000);
    assert!(body["total_tokens_used"].as_u64().unwrap() > 0);
    let mut stored = chat.messages().await;
    for message in &mut stored {
        message.as_object_mut().unwrap().remove("versions");
    }
    assert_eq!(stored, [body["question"].clone(), body["answer"].clone()]);
}

#[tokio::test]
async fn a_failed_answer_is_returned_with_its_error() {
    let chat = TestChat::open().await;
    let model_answer = chat.server.model.next_answer();
    let mut stream = EventStream::open(chat.events("")).await;
    stream.expect("subscribed").await;
    model_answer.send("Well, ");
    let disconnect_model = async {
        while stream.receive().await.unwrap().name != "response_chunk" {}
        model_answer.disconnect();
    };

    let (failed, ()) = tokio::join!(chat.ask("Why?"), disconnect_model);

    assert_eq!(failed.status, 200, "{failed:?}");
    let body = failed.json();
    assert_eq!(
        (&body["finish_reason"], &body["error"]["code"]),
        (&json!("failed"), &json!("model_failed"))
    );
    assert_eq!(
        (&body["answer"]["content"], &body["answer"]["status"]),
        (&json!("Well, "), &json!("failed"))
    );
}

#[tokio::test]
async fn a_client_that_times_out_gets_the_same_answer_on_retry() {
    let chat = TestChat::open().await;
    let model_answer = chat.server.model.next_answer();
    model_answer.send("It goes ");
    let keyed_request = || chat.request("Why?").header("idempotency-key", "k1");

    let timed_out = keyed_request().timeout(Duration::from_millis(300)).send().await;
    let finish_answer = async {
        chat.running_turn().await;
        model_answer.send("on.");
        model_answer.finish();
    };
    let (second, third, ()) = tokio::join!(
        chat.browser.send(keyed_request()),
        chat.browser.send(keyed_request()),
        finish_answer
    );
    let later = chat.browser.send(keyed_request()).await;

    assert!(timed_out.unwrap_err().is_timeout());
    assert_eq!(second.json()["answer"]["content"], "It goes on.");
    for response in [third, later] {
        assert_eq!((response.status.as_u16(), response.json()), (200, second.json()));
    }
    assert_eq!(chat.server.model.requests().len(), 1);
}

#[tokio::test]
async fn concurrent_requests_with_one_idempotency_key_run_one_turn() {
    let chat = TestChat::open().await;
    let keyed_request =
        || async { chat.browser.send(chat.request("Why?").header("idempotency-key", "k1")).await };

    let (first, second, third) = tokio::join!(keyed_request(), keyed_request(), keyed_request());

    assert_eq!((first.status.as_u16(), first.json()), (200, second.json()));
    assert_eq!(third.json()["answer"]["content"], "You said: Why?");
    assert_eq!((chat.server.model.requests().len(), chat.messages().await.len()), (1, 2));
}

#[tokio::test]
async fn a_client_message_id_that_differs_from_the_idempotency_key_is_rejected() {
    let chat = TestChat::open().await;
    let body = json!({"message": "Why?", "client_message_id": "m1"});
    let request = |key: &str| chat.request("").json(&body).header("idempotency-key", key);

    let rejected = chat.browser.send(request("k1")).await;
    let too_long = chat.browser.send(request(&"k".repeat(129))).await;
    let with_same_id = chat.browser.send(request("m1")).await;

    assert_eq!(rejected.status_and_code(), (400, "invalid_request".to_owned()));
    assert_eq!(too_long.status_and_code(), (400, "invalid_request".to_owned()));
    assert_eq!(with_same_id.status, 200);
}

#[tokio::test]
async fn a_rejected_message_is_not_stored() {
    let chat = TestChat::open().await;
    let model_answer = chat.server.model.next_answer();
    let ask_during_turn = async {
        chat.running_turn().await;
        let response = chat.ask("second").await;
        model_answer.finish();
        response
    };
    let (_, during_turn) = tokio::join!(chat.ask("first"), ask_during_turn);

    let empty = chat.ask("  ").await;
    let body = json!({"message": "third", "expected_position": 0});
    let conflict = chat.browser.send(chat.request("").json(&body)).await;
    let as_html = chat.browser.send(chat.request("fourth").header("accept", "text/html")).await;

    assert_eq!(during_turn.status_and_code(), (409, "turn_in_progress".to_owned()));
    assert_eq!(empty.status_and_code().1, "empty_message");
    assert_eq!(conflict.status_and_code(), (409, "stale".to_owned()));
    assert_eq!(as_html.status_and_code(), (406, "not_acceptable".to_owned()));
    assert_eq!(chat.messages().await.len(), 2);
}

#[tokio::test]
async fn a_message_may_exceed_the_size_limit_of_other_bodies_but_not_4_mib() {
    let chat = TestChat::open().await;

    let large = chat.ask(&"tide ".repeat(60_000)).await;
    let too_large = chat.ask(&"tide ".repeat(900_000)).await;

    assert_eq!(large.status, 200, "{}", large.text.len());
    assert_eq!(too_large.status_and_code(), (413, "payload_too_large".to_owned()));
}

#[tokio::test]
async fn a_turn_can_be_streamed_as_events() {
    let chat = TestChat::open().await;

    let mut stream = EventStream::open(chat.request("Why?")).await;
    let events = stream.receive_all().await;

    assert_eq!(stream.status, 200);
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    assert_eq!(stream.headers["cache-control"], "no-store");
    assert_eq!(
        (events[0].name.as_str(), &events[0].data["content"]),
        ("message_accepted", &json!("Why?"))
    );
    assert_eq!(names(&events[events.len() - 2..]), ["response_end", "token_usage"]);
    assert_eq!(text(&events), "You said: Why?");
    let seqs: Vec<_> = events.iter().map(|event| event.id.unwrap()).collect();
    assert!(seqs.is_sorted_by(|previous, next| previous < next), "{seqs:?}");
    assert!(events.iter().all(|event| event.data["seq"].as_u64() == event.id));
}

#[tokio::test]
async fn a_turns_events_are_replayed_while_it_runs_and_afterwards() {
    let chat = TestChat::open().await;
    let keyed_request = || chat.request("Why?").header("idempotency-key", "k1");
    let model_answer = chat.server.model.next_answer();
    model_answer.send("Be");
    let mut first = EventStream::open(keyed_request()).await;
    first.expect("message_accepted").await;

    let mut during_turn = EventStream::open(keyed_request()).await;
    model_answer.send("cause.");
    model_answer.finish();
    let live_events = during_turn.receive_all().await;
    let replayed_events = EventStream::open(keyed_request()).await.receive_all().await;

    assert_eq!(
        (live_events[0].name.as_str(), text(&live_events)),
        ("message_accepted", "Because.".to_owned())
    );
    assert_eq!(
        names(&replayed_events),
        ["message_accepted", "response_chunk", "response_end", "token_usage"]
    );
    assert_eq!(text(&replayed_events), "Because.");
    for event in &replayed_events {
        assert_eq!((event.id, &event.data["seq"]), (None, &json!(null)), "{event:?}");
    }
    let last = |events: &[StreamedEvent]| events.last().unwrap().data["total_tokens_used"].clone();
    assert_eq!(last(&live_events), last(&replayed_events));
}

#[tokio::test]
async fn an_event_stream_resumes_after_the_last_event_id() {
    let chat = TestChat::open().await;
    let mut stream = EventStream::open(chat.events("")).await;
    let subscribed = stream.expect("subscribed").await;
    chat.ask("one").await;
    let accepted = stream.expect("message_accepted").await;
    drop(stream);

    // A browser sends the header when it reconnects, so the header takes precedence over the query.
    let last_event_id = accepted.id.unwrap().to_string();
    let request = chat.events("?after=0").header("last-event-id", last_event_id);
    let mut resumed_stream = EventStream::open(request).await;
    let resumed = resumed_stream.expect("subscribed").await;
    let next = resumed_stream.receive().await.unwrap();
    let mut stream_with_gap = EventStream::open(chat.events("?after=1000000")).await;
    let not_recovered = stream_with_gap.expect("subscribed").await;

    assert_eq!(subscribed.data["recovered"], json!(true));
    assert_eq!((resumed.id, &resumed.data["recovered"]), (accepted.id, &json!(true)));
    assert_eq!(next.name, "conversation_updated");
    assert_eq!(not_recovered.data["recovered"], json!(false));
    let invalid = chat.browser.send(chat.events("").header("last-event-id", "x")).await;
    assert_eq!(invalid.status_and_code(), (400, "invalid_request".to_owned()));
    let as_json = chat.browser.send(chat.events("").header("accept", "application/json")).await;
    assert_eq!(as_json.status_and_code(), (406, "not_acceptable".to_owned()));
}

#[tokio::test]
async fn an_event_stream_ends_when_its_conversation_is_deleted() {
    let chat = TestChat::open().await;
    let mut stream = EventStream::open(chat.events("")).await;
    stream.expect("subscribed").await;

    chat.browser.delete(chat.path("").trim_end_matches('/')).await;
    let rest = stream.receive_all().await;

    assert_eq!(rest.last().unwrap().data["change"], "deleted");
}

#[tokio::test]
async fn a_turn_can_be_stopped_by_its_id() {
    let chat = TestChat::open().await;
    let model_answer = chat.server.model.next_answer();
    model_answer.send("The first part.");
    let stop_turn = async {
        let path = chat.path(&format!("turns/{}", chat.running_turn().await));
        chat.server.model.wait_for_requests(1).await;
        let response = chat.browser.delete(&path).await;
        model_answer.wait_for_disconnect().await;
        response
    };
    let (stopped, deleted) = tokio::join!(chat.ask("keep talking"), stop_turn);

    assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
    assert_eq!(stopped.json()["finish_reason"], "stopped");
    let turn_id = stopped.json()["answer"]["turn_id"].as_str().unwrap().to_owned();
    let deleted_again = chat.browser.delete(&chat.path(&format!("turns/{turn_id}"))).await;
    assert_eq!(deleted_again.status_and_code(), (404, "turn_not_found".to_owned()));
}

#[tokio::test]
async fn shutdown_completes_running_answers_and_closes_streams() {
    let chat = TestChat::open().await;
    let model_answer = chat.server.model.next_answer();
    let mut stream = EventStream::open(chat.events("")).await;
    stream.expect("subscribed").await;
    let request = chat.request("last message");
    let TestChat { server, browser, id } = chat;
    let accepted = Notify::new();
    let finish_answer = async {
        stream.expect("message_accepted").await;
        accepted.notify_one();
        let path = format!("/api/v1/conversations/{id}/messages");
        let reject = async {
            loop {
                let late = browser.request(Method::POST, &path).json(&json!({"message": "late"}));
                if browser.send(late).await.status_and_code().1 == "shutting_down" {
                    return;
                }
            }
        };
        timeout(TIMEOUT, reject).await.unwrap();
        model_answer.send("The end.");
        model_answer.finish();
        stream.receive_all().await
    };
    let shut_down = async {
        accepted.notified().await;
        server.shutdown().await;
    };
    let (response, rest, ()) = tokio::join!(browser.send(request), finish_answer, shut_down);

    assert_eq!(response.json()["answer"]["content"], "The end.");
    assert_eq!(rest.last().unwrap().name, "token_usage");
}
