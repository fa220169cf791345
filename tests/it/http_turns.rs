//! Turns over plain HTTP.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use webchat_tests::{Answer, Browser, EventStream, PATIENCE, StreamedEvent, TestServer};

struct Room {
    server: TestServer,
    browser: Browser,
    id: String,
}

impl Room {
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

    async fn ask(&self, message: &str) -> Answer {
        self.browser.send(self.request(message)).await
    }

    fn events(&self, after: &str) -> RequestBuilder {
        self.browser.request(Method::GET, &self.path(&format!("events{after}")))
    }

    async fn messages(&self) -> Vec<Value> {
        let page = self.browser.get(&self.path("messages")).await.json();
        page["messages"].as_array().unwrap().clone()
    }

    /// The turn that runs, once one does.
    async fn running_turn(&self) -> String {
        let looking = async {
            loop {
                let page = self.browser.get(&self.path("messages")).await.json();
                if let Some(turn_id) = page["running_turn"].as_str() {
                    return turn_id.to_owned();
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, looking).await.unwrap()
    }
}

fn names(events: &[StreamedEvent]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

fn text(events: &[StreamedEvent]) -> String {
    events.iter().filter_map(|event| event.data["chunk"].as_str()).collect()
}

#[tokio::test]
async fn a_question_is_answered_with_the_whole_turn() {
    let room = Room::open().await;

    let answered = room.ask("Why two tides a day?").await;

    assert_eq!(answered.status, 200, "{answered:?}");
    let body = answered.json();
    assert_eq!(body["question"]["content"], "Why two tides a day?");
    assert_eq!(body["answer"]["content"], "You said: Why two tides a day?");
    assert_eq!((&body["finish_reason"], &body["error"]), (&json!("stop"), &json!(null)));
    assert_eq!(body["ledger"]["window"], 128_000);
    assert!(body["total_tokens_used"].as_u64().unwrap() > 0);
    let mut stored = room.messages().await;
    for message in &mut stored {
        message.as_object_mut().unwrap().remove("versions");
    }
    assert_eq!(stored, [body["question"].clone(), body["answer"].clone()]);
}

#[tokio::test]
async fn an_answer_that_fails_is_an_answer_that_says_why() {
    let room = Room::open().await;
    let answering = room.server.model.next_answer();
    let mut stream = EventStream::open(room.events("")).await;
    stream.expect("subscribed").await;
    answering.say("Well, ");
    let breaking_off = async {
        while stream.next().await.unwrap().name != "response_chunk" {}
        answering.break_off();
    };

    let (failed, ()) = tokio::join!(room.ask("Why?"), breaking_off);

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
async fn a_client_that_goes_away_changes_nothing_and_gets_the_same_answer_when_it_asks_again() {
    let room = Room::open().await;
    let answering = room.server.model.next_answer();
    answering.say("It goes ");
    let named = || room.request("Why?").header("idempotency-key", "k1");

    let impatient = named().timeout(Duration::from_millis(300)).send().await;
    let ending = async {
        room.running_turn().await;
        answering.say("on.");
        answering.end();
    };
    let (again, at_once, ()) =
        tokio::join!(room.browser.send(named()), room.browser.send(named()), ending);
    let later = room.browser.send(named()).await;

    assert!(impatient.unwrap_err().is_timeout());
    assert_eq!(again.json()["answer"]["content"], "It goes on.");
    for answer in [at_once, later] {
        assert_eq!((answer.status.as_u16(), answer.json()), (200, again.json()));
    }
    assert_eq!(room.server.model.requests().len(), 1);
}

#[tokio::test]
async fn sent_twice_at_once_it_is_done_once() {
    let room = Room::open().await;
    let named =
        || async { room.browser.send(room.request("Why?").header("idempotency-key", "k1")).await };

    let (one, other, third) = tokio::join!(named(), named(), named());

    assert_eq!((one.status.as_u16(), one.json()), (200, other.json()));
    assert_eq!(third.json()["answer"]["content"], "You said: Why?");
    assert_eq!((room.server.model.requests().len(), room.messages().await.len()), (1, 2));
}

#[tokio::test]
async fn two_names_for_one_message_are_refused() {
    let room = Room::open().await;
    let body = json!({"message": "Why?", "client_message_id": "m1"});
    let request = |key: &str| room.request("").json(&body).header("idempotency-key", key);

    let refused = room.browser.send(request("k1")).await;
    let too_long = room.browser.send(request(&"k".repeat(129))).await;
    let agreed = room.browser.send(request("m1")).await;

    assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()));
    assert_eq!(too_long.refusal(), (400, "invalid_request".to_owned()));
    assert_eq!(agreed.status, 200);
}

#[tokio::test]
async fn what_is_refused_is_refused_before_anything_is_stored() {
    let room = Room::open().await;
    let answering = room.server.model.next_answer();
    let during = async {
        room.running_turn().await;
        let during = room.ask("second").await;
        answering.end();
        during
    };
    let (_, during) = tokio::join!(room.ask("first"), during);

    let empty = room.ask("  ").await;
    let stale = json!({"message": "third", "expected_position": 0});
    let stale = room.browser.send(room.request("").json(&stale)).await;
    let as_html = room.browser.send(room.request("fourth").header("accept", "text/html")).await;

    assert_eq!(during.refusal(), (409, "turn_in_progress".to_owned()));
    assert_eq!(empty.refusal().1, "empty_message");
    assert_eq!(stale.refusal(), (409, "stale".to_owned()));
    assert_eq!(as_html.refusal(), (406, "not_acceptable".to_owned()));
    assert_eq!(room.messages().await.len(), 2);
}

#[tokio::test]
async fn a_message_may_be_as_large_as_on_the_websocket() {
    let room = Room::open().await;

    let large = room.ask(&"tide ".repeat(60_000)).await;
    let too_large = room.ask(&"tide ".repeat(900_000)).await;

    assert_eq!(large.status, 200, "{}", large.text.len());
    assert_eq!(too_large.refusal(), (413, "payload_too_large".to_owned()));
}

#[tokio::test]
async fn a_turn_can_be_had_as_its_events() {
    let room = Room::open().await;

    let mut stream = EventStream::open(room.request("Why?")).await;
    let events = stream.rest().await;

    assert_eq!(stream.status, 200);
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    assert_eq!(stream.headers["cache-control"], "no-store");
    assert_eq!(
        (events[0].name.as_str(), &events[0].data["content"]),
        ("message_accepted", &json!("Why?"))
    );
    assert_eq!(names(&events[events.len() - 2..]), ["response_end", "token_usage"]);
    assert_eq!(text(&events), "You said: Why?");
    let numbers: Vec<_> = events.iter().map(|event| event.id.unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    assert!(events.iter().all(|event| event.data["seq"].as_u64() == event.id));
}

#[tokio::test]
async fn the_events_of_a_turn_can_be_had_again_while_it_runs_and_afterwards() {
    let room = Room::open().await;
    let named = || room.request("Why?").header("idempotency-key", "k1");
    let answering = room.server.model.next_answer();
    answering.say("Be");
    let mut first = EventStream::open(named()).await;
    first.expect("message_accepted").await;

    let mut during = EventStream::open(named()).await;
    answering.say("cause.");
    answering.end();
    let during = during.rest().await;
    let afterwards = EventStream::open(named()).await.rest().await;

    assert_eq!(
        (during[0].name.as_str(), text(&during)),
        ("message_accepted", "Because.".to_owned())
    );
    assert_eq!(
        names(&afterwards),
        ["message_accepted", "response_chunk", "response_end", "token_usage"]
    );
    assert_eq!(text(&afterwards), "Because.");
    for event in &afterwards {
        assert_eq!((event.id, &event.data["seq"]), (None, &json!(null)), "{event:?}");
    }
    let last = |events: &[StreamedEvent]| events.last().unwrap().data["total_tokens_used"].clone();
    assert_eq!(last(&during), last(&afterwards));
}

#[tokio::test]
async fn a_stream_tells_what_happens_and_goes_on_where_it_was_left() {
    let room = Room::open().await;
    let mut stream = EventStream::open(room.events("")).await;
    let subscribed = stream.expect("subscribed").await;
    room.ask("one").await;
    let accepted = stream.expect("message_accepted").await;
    drop(stream);

    // The header is the browser's own, and newer than the address.
    let seen = accepted.id.unwrap().to_string();
    let back = room.events("?after=0").header("last-event-id", seen);
    let mut back = EventStream::open(back).await;
    let resumed = back.expect("subscribed").await;
    let next = back.next().await.unwrap();
    let mut late = EventStream::open(room.events("?after=1000000")).await;
    let lost = late.expect("subscribed").await;

    assert_eq!(subscribed.data["recovered"], json!(true));
    assert_eq!((resumed.id, &resumed.data["recovered"]), (accepted.id, &json!(true)));
    assert_eq!(next.name, "conversation_updated");
    assert_eq!(lost.data["recovered"], json!(false));
    let wrong = room.browser.send(room.events("").header("last-event-id", "x")).await;
    assert_eq!(wrong.refusal(), (400, "invalid_request".to_owned()));
    let as_json = room.browser.send(room.events("").header("accept", "application/json")).await;
    assert_eq!(as_json.refusal(), (406, "not_acceptable".to_owned()));
}

#[tokio::test]
async fn a_stream_ends_with_its_conversation() {
    let room = Room::open().await;
    let mut stream = EventStream::open(room.events("")).await;
    stream.expect("subscribed").await;

    room.browser.delete(room.path("").trim_end_matches('/')).await;
    let rest = stream.rest().await;

    assert_eq!(rest.last().unwrap().data["change"], "deleted");
}

#[tokio::test]
async fn a_turn_is_stopped_by_its_id() {
    let room = Room::open().await;
    let answering = room.server.model.next_answer();
    answering.say("This much.");
    let stopping = async {
        let path = room.path(&format!("turns/{}", room.running_turn().await));
        while room.server.model.requests().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
        let stopped = room.browser.delete(&path).await;
        answering.hung_up().await;
        stopped
    };
    let (stopped, answer) = tokio::join!(room.ask("talk for ever"), stopping);

    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert_eq!(stopped.json()["finish_reason"], "stopped");
    let turn_id = stopped.json()["answer"]["turn_id"].as_str().unwrap().to_owned();
    let again = room.browser.delete(&room.path(&format!("turns/{turn_id}"))).await;
    assert_eq!(again.refusal(), (404, "turn_not_found".to_owned()));
}

#[tokio::test]
async fn shutting_down_lets_answers_end_and_sends_streams_away() {
    let room = Room::open().await;
    let answering = room.server.model.next_answer();
    let mut stream = EventStream::open(room.events("")).await;
    stream.expect("subscribed").await;
    let request = room.request("last words");
    let Room { server, browser, id } = room;
    let accepted = Notify::new();
    let ending = async {
        stream.expect("message_accepted").await;
        accepted.notify_one();
        let path = format!("/api/v1/conversations/{id}/messages");
        loop {
            let late = browser.request(Method::POST, &path).json(&json!({"message": "too late"}));
            if browser.send(late).await.refusal().1 == "shutting_down" {
                break;
            }
        }
        answering.say("Goodbye.");
        answering.end();
        stream.rest().await
    };
    let going_away = async {
        accepted.notified().await;
        server.shutdown().await;
    };
    let (answered, rest, ()) = tokio::join!(browser.send(request), ending, going_away);

    assert_eq!(answered.json()["answer"]["content"], "Goodbye.");
    assert_eq!(rest.last().unwrap().name, "token_usage");
}
