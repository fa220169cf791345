//! `docs/asyncapi.yaml` agrees with the WebSocket of the server.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};
use webchat_tests::{Browser, Socket, TestServer};

/// The id of the conversation in all examples.
const EXAMPLE_CONVERSATION: &str = "0190a000-0000-7000-8000-000000000000";

const EXAMPLE_QUESTION: &str = "0190a000-0000-7000-8000-000000000003";
const EXAMPLE_ANSWER: &str = "0190a000-0000-7000-8000-000000000004";

/// The events that clients send, in an order in which all examples succeed.
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

const TURN_EVENTS: [&str; 4] = ["send_message", "edit_message", "regenerate", "continue"];

/// The prefix of references to schemas in `asyncapi.yaml`.
const ASYNCAPI_REF_PREFIX: &str = "./openapi.json#/components/schemas/";

/// The prefix of references to schemas in `openapi.json`.
const OPENAPI_REF_PREFIX: &str = "#/components/schemas/";

/// The content of `asyncapi.yaml`, and the schemas in `openapi.json` that it refers to.
struct Description {
    asyncapi: Value,
    schemas: Value,
}

impl Description {
    fn read() -> Self {
        let openapi: Value =
            serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
        Self {
            asyncapi: serde_saphyr::from_str(include_str!("../../../docs/asyncapi.yaml")).unwrap(),
            schemas: openapi["components"]["schemas"].clone(),
        }
    }

    /// Returns the names of an operation's messages.
    fn messages(&self, operation: &str) -> BTreeSet<String> {
        let messages = self.asyncapi["operations"][operation]["messages"].as_array().unwrap();
        let name = |message: &Value| {
            let reference = message["$ref"].as_str().unwrap();
            let name = reference.strip_prefix("#/channels/socket/messages/").unwrap().to_owned();
            let target = &self.asyncapi["channels"]["socket"]["messages"][&name]["$ref"];
            assert_eq!(*target, json!(format!("#/components/messages/{name}")));
            name
        };
        messages.iter().map(name).collect()
    }

    fn message(&self, name: &str) -> &Value {
        let message = &self.asyncapi["components"]["messages"][name];
        assert!(message.is_object(), "{name} is not described");
        message
    }

    fn examples(&self, message: &str) -> Vec<Value> {
        let examples = self.message(message)["examples"].as_array();
        let examples = examples.unwrap_or_else(|| panic!("{message} has no example"));
        examples.iter().map(|example| example["payload"].clone()).collect()
    }

    /// Returns the data schema of each event of an operation in `asyncapi.yaml`, by event name.
    fn data_schemas_of_operation(&self, operation: &str) -> BTreeMap<String, String> {
        let schema = |name: String| {
            let payload = &self.message(&name)["payload"];
            let data = &payload["properties"]["data"]["$ref"];
            let data = data.as_str().unwrap().strip_prefix(ASYNCAPI_REF_PREFIX).unwrap();
            let properties = json!({
                "event": {"const": name},
                "data": {"$ref": format!("{ASYNCAPI_REF_PREFIX}{data}")},
            });
            let expected = json!({
                "type": "object", "required": ["event", "data"], "properties": properties,
            });
            assert_eq!(*payload, expected, "{name}");
            (name, data.to_owned())
        };
        self.messages(operation).into_iter().map(schema).collect()
    }

    /// Returns the data schema of each event of a union in `openapi.json`, by event name.
    fn data_schemas_of_union(&self, union: &str) -> BTreeMap<String, String> {
        let variants = self.schemas[union]["oneOf"].as_array().unwrap();
        let schema = |variant: &Value| {
            let [name] = variant["properties"]["event"]["enum"].as_array().unwrap().as_slice()
            else {
                panic!("no single name: {variant}")
            };
            let data = variant["properties"]["data"]["$ref"].as_str().unwrap();
            (
                name.as_str().unwrap().to_owned(),
                data.strip_prefix(OPENAPI_REF_PREFIX).unwrap().to_owned(),
            )
        };
        variants.iter().map(schema).collect()
    }

    /// Creates a validator that accepts a frame only if the union describes all of its fields.
    fn validator(&self, union: &str) -> Validator {
        let schema = self.closed(&self.schemas[union]);
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    }

    /// Inlines the schema and closes it, so that it allows only the fields that it describes.
    fn closed(&self, schema: &Value) -> Value {
        let mut schema = self.inlined(schema);
        if schema.is_object() && schema.get("additionalProperties").is_none() {
            schema["unevaluatedProperties"] = json!(false);
        }
        schema
    }

    /// Replaces all references by the schemas that they refer to. Closes the schemas of fields and items, but not
    /// those inside `allOf`, `anyOf` and `oneOf`, because each of these describes only some of the fields.
    fn inlined(&self, schema: &Value) -> Value {
        let Some(fields) = schema.as_object() else { return schema.clone() };
        if let Some(reference) = schema["$ref"].as_str() {
            let target = &self.schemas[reference.strip_prefix(OPENAPI_REF_PREFIX).unwrap()];
            assert!(target.is_object(), "{reference} is not described");
            return self.inlined(target);
        }
        let inlined = fields.iter().map(|(key, value)| {
            let value = match (key.as_str(), value) {
                ("properties", Value::Object(properties)) => properties
                    .iter()
                    .map(|(name, property)| (name.clone(), self.closed(property)))
                    .collect(),
                ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                    schemas.iter().map(|schema| self.inlined(schema)).collect()
                }
                ("items", schema) => self.closed(schema),
                _ => value.clone(),
            };
            (key.clone(), value)
        });
        Value::Object(inlined.collect())
    }
}

/// Validates the frames of one direction.
struct FrameValidator(Validator);

impl FrameValidator {
    fn from_clients() -> Self {
        Self(Description::read().validator("ClientEvent"))
    }

    fn from_server() -> Self {
        Self(Description::read().validator("ServerEvent"))
    }

    /// Asserts that the frame matches its description. Returns the name of its event.
    fn check(&self, frame: &Value) -> String {
        if let Err(error) = self.0.validate(frame) {
            panic!("{frame}\ndoes not match its description: {error} at {}", error.instance_path());
        }
        frame["event"].as_str().unwrap().to_owned()
    }
}

/// Receives and checks all frames up to and including the next one of this event. Returns the names of their
/// events.
async fn receive_until(socket: &mut Socket, frames: &FrameValidator, event: &str) -> Vec<String> {
    let mut received = Vec::new();
    loop {
        let frame = serde_json::from_str(&socket.receive_text().await).unwrap();
        let name = frames.check(&frame);
        let is_last = name == event;
        received.push(name);
        if is_last {
            return received;
        }
    }
}

#[test]
fn every_message_has_the_schema_of_its_event_in_openapi() {
    let description = Description::read();

    for (operation, union) in [("receive", "ClientEvent"), ("send", "ServerEvent")] {
        let messages = description.data_schemas_of_operation(operation);

        assert_eq!(messages, description.data_schemas_of_union(union), "{operation}");
    }
}

#[test]
fn every_message_has_examples_that_match_its_schema() {
    let description = Description::read();

    for (operation, frames) in
        [("receive", FrameValidator::from_clients()), ("send", FrameValidator::from_server())]
    {
        for message in description.messages(operation) {
            for example in description.examples(&message) {
                assert_eq!(frames.check(&example), message);
            }
        }
    }
}

#[test]
fn the_validator_rejects_frames_that_do_not_match_the_description() {
    let frames = FrameValidator::from_server();
    let chunk = json!({"event": "response_chunk", "data": {
        "conversation_id": EXAMPLE_CONVERSATION, "seq": 1, "chunk": "Tides", "turn_id": EXAMPLE_CONVERSATION,
    }});
    assert!(frames.0.is_valid(&chunk));

    for (pointer, value) in [
        ("/event", json!("unknown")),
        ("/data/seq", json!("1")),
        ("/data/seq", json!(null)),
        ("/data/turn_id", json!("t1")),
        ("/data/mood", json!("calm")),
        ("/mood", json!("calm")),
    ] {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let mut frame = chunk.clone();
        frame.pointer_mut(parent).unwrap()[field] = value;
        assert!(!frames.0.is_valid(&frame), "{frame}");
    }
}

/// Returns the ids of the last question and its answer, or an example id if there are none.
async fn last_question_and_answer(browser: &Browser, id: &str) -> [String; 2] {
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages?limit=2")).await.json();
    let id_of = |index: usize| page["messages"][index]["message_id"].as_str().unwrap().to_owned();
    if page["messages"].as_array().unwrap().is_empty() {
        return [EXAMPLE_CONVERSATION.to_owned(), EXAMPLE_CONVERSATION.to_owned()];
    }
    [id_of(0), id_of(1)]
}

#[tokio::test]
async fn every_client_example_succeeds_and_every_server_frame_matches_its_description() {
    let description = Description::read();
    let frames = FrameValidator::from_server();
    let server = TestServer::start().await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect_without_welcome().await;
    let mut received = BTreeSet::new();

    for message in CLIENT_EVENTS {
        for example in description.examples(message) {
            let [question, answer] = last_question_and_answer(&browser, &id).await;
            let frame = example.to_string().replace(EXAMPLE_CONVERSATION, &id);
            let frame = frame.replace(EXAMPLE_QUESTION, &question).replace(EXAMPLE_ANSWER, &answer);
            // Only an interrupted answer can be continued.
            let answer_to_interrupt = (message == "regenerate").then(|| server.model.next_answer());
            socket.send_text(&frame).await;
            if let Some(answer) = answer_to_interrupt {
                answer.send_reasoning("Hm.");
                answer.send("Well, ");
                received.extend(receive_until(&mut socket, &frames, "response_chunk").await);
                answer.disconnect();
            }
            let is_duplicate = example["data"]["client_message_id"].is_string()
                && message == "send_message"
                && example["data"]["expected_position"].is_null();
            if TURN_EVENTS.contains(&message) && !is_duplicate {
                received.extend(receive_until(&mut socket, &frames, "token_usage").await);
            }
            socket.send("ping", json!({})).await;
            let events = receive_until(&mut socket, &frames, "pong").await;
            assert!(!events.contains(&"error".to_owned()), "{example}: {events:?}");
            received.extend(events);
        }
    }
    // The server events that no client example causes: errors, file progress and list changes.
    socket.send("unknown", json!({})).await;
    received.extend(receive_until(&mut socket, &frames, "error").await);
    socket.send("subscribe", json!({"conversation_id": id})).await;
    let files = format!("/api/v1/conversations/{id}/files");
    browser.upload(&files, "tides.txt", b"Tides come and go.").await;
    received.extend(receive_until(&mut socket, &frames, "file_progress").await);
    browser.delete(&format!("/api/v1/conversations/{id}")).await;
    received.extend(receive_until(&mut socket, &frames, "conversation_unlisted").await);
    let file = json!([{"role": "user", "content": "Why?"}]);
    browser.send(browser.request(Method::POST, "/api/v1/imports").json(&file)).await;
    received.extend(receive_until(&mut socket, &frames, "list_changed").await);

    let sent = BTreeSet::from(CLIENT_EVENTS.map(str::to_owned));
    assert_eq!(description.messages("receive"), sent, "CLIENT_EVENTS is incomplete");
    assert_eq!(received, description.messages("send"));
}
