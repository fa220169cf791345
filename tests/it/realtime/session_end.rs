//! Live connections are closed when their session ends.

use std::time::Duration;

use reqwest::Method;
use rusqlite::Connection;
use tokio::time::{sleep, timeout};
use webchat_tests::{Process, ScriptedModel, SocketIo, TIMEOUT, Transport};

#[tokio::test]
async fn live_connections_are_closed_when_their_session_ends() {
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let settings = [("AZURE_API_URL", model.url()), ("WS_IDLE_S", "2")];
    let server = Process::start(dir.path(), &settings).await;
    let browser = server.browser();
    let id = browser.start_conversation().await;
    let mut socket = browser.connect().await;
    let mut socket_io = SocketIo::connect(&browser, Transport::WebSocket).await;
    let events = format!("/api/v1/conversations/{id}/events");
    let request = browser.request(Method::GET, &events).header("accept", "text/event-stream");
    let events = request.send().await.unwrap();
    let other = server.browser();
    other.start_conversation().await;
    let mut others_socket = other.connect().await;

    let database = Connection::open(dir.path().join("webchat.db")).unwrap();
    database
        .execute(
            "DELETE FROM sessions WHERE user_id = (SELECT user_id FROM conversations
             WHERE conversation_id = ?1)",
            [id.replace('-', "")],
        )
        .unwrap();

    let use_other_session = async {
        // Without pings, the connection would be closed as idle.
        loop {
            others_socket.send("ping", serde_json::json!({})).await;
            others_socket.expect("pong").await;
            sleep(Duration::from_millis(200)).await;
        }
    };
    let wait_for_close = async {
        assert_eq!(socket.wait_until_closed().await.map(u16::from), Some(4401));
        assert_eq!(socket_io.wait_until_closed().await, 4401);
        timeout(TIMEOUT, events.text()).await.expect("the stream did not end").unwrap();
    };
    tokio::select! {
        () = wait_for_close => {}
        () = use_other_session => {}
    }
    others_socket.send("ping", serde_json::json!({})).await;
    others_socket.expect("pong").await;
}
