//! Checks the AsyncAPI description of the WebSocket against the server.

use std::collections::BTreeSet;

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};
use webchat_tests::{Browser, Socket, TestServer};

/// The conversation id of all examples.
const EXAMPLE: &str = "0190a000-0000-7000-8000-000000000000";

const EXAMPLE_QUESTION: &str = "0190a000-0000-7000-8000-000000000003";
const EXAMPLE_ANSWER: &str = "0190a000-0000-7000-8000-000000000004";

/// The events of clients, in an order in which the server accepts all of them.
const CLIENT_EVENTS: [&str; 9] = [
    "subscribe",
    "send_message",
    "stop",
    "edit_message",
    "regenerate",
    "continue",
    "select_version",
    "unsubscribe",
    "ping",
];

/// The events that start a turn.
const TURN_EVENTS: [&str; 4] = ["send_message", "edit_message", "regenerate", "continue"];

struct Description(Value);

impl Description {
    fn read() -> Self {
        Self(serde_saphyr::from_str(include_str!("../../../docs/asyncapi.yaml")).unwrap())
    }

    /// The names of an operation's messages.
    fn messages(&self, operation: &str) -> BTreeSet<String> {
        let messages = self.0["operations"][operation]["messages"].as_array().unwrap();
        let name = |message: &Value| {
            let reference = message["$ref"].as_str().unwrap();
            let name = reference.strip_prefix("#/channels/socket/messages/").unwrap().to_owned();
            let target = &self.0["channels"]["socket"]["messages"][&name]["$ref"];
            assert_eq!(*target, json!(format!("#/components/messages/{name}")));
            name
        };
        messages.iter().map(name).collect()
    }

    fn examples(&self, message: &str) -> Vec<Value> {
        let examples = self.0["components"]["messages"][message]["examples"].as_array();
        let examples = examples.unwrap_or_else(|| panic!("{message} has no example"));
        examples.iter().map(|example| example["payload"].clone()).collect()
    }

    fn validator(&self, message: &str) -> Validator {
        let pointer = format!("#/components/messages/{message}/payload");
        let schema = json!({"$ref": pointer, "components": self.0["components"]});
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    }

    /// Validates a frame against its description. Returns the name of its event.
    fn check(&self, frame: &Value) -> String {
        let event = frame["event"].as_str().unwrap();
        assert!(self.0["components"]["messages"][event].is_object(), "not described: {frame}");
        if let Err(error) = self.validator(event).validate(frame) {
            panic!("{frame}\ndoes not match its description: {error} at {}", error.instance_path());
        }
        event.to_owned()
    }
}

/// Validates all frames up to the next pong. Returns the names of their events.
async fn receive_until_pong(socket: &mut Socket, description: &Description) -> Vec<String> {
    let mut received = Vec::new();
    loop {
        let frame = serde_json::from_str(&socket.receive_text().await).unwrap();
        let event = description.check(&frame);
        let is_last = event == "pong";
        received.push(event);
        if is_last {
            return received;
        }
    }
}

#[test]
fn every_message_has_valid_examples() {
    let description = Description::read();

    for message in description.messages("hear").union(&description.messages("tell")) {
        for example in description.examples(message) {
            assert_eq!(description.check(&example), *message);
        }
    }
}

/// Validates all frames up to the next one of this event.
async fn receive_until(
    socket: &mut Socket,
    description: &Description,
    received: &mut BTreeSet<String>,
    event: &str,
) {
    loop {
        let frame = serde_json::from_str(&socket.receive_text().await).unwrap();
        let name = description.check(&frame);
        received.insert(name.clone());
        if name == event {
            return;
        }
    }
}

/// The ids of the last question and its answer.
async fn last_two(browser: &Browser, id: &str) -> [String; 2] {
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages?limit=2")).await.json();
    let id_of = |index: usize| page["messages"][index]["message_id"].as_str().unwrap().to_owned();
    if page["messages"].as_array().unwrap().is_empty() {
        return [EXAMPLE.to_owned(), EXAMPLE.to_owned()];
    }
    [id_of(0), id_of(1)]
}

#[tokio::test]
async fn every_client_example_is_accepted_and_every_server_event_is_as_described() {
    let description = Description::read();
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect_without_welcome().await;
    let mut received = BTreeSet::new();

    for message in CLIENT_EVENTS {
        for example in description.examples(message) {
            let [question, answer] = last_two(&browser, &id).await;
            let frame = example.to_string().replace(EXAMPLE, &id);
            let frame = frame.replace(EXAMPLE_QUESTION, &question).replace(EXAMPLE_ANSWER, &answer);
            // Only an interrupted answer can be continued.
            let interrupted = (message == "regenerate").then(|| server.model.next_answer());
            socket.send_text(&frame).await;
            if let Some(answering) = interrupted {
                answering.send("Well, ");
                receive_until(&mut socket, &description, &mut received, "response_chunk").await;
                answering.disconnect();
            }
            let is_known = example["data"]["client_message_id"].is_string()
                && message == "send_message"
                && example["data"]["expected_position"].is_null();
            if TURN_EVENTS.contains(&message) && !is_known {
                receive_until(&mut socket, &description, &mut received, "token_usage").await;
            }
            socket.send("ping", json!({})).await;
            let answers = receive_until_pong(&mut socket, &description).await;
            assert!(!answers.contains(&"error".to_owned()), "{example}: {answers:?}");
            received.extend(answers);
        }
    }
    // The events that no example causes: an error, a file's progress, and changes of the list.
    socket.send("dance", json!({})).await;
    receive_until(&mut socket, &description, &mut received, "error").await;
    socket.send("subscribe", json!({"conversation_id": id})).await;
    let files = format!("/api/v1/conversations/{id}/files");
    browser.upload(&files, "tides.txt", b"Tides come and go.").await;
    receive_until(&mut socket, &description, &mut received, "file_progress").await;
    browser.delete(&format!("/api/v1/conversations/{id}")).await;
    receive_until(&mut socket, &description, &mut received, "conversation_unlisted").await;
    let file = json!([{"role": "user", "content": "Why?"}]);
    browser.send(browser.request(Method::POST, "/api/v1/imports").json(&file)).await;
    receive_until(&mut socket, &description, &mut received, "list_changed").await;

    let sent = BTreeSet::from(CLIENT_EVENTS.map(str::to_owned));
    assert_eq!(description.messages("hear"), sent, "an example was not sent");
    assert_eq!(received, description.messages("tell"));
}
