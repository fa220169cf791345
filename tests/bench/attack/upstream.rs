//! A model server that counts its requests. A word in the question decides how it answers: with a few words,
//! slowly, or without an end.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::web::{self, Data, Json, JsonConfig};
use actix_web::{App, Error, HttpResponse, HttpServer};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, LocalBoxStream};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::upstream::event;

/// A question with this word is answered at full speed and without an end.
pub(super) const ENDLESS: &str = "endless";

/// A question with this word is answered with a word per second, for half a minute.
pub(super) const SLOW: &str = "slowly";

const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// The approximate number of characters per token.
const CHARACTERS_PER_TOKEN: u32 = 4;

/// The numbers of requests to the model so far, and of the tokens in their messages.
#[derive(Clone, Copy)]
pub(super) struct ModelUsage {
    pub(super) requests: u32,
    pub(super) tokens: u32,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU32,
    tokens: AtomicU32,
}

/// A model server that runs until it is dropped.
pub(super) struct Upstream {
    pub(super) url: String,
    counters: Arc<Counters>,
    _server_task: JoinSet<std::io::Result<()>>,
}

impl Upstream {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
        let counters = Data::new(Counters::default());
        let shared = counters.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .app_data(JsonConfig::default().limit(MAX_REQUEST_BYTES))
                .route("/v1/chat/completions", web::post().to(answer))
        });
        let server = server.workers(1).backlog(1024).disable_signals().listen(listener).unwrap();
        let mut server_task = JoinSet::new();
        server_task.spawn(server.run());
        Self { url, counters: counters.into_inner(), _server_task: server_task }
    }

    pub(super) fn usage(&self) -> ModelUsage {
        ModelUsage {
            requests: self.counters.requests.load(Ordering::Relaxed),
            tokens: self.counters.tokens.load(Ordering::Relaxed),
        }
    }
}

async fn answer(counters: Data<Counters>, body: Json<Value>) -> HttpResponse {
    let messages = body["messages"].as_array().unwrap();
    let texts = || messages.iter().filter_map(|message| message["content"].as_str());
    let characters = u32::try_from(texts().map(str::len).sum::<usize>()).unwrap();
    counters.requests.fetch_add(1, Ordering::Relaxed);
    counters.tokens.fetch_add(characters / CHARACTERS_PER_TOKEN, Ordering::Relaxed);
    let chunks = chunks(texts().next_back().unwrap_or_default());
    HttpResponse::Ok().content_type("text/event-stream").streaming(chunks)
}

fn chunks(question: &str) -> LocalBoxStream<'static, Result<Bytes, Error>> {
    if question.contains(ENDLESS) {
        let chunk = chunk(&"endless ".repeat(1_000));
        return stream::repeat_with(move || Ok(chunk.clone())).boxed_local();
    }
    let is_slow = question.contains(SLOW);
    let (words, pause) =
        if is_slow { (30, Duration::from_secs(1)) } else { (20, Duration::from_millis(5)) };
    let texts = stream::iter(0..words).then(move |number| async move {
        if number > 0 {
            sleep(pause).await;
        }
        Ok(chunk("tides "))
    });
    let end = event(&json!({"index": 0, "delta": {}, "finish_reason": "stop"}));
    texts.chain(stream::iter([Ok(end), Ok(Bytes::from_static(b"data: [DONE]\n\n"))])).boxed_local()
}

fn chunk(text: &str) -> Bytes {
    event(&json!({"index": 0, "delta": {"content": text}, "finish_reason": null}))
}
