//! A model server with scripted answers.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web::{self, Data, Json};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use crate::timeout::TIMEOUT;

/// The interval between checks for a request.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A model that returns the answers that the test has scripted. Without one, it answers "You said: " and the
/// question.
#[derive(Clone)]
pub struct ScriptedModel {
    url: String,
    script: Arc<Script>,
}

#[derive(Default)]
struct Script {
    delay: Duration,
    answers: Mutex<VecDeque<UnboundedReceiver<Chunk>>>,
    requests: Mutex<Vec<Value>>,
    trace_parents: Mutex<Vec<Option<String>>>,
}

enum Chunk {
    Bytes(Bytes),
    Disconnect,
}

/// An answer that the test sends chunk by chunk. Dropping it ends the answer.
pub struct ScriptedAnswer {
    chunks: UnboundedSender<Chunk>,
}

impl ScriptedModel {
    /// Starts a model on a free port. It runs until the test's runtime ends.
    #[must_use]
    pub fn start() -> Self {
        Self::with_delay(Duration::ZERO)
    }

    /// Starts a model that sends unscripted answers word by word, with this delay before each chunk.
    #[must_use]
    pub fn with_delay(delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script = Data::new(Script { delay, ..Script::default() });
        let shared = script.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/v1/chat/completions", web::post().to(complete))
                .route("/v1/responses", web::post().to(complete))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap();
        spawn(server.run());
        Self { url: format!("http://{address}/v1/chat/completions"), script: script.into_inner() }
    }

    /// The URL of the model.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Adds an answer to the script. The model returns the answers in the order in which they were added.
    #[must_use]
    pub fn next_answer(&self) -> ScriptedAnswer {
        let (chunks, answer) = unbounded_channel();
        self.script.answers.lock().unwrap().push_back(answer);
        ScriptedAnswer { chunks }
    }

    /// The bodies of all requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        self.script.requests.lock().unwrap().clone()
    }

    /// Waits until the model has received this number of requests.
    pub async fn wait_for_requests(&self, count: usize) {
        let wait = async {
            while self.requests().len() < count {
                sleep(POLL_INTERVAL).await;
            }
        };
        timeout(TIMEOUT, wait).await.expect("the model did not receive the requests in time");
    }

    /// The `traceparent` headers of all requests so far.
    #[must_use]
    pub fn trace_parents(&self) -> Vec<Option<String>> {
        self.script.trace_parents.lock().unwrap().clone()
    }
}

impl ScriptedAnswer {
    /// Sends a chunk of the answer's text.
    pub fn send(&self, text: &str) {
        self.send_event(&json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
    }

    /// Sends a chunk of the reasoning before the answer's text.
    pub fn send_reasoning(&self, text: &str) {
        self.send_event(&json!({"choices": [{"index": 0, "delta": {"reasoning_content": text}}]}));
    }

    /// Sends a part of the response unchanged.
    pub fn send_raw(&self, part: &str) {
        self.chunks.send(Chunk::Bytes(part.to_owned().into())).ok();
    }

    /// Reports the token counts of the request and of the answer.
    pub fn report_usage(&self, prompt_tokens: u32, completion_tokens: u32) {
        let usage = json!({"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens});
        self.send_event(&json!({"choices": [], "usage": usage}));
    }

    /// Completes the answer.
    pub fn finish(self) {
        self.send_event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
    }

    /// Closes the connection in the middle of the answer.
    pub fn disconnect(self) {
        self.chunks.send(Chunk::Disconnect).ok();
    }

    /// Waits until the server has closed the connection. Sends comments, because only a send reveals that.
    pub async fn wait_for_disconnect(&self) {
        let comments = async {
            while self.chunks.send(Chunk::Bytes(Bytes::from_static(b":\n\n"))).is_ok() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(TIMEOUT, comments).await.expect("the server did not close the connection in time");
    }

    fn send_event(&self, data: &Value) {
        self.chunks.send(Chunk::Bytes(event(data))).ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "the task ends with the test's runtime")]
fn spawn(server: actix_web::dev::Server) {
    tokio::spawn(server);
}

async fn complete(request: HttpRequest, script: Data<Script>, body: Json<Value>) -> HttpResponse {
    let trace_parent = request.headers().get("traceparent");
    let trace_parent = trace_parent.map(|value| value.to_str().unwrap().to_owned());
    script.trace_parents.lock().unwrap().push(trace_parent);
    // The second field is that of the Responses API.
    let messages = body.get("messages").or(body.get("input")).unwrap();
    let question = messages.as_array().unwrap().last().unwrap()["content"].clone();
    script.requests.lock().unwrap().push(body.into_inner());
    let scripted = script.answers.lock().unwrap().pop_front();
    let delay = if scripted.is_some() { Duration::ZERO } else { script.delay };
    let chunks = scripted.unwrap_or_else(|| echo(question.as_str().unwrap(), delay));
    let body = stream::unfold(chunks, move |mut chunks| async move {
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let chunk = match chunks.recv().await? {
            Chunk::Bytes(bytes) => Ok(bytes),
            Chunk::Disconnect => Err(actix_web::error::ErrorInternalServerError("disconnect")),
        };
        Some((chunk, chunks))
    });
    HttpResponse::Ok().content_type("text/event-stream").streaming(body.boxed_local())
}

fn echo(question: &str, delay: Duration) -> UnboundedReceiver<Chunk> {
    let (chunks, answer) = unbounded_channel();
    let echo = ScriptedAnswer { chunks };
    echo.send("You said: ");
    if delay.is_zero() {
        echo.send(question);
    } else {
        question.split_inclusive(' ').for_each(|word| echo.send(word));
    }
    echo.finish();
    answer
}

fn event(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}
