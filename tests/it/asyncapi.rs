//! The description of the WebSocket, held against the server.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};
use webchat_tests::{Socket, TestServer};

/// The conversation of all examples.
const EXAMPLE: &str = "0190a000-0000-7000-8000-000000000000";

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

#[tokio::test]
async fn every_example_of_a_client_is_understood_and_every_answer_is_as_described() {
    let description = Description::read();
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect_ungreeted().await;
    let mut heard = BTreeSet::new();

    for message in ["subscribe", "send_message", "stop", "unsubscribe", "ping"] {
        for example in description.examples(message) {
            socket.send_text(&example.to_string().replace(EXAMPLE, &id)).await;
            let is_known = example["data"]["client_message_id"].is_string()
                && example["data"]["expected_position"].is_null();
            if message == "send_message" && !is_known {
                loop {
                    let frame = serde_json::from_str(&socket.next_frame().await).unwrap();
                    let event = description.check(&frame);
                    heard.insert(event.clone());
                    if event == "token_usage" {
                        break;
                    }
                }
            }
            socket.say("ping", json!({})).await;
            let answers = hear(&mut socket, &description).await;
            assert!(!answers.contains(&"error".to_owned()), "{example}: {answers:?}");
            heard.extend(answers);
        }
    }
    // What goes wrong: a frame that can't be understood, and a turn that fails.
    socket.say("dance", json!({})).await;
    let answering = server.model.next_answer();
    socket.say("send_message", json!({"conversation_id": id, "message": "break"})).await;
    answering.say("Well, ");
    loop {
        let frame = serde_json::from_str(&socket.next_frame().await).unwrap();
        let event = description.check(&frame);
        heard.insert(event.clone());
        if event == "response_chunk" {
            break;
        }
    }
    answering.break_off();
    let failed = socket.expect("error").await;
    description.check(&json!({"event": "error", "data": failed}));

    let replayed = ["subscribe", "send_message", "stop", "unsubscribe", "ping"].map(str::to_owned);
    assert_eq!(
        description.messages("hear"),
        BTreeSet::from(replayed),
        "an example is not replayed"
    );
    assert_eq!(heard, description.messages("tell"));
}
