//! Reads a streamed answer.

mod assembler;
pub(super) mod chunk;
pub(super) mod finish;
pub(super) mod objects;
mod think_splitter;

use std::future::ready;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout, timeout_at};
use webchat_domain::FinishReason;

use self::assembler::{Assembler, Progress};
use self::chunk::Chunk;
use super::reported_model::ReportedModel;
use super::upstream_error::{AnswerError, UpstreamError};
use crate::http::attempt_error::{AttemptError, AttemptErrorKind};
use crate::http::events::{Event, ReadError, events};
use crate::json::repair::repaired;
use crate::{Delta, DeltaStream, ModelError, Timeouts};

/// How long to wait, after an answer, for the upstream to end its body. If the body is read to its end,
/// the next request can reuse the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait, after the finish reason, for the usage and `[DONE]`. Upstreams that send them do so at
/// once. The answer is complete without them, and the user can't send the next question before.
const FINISH_GRACE: Duration = Duration::from_secs(2);

/// Returns what the data of an event says, in its order. It depends on the API.
pub(super) type ReadChunks = for<'a> fn(&'a str) -> Result<Vec<Chunk<'a>>, serde_json::Error>;

/// Reads the answer in `bytes`, at most `max_bytes`, to a request that was sent at `sent_at`. Returns as
/// soon as the answer begins. `read_chunks` reads the events of the API.
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
    read_chunks: ReadChunks,
) -> Result<DeltaStream, AnswerError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let mut answer = Answer {
        events: events(bytes, max_bytes),
        read_chunks,
        assembler: Assembler::new(model),
        idle: timeouts.idle,
        deadline: sent_at + timeouts.first_delta,
        has_started: false,
        has_ended: false,
        error: None,
    };
    while !answer.has_started && !answer.has_ended {
        match answer.read().await {
            Err(error) if !answer.assembler.has_text() => return Err(error),
            result => answer.set_error(result),
        }
    }
    Ok(stream::try_unfold(answer, Answer::next).boxed())
}

struct Answer {
    events: BoxStream<'static, Result<Event, ReadError>>,
    read_chunks: ReadChunks,
    assembler: Assembler,
    /// The maximum time between two chunks.
    idle: Duration,
    /// When the first text or reasoning, and then the next chunk, must have arrived. Events that are no chunks,
    /// which some upstreams send to keep the connection alive, do not extend it.
    deadline: Instant,
    /// Whether the first part of the answer was received.
    has_started: bool,
    /// Whether nothing more is read.
    has_ended: bool,
    /// Why the answer ended early, after the deltas that were received until then.
    error: Option<ModelError>,
}

impl Answer {
    async fn next(mut self) -> Result<Option<(Delta, Self)>, ModelError> {
        loop {
            if let Some(delta) = self.assembler.next() {
                return Ok(Some((delta, self)));
            }
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            if self.has_ended {
                let end = self.assembler.end();
                if let Ok(Some(delta)) = end {
                    return Ok(Some((delta, self)));
                }
                self.close().await;
                return end.map(|_| None);
            }
            let result = self.read().await;
            self.set_error(result);
        }
    }

    fn set_error(&mut self, result: Result<(), AnswerError>) {
        self.error = result.err().map(|error| error.into_attempt_error(None).model_error);
    }

    /// Reads the next event. After the finish reason, nothing that goes wrong matters any more, unless the answer is
    /// filtered.
    async fn read(&mut self) -> Result<(), AnswerError> {
        let result = match self.next_event().await {
            Ok(event) => self.handle(event),
            Err(error) => Err(error.into()),
        };
        if result.is_err() {
            self.has_ended = true;
            // Closes the connection.
            self.events = stream::empty().boxed();
        }
        let is_filtered =
            matches!(&result, Err(AnswerError::Upstream(error)) if error.is_content_filter());
        if self.assembler.has_finish_reason() && !is_filtered { Ok(()) } else { result }
    }

    async fn next_event(&mut self) -> Result<Option<Event>, AttemptError> {
        match timeout_at(self.deadline, self.events.next()).await {
            Ok(event) => event.transpose().map_err(read_error),
            Err(elapsed) => Err(AttemptError::unreachable(AttemptErrorKind::TimedOut, elapsed)),
        }
    }

    fn handle(&mut self, event: Option<Event>) -> Result<(), AnswerError> {
        match event {
            Some(Event { name: Some(name), data }) if name == "error" => {
                Err(UpstreamError::from_event(&data).into())
            }
            Some(Event { data, .. }) if data.trim().eq_ignore_ascii_case("[DONE]") => {
                self.end();
                Ok(())
            }
            Some(Event { data, .. }) => self.handle_data(&data),
            None if self.assembler.is_complete_message() => {
                self.end();
                Ok(())
            }
            None => {
                let cause = "the stream ended before the answer";
                Err(AttemptError::failed(AttemptErrorKind::Unavailable, cause).into())
            }
        }
    }

    /// Ends the answer, even without a finish reason.
    fn end(&mut self) {
        self.has_ended = true;
        self.assembler.finish(FinishReason::Stop);
    }

    fn handle_data(&mut self, data: &str) -> Result<(), AnswerError> {
        let repaired_data;
        let chunks = if let Ok(chunks) = (self.read_chunks)(data) {
            chunks
        } else {
            repaired_data = repaired(data);
            (self.read_chunks)(&repaired_data).map_err(|error| invalid_chunk(&error))?
        };
        for chunk in chunks {
            if let Some(error) = chunk.error {
                return Err(UpstreamError::from_event(error).into());
            }
            let was_finished = self.assembler.has_finish_reason();
            let pieces = self.assembler.pieces();
            let is_last = chunk.is_last;
            match self.assembler.add(chunk) {
                Progress::None => continue,
                Progress::Part => self.has_started = true,
                Progress::BrokenOff => {
                    let cause = "the upstream has broken the answer off";
                    return Err(AttemptError::failed(AttemptErrorKind::Unavailable, cause).into());
                }
            }
            if is_last {
                self.end();
            }
            let is_empty = self.assembler.pieces() == pieces;
            self.extend_deadline(is_empty, was_finished);
        }
        Ok(())
    }

    /// Extends the deadline after a chunk. `is_empty` says whether it had neither text nor reasoning, and
    /// `was_finished` whether a finish reason came before it.
    fn extend_deadline(&mut self, is_empty: bool, was_finished: bool) {
        // The first chunk of most upstreams has only the role.
        if self.assembler.pieces() == 0 {
            return;
        }
        // Some gateways send a finish reason in each chunk. Then only one without text is the last.
        let may_continue = !is_empty && !self.assembler.is_complete_message();
        if may_continue || !self.assembler.has_finish_reason() {
            self.deadline = Instant::now() + self.idle;
        } else if !was_finished || !is_empty {
            self.deadline = Instant::now() + FINISH_GRACE.min(self.idle);
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
        ReadError::TooLarge | ReadError::WebPage | ReadError::NotAnEventStream(_) => {
            AttemptErrorKind::Permanent
        }
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
