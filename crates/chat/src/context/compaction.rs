//! Compaction: summarises the oldest messages of a conversation so that the rest fits the model's window.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::time::{Instant, sleep, timeout};
use webchat_domain::{
    Caller, ConversationChange, ConversationId, Message, Summary, SummaryAuthor, Timestamp,
    error_chain,
};
use webchat_llm::AnswerLimit;
use webchat_persistence::{ReplaceContextOutcome, StoreError, spawn_cpu_work};
use webchat_tokens::{Budget, CompactionScan, SUMMARY_HEADING, chunks, with_overhead};

use super::omission::Omission;
use super::prompts::{SUMMARISE, transcript_entry};
use super::stored_context::EffectiveContext;
use super::summary_range::SummaryRange;
use crate::error::ChatError;
use crate::models::background_request::BackgroundRequest;
use crate::models::registry::Model;
use crate::models::request_error::RequestError;
use crate::models::request_metrics::Purpose;
use crate::runtime::core::Core;
use crate::turns::lease::{LEASE, run_with_lease};

/// The timeout of one request for a summary.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// The maximum number of requests of one compaction, which bounds its cost. If they don't suffice, the summary
/// omits the oldest messages and says so.
const MAX_REQUESTS: u32 = 4;

/// The maximum duration of one compaction. The next compaction continues where this one ended.
const MAX_DURATION: Duration = Duration::from_mins(4);

/// The duration of the lease on a conversation's compaction. If its instance dies, others wait no longer than this.
const COMPACTION_LEASE_DURATION: Duration = LEASE;

/// The timeout for acquiring the lease while another instance holds it.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// The interval between attempts to acquire the lease.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The page size when messages are read.
const PAGE_SIZE: u32 = 50;

/// The tokens of a request other than those of the current summary and the transcript: the prompt, the headings,
/// and the chat format's overhead.
const REQUEST_OVERHEAD: u32 = 160;

/// The minimum number of tokens for the transcript in one request, even in a very small window.
const MIN_TRANSCRIPT_TOKENS: u32 = 256;

/// The reason why a compaction failed. Summaries that it has already stored are kept.
#[derive(Debug, Error)]
enum CompactionError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error("the conversation's context was changed concurrently")]
    Conflict,
    #[error("another instance took over the compaction")]
    LeaseLost,
}

impl From<StoreError> for CompactionError {
    fn from(error: StoreError) -> Self {
        Self::Chat(error.into())
    }
}

/// The position at which the next batch starts.
struct BatchStart {
    /// The position before the first message of the batch.
    after: u64,
    /// The number of messages between the old summary and this position, which the new summary omits.
    omitted: u64,
}

/// The messages that the next summary adds.
struct Batch {
    messages: Vec<Message>,
    /// The number of messages before the batch that neither summary contains.
    omitted: u64,
}

impl Batch {
    fn transcript(&self) -> String {
        let entries = self.messages.iter().filter(|message| !message.content.trim().is_empty());
        entries.map(transcript_entry).collect()
    }

    /// Returns the number of messages that the new summary replaces in addition to those of the old one.
    fn message_count(&self) -> u64 {
        let count = u64::try_from(self.messages.len()).unwrap_or(u64::MAX);
        count.saturating_add(self.omitted)
    }
}

/// The compaction of one conversation.
#[derive(Clone)]
pub(crate) struct Compaction {
    pub(crate) core: Arc<Core>,
    pub(crate) caller: Caller,
    pub(crate) id: ConversationId,
    /// Only messages before this position are summarised.
    pub(crate) before: u64,
    /// The model that answers, and summarises the messages.
    pub(crate) model: Arc<Model>,
}

impl Compaction {
    /// Acquires the lease, then compacts. Logs a failure and leaves the retry to the next compaction. Shutdown
    /// cancels the remaining steps; stored summaries are kept.
    pub(crate) async fn run(self) {
        let id = self.id;
        let aborting = self.core.lifecycle.aborting();
        let lease_until = tokio::select! {
            lease_until = self.acquire_lease() => lease_until,
            () = aborting.cancelled() => None,
        };
        let Some(lease_until) = lease_until.map(Mutex::new) else { return };
        let result = tokio::select! {
            result = run_with_lease(self.compact(), || self.renew(&lease_until)) => {
                result.unwrap_or(Err(CompactionError::LeaseLost))
            }
            () = aborting.cancelled() => Ok(()),
        };
        if let Err(error) = result {
            let error = error_chain(&error);
            tracing::warn!(conversation_id = %id, error, "failed to compact conversation");
        }
        let lease_until = lease_until.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.core.ports.contexts.release_compaction_lease(id, lease_until).await
        {
            let error = error_chain(&error);
            tracing::warn!(conversation_id = %id, error, "failed to release compaction lease");
        }
    }

    /// Returns the lease's expiry, or `None` if the lease could not be acquired in time.
    async fn acquire_lease(&self) -> Option<Timestamp> {
        let (id, contexts) = (self.id, &self.core.ports.contexts);
        let attempts = timeout(ACQUIRE_TIMEOUT, async {
            loop {
                let now = self.core.now();
                let lease_until = now.plus(COMPACTION_LEASE_DURATION);
                match contexts.acquire_compaction_lease(id, now, lease_until).await {
                    Ok(true) => return Some(lease_until),
                    Ok(false) => sleep(POLL_INTERVAL).await,
                    Err(error) => {
                        let error = error_chain(&error);
                        tracing::warn!(conversation_id = %id, error, "failed to acquire compaction lease");
                        return None;
                    }
                }
            }
        });
        attempts.await.ok().flatten()
    }

    /// Renews the lease. Returns `false` if it is lost.
    async fn renew(&self, lease_until: &Mutex<Timestamp>) -> bool {
        let lock = || lease_until.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, renewed_until) = (*lock(), self.core.now().plus(COMPACTION_LEASE_DURATION));
        match self.core.ports.contexts.renew_compaction_lease(self.id, until, renewed_until).await {
            Ok(true) => *lock() = renewed_until,
            Ok(false) => return false,
            // The store may recover before the lease expires.
            Err(error) => {
                let (id, error) = (self.id, error_chain(&error));
                tracing::warn!(conversation_id = %id, error, "failed to renew compaction lease");
            }
        }
        true
    }

    /// Summarises the oldest messages, one request at a time, until no more need to be summarised.
    async fn compact(&self) -> Result<(), CompactionError> {
        if !self.is_needed().await? {
            return Ok(());
        }
        let deadline = Instant::now() + MAX_DURATION;
        let mut requests = MAX_REQUESTS;
        while requests > 0 && Instant::now() + REQUEST_TIMEOUT < deadline {
            let (user_id, model) = (self.caller.user_id, &self.model);
            let stored = self.core.effective_context_with(user_id, self.id, model).await?;
            let budget = self.core.budget(&stored);
            let Some(end) = self.end_position(budget).await? else { return Ok(()) };
            let batch_start = self.batch_start(budget, end, requests).await?;
            let messages = self.next_messages(budget, batch_start.after, end).await?;
            let Some(last) = messages.last().map(|last| last.position) else { return Ok(()) };
            let batch = Batch { messages, omitted: batch_start.omitted };
            let summary = self.summarise(&stored, batch, &mut requests).await?;
            self.store(stored, summary).await?;
            let change = ConversationChange::Compacted { summary_through: last };
            self.core.publish_change(self.id, change).await?;
        }
        Ok(())
    }

    /// Returns whether the conversation is still too long: while this compaction waited for the lease, another one may
    /// have summarised its messages.
    async fn is_needed(&self) -> Result<bool, ChatError> {
        let user_id = self.caller.user_id;
        let stored = self.core.effective_context_with(user_id, self.id, &self.model).await?;
        let budget = self.core.budget(&stored);
        let through = budget.summary.map_or(0, |summary| summary.through);
        let mut history = 0_u32;
        let visit = |message: Message| {
            if message.position <= through || budget.needs_compaction(history) {
                return ControlFlow::Break(());
            }
            if !message.is_blank_answer() {
                history = history.saturating_add(with_overhead(message.token_count));
            }
            ControlFlow::Continue(())
        };
        self.core.visit_history(user_id, self.id, None, visit).await?;
        Ok(budget.needs_compaction(history))
    }

    /// Returns the position of the newest message to summarise, or `None` if no message needs to be summarised.
    async fn end_position(&self, budget: Budget) -> Result<Option<u64>, ChatError> {
        let mut scan = CompactionScan::new(budget);
        let mut end = None;
        let visit = |message: Message| match scan.is_boundary(&message) {
            Some(false) => ControlFlow::Continue(()),
            Some(true) => {
                end = Some(message.position);
                ControlFlow::Break(())
            }
            None => ControlFlow::Break(()),
        };
        self.core.visit_history(self.caller.user_id, self.id, Some(self.before), visit).await?;
        Ok(end)
    }

    /// Returns the earliest start of the next batch from which the remaining requests suffice for the messages up to
    /// `end`.
    async fn batch_start(
        &self,
        budget: Budget,
        end: u64,
        requests: u32,
    ) -> Result<BatchStart, ChatError> {
        let through = budget.summary.map_or(0, |summary| summary.through);
        let mut range = SummaryRange::new(max_transcript_tokens(budget), requests);
        let (mut newer, mut after) = (0_u64, through);
        let visit = |message: Message| {
            if message.position <= through {
                return ControlFlow::Break(());
            }
            if message.position <= end && !range.try_add(&message) {
                after = message.position;
                return ControlFlow::Break(());
            }
            newer += 1;
            ControlFlow::Continue(())
        };
        self.core.visit_history(self.caller.user_id, self.id, None, visit).await?;
        if after == through {
            return Ok(BatchStart { after, omitted: 0 });
        }
        let total = self.core.find_conversation(self.caller.user_id, self.id).await?.message_count;
        let summarised = budget.summary.map_or(0, |summary| summary.messages);
        Ok(BatchStart { after, omitted: total.saturating_sub(newer).saturating_sub(summarised) })
    }

    /// Returns the oldest messages after the position `after`, up to `end`, that fit into one request; at
    /// least one.
    async fn next_messages(
        &self,
        budget: Budget,
        mut after: u64,
        end: u64,
    ) -> Result<Vec<Message>, ChatError> {
        let max_tokens = max_transcript_tokens(budget);
        let mut tokens = 0_u32;
        let mut messages: Vec<Message> = Vec::new();
        while after < end {
            let transfer = &self.core.ports.transfer;
            let page = transfer.messages_of(self.caller.user_id, self.id, after, PAGE_SIZE).await?;
            let page = page.ok_or(ChatError::ConversationNotFound)?;
            let Some(last) = page.last() else { break };
            after = last.message.position;
            let visible = page.into_iter().filter(|stored| stored.active);
            for message in visible.map(|stored| stored.message) {
                tokens = tokens.saturating_add(with_overhead(message.token_count));
                let is_full = tokens > max_tokens && !messages.is_empty();
                if is_full || message.position > end {
                    return Ok(messages);
                }
                messages.push(message);
            }
        }
        Ok(messages)
    }

    /// Combines the old summary and these messages into a new summary. A message that is too long for one request
    /// is split over the remaining requests, and its end is omitted if they don't suffice.
    async fn summarise(
        &self,
        stored: &EffectiveContext,
        batch: Batch,
        requests: &mut u32,
    ) -> Result<Summary, CompactionError> {
        let old = stored.context.summary.as_ref();
        let (omission, text) =
            Omission::split_notice(old.map_or("", |summary| summary.text.as_str()));
        let mut sections = self.sections(stored, batch.transcript()).await?;
        let truncated = sections.len() > to_usize(*requests);
        sections.truncate(to_usize(*requests));
        let omission = omission.merge(Omission { messages: batch.omitted, truncated });
        let mut text = text.to_owned();
        for section in sections {
            *requests = requests.saturating_sub(1);
            text = self.request(stored, &text, &section).await?;
        }
        let text = omission.prepend_to(&text);
        let new_count = batch.message_count();
        Ok(Summary {
            token_count: self.core.count_tokens(&stored.model, &text).await,
            text,
            through: batch.messages.last().map_or(0, |last| last.position),
            message_count: old.map_or(0, |summary| summary.message_count).saturating_add(new_count),
            created_at: self.core.now(),
            author: SummaryAuthor::Model,
        })
    }

    /// Splits the transcript into sections that fit into one request each. There are several sections only if the
    /// transcript consists of a single message that is too long.
    async fn sections(
        &self,
        stored: &EffectiveContext,
        transcript: String,
    ) -> Result<Vec<String>, StoreError> {
        let (budget, counter) = (self.core.budget(stored), stored.model.counter());
        let split = move || {
            let sections = chunks(&transcript, max_transcript_tokens(budget), counter);
            sections.map(str::to_owned).collect()
        };
        spawn_cpu_work(split).await.map_err(StoreError::fault)
    }

    async fn request(
        &self,
        stored: &EffectiveContext,
        summary: &str,
        transcript: &str,
    ) -> Result<String, RequestError> {
        let summary = if summary.is_empty() {
            String::new()
        } else {
            format!("{SUMMARY_HEADING}\n{summary}\n\n")
        };
        let request = BackgroundRequest {
            model: Arc::clone(&stored.model),
            caller: self.caller,
            purpose: Purpose::Summary,
            instructions: SUMMARISE.into(),
            content: format!("{summary}{}", transcript.trim_end()),
            answer_limit: AnswerLimit::Tokens(self.core.budget(stored).max_summary_tokens()),
            timeout: REQUEST_TIMEOUT,
        };
        request.send_and_truncate(&self.core).await
    }

    async fn store(&self, old: EffectiveContext, summary: Summary) -> Result<(), CompactionError> {
        let EffectiveContext { mut context, revision, .. } = old;
        context.summary = Some(summary);
        let contexts = &self.core.ports.contexts;
        match contexts.replace_context(self.caller.user_id, self.id, context, revision).await? {
            ReplaceContextOutcome::Stored { .. } => Ok(()),
            ReplaceContextOutcome::Conflict => Err(CompactionError::Conflict),
            ReplaceContextOutcome::NotFound => Err(ChatError::ConversationNotFound.into()),
        }
    }
}

fn to_usize(requests: u32) -> usize {
    usize::try_from(requests).unwrap_or(usize::MAX)
}

/// Returns the maximum number of tokens for the transcript in one request for a summary.
fn max_transcript_tokens(budget: Budget) -> u32 {
    let reserved = budget.max_summary_tokens().saturating_mul(2).saturating_add(REQUEST_OVERHEAD);
    budget.window.saturating_sub(reserved).max(MIN_TRANSCRIPT_TOKENS)
}

#[cfg(test)]
mod tests;
