//! The client against upstreams that do as the tests tell them.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "these are tests"
)]

mod answers;
mod breaker;
mod cancelling;
mod connections;
mod faults;
mod learning;
mod retries;
mod secrets;
mod upstream;

use std::error::Error as _;
use std::time::Duration;

use futures_util::StreamExt;
use secrecy::SecretString;
use tokio::time::timeout;
use webchat_domain::ModelParameters;
use webchat_llm::{
    ChatMessage, ChatModel, ChatRequest, ChatRole, Delta, HttpChatModel, HttpSettings, ModelError,
    Timeouts,
};

const KEY: &str = "sk-do-not-show";
const QUESTION: &str = "my diary";
const ANSWER: &str = "tides";

/// No test waits longer, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(10);

fn settings(url: &str) -> HttpSettings {
    HttpSettings {
        api_key: Some(SecretString::from(KEY)),
        ..HttpSettings::new(url.parse().unwrap())
    }
}

fn model(url: &str) -> HttpChatModel {
    HttpChatModel::new(settings(url)).unwrap()
}

/// For tests of what comes too late, or not at all: on a machine with much to do anything may.
fn impatient(url: &str) -> HttpChatModel {
    waiting(Duration::from_millis(300), url)
}

fn waiting(wait: Duration, url: &str) -> HttpChatModel {
    let timeouts = Timeouts { connect: wait, first_delta: wait, idle: wait };
    HttpChatModel::new(HttpSettings { timeouts, ..settings(url) }).unwrap()
}

fn request() -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage { role: ChatRole::User, content: QUESTION.to_owned() }],
        max_reply_tokens: 800,
        parameters: ModelParameters::default(),
    }
}

/// All that comes of a request: deltas, and at last an error if there is one. An error that shows what
/// it must not fails the test.
async fn ask(model: &HttpChatModel) -> Vec<Result<Delta, ModelError>> {
    let asking = async {
        match model.stream(request()).await {
            Ok(deltas) => deltas.collect().await,
            Err(error) => vec![Err(error)],
        }
    };
    let deltas: Vec<_> = timeout(PATIENCE, asking).await.expect("an end in time");
    deltas.iter().filter_map(|delta| delta.as_ref().err()).for_each(check_for_secrets);
    deltas
}

fn check_for_secrets(error: &ModelError) {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let causes: Vec<_> = causes.map(|cause| format!("{cause} {cause:?}")).collect();
    let shown = format!("{error} {error:?} {causes:?}");
    for secret in [KEY, QUESTION, ANSWER] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// The text of an answer that ends well.
async fn answer(model: &HttpChatModel) -> String {
    let deltas = ask(model).await.into_iter().map(Result::unwrap);
    let text = deltas.filter_map(|delta| match delta {
        Delta::Text(text) => Some(text),
        _ => None,
    });
    text.collect()
}

/// Why there is no answer, or why it broke off.
async fn refusal(model: &HttpChatModel) -> ModelError {
    ask(model).await.pop().unwrap().unwrap_err()
}
