//! Streams an answer as chunks.

use actix_web::HttpResponse;
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use webchat_chat::CompletionEvent;

use super::answer::Answer;
use super::error_body::OpenAiErrorBody;
use super::objects::{ChatCompletionChunk, CompletionHead};
use crate::error::api_error::ApiError;
use crate::error::log::ErrorLog;
use crate::metrics::ConnectionPermit;
use crate::realtime::session_end::SessionEnd;
use crate::realtime::sse;

/// The data after the last chunk.
const DONE: &str = "data: [DONE]\n\n";

/// What the log calls the route of errors in the middle of a stream.
const ROUTE: &str = "stream of a completion";

/// An answer whose chunks are sent.
pub(super) struct ChunkStream {
    pub(super) _permit: ConnectionPermit,
    pub(super) head: CompletionHead,
    /// Whether the client wants the number of tokens.
    pub(super) include_usage: bool,
    pub(super) error_log: ErrorLog,
    /// The request's id in the log.
    pub(super) request_id: String,
    /// `None` once everything is sent.
    pub(super) answer: Option<Answer>,
    /// The first event, if it has been received.
    pub(super) first: Option<CompletionEvent>,
}

impl ChunkStream {
    /// Streams the chunks until the answer or the session ends.
    pub(super) fn respond(self, session_end: SessionEnd) -> HttpResponse {
        let first = format_data(&ChatCompletionChunk::first(&self.head, self.include_usage));
        let chunks = stream::unfold(self, |mut stream| async move {
            let text = stream.next().await?;
            Some((text, stream))
        });
        sse::respond(first, chunks.take_until(session_end))
    }

    async fn next(&mut self) -> Option<String> {
        let answer = self.answer.as_mut()?;
        let event = match self.first.take() {
            Some(event) => Ok(event),
            None => match sse::or_keep_alive(answer.next()).await {
                Some(event) => event,
                None => return Some(sse::KEEP_ALIVE.to_owned()),
            },
        };
        Some(match event {
            Ok(CompletionEvent::Reasoning(text)) => {
                format_data(&ChatCompletionChunk::reasoning(&self.head, text, self.include_usage))
            }
            Ok(CompletionEvent::Text(text)) => {
                format_data(&ChatCompletionChunk::text(&self.head, text, self.include_usage))
            }
            Ok(CompletionEvent::End(end)) => {
                self.answer = None;
                let last = ChatCompletionChunk::end(&self.head, end, self.include_usage);
                let usage = self.include_usage.then(|| ChatCompletionChunk::usage(&self.head, end));
                let usage = usage.as_ref().map(format_data).unwrap_or_default();
                [format_data(&last), usage, DONE.to_owned()].concat()
            }
            Err(error) => {
                self.answer = None;
                self.error_log.log(&self.request_id, ROUTE, &error);
                format_data(&OpenAiErrorBody::from(&error))
            }
        })
    }
}

/// Formats an event without a name. Its JSON contains no line breaks.
fn format_data(data: &impl Serialize) -> String {
    let json = serde_json::to_string(data).unwrap_or_else(|error| {
        let error = ApiError::internal(error);
        serde_json::to_string(&OpenAiErrorBody::from(&error)).unwrap_or_default()
    });
    format!("data: {json}\n\n")
}
