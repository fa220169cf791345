//! A model server that answers with 200 chunks, all together or at an interval. A chunk contains a word or the
//! time at which it was sent.

use std::net::TcpListener;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use actix_web::web::{self, Data, PayloadConfig};
use actix_web::{App, Error, HttpResponse, HttpServer};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::interval;
use webchat_domain::ModelParameters;
use webchat_llm::{AnswerLimit, ChatMessage, ChatRequest, ChatRole};

pub(crate) const CHUNKS: u32 = 200;

const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// The text of each chunk.
pub(crate) const CHUNK: &str = "tides ";

/// A model server that runs until it is dropped.
pub(crate) struct Upstream {
    pub(crate) url: Url,
    _server_task: JoinSet<std::io::Result<()>>,
}

/// The timing and the texts of the answers.
#[derive(Clone, Copy)]
struct Script {
    /// The time between chunks; `None` to send them all together.
    interval: Option<Duration>,
    /// Generates the text of the next chunk.
    next_text: fn() -> String,
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Formats the time since the start with a fixed number of digits, so that merged chunks can be split.
fn timestamp() -> String {
    format!("{:011} ", START.elapsed().as_micros())
}

/// Returns how long ago each chunk in this text was sent. The text must be from a model
/// [with timestamps](Upstream::with_timestamps).
pub(crate) fn ages(text: &str) -> impl Iterator<Item = Duration> {
    let now = START.elapsed();
    let times =
        text.split_whitespace().map(|micros| Duration::from_micros(micros.parse().unwrap()));
    times.map(move |sent_at| now.checked_sub(sent_at).unwrap())
}

impl Upstream {
    pub(crate) fn start(interval: Option<Duration>) -> Self {
        Self::serve(Script { interval, next_text: || CHUNK.to_owned() })
    }

    /// Starts a model whose chunks contain the time at which they were sent.
    pub(crate) fn with_timestamps(interval: Duration) -> Self {
        Self::serve(Script { interval: Some(interval), next_text: timestamp })
    }

    fn serve(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            let answer = web::post().to(answer);
            App::new()
                .app_data(Data::new(script))
                .app_data(PayloadConfig::new(MAX_REQUEST_BYTES))
                .route("/v1/chat/completions", answer)
        });
        let server = server.workers(1).backlog(1024).disable_signals().listen(listener).unwrap();
        let mut server_task = JoinSet::new();
        server_task.spawn(server.run());
        Self { url: url.parse().unwrap(), _server_task: server_task }
    }
}

/// Reads the request to its end, because otherwise its connection could not be used again.
async fn answer(script: Data<Script>, _request: Bytes) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type("text/event-stream");
    let Some(period) = script.interval else { return response.body(COMPLETE_ANSWER.clone()) };
    let next_text = script.next_text;
    let chunks = chunks(period).map(move |()| Ok::<_, Error>(text_event(&next_text())));
    response.streaming(chunks.chain(stream::iter([Ok(end())])).boxed_local())
}

/// An answer whose chunks are sent all together. It is formatted once, because the benchmark must not measure that.
static COMPLETE_ANSWER: LazyLock<Bytes> = LazyLock::new(|| {
    let chunks = (0..CHUNKS).map(|_| text_event(CHUNK));
    chunks.chain([end()]).collect::<Vec<_>>().concat().into()
});

/// Returns immediately for the first chunk, and then once per interval.
fn chunks(period: Duration) -> impl Stream<Item = ()> {
    let ticks = stream::unfold(interval(period), async |mut interval| {
        interval.tick().await;
        Some(((), interval))
    });
    ticks.zip(stream::iter(0..CHUNKS)).map(|_| ())
}

fn text_event(content: &str) -> Bytes {
    event(&json!({"index": 0, "delta": {"content": content}, "finish_reason": null}))
}

fn end() -> Bytes {
    let end = event(&json!({"index": 0, "delta": {}, "finish_reason": "stop"}));
    [end.as_ref(), b"data: [DONE]\n\n"].concat().into()
}

/// Returns the request that the server would send for this question.
pub(crate) fn chat_request(question: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage { role: ChatRole::User, content: question.to_owned() }],
        conversation_id: None,
        user_id: None,
        answer_limit: AnswerLimit::Tokens(800),
        parameters: ModelParameters::default(),
        stop: Vec::new(),
    }
}

/// Formats a chunk of an answer as a server-sent event.
pub(crate) fn event(choice: &Value) -> Bytes {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_323_045,
        "model": "scripted", "choices": [choice],
    });
    format!("data: {chunk}\n\n").into()
}
