//! The description of the WebSocket, held against the server.

use std::collections::BTreeSet;

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};
use webchat_tests::{Browser, Socket, TestServer};

/// The conversation of all examples.
const EXAMPLE: &str = "0190a000-0000-7000-8000-000000000000";

const EXAMPLE_QUESTION: &str = "0190a000-0000-7000-8000-000000000003";
const EXAMPLE_ANSWER: &str = "0190a000-0000-7000-8000-000000000004";

/// What clients say, in an order in which all of it can be done.
const SAID: [&str; 9] = [
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

const BEGINS_A_TURN: [&str; 4] = ["send_message", "edit_message", "regenerate", "continue"];

struct Description(Value);

impl Description {
    fn read() -> Self {
        Self(serde_saphyr::from_str(include_str!("../../docs/asyncapi.yaml")).unwrap())
    }

    /// The names of the messages of an operation.
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
        let place = format!("#/components/messages/{message}/payload");
        let schema = json!({"$ref": place, "components": self.0["components"]});
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    }

    /// What is said must be as it is described.
    fn check(&self, frame: &Value) -> String {
        let event = frame["event"].as_str().unwrap();
        assert!(self.0["components"]["messages"][event].is_object(), "not described: {frame}");
        if let Err(error) = self.validator(event).validate(frame) {
            panic!("{frame}\nis not as described: {error} at {}", error.instance_path());
        }
        event.to_owned()
    }
}

/// All frames up to the pong of a ping that is sent now, checked: the names of their events.
async fn hear(socket: &mut Socket, description: &Description) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let frame = serde_json::from_str(&socket.next_frame().await).unwrap();
        let event = description.check(&frame);
        let is_last = event == "pong";
        heard.push(event);
        if is_last {
            return heard;
        }
    }
}

#[test]
fn every_message_has_examples_that_fit_it() {
    let description = Description::read();

    for message in description.messages("hear").union(&description.messages("tell")) {
        for example in description.examples(message) {
            assert_eq!(description.check(&example), *message);
        }
    }
}

/// All frames up to the next one of this event, checked.
async fn until(
    socket: &mut Socket,
    description: &Description,
    heard: &mut BTreeSet<String>,
    event: &str,
) {
    loop {
        let frame = serde_json::from_str(&socket.next_frame().await).unwrap();
        let name = description.check(&frame);
        heard.insert(name.clone());
        if name == event {
            return;
        }
    }
}

/// The last question and its answer.
async fn last_two(browser: &Browser, id: &str) -> [String; 2] {
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages?limit=2")).await.json();
    let id_of = |place: usize| page["messages"][place]["message_id"].as_str().unwrap().to_owned();
    if page["messages"].as_array().unwrap().is_empty() {
        return [EXAMPLE.to_owned(), EXAMPLE.to_owned()];
    }
    [id_of(0), id_of(1)]
}

#[tokio::test]
async fn every_example_of_a_client_is_understood_and_every_answer_is_as_described() {
    let description = Description::read();
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect_ungreeted().await;
    let mut heard = BTreeSet::new();

    for message in SAID {
        for example in description.examples(message) {
            let [question, answer] = last_two(&browser, &id).await;
            let frame = example.to_string().replace(EXAMPLE, &id);
            let frame = frame.replace(EXAMPLE_QUESTION, &question).replace(EXAMPLE_ANSWER, &answer);
            // What is to go on must have broken off.
            let breaking = (message == "regenerate").then(|| server.model.next_answer());
            socket.send_text(&frame).await;
            if let Some(answering) = breaking {
                answering.say("Well, ");
                until(&mut socket, &description, &mut heard, "response_chunk").await;
                answering.break_off();
            }
            let is_known = example["data"]["client_message_id"].is_string()
                && message == "send_message"
                && example["data"]["expected_position"].is_null();
            if BEGINS_A_TURN.contains(&message) && !is_known {
                until(&mut socket, &description, &mut heard, "token_usage").await;
            }
            socket.say("ping", json!({})).await;
            let answers = hear(&mut socket, &description).await;
            assert!(!answers.contains(&"error".to_owned()), "{example}: {answers:?}");
            heard.extend(answers);
        }
    }
    // What goes wrong, what a file is told of, and what is told of a list.
    socket.say("dance", json!({})).await;
    until(&mut socket, &description, &mut heard, "error").await;
    socket.say("subscribe", json!({"conversation_id": id})).await;
    let files = format!("/api/v1/conversations/{id}/files");
    browser.upload(&files, "tides.txt", b"Tides come and go.").await;
    until(&mut socket, &description, &mut heard, "file_progress").await;
    browser.delete(&format!("/api/v1/conversations/{id}")).await;
    until(&mut socket, &description, &mut heard, "conversation_unlisted").await;
    let file = json!([{"role": "user", "content": "Why?"}]);
    browser.send(browser.request(Method::POST, "/api/v1/imports").json(&file)).await;
    until(&mut socket, &description, &mut heard, "list_changed").await;

    let replayed = BTreeSet::from(SAID.map(str::to_owned));
    assert_eq!(description.messages("hear"), replayed, "an example is not replayed");
    assert_eq!(heard, description.messages("tell"));
}
