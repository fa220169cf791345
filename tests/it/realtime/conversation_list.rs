//! Changes of the list of conversations, published to all connections of a user.

use serde_json::{Value, json};
use webchat_tests::Transport::{Polling, WebSocket};
use webchat_tests::{Browser, SocketIo, TestServer};

/// The title in a `conversation_listed` event, which must be about this conversation.
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
async fn list_changes_are_published_to_every_connection_of_the_user() {
    let server = TestServer::start().await;
    let (browser, mut one) = server.socket().await;
    let mut other = browser.connect().await;
    let mut io = SocketIo::connect(&browser, WebSocket).await;
    let mut polling = SocketIo::connect(&browser, Polling).await;

    let id = browser.start_conversation().await;
    for event in [
        one.receive_list_event().await,
        other.receive_list_event().await,
        io.receive_list_event().await,
        polling.receive_list_event().await,
    ] {
        assert_eq!(title(&event, &id), Value::Null);
    }
    rename(&browser, &id, "Tides").await;
    for event in [
        one.receive_list_event().await,
        other.receive_list_event().await,
        io.receive_list_event().await,
    ] {
        assert_eq!(title(&event, &id), json!("Tides"));
    }
    let read = browser.get(&format!("/api/v1/conversations/{id}")).await.json();
    rename(&browser, &id, "Moons").await;
    let listed = one.receive_list_event().await.1;
    browser.delete(&format!("/api/v1/conversations/{id}")).await;

    let mut expected = read;
    expected["title"] = json!("Moons");
    expected["updated_at"] = listed["conversation"]["updated_at"].clone();
    assert_eq!(listed["conversation"], expected, "the event has the fields of the REST API");
    let unlisted = ("conversation_unlisted".to_owned(), json!({"conversation_id": id}));
    assert_eq!(one.receive_list_event().await, unlisted);
}

#[tokio::test]
async fn a_turn_updates_its_conversation_in_the_list() {
    let server = TestServer::start().await;
    let (browser, mut asking) = server.socket().await;
    let id = browser.start_conversation().await;
    let mut watching = browser.connect().await;

    asking.ask(&id, "Why two tides?").await;

    let read = browser.get(&format!("/api/v1/conversations/{id}")).await.json();
    let mut listed = watching.receive_list_event().await;
    assert_eq!(title(&listed, &id), json!("Why two tides?"));
    // One event for the question, and one for the answer.
    while listed.1["conversation"] != read {
        listed = watching.receive_list_event().await;
    }
}

#[tokio::test]
async fn list_changes_are_not_published_to_other_users() {
    let server = TestServer::start().await;
    let (browser, mut owners) = server.socket().await;
    let (stranger, mut strangers) = server.socket().await;

    let secret = browser.start_conversation().await;
    rename(&browser, &secret, "secret").await;
    title(&owners.receive_list_event().await, &secret);
    let own = stranger.start_conversation().await;

    title(&strangers.receive_list_event().await, &own);
}
