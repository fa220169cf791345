//! Turns over the WebSocket.

use serde_json::{Value, json};
use webchat_tests::{Socket, TestServer, answer_text};

/// Returns the names of the events. Adjacent chunks are merged into one name.
fn names(events: &[(String, Value)]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
}

/// Creates the data of a `send_message` event.
fn send_data(id: &str, message: &str) -> Value {
    json!({"conversation_id": id, "message": message})
}

/// Receives chunks until their text has at least this length.
async fn read_chunks(socket: &mut Socket, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        text += socket.expect("response_chunk").await["chunk"].as_str().unwrap();
    }
    text
}

#[tokio::test]
async fn the_events_of_a_turn_are_ordered_and_its_messages_are_stored() {
    let server = TestServer::with_settings(&[("REPLY_TOKENS", "800")]).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;

    socket.send("send_message", send_data(&id, "Why two tides a day?")).await;
    let events = socket.receive_until("token_usage").await;

    assert_eq!(
        names(&events),
        [
            "message_accepted",
            "conversation_updated",
            "response_chunk",
            "response_end",
            "token_usage"
        ]
    );
    let seqs: Vec<_> = events.iter().map(|(_, data)| data["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|previous, next| previous < next), "{seqs:?}");
    let (accepted, updated) = (&events[0].1, &events[1].1);
    assert_eq!(
        (&accepted["position"], &accepted["content"]),
        (&json!(1), &json!("Why two tides a day?"))
    );
    assert_eq!(
        (&updated["change"], &updated["title"]),
        (&json!("title"), &json!("Why two tides a day?"))
    );
    let (end, usage) = (&events[events.len() - 2].1, &events[events.len() - 1].1);
    assert_eq!(
        (&end["finish_reason"], &end["message_id"]),
        (&json!("stop"), &accepted["answer_id"])
    );
    let ledger = &usage["ledger"];
    // The tokens of the question, 4 for the message that contains it, and 3 that start the reply.
    let sent = accepted["token_count"].as_u64().unwrap() + 4 + 3;
    assert_eq!((&ledger["history"], &ledger["total"]), (&json!(sent), &json!(sent + 800)));
    let used = sent + end["token_count"].as_u64().unwrap();
    assert_eq!(usage["total_tokens_used"], json!(used));
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    assert_eq!(page["messages"][1]["content"], json!("You said: Why two tides a day?"));
    assert_eq!(page["messages"][1]["status"], json!("complete"));
}

#[tokio::test]
async fn the_model_receives_the_previous_messages() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;

    socket.ask(&id, "one").await;
    socket.ask(&id, "two").await;

    let request = server.model.requests().remove(1);
    assert_eq!(
        request["messages"],
        json!([
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "You said: one"},
            {"role": "user", "content": "two"},
        ])
    );
    assert_eq!((&request["stream"], &request["max_tokens"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn the_maximum_length_of_an_answer_is_sent_to_the_model_if_it_is_set() {
    let server = TestServer::with_settings(&[("REPLY_TOKENS", "700")]).await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;

    socket.ask(&id, "one").await;

    assert_eq!(server.model.requests().remove(0)["max_tokens"], json!(700));
}

#[tokio::test]
async fn an_answer_is_completed_and_stored_after_its_client_has_disconnected() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    socket.send("send_message", send_data(&id, "keep writing")).await;
    answer.send("The first half, ");
    socket.receive_until("response_chunk").await;

    drop(socket);
    answer.send("and the second.");
    answer.finish();
    let mut new_socket = browser.connect().await;
    new_socket.send("subscribe", json!({"conversation_id": id})).await;
    new_socket.receive_until("token_usage").await;

    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    let stored = &loaded["conversation"][1]["content"];
    assert_eq!(stored, &json!("The first half, and the second."));
}

#[tokio::test]
async fn a_reconnecting_client_receives_missed_events_and_then_live_ones() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    socket.send("send_message", send_data(&id, "count")).await;
    socket.receive_until("conversation_updated").await;
    answer.send("one ");
    let last_seq = socket.expect("response_chunk").await["seq"].clone();
    drop(socket);
    answer.send("two ");

    let mut reconnected = browser.connect().await;
    reconnected.send("subscribe", json!({"conversation_id": id, "after": last_seq})).await;
    let subscribed = reconnected.expect("subscribed").await;
    let missed = read_chunks(&mut reconnected, 4).await;
    answer.send("three");
    let live = read_chunks(&mut reconnected, 5).await;

    assert_eq!(subscribed["recovered"], json!(true));
    assert_eq!((missed.as_str(), live.as_str()), ("two ", "three"));
}

#[tokio::test]
async fn a_page_loaded_during_an_answer_is_completed_by_the_following_events() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    socket.send("send_message", send_data(&id, "count")).await;
    answer.send("one ");
    socket.receive_until("response_chunk").await;

    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    let mut tab = browser.connect().await;
    tab.send("subscribe", json!({"conversation_id": id, "after": page["event_seq"]})).await;
    tab.expect("subscribed").await;

    assert_eq!(
        page["messages"].as_array().unwrap().len(),
        1,
        "the page contains the answer: {page}"
    );
    let accepted = tab.expect("message_accepted").await;
    assert_eq!(accepted["turn_id"], page["running_turn"]);
    tab.expect("conversation_updated").await;
    assert_eq!(read_chunks(&mut tab, 4).await, "one ");
}

#[tokio::test]
async fn a_replay_with_a_gap_is_not_recovered() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    socket.ask(&id, "hello").await;

    socket.send("subscribe", json!({"conversation_id": id, "after": 1_000_000})).await;
    let subscribed = socket.expect("subscribed").await;
    socket.send("send_message", send_data(&id, "again")).await;

    assert_eq!(subscribed["recovered"], json!(false));
    assert_eq!(socket.expect("message_accepted").await["content"], json!("again"));
}

#[tokio::test]
async fn a_client_that_does_not_read_delays_no_one_and_misses_no_event() {
    // The answers together exceed the buffers of the connection.
    const ANSWERS: usize = 12;
    let settings =
        [("MAX_TOKENS", "10000000"), ("REPLY_TOKENS", "131072"), ("DAILY_TOKENS_PER_USER", "0")];
    let server = TestServer::with_settings(&settings).await;
    let (browser, mut fast) = server.socket().await;
    let mut slow = browser.connect().await;
    let mut ids = Vec::new();
    for _ in 0..ANSWERS {
        let id = browser.start_conversation().await;
        slow.send("subscribe", json!({"conversation_id": id})).await;
        slow.expect("subscribed").await;
        ids.push(id);
    }
    let text = "Twice a day, the tide rises and falls. ".repeat(25_000);

    for id in &ids {
        let answer = server.model.next_answer();
        for chunk in text.as_bytes().chunks(148_000) {
            answer.send(str::from_utf8(chunk).unwrap());
        }
        answer.finish();
        assert!(fast.ask(id, "Go on.").await == text);
    }
    let mut events = Vec::new();
    for _ in 0..ANSWERS {
        events.extend(slow.receive_until("token_usage").await);
    }

    for id in ids {
        let of_conversation = |event: &&(String, Value)| event.1["conversation_id"] == json!(id);
        let events: Vec<_> = events.iter().filter(of_conversation).cloned().collect();
        assert!(answer_text(&events) == text);
    }
}

#[tokio::test]
async fn a_duplicate_client_message_id_returns_the_first_result() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let message = json!({"conversation_id": id, "message": "once", "client_message_id": "m1"});

    socket.send("send_message", message.clone()).await;
    let first = socket.expect("message_accepted").await;
    socket.receive_until("token_usage").await;
    socket.send("send_message", message).await;
    let duplicate = socket.expect("message_accepted").await;

    for field in ["message_id", "answer_id", "turn_id", "position", "client_message_id"] {
        assert_eq!(first[field], duplicate[field], "{field}");
    }
    assert_eq!(duplicate["seq"], json!(null));
    assert_eq!(server.model.requests().len(), 1);
}

#[tokio::test]
async fn a_second_message_during_a_turn_is_rejected_and_not_stored() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    socket.send("send_message", send_data(&id, "first")).await;
    socket.receive_until("conversation_updated").await;

    socket.send("send_message", send_data(&id, "second")).await;
    let rejected = socket.expect("error").await;
    answer.send("tide");
    answer.finish();
    socket.receive_until("token_usage").await;

    assert_eq!(rejected["code"], json!("turn_in_progress"));
    let page = browser.get(&format!("/api/v1/conversations/{id}/messages")).await.json();
    assert_eq!(page["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_message_with_an_outdated_expected_position_is_rejected() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    socket.ask(&id, "one").await;

    let outdated_message = json!({"conversation_id": id, "message": "two", "expected_position": 0});
    socket.send("send_message", outdated_message).await;

    assert_eq!(socket.expect("error").await["code"], json!("stale"));
}

#[tokio::test]
async fn stop_disconnects_from_the_model_and_keeps_the_received_text() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    socket.send("send_message", send_data(&id, "keep talking")).await;
    answer.send("The first part.");
    socket.receive_until("response_chunk").await;

    socket.send("stop", json!({"conversation_id": id})).await;
    let end = socket.expect("response_end").await;
    answer.wait_for_disconnect().await;

    assert_eq!((&end["finish_reason"], &end["status"]), (&json!("stopped"), &json!("stopped")));
    socket.expect("token_usage").await;
    let loaded = browser.get(&format!("/load_conversation/{id}")).await.json();
    assert_eq!(loaded["conversation"][1]["content"], json!("The first part."));
}

#[tokio::test]
async fn a_model_that_disconnects_fails_only_its_turn() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    socket.send("send_message", send_data(&id, "break")).await;
    answer.send("Well, ");
    socket.receive_until("response_chunk").await;

    answer.disconnect();
    let failed = socket.expect("error").await;
    let end = socket.expect("response_end").await;
    socket.expect("token_usage").await;

    assert_eq!((&failed["code"], &failed["turn_id"]), (&json!("model_failed"), &end["turn_id"]));
    assert_eq!(end["finish_reason"], json!("failed"));
    assert_eq!(socket.ask(&id, "work").await, "You said: work");
}

#[tokio::test]
async fn deleting_a_conversation_ends_its_turn_and_is_published() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    socket.send("send_message", send_data(&id, "talk")).await;
    answer.send("I was");
    socket.receive_until("response_chunk").await;

    browser.delete(&format!("/api/v1/conversations/{id}")).await;
    let events = socket.receive_until("conversation_updated").await;
    answer.wait_for_disconnect().await;

    assert_eq!(events.last().unwrap().1["change"], json!("deleted"));
}

#[tokio::test]
async fn shutdown_completes_a_running_answer_and_closes_connections() {
    let server = TestServer::start().await;
    let (browser, mut socket) = server.socket().await;
    let id = browser.start_conversation().await;
    let answer = server.model.next_answer();
    socket.send("send_message", send_data(&id, "last message")).await;
    answer.send("Good");
    socket.receive_until("response_chunk").await;

    let complete_turn = async {
        // Once a message is rejected with this code, the server accepts no more turns.
        loop {
            socket.send("send_message", send_data(&id, "too late")).await;
            if socket.expect("error").await["code"] == "shutting_down" {
                break;
            }
        }
        answer.send("bye.");
        answer.finish();
        let end = socket.receive_until("response_end").await;
        socket.receive_until("token_usage").await;
        (end.last().unwrap().1["finish_reason"].clone(), socket.wait_until_closed().await)
    };
    let ((reason, closed), ()) = tokio::join!(complete_turn, server.shutdown());

    assert_eq!(reason, json!("stop"));
    assert_eq!(closed.map(u16::from), Some(1012));
}
