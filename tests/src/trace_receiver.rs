//! A receiver of traces over OTLP.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::timeout::TIMEOUT;

/// A server that receives traces, as a collector does.
#[derive(Clone)]
pub struct TraceReceiver {
    url: String,
    requests: Data<Requests>,
}

#[derive(Default)]
struct Requests(Mutex<Vec<(String, Bytes)>>);

/// A received span.
#[derive(Clone, Debug)]
pub struct ReceivedSpan {
    /// The trace id, in hexadecimal digits.
    pub trace_id: String,
    /// The span id.
    pub span_id: String,
    /// The id of the parent span; empty if there is none.
    pub parent_id: String,
    /// The name.
    pub name: String,
    /// The kind as a number of the protocol: 1 is internal, 2 is server, 3 is client.
    pub kind: i32,
    /// The attributes.
    pub attributes: BTreeMap<String, Value>,
    /// Whether the status is an error.
    pub is_error: bool,
    /// The duration.
    pub duration: Duration,
}

impl TraceReceiver {
    /// Starts a receiver on a free port. It runs until the test's runtime ends.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Data<Requests> = Data::default();
        let shared = requests.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .app_data(PayloadConfig::new(16 * 1024 * 1024))
                .route("/v1/traces", web::post().to(receive))
        });
        spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        Self { url, requests }
    }

    /// The URL of the receiver.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All spans received so far.
    #[must_use]
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        let requests = self.requests.0.lock().unwrap();
        requests.iter().flat_map(|(_, body)| decode(body)).collect()
    }

    /// Waits for a span with this name. Returns the first one if there are several.
    pub async fn span(&self, name: &str) -> ReceivedSpan {
        let wait = async {
            loop {
                let span = self.spans().into_iter().find(|span| span.name == name);
                if let Some(span) = span {
                    return span;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let received = timeout(TIMEOUT, wait).await;
        received.unwrap_or_else(|_| panic!("no span {name}: {:#?}", self.spans()))
    }

    /// The bodies of all requests so far, as text.
    #[must_use]
    pub fn bodies(&self) -> String {
        let requests = self.requests.0.lock().unwrap();
        requests.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }

    /// The `api-key` headers of all requests so far.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.requests.0.lock().unwrap().iter().map(|(key, _)| key.clone()).collect()
    }
}

impl ReceivedSpan {
    /// Whether this span is a child of `parent`.
    #[must_use]
    pub fn is_child_of(&self, parent: &Self) -> bool {
        self.trace_id == parent.trace_id && self.parent_id == parent.span_id
    }

    /// The value of an attribute; null if it is not set.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Value {
        self.attributes.get(name).cloned().unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "the task ends with the test's runtime")]
fn spawn(server: actix_web::dev::Server) {
    tokio::spawn(server);
}

async fn receive(request: HttpRequest, body: Bytes, requests: Data<Requests>) -> HttpResponse {
    let key = request.headers().get("api-key").and_then(|key| key.to_str().ok());
    requests.0.lock().unwrap().push((key.unwrap_or_default().to_owned(), body));
    HttpResponse::Ok().finish()
}

fn decode(body: &Bytes) -> Vec<ReceivedSpan> {
    let request = ExportTraceServiceRequest::decode(body.as_ref()).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).map(ReceivedSpan::from).collect()
}

impl From<Span> for ReceivedSpan {
    fn from(span: Span) -> Self {
        let attribute = |value| match value {
            Some(AnyValue::StringValue(text)) => json!(text),
            Some(AnyValue::IntValue(number)) => json!(number),
            Some(AnyValue::ArrayValue(array)) => {
                let texts = array.values.into_iter().map(|item| match item.value {
                    Some(AnyValue::StringValue(text)) => json!(text),
                    other => panic!("{other:?}"),
                });
                texts.collect()
            }
            other => panic!("{other:?}"),
        };
        let attributes = span
            .attributes
            .into_iter()
            .map(|pair| (pair.key, attribute(pair.value.and_then(|value| value.value))));
        Self {
            trace_id: hex(&span.trace_id),
            span_id: hex(&span.span_id),
            parent_id: hex(&span.parent_span_id),
            name: span.name,
            kind: span.kind,
            attributes: attributes.collect(),
            is_error: span.status.is_some_and(|status| status.code == 2),
            duration: Duration::from_nanos(span.end_time_unix_nano - span.start_time_unix_nano),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
