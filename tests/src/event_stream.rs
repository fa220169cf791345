use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use crate::PATIENCE;

/// An answer that is a stream of events.
pub struct EventStream {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    parts: BoxStream<'static, reqwest::Result<Bytes>>,
    read: String,
}

/// An event of such a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamedEvent {
    /// Its name.
    pub name: String,
    /// Its id, where it has one.
    pub id: Option<u64>,
    /// What it says.
    pub data: Value,
}

impl EventStream {
    /// Asks for it.
    pub async fn open(request: RequestBuilder) -> Self {
        let request = request.header("accept", "text/event-stream").timeout(2 * PATIENCE);
        let answer = request.send().await.unwrap();
        Self {
            status: answer.status(),
            headers: answer.headers().clone(),
            parts: answer.bytes_stream().boxed(),
            read: String::new(),
        }
    }

    /// The next event; `None` when the stream has ended well.
    pub async fn next(&mut self) -> Option<StreamedEvent> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (read(block), rest.to_owned());
                self.read = rest;
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let part = timeout(PATIENCE, self.parts.next()).await.expect("a part in time")?;
            self.read += std::str::from_utf8(&part.expect("a whole stream")).unwrap();
        }
    }

    /// The next event, which must have this name.
    pub async fn expect(&mut self, name: &str) -> StreamedEvent {
        let event = self.next().await.expect("an event");
        assert_eq!(event.name, name, "{event:?}");
        event
    }

    /// All events to the end.
    pub async fn rest(&mut self) -> Vec<StreamedEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// `None` for a block without an event: a comment, or the time to come back.
fn read(block: &str) -> Option<StreamedEvent> {
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
