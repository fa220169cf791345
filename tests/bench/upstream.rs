//! A model that says 200 chunks, at once or at a pace.

use std::net::TcpListener;
use std::time::Duration;

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

/// How long is waited between one chunk and the next.
#[derive(Clone, Copy)]
struct Pace(Option<Duration>);

impl Upstream {
    pub(crate) fn start(pace: Option<Duration>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            let answer = web::post().to(answer);
            App::new().app_data(Data::new(Pace(pace))).route("/v1/chat/completions", answer)
        });
        let server = server.workers(1).backlog(1024).disable_signals().listen(listener).unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(server.run());
        Self { url: url.parse().unwrap(), _serving: serving }
    }
}

async fn answer(pace: Data<Pace>) -> HttpResponse {
    let content = event(&json!({"index": 0, "delta": {"content": CHUNK}, "finish_reason": null}));
    let end = event(&json!({"index": 0, "delta": {}, "finish_reason": "stop"}));
    let end = Bytes::from([end.as_ref(), b"data: [DONE]\n\n"].concat());
    let chunks = paced(pace.0, content).chain(stream::iter([Ok(end)]));
    HttpResponse::Ok().content_type("text/event-stream").streaming(chunks)
}

/// The first chunk comes at once.
fn paced(pace: Option<Duration>, chunk: Bytes) -> LocalBoxStream<'static, Result<Bytes, Error>> {
    let chunks = stream::iter((0..CHUNKS).map(move |_| Ok(chunk.clone())));
    let Some(pace) = pace else { return chunks.boxed_local() };
    let ticks = stream::unfold(interval(pace), async |mut interval| {
        interval.tick().await;
        Some(((), interval))
    });
    ticks.zip(chunks).map(|((), chunk)| chunk).boxed_local()
}

fn event(choice: &Value) -> Bytes {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_323_045,
        "model": "scripted", "choices": [choice],
    });
    format!("data: {chunk}\n\n").into()
}
