//! The client against scripted upstreams.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "these are tests"
)]

mod answers;
mod breaker;
mod cancellation;
mod connections;
mod deployments;
mod entra;
mod fallbacks;
mod faults;
mod recorded_bodies;
mod responses;
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
    AnswerLimit, ChatMessage, ChatModel, ChatRequest, ChatRole, Delta, HttpChatModel, HttpSettings,
    ModelError, Timeouts,
};

const KEY: &str = "sk-do-not-show";
const QUESTION: &str = "my diary";
const ANSWER: &str = "tides";

/// How long an answer may take, so that a hanging test fails.
const TIMEOUT: Duration = Duration::from_secs(10);

fn settings(url: &str) -> HttpSettings {
    HttpSettings {
        api_key: Some(SecretString::from(KEY)),
        ..HttpSettings::new(url.parse().unwrap())
    }
}

fn model(url: &str) -> HttpChatModel {
    HttpChatModel::new(settings(url)).unwrap()
}

/// Returns a model with short timeouts, for tests in which they expire. Other tests need longer ones on a
/// busy machine.
fn model_with_short_timeouts(url: &str) -> HttpChatModel {
    model_with_timeouts(Duration::from_millis(300), url)
}

fn model_with_timeouts(timeout: Duration, url: &str) -> HttpChatModel {
    let timeouts = Timeouts { connect: timeout, first_delta: timeout, idle: timeout };
    HttpChatModel::new(HttpSettings { timeouts, ..settings(url) }).unwrap()
}

fn request() -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage { role: ChatRole::User, content: QUESTION.to_owned() }],
        conversation_id: None,
        user_id: None,
        answer_limit: AnswerLimit::Tokens(800),
        parameters: ModelParameters::default(),
        stop: Vec::new(),
    }
}

/// Returns all deltas of an answer, and the error that ended it, if any. An error that shows a secret
/// fails the test.
async fn collect(model: &HttpChatModel) -> Vec<Result<Delta, ModelError>> {
    let collecting = async {
        match model.stream(request()).await {
            Ok(deltas) => deltas.collect().await,
            Err(error) => vec![Err(error)],
        }
    };
    let deltas: Vec<_> = timeout(TIMEOUT, collecting).await.expect("the answer ends in time");
    deltas.iter().filter_map(|delta| delta.as_ref().err()).for_each(assert_no_secrets);
    deltas
}

fn assert_no_secrets(error: &ModelError) {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let causes: Vec<_> = causes.map(|cause| format!("{cause} {cause:?}")).collect();
    let shown = format!("{error} {error:?} {causes:?}");
    for secret in [KEY, QUESTION, ANSWER] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// Returns the text of an answer that must succeed.
async fn answer(model: &HttpChatModel) -> String {
    let deltas = collect(model).await.into_iter().map(Result::unwrap);
    let text = deltas.filter_map(|delta| match delta {
        Delta::Text(text) => Some(text),
        _ => None,
    });
    text.collect()
}

/// Returns the error that ended the answer, which must fail.
async fn failure(model: &HttpChatModel) -> ModelError {
    collect(model).await.pop().unwrap().unwrap_err()
}
