//! A model that says 200 chunks, at once or at a pace: a word, or the moment at which each is said.

use std::net::TcpListener;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use actix_web::web::{self, Data};
use actix_web::{App, Error, HttpResponse, HttpServer};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, LocalBoxStream};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::interval;

pub(crate) const CHUNKS: u32 = 200;

/// What each chunk says.
pub(crate) const CHUNK: &str = "tides ";

/// Serves for as long as it is there.
pub(crate) struct Upstream {
    pub(crate) url: Url,
    _serving: JoinSet<std::io::Result<()>>,
}

#[derive(Clone, Copy)]
struct Speech {
    /// How long is waited between one chunk and the next.
    pace: Option<Duration>,
    /// What the next chunk says.
    next: fn() -> String,
}

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The moment, in as many characters always.
fn now() -> String {
    format!("{:011} ", BEGINNING.elapsed().as_micros())
}

/// How long ago each chunk of this text was said, by a model that [tells the
/// time](Upstream::telling_the_time).
pub(crate) fn ages(text: &str) -> impl Iterator<Item = Duration> {
    let heard = BEGINNING.elapsed();
    let said = text.split_whitespace().map(|said| Duration::from_micros(said.parse().unwrap()));
    said.map(move |said| heard.checked_sub(said).unwrap())
}

impl Upstream {
    pub(crate) fn start(pace: Option<Duration>) -> Self {
        Self::saying(Speech { pace, next: || CHUNK.to_owned() })
    }

    /// One whose chunks say when they were said.
    pub(crate) fn telling_the_time(pace: Duration) -> Self {
        Self::saying(Speech { pace: Some(pace), next: now })
    }

    fn saying(speech: Speech) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            let answer = web::post().to(answer);
            App::new().app_data(Data::new(speech)).route("/v1/chat/completions", answer)
        });
        let server = server.workers(1).backlog(1024).disable_signals().listen(listener).unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(server.run());
        Self { url: url.parse().unwrap(), _serving: serving }
    }
}

async fn answer(speech: Data<Speech>) -> HttpResponse {
    let end = event(&json!({"index": 0, "delta": {}, "finish_reason": "stop"}));
    let end = Bytes::from([end.as_ref(), b"data: [DONE]\n\n"].concat());
    let chunks = said(**speech).chain(stream::iter([Ok(end)]));
    HttpResponse::Ok().content_type("text/event-stream").streaming(chunks)
}

/// The first chunk comes at once.
fn said(speech: Speech) -> LocalBoxStream<'static, Result<Bytes, Error>> {
    let chunk = move || {
        let content = (speech.next)();
        Ok(event(&json!({"index": 0, "delta": {"content": content}, "finish_reason": null})))
    };
    let numbers = stream::iter(0..CHUNKS);
    let Some(pace) = speech.pace else { return numbers.map(move |_| chunk()).boxed_local() };
    let ticks = stream::unfold(interval(pace), async |mut interval| {
        interval.tick().await;
        Some(((), interval))
    });
    ticks.zip(numbers).map(move |_| chunk()).boxed_local()
}

fn event(choice: &Value) -> Bytes {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_323_045,
        "model": "scripted", "choices": [choice],
    });
    format!("data: {chunk}\n\n").into()
}
