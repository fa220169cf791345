//! A client that receives server-sent events.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use crate::timeout::TIMEOUT;

/// A response with server-sent events.
pub struct EventStream {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    chunks: BoxStream<'static, reqwest::Result<Bytes>>,
    buffer: String,
}

/// A server-sent event.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamedEvent {
    /// The event's name.
    pub name: String,
    /// The event's id, if it has one.
    pub id: Option<u64>,
    /// The event's data.
    pub data: Value,
}

impl EventStream {
    /// Sends the request and reads the response's headers.
    pub async fn open(request: RequestBuilder) -> Self {
        let request = request.header("accept", "text/event-stream").timeout(2 * TIMEOUT);
        let response = request.send().await.unwrap();
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            chunks: response.bytes_stream().boxed(),
            buffer: String::new(),
        }
    }

    /// Receives the next event. Returns `None` at the end of the stream.
    pub async fn receive(&mut self) -> Option<StreamedEvent> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (event, rest) = (parse(block), rest.to_owned());
                self.buffer = rest;
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = timeout(TIMEOUT, self.chunks.next())
                .await
                .expect("timed out waiting for an event")?;
            self.buffer += std::str::from_utf8(&chunk.expect("the stream failed")).unwrap();
        }
    }

    /// Receives the next event, which must have this name.
    pub async fn expect(&mut self, name: &str) -> StreamedEvent {
        let event = self.receive().await.expect("the stream has ended");
        assert_eq!(event.name, name, "{event:?}");
        event
    }

    /// Receives all events up to the end of the stream.
    pub async fn receive_all(&mut self) -> Vec<StreamedEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.receive().await {
            events.push(event);
        }
        events
    }
}

/// Parses a block of lines. Returns `None` if it is not an event but a comment or the `retry` time.
fn parse(block: &str) -> Option<StreamedEvent> {
    let field = |name: &str| {
        let start = format!("{name}: ");
        block.lines().find_map(|line| line.strip_prefix(&start))
    };
    Some(StreamedEvent {
        name: field("event")?.to_owned(),
        id: field("id").map(|id| id.parse().unwrap()),
        data: serde_json::from_str(field("data")?).unwrap(),
    })
}
