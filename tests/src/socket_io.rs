//! A Socket.IO client that can send invalid packets.

use std::collections::VecDeque;

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use crate::browser::{Browser, Response};
use crate::socket::{Socket, is_list_event, upgrade};

const SEPARATOR: char = '\x1e';

/// The transport of Engine.IO packets.
#[derive(Clone, Copy, Debug)]
pub enum Transport {
    /// HTTP long polling.
    Polling,
    /// A WebSocket from the start, without an upgrade from polling.
    WebSocket,
}

/// A Socket.IO client that sends exactly the packets that the test gives it.
pub struct SocketIo {
    connection: Connection,
    handshake: Value,
}

enum Connection {
    Polling(Polling),
    WebSocket(Socket),
}

/// An Engine.IO session that uses long polling.
#[derive(Clone)]
pub struct Polling {
    browser: Browser,
    sid: String,
    /// Packets that were received but have not been returned yet.
    received_packets: VecDeque<String>,
}

/// Returns the path of the endpoint for this transport and Engine.IO session.
#[must_use]
pub fn socket_io_path(transport: &str, sid: Option<&str>) -> String {
    let path = format!("/socket.io/?EIO=4&transport={transport}");
    sid.map_or_else(|| path.clone(), |sid| format!("{path}&sid={sid}"))
}

impl SocketIo {
    /// Opens an Engine.IO session without connecting to the namespace.
    pub async fn open(browser: &Browser, transport: Transport) -> Self {
        match transport {
            Transport::Polling => {
                let (polling, handshake) = Polling::open(browser).await;
                Self { connection: Connection::Polling(polling), handshake }
            }
            Transport::WebSocket => {
                let mut socket = open_websocket(browser, None).await.unwrap();
                let handshake = parse_handshake(&socket.receive_text().await);
                Self { connection: Connection::WebSocket(socket), handshake }
            }
        }
    }

    /// Opens an Engine.IO session, connects to the namespace, and reads the welcome event.
    pub async fn connect(browser: &Browser, transport: Transport) -> Self {
        let mut client = Self::open(browser, transport).await;
        client.send("40").await;
        assert!(client.receive().await.starts_with("40{\"sid\":"));
        client.expect("response").await;
        client
    }

    /// The handshake that opened the Engine.IO session.
    #[must_use]
    pub fn handshake(&self) -> &Value {
        &self.handshake
    }

    /// The id of the Engine.IO session.
    #[must_use]
    pub fn sid(&self) -> &str {
        self.handshake["sid"].as_str().unwrap()
    }

    /// Sends a packet.
    pub async fn send(&mut self, packet: &str) {
        match &mut self.connection {
            Connection::Polling(polling) => assert_eq!(polling.post(packet).await.text, "ok"),
            Connection::WebSocket(socket) => socket.send_text(packet).await,
        }
    }

    /// Sends a packet. Ignores errors, because the packet may make the server end the Engine.IO session.
    pub async fn send_ignoring_errors(&mut self, packet: &str) {
        match &mut self.connection {
            Connection::Polling(polling) => drop(polling.post(packet).await),
            Connection::WebSocket(socket) => socket.send_ignoring_errors(packet.into()).await,
        }
    }

    /// Emits an event. With an id, it requests an acknowledgement.
    pub async fn emit(&mut self, event: &str, data: Value, id: Option<u32>) {
        let id = id.map_or_else(String::new, |id| id.to_string());
        self.send(&format!("42{id}{}", json!([event, data]))).await;
    }

    /// Receives the next packet. Skips events of the conversation list.
    pub async fn receive(&mut self) -> String {
        loop {
            let packet = self.receive_any().await;
            if parse_list_event(&packet).is_none() {
                return packet;
            }
        }
    }

    /// Receives the next event of the conversation list. Skips all other packets.
    pub async fn receive_list_event(&mut self) -> (String, Value) {
        loop {
            if let Some(event) = parse_list_event(&self.receive_any().await) {
                return event;
            }
        }
    }

    async fn receive_any(&mut self) -> String {
        match &mut self.connection {
            Connection::Polling(polling) => polling.receive_any().await,
            Connection::WebSocket(socket) => socket.receive_text().await,
        }
    }

    /// Receives the next packet, which must be this event. Returns its data.
    pub async fn expect(&mut self, event: &str) -> Value {
        let packet = self.receive().await;
        let (name, data) = parse_event(&packet).unwrap_or_else(|| panic!("not an event: {packet}"));
        assert_eq!(name, event, "{data}");
        data
    }

    /// Receives all packets up to and including the next event with this name. Returns the events and the
    /// other packets.
    pub async fn receive_until(&mut self, event: &str) -> (Vec<(String, Value)>, Vec<String>) {
        let (mut events, mut others) = (Vec::new(), Vec::new());
        while events.last().is_none_or(|(name, _)| name != event) {
            let packet = self.receive().await;
            match parse_event(&packet) {
                Some(event) => events.push(event),
                None => others.push(packet),
            }
        }
        (events, others)
    }

    /// Waits for the acknowledgement of the event with this id. Skips all other packets.
    pub async fn wait_for_acknowledgement(&mut self, id: u32) {
        let prefix = format!("43{id}");
        while !self.receive().await.starts_with(&prefix) {}
    }

    /// Waits until the server has closed the connection. Returns the WebSocket's close code; 0 if there is none.
    pub async fn wait_until_closed(&mut self) -> u16 {
        match &mut self.connection {
            Connection::Polling(polling) => {
                while polling.poll().await.status == 200 {}
                assert_eq!(polling.poll().await.status_and_engine_io_code(), (400, 1));
                0
            }
            Connection::WebSocket(socket) => socket.wait_until_closed().await.map_or(0, u16::from),
        }
    }
}

impl Polling {
    /// Opens an Engine.IO session. Returns it and the handshake.
    pub async fn open(browser: &Browser) -> (Self, Value) {
        let response = browser.get(&socket_io_path("polling", None)).await;
        assert_eq!(response.status, 200, "{response:?}");
        let handshake = parse_handshake(&response.text);
        let sid = handshake["sid"].as_str().unwrap().to_owned();
        (Self { browser: browser.clone(), sid, received_packets: VecDeque::new() }, handshake)
    }

    /// Returns the same Engine.IO session, requested by another browser.
    #[must_use]
    pub fn with_browser(&self, browser: &Browser) -> Self {
        Self { browser: browser.clone(), ..self.clone() }
    }

    /// Sends one poll request.
    pub async fn poll(&self) -> Response {
        self.browser.get(&self.path()).await
    }

    /// Posts a payload.
    pub async fn post(&self, payload: &str) -> Response {
        let request = self.browser.request(Method::POST, &self.path());
        self.browser.send(request.body(payload.to_owned())).await
    }

    /// Polls for the next packet. Skips events of the conversation list.
    pub async fn receive(&mut self) -> String {
        loop {
            let packet = self.receive_any().await;
            if parse_list_event(&packet).is_none() {
                return packet;
            }
        }
    }

    async fn receive_any(&mut self) -> String {
        while self.received_packets.is_empty() {
            let response = self.poll().await;
            assert_eq!(response.status, 200, "{response:?}");
            self.received_packets.extend(response.text.split(SEPARATOR).map(ToOwned::to_owned));
        }
        self.received_packets.pop_front().unwrap()
    }

    /// Opens a WebSocket for this Engine.IO session.
    ///
    /// # Errors
    /// If the server rejects the handshake.
    pub async fn open_websocket(&self) -> Result<Socket, Error> {
        open_websocket(&self.browser, Some(&self.sid)).await
    }

    /// The id of the Engine.IO session.
    #[must_use]
    pub fn sid(&self) -> &str {
        &self.sid
    }

    fn path(&self) -> String {
        socket_io_path("polling", Some(&self.sid))
    }
}

impl Response {
    /// Returns the HTTP status and the code of the Engine.IO error.
    ///
    /// # Panics
    /// If the body has no such code.
    #[must_use]
    pub fn status_and_engine_io_code(&self) -> (u16, u64) {
        let code = self.json()["code"].as_u64();
        let code = code.unwrap_or_else(|| panic!("no Engine.IO error code: {self:?}"));
        (self.status.as_u16(), code)
    }
}

async fn open_websocket(browser: &Browser, sid: Option<&str>) -> Result<Socket, Error> {
    let url = browser.url(&socket_io_path("websocket", sid));
    Ok(upgrade(&url, browser.headers()).await?.0)
}

fn parse_handshake(packet: &str) -> Value {
    serde_json::from_str(packet.strip_prefix('0').expect("not an open packet")).unwrap()
}

fn parse_list_event(packet: &str) -> Option<(String, Value)> {
    parse_event(packet).filter(|(name, _)| is_list_event(name))
}

fn parse_event(packet: &str) -> Option<(String, Value)> {
    let mut arguments: Value = serde_json::from_str(packet.strip_prefix("42")?).unwrap();
    assert_eq!(arguments.as_array().unwrap().len(), 2, "not exactly one argument: {packet}");
    Some((arguments[0].as_str().unwrap().to_owned(), arguments[1].take()))
}
