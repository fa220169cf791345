use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use thiserror::Error;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use webchat_domain::{
    ConversationChange, ConversationId, Message, ModelParameters, Summary, SummaryAuthor,
    Timestamp, UserId,
};
use webchat_llm::{ChatRequest, ChatRole, Delta, ModelError};
use webchat_persistence::{ReplaceContextOutcome, StoreError, StoredContext};
use webchat_tokens::{Budget, CompactionScan, SUMMARY_HEADING, chunks, with_overhead};

use crate::ChatError;
use crate::core::Core;
use crate::fault::cause;
use crate::prompts::{self, SUMMARISE};
use crate::turns::LEASE;

/// How long one request for a summary may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a conversation is compacted: long enough for some requests. What is not done by then is done
/// the next time.
const LONGEST: Duration = Duration::from_mins(4);

/// How long somebody who compacts a conversation has the right to, alone, and how often that is renewed:
/// where an instance dies, nobody waits longer for it.
const RIGHT: Duration = LEASE;
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// How long a turn waits for somebody else who compacts its conversation, and how often it asks.
const WAIT: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Messages read at a time.
const PAGE: u32 = 50;

/// Tokens of a request for a summary that are neither the summary so far nor messages: the prompt,
/// headings, and what the chat format adds.
const REQUEST_OVERHEAD: u32 = 160;

/// A summary is not asked for in pieces smaller than this.
const SMALLEST_PIECE: u32 = 256;

/// Why there is no new summary. Everything is as it was, or as far as it got.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error("the model took more than 60 s for a summary")]
    Slow,
    #[error("the model gave an empty summary")]
    Empty,
    #[error("others changed the conversation's context meanwhile")]
    Conflict,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Chat(error.into())
    }
}

/// One conversation whose oldest messages are folded into its summary.
#[derive(Clone)]
pub(crate) struct Compaction {
    pub(crate) core: Arc<Core>,
    pub(crate) user_id: UserId,
    pub(crate) id: ConversationId,
    /// Only messages before this position are folded.
    pub(crate) before: u64,
}

impl Compaction {
    /// Folds, as soon as nobody else does. When it fails, that is logged, and the next time tries
    /// again. Shutdown cuts it off: what was folded so far is kept.
    pub(crate) async fn run(self) {
        let id = self.id;
        let interrupt = self.core.running.interrupt();
        let begun = tokio::select! {
            begun = self.begin() => begun,
            () = interrupt.cancelled() => None,
        };
        let Some(mut until) = begun else { return };
        let folded = tokio::select! {
            folded = self.fold_and_hold(&mut until) => folded,
            () = interrupt.cancelled() => Ok(()),
        };
        if let Err(error) = folded {
            tracing::warn!(conversation_id = %id, error = cause(&error), "not summarised");
        }
        if let Err(error) = self.core.ports.contexts.end_compaction(id, until).await {
            tracing::warn!(conversation_id = %id, error = cause(&error), "still marked as busy");
        }
    }

    /// The moment until which it may fold; `None` if somebody else does for too long.
    async fn begin(&self) -> Option<Timestamp> {
        let begun = timeout(WAIT, async {
            loop {
                let now = self.core.ports.clock.now();
                let until = now.plus(RIGHT);
                match self.core.ports.contexts.begin_compaction(self.id, now, until).await {
                    Ok(true) => return Some(until),
                    Ok(false) => sleep(ASK_EVERY).await,
                    Err(error) => {
                        tracing::warn!(
                            conversation_id = %self.id,
                            error = cause(&error),
                            "not summarised"
                        );
                        return None;
                    }
                }
            }
        });
        begun.await.ok().flatten()
    }

    /// Folds for as long as it has the right to, which it renews.
    async fn fold_and_hold(&self, until: &mut Timestamp) -> Result<(), Failure> {
        let mut folding = pin!(self.fold());
        loop {
            if let Ok(folded) = timeout(RENEW_EVERY, folding.as_mut()).await {
                return folded;
            }
            let later = self.core.ports.clock.now().plus(RIGHT);
            match self.core.ports.contexts.renew_compaction(self.id, *until, later).await {
                Ok(true) => *until = later,
                Ok(false) => return Err(Failure::Conflict),
                // It may be back before the right lapses.
                Err(error) => {
                    let id = self.id;
                    tracing::warn!(conversation_id = %id, error = cause(&error), "not renewed");
                }
            }
        }
    }

    async fn fold(&self) -> Result<(), Failure> {
        let latest = self.core.ports.clock.now().plus(LONGEST);
        while self.core.ports.clock.now().plus(PATIENCE) < latest {
            let stored = self.core.stored_context(self.user_id, self.id).await?;
            let budget = self.core.budget(&stored.context);
            let through = budget.summary.map_or(0, |summary| summary.through);
            let Some(end) = self.end_of_fold(budget).await? else { return Ok(()) };
            let messages = self.next_piece(budget, through, end).await?;
            let Some(last) = messages.last().map(|last| last.position) else { return Ok(()) };
            let summary = self.summarise(budget, &stored, &messages).await?;
            self.keep(stored, summary).await?;
            let change = ConversationChange::Compacted { summary_through: last };
            self.core.publish_change(self.id, change).await?;
        }
        Ok(())
    }

    /// The position of the newest message that is to be folded.
    async fn end_of_fold(&self, budget: Budget) -> Result<Option<u64>, ChatError> {
        let mut fold = CompactionScan::new(budget);
        let mut end = None;
        let offer = |message: Message| match fold.is_boundary(&message) {
            Some(false) => ControlFlow::Continue(()),
            Some(true) => {
                end = Some(message.position);
                ControlFlow::Break(())
            }
            None => ControlFlow::Break(()),
        };
        self.core.offer_history(self.user_id, self.id, Some(self.before), offer).await?;
        Ok(end)
    }

    /// The oldest messages behind the position `through`, up to `end`, that one request can take; at
    /// least one.
    async fn next_piece(
        &self,
        budget: Budget,
        through: u64,
        end: u64,
    ) -> Result<Vec<Message>, ChatError> {
        let room = piece(budget);
        let mut taken = 0_u32;
        let mut messages: Vec<Message> = Vec::new();
        let mut after = through;
        let mut stride = u64::from(PAGE);
        while after < end {
            let before = end.min(after.saturating_add(stride)) + 1;
            let page = self.core.read_messages(self.user_id, self.id, Some(before), PAGE).await?;
            let page: Vec<_> = page.into_iter().filter(|one| one.position > after).collect();
            if stride > u64::from(PAGE) && page.len() >= usize::try_from(PAGE).unwrap_or_default() {
                // There may be more of them. So many positions hold at most as many messages.
                stride = u64::from(PAGE);
                continue;
            }
            // Positions have gaps where other versions of messages have theirs.
            stride = if page.is_empty() { stride.saturating_mul(2) } else { u64::from(PAGE) };
            for message in page {
                taken = taken.saturating_add(with_overhead(message.token_count));
                if taken > room && !messages.is_empty() {
                    return Ok(messages);
                }
                messages.push(message);
            }
            after = before - 1;
        }
        Ok(messages)
    }

    /// The summary so far and these messages as one summary. A message that is too long for one
    /// request is given in parts.
    async fn summarise(
        &self,
        budget: Budget,
        stored: &StoredContext,
        messages: &[Message],
    ) -> Result<Summary, Failure> {
        let old = stored.context.summary.as_ref();
        let transcript: String = messages
            .iter()
            .filter(|message| !message.content.is_empty())
            .map(prompts::line)
            .collect();
        let mut text = old.map(|summary| summary.text.clone()).unwrap_or_default();
        for part in self.parts(budget, transcript).await {
            text = self.ask(budget, &text, &part).await?;
        }
        let folded = u64::try_from(messages.len()).unwrap_or(u64::MAX);
        Ok(Summary {
            token_count: self.core.count_tokens(&text).await,
            text,
            through: messages.last().map_or(0, |last| last.position),
            message_count: old.map_or(0, |summary| summary.message_count).saturating_add(folded),
            created_at: self.core.ports.clock.now(),
            author: SummaryAuthor::Model,
        })
    }

    /// One part, unless the transcript is a single message that is too long.
    async fn parts(&self, budget: Budget, transcript: String) -> Vec<String> {
        let counter = self.core.counter();
        let cut = move || {
            let parts = chunks(&transcript, piece(budget), counter);
            parts.into_iter().map(str::to_owned).collect()
        };
        spawn_blocking(cut).await.unwrap_or_default()
    }

    async fn ask(&self, budget: Budget, so_far: &str, transcript: &str) -> Result<String, Failure> {
        let so_far = if so_far.is_empty() {
            String::new()
        } else {
            format!("{SUMMARY_HEADING}\n{so_far}\n\n")
        };
        let request = ChatRequest {
            messages: vec![
                prompts::said(ChatRole::System, SUMMARISE.to_owned()),
                prompts::said(ChatRole::User, format!("{so_far}{}", transcript.trim_end())),
            ],
            max_reply_tokens: budget.max_summary_tokens(),
            parameters: ModelParameters::default(),
        };
        let text =
            timeout(PATIENCE, self.core.complete(request)).await.map_err(|_| Failure::Slow)??;
        // The model's own count may be another: what is too long by ours is cut at a sentence's end.
        let counter = self.core.counter();
        let within = chunks(text.trim(), budget.max_summary_tokens().max(16), counter);
        let summary = within.first().map(|first| first.trim()).unwrap_or_default();
        if summary.is_empty() {
            return Err(Failure::Empty);
        }
        Ok(summary.to_owned())
    }

    async fn keep(&self, stored: StoredContext, summary: Summary) -> Result<(), Failure> {
        let StoredContext { mut context, revision } = stored;
        context.summary = Some(summary);
        let replaced = self
            .core
            .ports
            .contexts
            .replace_context(self.user_id, self.id, context, revision)
            .await?;
        match replaced {
            ReplaceContextOutcome::Stored { .. } => Ok(()),
            ReplaceContextOutcome::Conflict => Err(Failure::Conflict),
            ReplaceContextOutcome::NotFound => Err(ChatError::ConversationNotFound.into()),
        }
    }
}

impl Core {
    /// A whole answer to a request of the server's own.
    pub(crate) async fn complete(&self, request: ChatRequest) -> Result<String, ModelError> {
        let mut deltas = self.ports.model.stream(request).await?;
        let mut text = String::new();
        while let Some(delta) = deltas.next().await {
            if let Delta::Text(part) = delta? {
                text.push_str(&part);
            }
        }
        Ok(text)
    }
}

/// The tokens of messages that one request for a summary can take.
fn piece(budget: Budget) -> u32 {
    let others = budget.max_summary_tokens().saturating_mul(2).saturating_add(REQUEST_OVERHEAD);
    budget.window.saturating_sub(others).max(SMALLEST_PIECE)
}

#[cfg(test)]
mod tests;
