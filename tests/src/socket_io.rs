use std::collections::VecDeque;

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use crate::socket::is_of_list;
use crate::{Answer, Browser, Socket, upgrade};

const SEPARATOR: char = '\x1e';

/// How packets travel.
#[derive(Clone, Copy, Debug)]
pub enum Transport {
    /// HTTP long polling.
    Polling,
    /// A WebSocket from the beginning.
    WebSocket,
}

/// A client of Socket.IO without a library: it sends what the test says, packet by packet.
pub struct SocketIo {
    link: Link,
    handshake: Value,
}

enum Link {
    Polling(Polling),
    WebSocket(Socket),
}

/// The requests of a session that polls.
#[derive(Clone)]
pub struct Polling {
    browser: Browser,
    sid: String,
    received: VecDeque<String>,
}

/// The address of the endpoint for this transport and session.
#[must_use]
pub fn socket_io_path(transport: &str, sid: Option<&str>) -> String {
    let path = format!("/socket.io/?EIO=4&transport={transport}");
    sid.map_or_else(|| path.clone(), |sid| format!("{path}&sid={sid}"))
}

impl SocketIo {
    /// Opens a session, that is to be connected to the namespace yet.
    pub async fn open(browser: &Browser, transport: Transport) -> Self {
        match transport {
            Transport::Polling => {
                let (polling, handshake) = Polling::open(browser).await;
                Self { link: Link::Polling(polling), handshake }
            }
            Transport::WebSocket => {
                let mut socket = open_websocket(browser, None).await.unwrap();
                let handshake = read_handshake(&socket.next_frame().await);
                Self { link: Link::WebSocket(socket), handshake }
            }
        }
    }

    /// Opens a session, connects to the namespace, and is greeted.
    pub async fn connect(browser: &Browser, transport: Transport) -> Self {
        let mut client = Self::open(browser, transport).await;
        client.send("40").await;
        assert!(client.next().await.starts_with("40{\"sid\":"));
        client.expect("response").await;
        client
    }

    /// What the server said of the session.
    #[must_use]
    pub fn handshake(&self) -> &Value {
        &self.handshake
    }

    /// The session's id.
    #[must_use]
    pub fn sid(&self) -> &str {
        self.handshake["sid"].as_str().unwrap()
    }

    /// Sends a packet.
    pub async fn send(&mut self, packet: &str) {
        match &mut self.link {
            Link::Polling(polling) => assert_eq!(polling.post(packet).await.text, "ok"),
            Link::WebSocket(socket) => socket.send_text(packet).await,
        }
    }

    /// Sends a packet that may end the session, also before it was taken.
    pub async fn send_or_fail(&mut self, packet: &str) {
        match &mut self.link {
            Link::Polling(polling) => drop(polling.post(packet).await),
            Link::WebSocket(socket) => socket.send_or_fail(packet.into()).await,
        }
    }

    /// Emits an event, to be acknowledged under this number.
    pub async fn emit(&mut self, event: &str, data: Value, id: Option<u32>) {
        let id = id.map_or_else(String::new, |id| id.to_string());
        self.send(&format!("42{id}{}", json!([event, data]))).await;
    }

    /// The next packet. What changes in the list of conversations comes in between, and is passed
    /// over.
    pub async fn next(&mut self) -> String {
        loop {
            let packet = self.next_of_any().await;
            if list_event(&packet).is_none() {
                return packet;
            }
        }
    }

    /// The next change in the list of conversations. What else comes is passed over.
    pub async fn next_of_list(&mut self) -> (String, Value) {
        loop {
            if let Some(event) = list_event(&self.next_of_any().await) {
                return event;
            }
        }
    }

    async fn next_of_any(&mut self) -> String {
        match &mut self.link {
            Link::Polling(polling) => polling.next_of_any().await,
            Link::WebSocket(socket) => socket.next_frame().await,
        }
    }

    /// The data of the next packet, which must be this event.
    pub async fn expect(&mut self, event: &str) -> Value {
        let packet = self.next().await;
        let (name, data) = read_event(&packet).unwrap_or_else(|| panic!("no event: {packet}"));
        assert_eq!(name, event, "{data}");
        data
    }

    /// All events up to the next one with this name, and the packets between them that are none.
    pub async fn until(&mut self, event: &str) -> (Vec<(String, Value)>, Vec<String>) {
        let (mut events, mut others) = (Vec::new(), Vec::new());
        while events.last().is_none_or(|(name, _)| name != event) {
            let packet = self.next().await;
            match read_event(&packet) {
                Some(told) => events.push(told),
                None => others.push(packet),
            }
        }
        (events, others)
    }

    /// Waits until the server has ended the session: with which code of a WebSocket, or 0.
    pub async fn ended(&mut self) -> u16 {
        match &mut self.link {
            Link::Polling(polling) => {
                while polling.get().await.status == 200 {}
                assert_eq!(polling.get().await.refusal_number(), (400, 1));
                0
            }
            Link::WebSocket(socket) => socket.closed().await.map_or(0, u16::from),
        }
    }
}

impl Polling {
    /// Opens a session: with what the server said of it.
    pub async fn open(browser: &Browser) -> (Self, Value) {
        let answer = browser.get(&socket_io_path("polling", None)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let handshake = read_handshake(&answer.text);
        let sid = handshake["sid"].as_str().unwrap().to_owned();
        (Self { browser: browser.clone(), sid, received: VecDeque::new() }, handshake)
    }

    /// The same session as somebody else asks for it.
    #[must_use]
    pub fn by(&self, browser: &Browser) -> Self {
        Self { browser: browser.clone(), ..self.clone() }
    }

    /// Polls once.
    pub async fn get(&self) -> Answer {
        self.browser.get(&self.path()).await
    }

    /// Posts this payload.
    pub async fn post(&self, payload: &str) -> Answer {
        let request = self.browser.request(Method::POST, &self.path());
        self.browser.send(request.body(payload.to_owned())).await
    }

    /// Polls until a packet comes that tells no change in the list of conversations.
    pub async fn next(&mut self) -> String {
        loop {
            let packet = self.next_of_any().await;
            if list_event(&packet).is_none() {
                return packet;
            }
        }
    }

    async fn next_of_any(&mut self) -> String {
        while self.received.is_empty() {
            let answer = self.get().await;
            assert_eq!(answer.status, 200, "{answer:?}");
            self.received.extend(answer.text.split(SEPARATOR).map(ToOwned::to_owned));
        }
        self.received.pop_front().unwrap()
    }

    /// Opens a WebSocket for this session.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn open_websocket(&self) -> Result<Socket, Error> {
        open_websocket(&self.browser, Some(&self.sid)).await
    }

    /// The session's id.
    #[must_use]
    pub fn sid(&self) -> &str {
        &self.sid
    }

    fn path(&self) -> String {
        socket_io_path("polling", Some(&self.sid))
    }
}

impl Answer {
    /// The status and the number of Engine.IO's error.
    #[must_use]
    pub fn refusal_number(&self) -> (u16, u64) {
        (
            self.status.as_u16(),
            self.json()["code"].as_u64().unwrap_or_else(|| panic!("no number: {self:?}")),
        )
    }
}

async fn open_websocket(browser: &Browser, sid: Option<&str>) -> Result<Socket, Error> {
    let url = browser.base().join(&socket_io_path("websocket", sid)).unwrap();
    Ok(upgrade(&url, browser.headers()).await?.0)
}

fn read_handshake(packet: &str) -> Value {
    serde_json::from_str(packet.strip_prefix('0').expect("an open packet")).unwrap()
}

fn list_event(packet: &str) -> Option<(String, Value)> {
    read_event(packet).filter(|(name, _)| is_of_list(name))
}

fn read_event(packet: &str) -> Option<(String, Value)> {
    let mut arguments: Value = serde_json::from_str(packet.strip_prefix("42")?).unwrap();
    assert_eq!(arguments.as_array().unwrap().len(), 2, "one argument: {packet}");
    Some((arguments[0].as_str().unwrap().to_owned(), arguments[1].take()))
}
