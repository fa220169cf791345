//! Changes of the conversation list, published to all connections of a user.

use serde_json::{Value, json};
use webchat_tests::Transport::{Polling, WebSocket};
use webchat_tests::{Browser, SocketIo, TestServer};

/// Asserts that the event is `conversation_listed` for this conversation. Returns the title.
fn listed_title(event: &(String, Value), id: &str) -> Value {
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
async fn list_changes_are_published_to_every_connection_of_the_user() {
    let server = TestServer::start().await;
    let (browser, mut first) = server.socket().await;
    let mut second = browser.connect().await;
    let mut websocket = SocketIo::connect(&browser, WebSocket).await;
    let mut polling = SocketIo::connect(&browser, Polling).await;

    // An empty conversation is not listed.
    browser.start_conversation().await;
    let id = browser.start_conversation().await;
    rename(&browser, &id, "Tides").await;
    for event in [
        first.receive_list_event().await,
        second.receive_list_event().await,
        websocket.receive_list_event().await,
        polling.receive_list_event().await,
    ] {
        assert_eq!(listed_title(&event, &id), json!("Tides"));
    }
    let from_rest = browser.get(&format!("/api/v1/conversations/{id}")).await.json();
    rename(&browser, &id, "Moons").await;
    let listed = first.receive_list_event().await.1;
    browser.delete(&format!("/api/v1/conversations/{id}")).await;

    let mut expected = from_rest;
    expected["title"] = json!("Moons");
    assert_eq!(listed["conversation"], expected, "the event differs from the REST API");
    let unlisted = ("conversation_unlisted".to_owned(), json!({"conversation_id": id}));
    assert_eq!(first.receive_list_event().await, unlisted);
}

#[tokio::test]
async fn a_turn_updates_its_conversation_in_the_list() {
    let server = TestServer::start().await;
    let (browser, mut sender) = server.socket().await;
    let id = browser.start_conversation().await;
    let mut watcher = browser.connect().await;

    sender.ask(&id, "Why two tides?").await;

    let from_rest = browser.get(&format!("/api/v1/conversations/{id}")).await.json();
    let mut listed = watcher.receive_list_event().await;
    assert_eq!(listed_title(&listed, &id), json!("Why two tides?"));
    // One event for the question, and one for the answer.
    while listed.1["conversation"] != from_rest {
        listed = watcher.receive_list_event().await;
    }
}

#[tokio::test]
async fn list_changes_are_not_published_to_other_users() {
    let server = TestServer::start().await;
    let (browser, mut owner_socket) = server.socket().await;
    let (stranger, mut stranger_socket) = server.socket().await;

    let id = browser.start_conversation().await;
    rename(&browser, &id, "secret").await;
    listed_title(&owner_socket.receive_list_event().await, &id);
    let strangers_id = stranger.start_conversation().await;
    rename(&stranger, &strangers_id, "mine").await;

    // The first event that the stranger receives is about their own conversation.
    listed_title(&stranger_socket.receive_list_event().await, &strangers_id);
}
