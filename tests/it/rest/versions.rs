//! Message versions: editing, regenerating, continuing and selecting, with two subscribed connections.

use serde_json::{Value, json};
use webchat_tests::{Browser, Socket, SocketIo, TestServer, Transport, answer_text};

/// A conversation, its owner, and two subscribed connections.
struct TestChat {
    server: TestServer,
    owner: Browser,
    first: Socket,
    second: Socket,
    id: String,
}

impl TestChat {
    /// Starts a conversation with one question and its answer.
    async fn open() -> Self {
        let server = TestServer::start().await;
        let (owner, mut first) = server.socket().await;
        let mut second = owner.connect().await;
        let id = owner.start_conversation().await;
        second.send("subscribe", json!({"conversation_id": id})).await;
        second.expect("subscribed").await;
        first.ask(&id, "one").await;
        second.receive_until("token_usage").await;
        Self { server, owner, first, second, id }
    }

    /// Sends an event about this conversation on the first connection.
    async fn send(&mut self, event: &str, mut data: Value) {
        data["conversation_id"] = json!(self.id);
        self.first.send(event, data).await;
    }

    /// Receives a complete turn. Asserts that it is the same on both connections.
    async fn receive_turn(&mut self) -> Vec<(String, Value)> {
        let first = self.first.receive_until("token_usage").await;
        let second = self.second.receive_until("token_usage").await;
        assert_eq!(without_chunk_boundaries(&first), without_chunk_boundaries(&second));
        first
    }

    async fn page(&self) -> Value {
        self.owner.get(&format!("/api/v1/conversations/{}/messages", self.id)).await.json()
    }

    /// Fetches the visible messages.
    async fn messages(&self) -> Vec<Value> {
        self.page().await["messages"].as_array().unwrap().clone()
    }

    async fn texts(&self) -> Vec<String> {
        let messages = self.messages().await;
        messages.iter().map(|message| text(&message["content"])).collect()
    }
}

/// Returns the text of all chunks, and the other events.
fn without_chunk_boundaries(events: &[(String, Value)]) -> (String, Vec<(String, Value)>) {
    let others = events.iter().filter(|(name, _)| name != "response_chunk").cloned();
    (answer_text(events), others.collect())
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_edited_question_is_answered_and_both_versions_can_be_selected() {
    let mut chat = TestChat::open().await;
    let [question, _] = chat.messages().await.try_into().unwrap();

    let edit = json!({"message_id": question["message_id"], "message": "two"});
    chat.send("edit_message", edit).await;
    let events = chat.receive_turn().await;
    let edited = chat.messages().await;
    chat.send("select_version", json!({"message_id": question["message_id"]})).await;
    let selected = chat.second.expect("conversation_updated").await;

    let names_before_usage =
        ["conversation_updated", "message_accepted", "response_chunk", "response_end"];
    assert_eq!(names(&events), [names_before_usage.as_slice(), &["token_usage"]].concat());
    assert_eq!(events[0].1["change"], json!("branch"));
    assert_eq!(edited[0]["message_id"], events[1].1["message_id"]);
    assert_eq!(edited[1]["content"], json!(answer_text(&events)));
    assert_eq!(edited[0]["versions"], json!([question["message_id"], edited[0]["message_id"]]));
    assert_eq!(edited[1]["versions"], json!([edited[1]["message_id"]]));
    assert_eq!(selected["change"], json!("branch"));
    assert_eq!(chat.texts().await, ["one", "You said: one"]);
    let loaded = chat.owner.get(&format!("/load_conversation/{}", chat.id)).await.json();
    assert_eq!(loaded["conversation"][0]["content"], json!("one"));
    let search = chat.owner.get("/api/v1/search?q=two").await.json();
    assert_eq!(search["hits"], json!([]), "search finds invisible messages");
}

#[tokio::test]
async fn regenerating_adds_a_version_and_a_page_loaded_during_the_turn_misses_no_event() {
    let mut chat = TestChat::open().await;
    let [question, old] = chat.messages().await.try_into().unwrap();
    let answer = chat.server.model.next_answer();

    chat.send("regenerate", json!({"client_message_id": "again"})).await;
    answer.send("Another ");
    chat.first.receive_until("response_chunk").await;
    let page = chat.page().await;
    let mut tab = chat.owner.connect().await;
    let subscription = json!({"conversation_id": chat.id, "after": page["event_seq"]});
    tab.send("subscribe", subscription).await;
    tab.expect("subscribed").await;
    answer.send("answer.");
    answer.finish();
    let replayed = tab.receive_until("token_usage").await;
    let second = chat.second.receive_until("token_usage").await;

    let messages = page["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1, "the page contains the answer: {page}");
    assert_eq!(messages[0]["message_id"], question["message_id"]);
    assert_eq!(names(&replayed)[0], "message_accepted");
    assert_eq!(replayed[0].1["message_id"], question["message_id"]);
    assert_eq!(answer_text(&replayed), "Another answer.");
    assert_eq!(answer_text(&second), "Another answer.");
    let [_, new] = chat.messages().await.try_into().unwrap();
    assert_eq!(new["content"], json!("Another answer."));
    assert_eq!(new["versions"], json!([old["message_id"], new["message_id"]]));
    chat.first.receive_until("token_usage").await;
    chat.send("regenerate", json!({"client_message_id": "again"})).await;
    let duplicate = chat.first.expect("message_accepted").await;
    assert_eq!((&duplicate["answer_id"], &duplicate["seq"]), (&new["message_id"], &json!(null)));
}

#[tokio::test]
async fn regenerating_a_stopped_answer_without_text_replaces_it() {
    let mut chat = TestChat::open().await;
    let unanswered = chat.server.model.next_answer();
    chat.send("send_message", json!({"message": "count"})).await;
    chat.server.model.wait_for_requests(2).await;
    chat.send("stop", json!({})).await;
    chat.receive_turn().await;
    drop(unanswered);
    let stopped = chat.messages().await.remove(3);

    chat.send("regenerate", json!({})).await;
    let events = chat.receive_turn().await;

    assert_eq!((&stopped["status"], &stopped["content"]), (&json!("stopped"), &json!("")));
    assert_eq!(names(&events)[0], "message_accepted", "the visible versions changed");
    assert_eq!(events[0].1["answer_id"], stopped["message_id"]);
    let [_, _, _, answer] = chat.messages().await.try_into().unwrap();
    assert_eq!(answer["content"], json!("You said: count"));
    assert_eq!(answer["versions"], json!([stopped["message_id"]]));
    let end = &events[events.len() - 2].1;
    assert!(answer["ended_at"].is_string(), "{answer}");
    assert_eq!(
        [&end["created_at"], &end["ended_at"]],
        [&answer["created_at"], &answer["ended_at"]]
    );
}

#[tokio::test]
async fn a_stopped_answer_is_continued_in_the_same_message() {
    let mut chat = TestChat::open().await;
    let first = chat.server.model.next_answer();
    chat.send("send_message", json!({"message": "count"})).await;
    first.send("one, ");
    chat.first.receive_until("response_chunk").await;
    chat.send("stop", json!({})).await;
    chat.first.receive_until("token_usage").await;
    chat.second.receive_until("token_usage").await;
    let stopped = chat.messages().await.remove(3);
    let second = chat.server.model.next_answer();

    chat.send("continue", json!({})).await;
    second.send("two");
    second.finish();
    let events = chat.receive_turn().await;

    let request = chat.server.model.requests().pop().unwrap();
    let messages = request["messages"].as_array().unwrap();
    assert_eq!(messages[3], json!({"role": "assistant", "content": "one, "}));
    assert_eq!((messages.len(), &messages[4]["role"]), (5, &json!("user")));
    assert_eq!(stopped["status"], json!("stopped"));
    assert_eq!(answer_text(&events), "one, two", "the chunks do not repeat the existing text");
    assert_eq!(names(&events)[0], "message_accepted");
    let continued = chat.messages().await.remove(3);
    assert_eq!(continued["message_id"], stopped["message_id"]);
    assert_eq!(
        (&continued["content"], &continued["status"]),
        (&json!("one, two"), &json!("complete"))
    );
    let end = &events[events.len() - 2].1;
    assert_eq!(end["token_count"], continued["token_count"]);
    chat.send("continue", json!({})).await;
    assert_eq!(chat.first.expect("error").await["code"], json!("nothing_to_continue"));
}

#[tokio::test]
async fn messages_can_be_edited_over_socket_io() {
    let mut chat = TestChat::open().await;
    let question = chat.messages().await.remove(0);
    let mut client = SocketIo::connect(&chat.owner, Transport::WebSocket).await;

    let edit = json!({
        "conversation_id": chat.id, "message_id": question["message_id"], "message": "two",
    });
    client.emit("edit_message", edit, Some(7)).await;
    let (events, others) = client.receive_until("token_usage").await;
    chat.second.receive_until("token_usage").await;

    assert_eq!(answer_text(&events), "You said: two");
    // The turn may end before its start is acknowledged.
    if !others.iter().any(|packet| packet.starts_with("437")) {
        client.wait_for_acknowledgement(7).await;
    }
    assert_eq!(chat.texts().await, ["two", "You said: two"]);
}

#[tokio::test]
async fn a_version_of_an_unknown_message_is_not_found() {
    let mut chat = TestChat::open().await;
    let [question, answer] = chat.messages().await.try_into().unwrap();
    let other_id = chat.owner.start_conversation().await;

    for (event, id, message_id) in [
        ("edit_message", &chat.id, &answer["message_id"]),
        ("regenerate", &chat.id, &question["message_id"]),
        ("continue", &chat.id, &question["message_id"]),
        ("edit_message", &other_id, &question["message_id"]),
        ("regenerate", &other_id, &answer["message_id"]),
        ("select_version", &other_id, &answer["message_id"]),
    ] {
        let data = json!({"conversation_id": id, "message_id": message_id, "message": "x"});
        chat.first.send(event, data).await;
        let rejected = chat.first.expect("error").await;
        assert_eq!(rejected["code"], json!("message_not_found"), "{event}");
    }
    assert_eq!(chat.texts().await, ["one", "You said: one"]);
}
