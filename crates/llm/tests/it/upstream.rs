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

/// A server on a free port that does with each request what the script says.
pub(crate) struct Upstream {
    address: String,
    connections: Arc<AtomicUsize>,
    requests: UnboundedReceiver<Request>,
    hang_ups: UnboundedReceiver<()>,
}

/// A request as it came: its head, and the JSON after it.
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// A connection in the script's hands.
pub(crate) struct Connection {
    stream: TcpStream,
    is_over: bool,
}

impl Upstream {
    /// The script gets the number of the request, from 0, and its body.
    pub(crate) fn start(
        script: impl Fn(&mut Connection, usize, &Value) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let (asked, requests) = unbounded_channel();
        let (hung_up, hang_ups) = unbounded_channel();
        let counter = connections.clone();
        thread::spawn(move || {
            let script = Arc::new(script);
            let number = Arc::new(AtomicUsize::new(0));
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                let (script, number) = (script.clone(), number.clone());
                let (asked, hung_up) = (asked.clone(), hung_up.clone());
                thread::spawn(move || {
                    let mut connection = Connection { stream: stream.unwrap(), is_over: false };
                    while !connection.is_over
                        && let Ok(request) = read_request(&mut connection.stream)
                    {
                        let body = request.body.clone();
                        let _ = asked.send(request);
                        script(&mut connection, number.fetch_add(1, Ordering::SeqCst), &body);
                    }
                    let _ = hung_up.send(());
                });
            }
        });
        Self { address, connections, requests, hang_ups }
    }

    /// One that gives these responses one after the other, and the last one from then on.
    pub(crate) fn with(responses: impl IntoIterator<Item = String>) -> Self {
        let responses: Vec<_> = responses.into_iter().collect();
        Self::start(move |connection, number, _| {
            connection.write(&responses[number.min(responses.len() - 1)]);
        })
    }

    /// Some providers take a key in the address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1/chat/completions?key={KEY}", self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The next request.
    pub(crate) async fn request(&mut self) -> Request {
        self.requests.recv().await.unwrap()
    }

    /// The requests that nobody has taken yet.
    pub(crate) fn requests(&mut self) -> Vec<Request> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).collect()
    }

    /// Returns when a client has closed its connection.
    pub(crate) async fn hung_up(&mut self) {
        self.hang_ups.recv().await.unwrap();
    }
}

impl Connection {
    pub(crate) fn write(&mut self, text: &str) {
        self.write_bytes(text.as_bytes());
    }

    /// A client that has gone is seen when the next request is read.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn close(&mut self) {
        self.is_over = true;
    }

    /// What was written has its time to arrive, as a reset throws away what is still under way.
    pub(crate) fn reset(&mut self) {
        thread::sleep(Duration::from_millis(50));
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
        self.is_over = true;
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
    Ok(Request { head, body: serde_json::from_slice(&body).unwrap_or_default() })
}

pub(crate) fn response(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} …\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

pub(crate) fn json_response(status: u16, body: &Value) -> String {
    response(status, "content-type: application/json\r\n", &body.to_string())
}

/// The beginning of a response whose body is a stream of events without an end.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A part of a body as it goes over the wire in chunked encoding; an empty one is the end.
pub(crate) fn part(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

pub(crate) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// An event with all of the answer's text.
pub(crate) fn text_event() -> String {
    event(&json!({"choices": [{"delta": {"content": ANSWER}}]}))
}

pub(crate) fn end_events() -> String {
    event(&json!({"choices": [{"delta": {}, "finish_reason": "stop"}]})) + "data: [DONE]\n\n"
}

/// A whole response with these events.
pub(crate) fn stream_response(events: &str) -> String {
    response(200, "content-type: text/event-stream\r\n", events)
}

pub(crate) fn good_response() -> String {
    stream_response(&(text_event() + &end_events()))
}
