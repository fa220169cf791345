//! Versions of messages, as two tabs see them.

use serde_json::{Value, json};
use webchat_tests::{Browser, Socket, SocketIo, TestServer, Transport, text_of};

/// A conversation, its owner, and two connections that follow it.
struct Room {
    server: TestServer,
    owner: Browser,
    here: Socket,
    there: Socket,
    id: String,
}

impl Room {
    /// In which one question was asked and answered.
    async fn open() -> Self {
        let server = TestServer::start().await;
        let (owner, mut here) = server.socket().await;
        let mut there = owner.connect().await;
        let id = owner.start_conversation().await;
        there.say("subscribe", json!({"conversation_id": id})).await;
        there.expect("subscribed").await;
        here.ask(&id, "one").await;
        there.until("token_usage").await;
        Self { server, owner, here, there, id }
    }

    /// Says it here, about this conversation.
    async fn say(&mut self, event: &str, mut data: Value) {
        data["conversation_id"] = json!(self.id);
        self.here.say(event, data).await;
    }

    /// The whole turn as it is told, which must be the same here and there.
    async fn turn(&mut self) -> Vec<(String, Value)> {
        let here = self.here.until("token_usage").await;
        let there = self.there.until("token_usage").await;
        assert_eq!(told(&here), told(&there));
        here
    }

    async fn page(&self) -> Value {
        self.owner.get(&format!("/api/v1/conversations/{}/messages", self.id)).await.json()
    }

    /// The messages as a reload shows them.
    async fn messages(&self) -> Vec<Value> {
        self.page().await["messages"].as_array().unwrap().clone()
    }

    async fn texts(&self) -> Vec<String> {
        let messages = self.messages().await;
        messages.iter().map(|message| text(&message["content"])).collect()
    }
}

/// What was told apart from how it was cut into chunks.
fn told(events: &[(String, Value)]) -> (String, Vec<(String, Value)>) {
    let others = events.iter().filter(|(name, _)| name != "response_chunk").cloned();
    (text_of(events), others.collect())
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
async fn an_edited_question_is_answered_and_both_versions_can_be_looked_at() {
    let mut room = Room::open().await;
    let [question, _] = room.messages().await.try_into().unwrap();

    let edit = json!({"message_id": question["message_id"], "message": "two"});
    room.say("edit_message", edit).await;
    let events = room.turn().await;
    let edited = room.messages().await;
    room.say("select_version", json!({"message_id": question["message_id"]})).await;
    let selected = room.there.expect("conversation_updated").await;

    let all = ["conversation_updated", "message_accepted", "response_chunk", "response_end"];
    assert_eq!(names(&events), [all.as_slice(), &["token_usage"]].concat());
    assert_eq!(events[0].1["change"], json!("branch"));
    assert_eq!(edited[0]["message_id"], events[1].1["message_id"]);
    assert_eq!(edited[1]["content"], json!(text_of(&events)));
    assert_eq!(edited[0]["versions"], json!([question["message_id"], edited[0]["message_id"]]));
    assert_eq!(edited[1]["versions"], json!([edited[1]["message_id"]]));
    assert_eq!(selected["change"], json!("branch"));
    assert_eq!(room.texts().await, ["one", "You said: one"]);
    let loaded = room.owner.get(&format!("/load_conversation/{}", room.id)).await.json();
    assert_eq!(loaded["conversation"][0]["content"], json!("one"));
    let found = room.owner.get("/api/v1/search?q=two").await.json();
    assert_eq!(found["hits"], json!([]), "what is not visible is not found");
}

#[tokio::test]
async fn an_answer_is_made_anew_and_a_reload_in_the_middle_misses_nothing() {
    let mut room = Room::open().await;
    let [question, old] = room.messages().await.try_into().unwrap();
    let answer = room.server.model.next_answer();

    room.say("regenerate", json!({"client_message_id": "again"})).await;
    answer.say("Another ");
    room.here.until("response_chunk").await;
    let during = room.page().await;
    let mut tab = room.owner.connect().await;
    let after = json!({"conversation_id": room.id, "after": during["event_seq"]});
    tab.say("subscribe", after).await;
    tab.expect("subscribed").await;
    answer.say("answer.");
    answer.end();
    let replayed = tab.until("token_usage").await;
    let there = room.there.until("token_usage").await;

    let shown: Vec<_> = during["messages"].as_array().unwrap().iter().collect();
    assert_eq!(shown.len(), 1, "the question alone: {during}");
    assert_eq!(shown[0]["message_id"], question["message_id"]);
    assert_eq!(names(&replayed)[0], "message_accepted");
    assert_eq!(replayed[0].1["message_id"], question["message_id"]);
    assert_eq!(text_of(&replayed), "Another answer.");
    assert_eq!(text_of(&there), "Another answer.");
    let [_, new] = room.messages().await.try_into().unwrap();
    assert_eq!(new["content"], json!("Another answer."));
    assert_eq!(new["versions"], json!([old["message_id"], new["message_id"]]));
    room.here.until("token_usage").await;
    room.say("regenerate", json!({"client_message_id": "again"})).await;
    let again = room.here.expect("message_accepted").await;
    assert_eq!((&again["answer_id"], &again["seq"]), (&new["message_id"], &json!(null)));
}

#[tokio::test]
async fn a_stopped_answer_goes_on_in_the_same_message() {
    let mut room = Room::open().await;
    let first = room.server.model.next_answer();
    room.say("send_message", json!({"message": "count"})).await;
    first.say("one, ");
    room.here.until("response_chunk").await;
    room.say("stop", json!({})).await;
    room.here.until("token_usage").await;
    room.there.until("token_usage").await;
    let stopped = room.messages().await.remove(3);
    let second = room.server.model.next_answer();

    room.say("continue", json!({})).await;
    second.say("two");
    second.end();
    let events = room.turn().await;

    let request = room.server.model.requests().pop().unwrap();
    let messages = request["messages"].as_array().unwrap();
    assert_eq!(messages[3], json!({"role": "assistant", "content": "one, "}));
    assert_eq!((messages.len(), &messages[4]["role"]), (5, &json!("user")));
    assert_eq!(stopped["status"], json!("stopped"));
    assert_eq!(text_of(&events), "one, two", "from its beginning");
    assert_eq!(names(&events)[0], "message_accepted");
    let whole = room.messages().await.remove(3);
    assert_eq!(whole["message_id"], stopped["message_id"]);
    assert_eq!((&whole["content"], &whole["status"]), (&json!("one, two"), &json!("complete")));
    let end = &events[events.len() - 2].1;
    assert_eq!(end["token_count"], whole["token_count"]);
    room.say("continue", json!({})).await;
    assert_eq!(room.here.expect("error").await["code"], json!("nothing_to_continue"));
}

#[tokio::test]
async fn versions_are_made_over_socket_io_too() {
    let mut room = Room::open().await;
    let question = room.messages().await.remove(0);
    let mut client = SocketIo::connect(&room.owner, Transport::WebSocket).await;

    let edit = json!({
        "conversation_id": room.id, "message_id": question["message_id"], "message": "two",
    });
    client.emit("edit_message", edit, Some(7)).await;
    let (events, others) = client.until("token_usage").await;
    room.there.until("token_usage").await;

    assert_eq!(text_of(&events), "You said: two");
    assert!(others.iter().any(|packet| packet.starts_with("437")), "acknowledged: {others:?}");
    assert_eq!(room.texts().await, ["two", "You said: two"]);
}

#[tokio::test]
async fn a_message_that_is_not_there_has_no_versions() {
    let mut room = Room::open().await;
    let [question, answer] = room.messages().await.try_into().unwrap();
    let other = room.owner.start_conversation().await;

    for (event, id, message_id) in [
        ("edit_message", &room.id, &answer["message_id"]),
        ("regenerate", &room.id, &question["message_id"]),
        ("continue", &room.id, &question["message_id"]),
        ("edit_message", &other, &question["message_id"]),
        ("regenerate", &other, &answer["message_id"]),
        ("select_version", &other, &answer["message_id"]),
    ] {
        let data = json!({"conversation_id": id, "message_id": message_id, "message": "x"});
        room.here.say(event, data).await;
        let refused = room.here.expect("error").await;
        assert_eq!(refused["code"], json!("message_not_found"), "{event}");
    }
    assert_eq!(room.texts().await, ["one", "You said: one"]);
}
