use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

use crate::PATIENCE;

/// A live connection.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Came while something else was waited for.
    passed_over: VecDeque<(String, Value)>,
}

/// Tries to open a WebSocket at a page's address with these headers: the connection and the headers
/// that came back.
///
/// # Errors
/// When the server refuses.
pub async fn upgrade(url: &Url, headers: HeaderMap) -> Result<(Socket, HeaderMap), Error> {
    let mut url = url.clone();
    url.set_scheme("ws").unwrap();
    let mut request = url.as_str().into_client_request()?;
    request.headers_mut().extend(headers);
    let connected = timeout(PATIENCE, connect_async(request)).await.expect("an answer in time");
    let (stream, response) = connected?;
    Ok((Socket { stream, passed_over: VecDeque::new() }, response.into_parts().0.headers))
}

/// As [`upgrade`], over a connection on which little is under way that its client has not read.
///
/// # Errors
/// When the server refuses.
pub(crate) async fn upgrade_narrowly(url: &Url, headers: HeaderMap) -> Result<Socket, Error> {
    let address = url.socket_addrs(|| None).unwrap().remove(0);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let stream = MaybeTlsStream::Plain(socket.connect(address).await.unwrap());
    let mut url = url.clone();
    url.set_scheme("ws").unwrap();
    let mut request = url.as_str().into_client_request()?;
    request.headers_mut().extend(headers);
    let (stream, _) = client_async(request, stream).await?;
    Ok(Socket { stream, passed_over: VecDeque::new() })
}

impl Socket {
    /// Says an event.
    pub async fn say(&mut self, event: &str, data: Value) {
        self.send_text(&json!({"event": event, "data": data}).to_string()).await;
    }

    /// Sends a text frame as it is.
    pub async fn send_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// Sends a message as it is.
    pub async fn send(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// Sends a message that the server may not read to its end.
    pub async fn send_or_fail(&mut self, message: Message) {
        self.stream.send(message).await.ok();
    }

    /// Says an event to a server that may be gone. `false`: it is.
    pub async fn try_say(&mut self, event: &str, data: Value) -> bool {
        let frame = json!({"event": event, "data": data}).to_string();
        self.stream.send(Message::text(frame)).await.is_ok()
    }

    /// The next event, of the list too, unless the connection ends.
    pub async fn try_next(&mut self) -> Option<(String, Value)> {
        loop {
            match timeout(PATIENCE, self.stream.next()).await.expect("a frame in time")? {
                Ok(Message::Text(text)) => return Some(read(&text)),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// All events until the server closes, and with which code.
    pub async fn rest(&mut self) -> (Vec<(String, Value)>, Option<u16>) {
        let mut events = Vec::new();
        loop {
            match timeout(PATIENCE, self.stream.next()).await.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => events.push(read(&text)),
                Some(Ok(Message::Close(frame))) => {
                    return (events, frame.map(|frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (events, None),
            }
        }
    }

    /// The next event: its name and data. What changes in the list of conversations comes in
    /// between, and waits for [`Socket::next_of_list`].
    pub async fn next(&mut self) -> (String, Value) {
        self.next_that(|name| !is_of_list(name)).await
    }

    /// The next change in the list of conversations.
    pub async fn next_of_list(&mut self) -> (String, Value) {
        self.next_that(is_of_list).await
    }

    /// The next text frame as it is.
    pub async fn next_frame(&mut self) -> String {
        timeout(PATIENCE, self.next_text()).await.expect("a frame in time")
    }

    /// The next event's data; it must have this name.
    pub async fn expect(&mut self, event: &str) -> Value {
        let (name, data) = self.next().await;
        assert_eq!(name, event, "{data}");
        data
    }

    /// All events up to the next one with this name, which is the last of them; no other error.
    pub async fn until(&mut self, event: &str) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        loop {
            events.push(self.next().await);
            match events.last() {
                Some((name, _)) if name == event => return events,
                Some((name, data)) if name == "error" => panic!("an error: {data}"),
                _ => {}
            }
        }
    }

    /// Sends a message and waits for its whole answer: the answer's text.
    pub async fn ask(&mut self, conversation_id: &str, message: &str) -> String {
        let data = json!({"conversation_id": conversation_id, "message": message});
        self.say("send_message", data).await;
        text_of(&self.until("token_usage").await)
    }

    /// Waits until the server closes, and says with which code.
    pub async fn closed(&mut self) -> Option<CloseCode> {
        timeout(PATIENCE, self.close_code()).await.expect("the end in time")
    }

    async fn next_that(&mut self, is_wanted: fn(&str) -> bool) -> (String, Value) {
        if let Some(place) = self.passed_over.iter().position(|(name, _)| is_wanted(name)) {
            return self.passed_over.remove(place).unwrap();
        }
        loop {
            let event = read(&self.next_frame().await);
            if is_wanted(&event.0) {
                return event;
            }
            self.passed_over.push_back(event);
        }
    }

    async fn next_text(&mut self) -> String {
        loop {
            match self.stream.next().await.expect("the connection is open").unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("no text: {other:?}"),
            }
        }
    }

    async fn close_code(&mut self) -> Option<CloseCode> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

/// The text of all chunks.
#[must_use]
pub fn text_of(events: &[(String, Value)]) -> String {
    let chunks = events.iter().filter(|(name, _)| name == "response_chunk");
    chunks.filter_map(|(_, data)| data["chunk"].as_str()).collect()
}

/// Whether an event tells a change in the list of conversations.
pub(crate) fn is_of_list(name: &str) -> bool {
    matches!(name, "conversation_listed" | "conversation_unlisted" | "list_changed")
}

fn read(text: &str) -> (String, Value) {
    let mut frame: Value = serde_json::from_str(text).unwrap();
    (frame["event"].as_str().unwrap().to_owned(), frame["data"].take())
}
