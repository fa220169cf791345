//! A scripted upstream.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use socket2::SockRef;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{ANSWER, KEY};

/// A server on a free port that handles each request as the script says.
pub(crate) struct Upstream {
    address: String,
    connections: Arc<AtomicUsize>,
    requests: UnboundedReceiver<Request>,
    hang_ups: UnboundedReceiver<()>,
}

/// A request: its head and its body, as text and parsed as JSON.
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) text: String,
    pub(crate) body: Value,
}

/// A connection that the script controls.
pub(crate) struct Connection {
    stream: TcpStream,
    is_closed: bool,
}

impl Upstream {
    /// Starts an upstream that calls the script with each request's number, from 0, and its body.
    pub(crate) fn start(
        script: impl Fn(&mut Connection, usize, &Value) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let (request_sender, requests) = unbounded_channel();
        let (hang_up_sender, hang_ups) = unbounded_channel();
        let counter = connections.clone();
        thread::spawn(move || {
            let script = Arc::new(script);
            let number = Arc::new(AtomicUsize::new(0));
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                let (script, number) = (script.clone(), number.clone());
                let (request_sender, hang_up_sender) =
                    (request_sender.clone(), hang_up_sender.clone());
                thread::spawn(move || {
                    let mut connection = Connection { stream: stream.unwrap(), is_closed: false };
                    while !connection.is_closed
                        && let Ok(request) = read_request(&mut connection.stream)
                    {
                        let body = request.body.clone();
                        let _ = request_sender.send(request);
                        script(&mut connection, number.fetch_add(1, Ordering::SeqCst), &body);
                    }
                    let _ = hang_up_sender.send(());
                });
            }
        });
        Self { address, connections, requests, hang_ups }
    }

    /// Starts an upstream that sends these responses one after the other, and repeats the last one.
    pub(crate) fn with(responses: impl IntoIterator<Item = String>) -> Self {
        let responses: Vec<_> = responses.into_iter().collect();
        Self::start(move |connection, number, _| {
            connection.write(&responses[number.min(responses.len() - 1)]);
        })
    }

    /// Returns the upstream's address. It contains a key, as some providers require.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1/chat/completions?key={KEY}", self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits for the next request.
    pub(crate) async fn request(&mut self) -> Request {
        self.requests.recv().await.unwrap()
    }

    /// Takes the requests that have arrived since the last call.
    pub(crate) fn take_requests(&mut self) -> Vec<Request> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).collect()
    }

    /// Waits until a client has closed its connection.
    pub(crate) async fn wait_for_hang_up(&mut self) {
        self.hang_ups.recv().await.unwrap();
    }
}

impl Connection {
    pub(crate) fn write(&mut self, text: &str) {
        self.write_bytes(text.as_bytes());
    }

    /// Writes to the client. Ignores errors: a closed connection is detected when the next request is read.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn close(&mut self) {
        self.is_closed = true;
    }

    /// Resets the connection. Waits first, because a reset discards the bytes that have not arrived.
    pub(crate) fn reset(&mut self) {
        thread::sleep(Duration::from_millis(50));
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
        self.is_closed = true;
    }
}

fn read_request(stream: &mut TcpStream) -> io::Result<Request> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8(head).map_err(io::Error::other)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    let text = String::from_utf8(body).map_err(io::Error::other)?;
    Ok(Request { head, body: serde_json::from_str(&text).unwrap_or_default(), text })
}

pub(crate) fn response(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} …\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

pub(crate) fn json_response(status: u16, body: &Value) -> String {
    response(status, "content-type: application/json\r\n", &body.to_string())
}

/// The head of a response whose body is an endless event stream.
pub(crate) const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Returns a chunk of a body in chunked transfer encoding. An empty one ends the body.
pub(crate) fn http_chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

pub(crate) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// Returns an event with the complete text of the answer.
pub(crate) fn text_event() -> String {
    event(&json!({"choices": [{"delta": {"content": ANSWER}}]}))
}

pub(crate) fn end_events() -> String {
    event(&json!({"choices": [{"delta": {}, "finish_reason": "stop"}]})) + "data: [DONE]\n\n"
}

/// Returns a complete response with these events.
pub(crate) fn stream_response(events: &str) -> String {
    response(200, "content-type: text/event-stream\r\n", events)
}

pub(crate) fn good_response() -> String {
    stream_response(&(text_event() + &end_events()))
}
