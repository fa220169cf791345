//! Functions that the Socket.IO tests share.

use tokio_tungstenite::tungstenite::Error;
use webchat_tests::Transport::{self, Polling as OverPolling, WebSocket as OverWebSocket};
use webchat_tests::{Browser, Polling, Socket};

/// Opens a polling session, connects to the namespace and reads the welcome event.
pub(super) async fn connect_polling(browser: &Browser) -> Polling {
    let (mut polling, _) = Polling::open(browser).await;
    assert_eq!(polling.post("40").await.text, "ok");
    assert!(polling.receive().await.starts_with("40{"));
    assert!(polling.receive().await.starts_with("42[\"response\""));
    polling
}

/// The close code for a client that violates the protocol; 0 for polling.
pub(super) fn protocol_error_code(transport: Transport) -> u16 {
    match transport {
        OverPolling => 0,
        OverWebSocket => 1002,
    }
}

/// The status of a handshake; 101 if the server accepted it.
pub(super) fn handshake_status(result: Result<Socket, Error>) -> u16 {
    match result {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}
