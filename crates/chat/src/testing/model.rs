//! A model whose answers are scripted by the test.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use webchat_domain::FinishReason;
use webchat_llm::{
    ChatModel, ChatRequest, Delta, DeltaStream, FilteredCategory, ModelError, Usage,
};

use super::events::{expect_soon, settle};

/// A model that passes each request to the test. The test sends the answer.
pub(crate) struct ScriptedModel {
    request_sender: mpsc::Sender<ModelRequest>,
    requests: tokio::sync::Mutex<mpsc::Receiver<ModelRequest>>,
    request_count: AtomicUsize,
    next_error: Mutex<Option<ModelError>>,
}

/// A request to the model. The test sends the answer.
pub(crate) struct ModelRequest {
    pub(crate) request: ChatRequest,
    answer: mpsc::Sender<Step>,
}

enum Step {
    Delta(Delta),
    Failure(ModelError),
    Panic,
}

impl ScriptedModel {
    pub(super) fn new() -> Self {
        let (request_sender, requests) = mpsc::channel(16);
        Self {
            request_sender,
            requests: tokio::sync::Mutex::new(requests),
            request_count: AtomicUsize::new(0),
            next_error: Mutex::default(),
        }
    }

    pub(crate) async fn next_request(&self) -> ModelRequest {
        expect_soon(async { self.requests.lock().await.recv().await }).await.unwrap()
    }

    pub(crate) fn request_count(&self) -> usize {
        self.request_count.load(Ordering::SeqCst)
    }

    pub(crate) fn fail_next(&self, error: ModelError) {
        *self.next_error.lock().unwrap() = Some(error);
    }
}

#[async_trait]
impl ChatModel for ScriptedModel {
    fn name(&self) -> Option<String> {
        None
    }

    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, ModelError> {
        self.request_count.fetch_add(1, Ordering::SeqCst);
        if let Some(next_error) = self.next_error.lock().unwrap().take() {
            return Err(next_error);
        }
        let (answer, steps) = mpsc::channel(16);
        self.request_sender.send(ModelRequest { request, answer }).await.unwrap();
        let deltas = stream::unfold(steps, |mut steps| async {
            let delta = match steps.recv().await? {
                Step::Delta(delta) => Ok(delta),
                Step::Failure(error) => Err(error),
                Step::Panic => panic!("the model panics"),
            };
            Some((delta, steps))
        });
        Ok(deltas.boxed())
    }
}

impl ModelRequest {
    /// Returns the contents of the request's messages, without their roles.
    pub(crate) fn contents(&self) -> Vec<&str> {
        self.request.messages.iter().map(|message| message.content.as_str()).collect()
    }

    pub(crate) async fn send_text(&self, text: &str) {
        self.step(Step::Delta(Delta::Text(text.to_owned()))).await;
    }

    pub(crate) async fn send_reasoning(&self, text: &str) {
        self.step(Step::Delta(Delta::Reasoning(text.to_owned()))).await;
    }

    pub(crate) async fn report_usage(&self, usage: Usage) {
        self.step(Step::Delta(Delta::Usage(usage))).await;
    }

    /// Sends text, unless the turn has dropped the answer stream. Returns whether it was sent.
    pub(crate) async fn try_send_text(&self, text: &str) -> bool {
        self.answer.send(Step::Delta(Delta::Text(text.to_owned()))).await.is_ok()
    }

    /// Sends the complete answer and waits until the turn has ended.
    pub(crate) async fn answer(self, text: &str, reason: FinishReason) {
        self.send_text(text).await;
        self.finish(reason).await;
        settle().await;
    }

    pub(crate) async fn filter(&self, category: &str) {
        let category = FilteredCategory { name: category.to_owned(), severity: None };
        self.step(Step::Delta(Delta::Filtered(vec![category]))).await;
    }

    pub(crate) async fn finish(self, reason: FinishReason) {
        self.step(Step::Delta(Delta::Finished(reason))).await;
    }

    pub(crate) async fn fail(self) {
        self.fail_with(ModelError::Failed("connection lost".into())).await;
    }

    pub(crate) async fn fail_with(self, error: ModelError) {
        self.step(Step::Failure(error)).await;
    }

    pub(crate) async fn panic(self) {
        self.step(Step::Panic).await;
    }

    /// Returns whether the turn has dropped the answer stream.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.answer.is_closed()
    }

    async fn step(&self, step: Step) {
        assert!(self.answer.send(step).await.is_ok(), "the answer stream was dropped");
    }
}
