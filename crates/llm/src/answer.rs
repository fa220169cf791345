use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout};
use webchat_domain::FinishReason;

use crate::chunk::Chunk;
use crate::fault::{Fault, FaultKind};
use crate::refusal::Refusal;
use crate::sse::{ReadError, events};
use crate::{Delta, DeltaStream, ModelError, Timeouts};

/// How long is waited, after an answer, for the upstream to close its body. A body that is read to
/// its end leaves a connection that the next request can use.
const CLOSING: Duration = Duration::from_secs(1);

/// What the model last called itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReportedName(Arc<RwLock<Option<String>>>);

/// The answer in `bytes`, to a request that was made at `asked`, as soon as it begins.
///
/// # Errors
///
/// When it does not begin: then the request may be sent again. What goes wrong later is told in the
/// stream.
pub(crate) async fn answer<S, E>(
    bytes: S,
    asked: Instant,
    timeouts: Timeouts,
    name: ReportedName,
) -> Result<DeltaStream, Fault>
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let mut answer = Answer {
        events: events(bytes).boxed(),
        asked,
        timeouts,
        name,
        begun: false,
        finished: false,
        ended: false,
        pending: VecDeque::new(),
    };
    while !answer.begun && !answer.ended {
        answer.read().await?;
    }
    Ok(stream::try_unfold(answer, Answer::next).boxed())
}

struct Answer {
    events: BoxStream<'static, Result<String, ReadError>>,
    asked: Instant,
    timeouts: Timeouts,
    name: ReportedName,
    /// The first choice came.
    begun: bool,
    /// The finish reason came.
    finished: bool,
    /// No more events count.
    ended: bool,
    pending: VecDeque<Delta>,
}

impl ReportedName {
    pub(crate) fn get(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// llama.cpp calls a model by the path of its file: where that lies is nobody's business.
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
            if self.ended {
                self.close().await;
                return Ok(None);
            }
            self.read().await.map_err(|fault| fault.error)?;
        }
    }

    async fn read(&mut self) -> Result<(), Fault> {
        match self.event().await? {
            Some(data) if data.trim() == "[DONE]" => self.done(),
            Some(data) => self.take(&data)?,
            None => self.stop()?,
        }
        Ok(())
    }

    /// The next event. Comments, which some upstreams send to keep the connection, do not put off
    /// the time at which it must be there.
    async fn event(&mut self) -> Result<Option<String>, Fault> {
        let wait = if self.begun {
            self.timeouts.idle
        } else {
            self.timeouts.first_delta.saturating_sub(self.asked.elapsed())
        };
        match timeout(wait, self.events.next()).await {
            Ok(event) => event.transpose().map_err(not_read),
            Err(elapsed) => Err(Fault::unreachable(FaultKind::Silent, elapsed)),
        }
    }

    fn take(&mut self, data: &str) -> Result<(), Fault> {
        let mut chunk: Chunk = serde_json::from_str(data).map_err(|error| not_a_chunk(&error))?;
        if let Some(error) = chunk.error(data) {
            return Err(Refusal::in_answer(&error).into_fault(None));
        }
        if let Some(name) = chunk.model.take().filter(|name| !name.is_empty()) {
            self.name.set(&name);
        }
        let usage = chunk.usage;
        if let Some(choice) = chunk.into_choice() {
            self.begun = true;
            let reason = choice.finish_reason();
            let filtered = choice.filtered_categories();
            self.pending.extend(choice.into_text().map(Delta::Text));
            if !filtered.is_empty() {
                tracing::info!(?filtered, "the provider filtered an answer");
                self.pending.push_back(Delta::Filtered(filtered));
            }
            self.finish(reason);
        }
        self.pending.extend(usage.map(Delta::Usage));
        Ok(())
    }

    fn finish(&mut self, reason: Option<FinishReason>) {
        if let Some(reason) = reason
            && !self.finished
        {
            self.finished = true;
            self.pending.push_back(Delta::Finished(reason));
        }
    }

    /// `[DONE]` came: an end also where the upstream gives no reason.
    fn done(&mut self) {
        self.ended = true;
        self.finish(Some(FinishReason::Stop));
    }

    /// The bytes ended, which says nothing of whether the answer did.
    fn stop(&mut self) -> Result<(), Fault> {
        self.ended = true;
        if self.finished {
            Ok(())
        } else {
            Err(Fault::failed(FaultKind::Broken, "the stream ended before the answer did"))
        }
    }

    async fn close(&mut self) {
        let rest = self.events.by_ref().for_each(|_| std::future::ready(()));
        let _ = timeout(CLOSING, rest).await;
    }
}

fn not_read(error: ReadError) -> Fault {
    let kind = match error {
        ReadError::Broken(_) => FaultKind::Broken,
        ReadError::TooLarge | ReadError::NoEvents(_) => FaultKind::Final,
    };
    Fault::failed(kind, error)
}

/// `serde_json`'s own words may quote the answer.
fn not_a_chunk(error: &serde_json::Error) -> Fault {
    let (line, column) = (error.line(), error.column());
    Fault::failed(FaultKind::Final, format!("an event is no chunk: line {line}, column {column}"))
}

#[cfg(test)]
mod tests;
