//! A WebSocket client.

use std::collections::VecDeque;
use std::net::IpAddr;

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

use crate::timeout::TIMEOUT;

/// A WebSocket connection to the server.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Events that were received while the test waited for others.
    pending: VecDeque<(String, Value)>,
}

/// Opens a WebSocket at an HTTP URL with these headers. Returns the connection and the response's headers.
///
/// # Errors
/// If the server rejects the handshake.
pub async fn upgrade(url: &Url, headers: HeaderMap) -> Result<(Socket, HeaderMap), Error> {
    let mut url = url.clone();
    url.set_scheme("ws").unwrap();
    let mut request = url.as_str().into_client_request()?;
    request.headers_mut().extend(headers);
    let connected =
        timeout(TIMEOUT, connect_async(request)).await.expect("the handshake timed out");
    let (stream, response) = connected?;
    Ok((Socket { stream, pending: VecDeque::new() }, response.into_parts().0.headers))
}

/// Like [`upgrade`], from this local address and without a timeout.
///
/// # Errors
/// If the server can't be reached or rejects the handshake.
pub(crate) async fn upgrade_from(
    address: IpAddr,
    url: &Url,
    headers: HeaderMap,
) -> Result<(Socket, HeaderMap), Error> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((address, 0).into())?;
    upgrade_through(socket, url, headers).await
}

/// Like [`upgrade`], with a small receive buffer, so that few unread bytes are in flight.
///
/// # Errors
/// If the server rejects the handshake.
pub(crate) async fn upgrade_with_small_buffer(
    url: &Url,
    headers: HeaderMap,
) -> Result<Socket, Error> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    Ok(upgrade_through(socket, url, headers).await?.0)
}

async fn upgrade_through(
    socket: TcpSocket,
    url: &Url,
    headers: HeaderMap,
) -> Result<(Socket, HeaderMap), Error> {
    let address = url.socket_addrs(|| None).unwrap().remove(0);
    let stream = MaybeTlsStream::Plain(socket.connect(address).await?);
    let mut url = url.clone();
    url.set_scheme("ws").unwrap();
    let mut request = url.as_str().into_client_request()?;
    request.headers_mut().extend(headers);
    let (stream, response) = client_async(request, stream).await?;
    let socket = Socket { stream, pending: VecDeque::new() };
    Ok((socket, response.into_parts().0.headers))
}

impl Socket {
    /// Sends an event.
    pub async fn send(&mut self, event: &str, data: Value) {
        self.send_text(&json!({"event": event, "data": data}).to_string()).await;
    }

    /// Sends a text frame unchanged.
    pub async fn send_text(&mut self, text: &str) {
        self.send_frame(Message::text(text)).await;
    }

    /// Sends a WebSocket message of any type.
    pub async fn send_frame(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// Sends a message. Ignores errors, because the server may close the connection before it has read the message.
    pub async fn send_ignoring_errors(&mut self, message: Message) {
        self.stream.send(message).await.ok();
    }

    /// Sends an event. Returns whether the send succeeded.
    pub async fn try_send(&mut self, event: &str, data: Value) -> bool {
        let frame = json!({"event": event, "data": data}).to_string();
        self.stream.send(Message::text(frame)).await.is_ok()
    }

    /// Receives the next event. Returns `None` when the connection has ended.
    pub async fn try_receive(&mut self) -> Option<(String, Value)> {
        loop {
            match timeout(TIMEOUT, self.stream.next())
                .await
                .expect("timed out waiting for a frame")?
            {
                Ok(Message::Text(text)) => return Some(parse(&text)),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Receives all events until the server closes the connection. Returns them and the close code.
    pub async fn receive_all(&mut self) -> (Vec<(String, Value)>, Option<u16>) {
        let mut events = Vec::new();
        loop {
            match timeout(TIMEOUT, self.stream.next()).await.expect("timed out waiting for a frame")
            {
                Some(Ok(Message::Text(text))) => events.push(parse(&text)),
                Some(Ok(Message::Close(frame))) => {
                    return (events, frame.map(|frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (events, None),
            }
        }
    }

    /// Receives the next event of a conversation: its name and data. Keeps events of the conversation list
    /// for [`Socket::receive_list_event`].
    pub async fn receive(&mut self) -> (String, Value) {
        self.receive_matching(|name| !is_list_event(name)).await
    }

    /// Receives the next event of the conversation list.
    pub async fn receive_list_event(&mut self) -> (String, Value) {
        self.receive_matching(is_list_event).await
    }

    /// Receives the next text frame.
    pub async fn receive_text(&mut self) -> String {
        timeout(TIMEOUT, self.next_text()).await.expect("timed out waiting for a frame")
    }

    /// Receives the next event, which must have this name. Returns its data.
    pub async fn expect(&mut self, event: &str) -> Value {
        let (name, data) = self.receive().await;
        assert_eq!(name, event, "{data}");
        data
    }

    /// Receives all events up to and including the next one with this name. Panics if an unexpected `error` event
    /// arrives.
    pub async fn receive_until(&mut self, event: &str) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        loop {
            events.push(self.receive().await);
            match events.last() {
                Some((name, _)) if name == event => return events,
                Some((name, data)) if name == "error" => panic!("error event: {data}"),
                _ => {}
            }
        }
    }

    /// Sends a message and waits for the complete answer. Returns its text.
    pub async fn ask(&mut self, conversation_id: &str, message: &str) -> String {
        let data = json!({"conversation_id": conversation_id, "message": message});
        self.send("send_message", data).await;
        loop {
            let events = self.receive_until("token_usage").await;
            // A restarted server may first publish the end of the turn that was running before.
            if events.iter().any(|(name, _)| name == "message_accepted") {
                return answer_text(&events);
            }
        }
    }

    /// Waits until the server closes the connection. Returns the close code.
    pub async fn wait_until_closed(&mut self) -> Option<CloseCode> {
        timeout(TIMEOUT, self.close_code())
            .await
            .expect("the server did not close the connection in time")
    }

    async fn receive_matching(&mut self, matches: fn(&str) -> bool) -> (String, Value) {
        if let Some(index) = self.pending.iter().position(|(name, _)| matches(name)) {
            return self.pending.remove(index).unwrap();
        }
        loop {
            let event = parse(&self.receive_text().await);
            if matches(&event.0) {
                return event;
            }
            self.pending.push_back(event);
        }
    }

    async fn next_text(&mut self) -> String {
        loop {
            match self.stream.next().await.expect("the connection has ended").unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("not a text frame: {other:?}"),
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

/// Concatenates the texts of all chunks among the events.
#[must_use]
pub fn answer_text(events: &[(String, Value)]) -> String {
    let chunks = events.iter().filter(|(name, _)| name == "response_chunk");
    chunks.filter_map(|(_, data)| data["chunk"].as_str()).collect()
}

/// Whether this is an event of the conversation list.
pub(crate) fn is_list_event(name: &str) -> bool {
    matches!(name, "conversation_listed" | "conversation_unlisted" | "list_changed")
}

fn parse(text: &str) -> (String, Value) {
    let mut frame: Value = serde_json::from_str(text).unwrap();
    (frame["event"].as_str().unwrap().to_owned(), frame["data"].take())
}
