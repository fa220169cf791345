//! The list of conversations, live on all connections of a user.

use serde_json::{Value, json};
use webchat_tests::Transport::{Polling, WebSocket};
use webchat_tests::{Browser, SocketIo, TestServer};

/// The title of the conversation that was listed, which must be this one.
fn title(event: &(String, Value), id: &str) -> Value {
    let (name, data) = event;
    assert_eq!(name, "conversation_listed", "{data}");
    assert_eq!(data["conversation"]["conversation_id"], json!(id), "{data}");
    data["conversation"]["title"].clone()
}

async fn rename(browser: &Browser, id: &str, title: &str) {
    let path = format!("/api/v1/conversations/{id}");
    assert_eq!(browser.patch(&path, &json!({"title": title})).await.status, 200);
}

#[tokio::test]
async fn every_connection_of_a_user_is_told_what_changes_in_the_list() {
    let server = TestServer::start().await;
    let (browser, mut one) = server.socket().await;
    let mut other = browser.connect().await;
    let mut io = SocketIo::connect(&browser, WebSocket).await;
    let mut polling = SocketIo::connect(&browser, Polling).await;

    let id = browser.start_conversation().await;
    for event in [
        one.next_of_list().await,
        other.next_of_list().await,
        io.next_of_list().await,
        polling.next_of_list().await,
    ] {
        assert_eq!(title(&event, &id), Value::Null);
    }
    rename(&browser, &id, "Tides").await;
    for event in [one.next_of_list().await, other.next_of_list().await, io.next_of_list().await] {
        assert_eq!(title(&event, &id), json!("Tides"));
    }
    let read = browser.get(&format!("/api/v1/conversations/{id}")).await.json();
    rename(&browser, &id, "Moons").await;
    let listed = one.next_of_list().await.1;
    browser.delete(&format!("/api/v1/conversations/{id}")).await;

    let mut expected = read;
    expected["title"] = json!("Moons");
    expected["updated_at"] = listed["conversation"]["updated_at"].clone();
    assert_eq!(listed["conversation"], expected, "it is as REST v1 tells it");
    let unlisted = ("conversation_unlisted".to_owned(), json!({"conversation_id": id}));
    assert_eq!(one.next_of_list().await, unlisted);
}

#[tokio::test]
async fn a_turn_moves_its_conversation_in_the_list() {
    let server = TestServer::start().await;
    let (browser, mut asking) = server.socket().await;
    let id = browser.start_conversation().await;
    let mut watching = browser.connect().await;

    asking.ask(&id, "Why two tides?").await;

    let read = browser.get(&format!("/api/v1/conversations/{id}")).await.json();
    let mut listed = watching.next_of_list().await;
    assert_eq!(title(&listed, &id), json!("Why two tides?"));
    // Once with the question, and then with the answer.
    while listed.1["conversation"] != read {
        listed = watching.next_of_list().await;
    }
}

#[tokio::test]
async fn somebody_else_is_told_nothing() {
    let server = TestServer::start().await;
    let (browser, mut owners) = server.socket().await;
    let (stranger, mut strangers) = server.socket().await;

    let secret = browser.start_conversation().await;
    rename(&browser, &secret, "secret").await;
    title(&owners.next_of_list().await, &secret);
    let own = stranger.start_conversation().await;

    title(&strangers.next_of_list().await, &own);
}
