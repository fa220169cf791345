//! Reads a streamed answer.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout};
use webchat_domain::FinishReason;

use super::chunk::Chunk;
use super::upstream_error::UpstreamError;
use crate::http::attempt_error::{AttemptError, AttemptErrorKind};
use crate::http::sse::{ReadError, events};
use crate::{Delta, DeltaStream, ModelError, Timeouts};

/// How long to wait, after an answer, for the upstream to end its body. If the body is read to its end,
/// the next request can reuse the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The name of the model in its last response.
#[derive(Clone, Debug, Default)]
pub(super) struct ReportedModel(Arc<RwLock<Option<String>>>);

/// Reads the answer in `bytes`, at most `max_bytes`, to a request that was sent at `sent_at`. Returns as
/// soon as the answer begins.
///
/// # Errors
///
/// When the answer does not begin: then the request can be retried. Later errors are items of the
/// stream.
pub(super) async fn read_answer<S, E>(
    bytes: S,
    max_bytes: usize,
    sent_at: Instant,
    timeouts: Timeouts,
    model: ReportedModel,
) -> Result<DeltaStream, AttemptError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let mut answer = Answer {
        events: events(bytes, max_bytes).boxed(),
        sent_at,
        timeouts,
        model,
        has_started: false,
        has_finish_reason: false,
        has_ended: false,
        pending: VecDeque::new(),
    };
    while !answer.has_started && !answer.has_ended {
        answer.read().await?;
    }
    Ok(stream::try_unfold(answer, Answer::next).boxed())
}

struct Answer {
    events: BoxStream<'static, Result<String, ReadError>>,
    sent_at: Instant,
    timeouts: Timeouts,
    model: ReportedModel,
    /// Whether the first choice was received.
    has_started: bool,
    /// Whether the finish reason was received.
    has_finish_reason: bool,
    /// Whether all events were read.
    has_ended: bool,
    pending: VecDeque<Delta>,
}

impl ReportedModel {
    pub(super) fn get(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stores the name. llama.cpp reports the path of the model's file: only the file's name is stored,
    /// because paths are internal.
    fn set(&self, name: &str) {
        let file = name.strip_suffix(".gguf").and_then(|path| path.rsplit(['/', '\\']).next());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            Some(file.unwrap_or(name).to_owned());
    }
}

impl Answer {
    async fn next(mut self) -> Result<Option<(Delta, Self)>, ModelError> {
        loop {
            if let Some(delta) = self.pending.pop_front() {
                return Ok(Some((delta, self)));
            }
            if self.has_ended {
                self.close().await;
                return Ok(None);
            }
            self.read().await.map_err(|error| error.model_error)?;
        }
    }

    async fn read(&mut self) -> Result<(), AttemptError> {
        match self.next_event().await? {
            Some(data) if data.trim() == "[DONE]" => self.handle_done(),
            Some(data) => self.handle_chunk(&data)?,
            None => self.handle_end_of_stream()?,
        }
        Ok(())
    }

    /// Waits for the next event. Some upstreams send comments to keep the connection alive; these do not
    /// extend the timeout.
    async fn next_event(&mut self) -> Result<Option<String>, AttemptError> {
        let limit = if self.has_started {
            self.timeouts.idle
        } else {
            self.timeouts.first_delta.saturating_sub(self.sent_at.elapsed())
        };
        match timeout(limit, self.events.next()).await {
            Ok(event) => event.transpose().map_err(read_error),
            Err(elapsed) => Err(AttemptError::unreachable(AttemptErrorKind::TimedOut, elapsed)),
        }
    }

    fn handle_chunk(&mut self, data: &str) -> Result<(), AttemptError> {
        let mut chunk: Chunk = serde_json::from_str(data).map_err(|error| invalid_chunk(&error))?;
        if let Some(error) = chunk.error(data) {
            return Err(UpstreamError::from_event(&error).into_attempt_error(None));
        }
        if let Some(name) = chunk.model.take().filter(|name| !name.is_empty()) {
            self.model.set(&name);
        }
        let usage = chunk.usage;
        if let Some(choice) = chunk.into_choice() {
            self.has_started = true;
            let reason = choice.finish_reason();
            let categories = choice.filtered_categories();
            self.pending.extend(choice.into_text().map(Delta::Text));
            if !categories.is_empty() {
                tracing::info!(filtered = ?categories, "answer filtered by provider");
                self.pending.push_back(Delta::Filtered(categories));
            }
            self.finish(reason);
        }
        self.pending.extend(usage.map(Delta::Usage));
        Ok(())
    }

    fn finish(&mut self, reason: Option<FinishReason>) {
        if let Some(reason) = reason
            && !self.has_finish_reason
        {
            self.has_finish_reason = true;
            self.pending.push_back(Delta::Finished(reason));
        }
    }

    /// `[DONE]` ends the answer, even without a finish reason.
    fn handle_done(&mut self) {
        self.has_ended = true;
        self.finish(Some(FinishReason::Stop));
    }

    /// Handles the end of the bytes, which is a failure unless the finish reason was received.
    fn handle_end_of_stream(&mut self) -> Result<(), AttemptError> {
        self.has_ended = true;
        if self.has_finish_reason {
            Ok(())
        } else {
            Err(AttemptError::failed(
                AttemptErrorKind::Unavailable,
                "the stream ended before the answer",
            ))
        }
    }

    /// Reads the body to its end, so that the connection can be reused.
    async fn close(&mut self) {
        let events = self.events.by_ref().take_while(|event| ready(event.is_ok()));
        let remaining = events.for_each(|_| ready(()));
        let _ = timeout(CLOSE_TIMEOUT, remaining).await;
    }
}

fn read_error(error: ReadError) -> AttemptError {
    let kind = match error {
        ReadError::StreamTooLarge(_) => {
            let model_error = ModelError::AnswerTooLong(error.into());
            return AttemptError { model_error, kind: AttemptErrorKind::Permanent };
        }
        ReadError::Interrupted(_) => AttemptErrorKind::Unavailable,
        ReadError::TooLarge | ReadError::NotAnEventStream(_) => AttemptErrorKind::Permanent,
    };
    AttemptError::failed(kind, error)
}

/// Returns an error with only the position: `serde_json`'s message could quote the answer.
fn invalid_chunk(error: &serde_json::Error) -> AttemptError {
    let (line, column) = (error.line(), error.column());
    AttemptError::failed(
        AttemptErrorKind::Permanent,
        format!("invalid chunk at line {line}, column {column}"),
    )
}

#[cfg(test)]
mod tests;
