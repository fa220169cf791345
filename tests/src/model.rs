use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web::{self, Data, Json};
use actix_web::{App, HttpResponse, HttpServer};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use crate::PATIENCE;

/// A model that answers as the test says, and otherwise repeats the question.
#[derive(Clone)]
pub struct ScriptedModel {
    url: String,
    script: Arc<Script>,
}

#[derive(Default)]
struct Script {
    pace: Duration,
    answers: Mutex<VecDeque<UnboundedReceiver<Part>>>,
    requests: Mutex<Vec<Value>>,
}

enum Part {
    Bytes(Bytes),
    BreakOff,
}

/// An answer in the test's hands: it goes on as long as this lives.
pub struct Answering {
    parts: UnboundedSender<Part>,
}

impl ScriptedModel {
    /// A model on a free port, for as long as the test's runtime lives.
    #[must_use]
    pub fn start() -> Self {
        Self::paced(Duration::ZERO)
    }

    /// One that takes its time for each word when it repeats the question.
    #[must_use]
    pub fn paced(pace: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script = Data::new(Script { pace, ..Script::default() });
        let shared = script.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/v1/chat/completions", web::post().to(complete))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap();
        spawn(server.run());
        Self { url: format!("http://{address}/v1/chat/completions"), script: script.into_inner() }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next answer that nobody has in hand yet.
    #[must_use]
    pub fn next_answer(&self) -> Answering {
        let (parts, answer) = unbounded_channel();
        self.script.answers.lock().unwrap().push_back(answer);
        Answering { parts }
    }

    /// The bodies it was asked with.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        self.script.requests.lock().unwrap().clone()
    }
}

impl Answering {
    /// Sends a part of the answer.
    pub fn say(&self, text: &str) {
        self.send(&json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
    }

    /// Ends the answer well.
    pub fn end(self) {
        self.send(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
    }

    /// Cuts the connection.
    pub fn break_off(self) {
        self.parts.send(Part::BreakOff).ok();
    }

    /// Ends when the server has hung up, which is only noticed by sending: an empty comment.
    pub async fn hung_up(&self) {
        let comments = async {
            while self.parts.send(Part::Bytes(Bytes::from_static(b":\n\n"))).is_ok() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, comments).await.expect("an end in time");
    }

    fn send(&self, chunk: &Value) {
        self.parts.send(Part::Bytes(event(chunk))).ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
fn spawn(server: actix_web::dev::Server) {
    tokio::spawn(server);
}

async fn complete(script: Data<Script>, body: Json<Value>) -> HttpResponse {
    let question = body["messages"].as_array().unwrap().last().unwrap()["content"].clone();
    script.requests.lock().unwrap().push(body.into_inner());
    let scripted = script.answers.lock().unwrap().pop_front();
    let pace = if scripted.is_some() { Duration::ZERO } else { script.pace };
    let parts = scripted.unwrap_or_else(|| repeat(question.as_str().unwrap(), pace));
    let body = stream::unfold(parts, move |mut parts| async move {
        if !pace.is_zero() {
            sleep(pace).await;
        }
        let part = match parts.recv().await? {
            Part::Bytes(bytes) => Ok(bytes),
            Part::BreakOff => Err(actix_web::error::ErrorInternalServerError("cut")),
        };
        Some((part, parts))
    });
    HttpResponse::Ok().content_type("text/event-stream").streaming(body.boxed_local())
}

fn repeat(question: &str, pace: Duration) -> UnboundedReceiver<Part> {
    let (parts, answer) = unbounded_channel();
    let answering = Answering { parts };
    answering.say("You said: ");
    let words = question.split_inclusive(' ');
    // What takes no time comes at once.
    if pace.is_zero() {
        answering.say(question);
    } else {
        words.for_each(|word| answering.say(word));
    }
    answering.end();
    answer
}

fn event(chunk: &Value) -> Bytes {
    format!("data: {chunk}\n\n").into()
}
