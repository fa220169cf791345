//! Erases users, step by step. Each step can be repeated, so that any instance continues after a crash.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use webchat_domain::{ConversationId, ErasedCounts, Erasure, ErasureId, UserId, error_chain};
use webchat_persistence::{ArchiveFilter, Cursor, ListOrder, Signal, StoreError};

use super::service::Erasures;
use crate::conversations::saved_history::saved_histories_suffix;
use crate::error::ChatError;
use crate::metrics::count_erased_user;

/// The interval at which an instance looks for erasures that others have left incomplete.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// The time for which an instance leases an erasure. Another one takes over this long after a crash.
const LEASE: Duration = Duration::from_secs(30);

/// The interval at which the lease is extended.
const LEASE_EXTENSION_INTERVAL: Duration = Duration::from_secs(10);

/// The maximum number of users whom an instance erases together. They share the time to settle and the overwriting of the
/// database's free pages, which would otherwise make a user wait for all who were there before. More would only compete
/// for the writer of the database.
const MAX_BATCH: usize = 16;

/// The time after which requests that were accepted before the account was disabled store nothing more: an erasure takes
/// at least as long, and looks again for what they have stored.
const SETTLE_TIME: Duration = Duration::from_secs(5);

/// The maximum time that an erasure waits for running answers to stop. The others stop when they are saved next.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The interval at which it looks for running answers.
const STOP_INTERVAL: Duration = Duration::from_millis(200);

/// The pause before the completion of an erasure on another instance is checked again.
const COMPLETION_INTERVAL: Duration = Duration::from_millis(500);

/// The number of conversations that are listed at once.
const PAGE_SIZE: u32 = 100;

impl Erasures {
    /// Runs the requested erasures until the future is dropped. A failed one is continued later.
    pub(crate) async fn run_requested(self) {
        loop {
            if let Err(error) = self.run_due().await {
                tracing::warn!(error = error_chain(&error), "failed to erase a user; retrying");
            }
            // Ends early if an erasure is requested.
            let _ = timeout(POLL_INTERVAL, self.requested.notified()).await;
        }
    }

    /// Runs incomplete erasures until this one is complete, and returns its receipt. Another instance may run it.
    ///
    /// # Errors
    /// When a store fails and the erasure is incomplete. It is continued by the next call, or by a server.
    pub async fn complete(&self, id: ErasureId) -> Result<Erasure, ChatError> {
        loop {
            let run = self.run_due().await;
            let erasure = self.find(id).await?;
            if erasure.completed_at.is_some() {
                return Ok(erasure);
            }
            run?;
            sleep(COMPLETION_INTERVAL).await;
        }
    }

    /// Runs all incomplete erasures that no other instance runs, in batches. Those that fail don't stop the others; the first
    /// error is returned at the end.
    async fn run_due(&self) -> Result<(), ChatError> {
        let mut result = Ok(());
        loop {
            let batch = self.lease_batch().await?;
            if batch.is_empty() {
                return result;
            }
            let ran = tokio::select! {
                ran = self.erase_batch(&batch) => ran,
                error = self.keep_leases(&batch) => return Err(error.into()),
            };
            result = result.and(ran);
        }
    }

    async fn lease_batch(&self) -> Result<Vec<Erasure>, ChatError> {
        let mut batch = Vec::new();
        while batch.len() < MAX_BATCH {
            let now = self.ports.accounts.clock.now();
            let leased = self.ports.erasures.lease_erasure(now, now.plus(LEASE)).await?;
            let Some(erasure) = leased else { break };
            batch.push(erasure);
        }
        Ok(batch)
    }

    /// Extends the leases of a batch until that fails.
    async fn keep_leases(&self, batch: &[Erasure]) -> StoreError {
        loop {
            sleep(LEASE_EXTENSION_INTERVAL).await;
            let expires_at = self.ports.accounts.clock.now().plus(LEASE);
            for Erasure { erasure_id, .. } in batch {
                let extended = self.ports.erasures.extend_erasure_lease(*erasure_id, expires_at);
                if let Err(error) = extended.await {
                    return error;
                }
            }
        }
    }

    /// Erases the users of a batch concurrently, overwrites what was erased, and completes the erasures that have not
    /// failed. Returns the first error.
    async fn erase_batch(&self, batch: &[Erasure]) -> Result<(), ChatError> {
        let settled_at = Instant::now() + SETTLE_TIME;
        let results = join_all(batch.iter().map(|erasure| self.erase(erasure, settled_at))).await;
        let (mut erased, mut result) = (Vec::new(), Ok(()));
        for (erasure, erasing) in batch.iter().zip(results) {
            if erasing.is_ok() {
                erased.push(erasure);
            }
            result = result.and(erasing);
        }
        if erased.is_empty() {
            return result;
        }
        self.ports.erasures.overwrite_erased().await?;
        for erasure in erased {
            result = result.and(self.end(erasure).await);
        }
        result
    }

    async fn end(&self, Erasure { erasure_id, user_id, .. }: &Erasure) -> Result<(), ChatError> {
        let now = self.ports.accounts.clock.now();
        self.ports.erasures.complete_erasure(*erasure_id, now).await?;
        count_erased_user();
        tracing::info!(%erasure_id, %user_id, "erased user");
        Ok(())
    }

    /// Erases everything of a user, but overwrites nothing.
    async fn erase(&self, erasure: &Erasure, settled_at: Instant) -> Result<(), ChatError> {
        let Erasure { erasure_id, user_id, .. } = *erasure;
        self.accounts.end_all_sessions(user_id).await?;
        let mut erased = self.stop_turns(user_id).await?;
        if erasure.counts.is_none() {
            let counts = self.count(user_id).await?;
            self.ports.erasures.set_erased_counts(erasure_id, counts).await?;
        }
        erased.append(&mut self.delete_conversations(user_id).await?);
        sleep_until(settled_at).await;
        // What requests have stored in the meantime, and events of answers that have just stopped.
        erased.append(&mut self.delete_conversations(user_id).await?);
        for id in erased {
            self.ports.log.erase(id).await?;
        }
        self.ports.saved_files.delete_all(user_id).await?;
        self.ports.accounts.sessions.erase(user_id).await?;
        Ok(self.ports.erasures.erase_stored(user_id).await?)
    }

    async fn count(&self, user_id: UserId) -> Result<ErasedCounts, ChatError> {
        let counts = self.ports.erasures.count_stored(user_id).await?;
        let saved_files = self.ports.saved_files.usage(user_id).await?.files;
        Ok(ErasedCounts { saved_files: u64::try_from(saved_files).unwrap_or(u64::MAX), ..counts })
    }

    /// Stops the running answers of a user, on all instances. Returns the ids of all conversations.
    async fn stop_turns(&self, user_id: UserId) -> Result<BTreeSet<ConversationId>, ChatError> {
        let deadline = Instant::now() + STOP_TIMEOUT;
        let all = self.conversation_ids(user_id).await?;
        let mut running = all.clone();
        loop {
            let mut still_running = BTreeSet::new();
            for conversation_id in running {
                let checkpoint = self.ports.log.checkpoint(conversation_id).await?;
                let Some(turn_id) = checkpoint.running_turn else { continue };
                let stop = Signal::Stop { user_id, conversation_id, turn_id };
                self.ports.accounts.signals.publish(stop).await?;
                still_running.insert(conversation_id);
            }
            if still_running.is_empty() || Instant::now() >= deadline {
                return Ok(all);
            }
            running = still_running;
            sleep(STOP_INTERVAL).await;
        }
    }

    async fn conversation_ids(
        &self,
        user_id: UserId,
    ) -> Result<BTreeSet<ConversationId>, ChatError> {
        let (mut ids, mut after) = (BTreeSet::new(), None);
        loop {
            let (page, next) = self.page(user_id, after).await?;
            ids.extend(page);
            after = next;
            if after.is_none() {
                return Ok(ids);
            }
        }
    }

    /// Deletes all conversations with their saved files, and returns their ids.
    async fn delete_conversations(
        &self,
        user_id: UserId,
    ) -> Result<BTreeSet<ConversationId>, ChatError> {
        let mut deleted = BTreeSet::new();
        loop {
            let (page, _) = self.page(user_id, None).await?;
            if page.is_empty() {
                return Ok(deleted);
            }
            for id in page {
                self.ports.saved_files.delete(user_id, &saved_histories_suffix(id)).await?;
                self.ports.log.erase(id).await?;
                self.ports.conversations.delete(user_id, id).await?;
                deleted.insert(id);
            }
        }
    }

    async fn page(
        &self,
        user_id: UserId,
        after: Option<Cursor>,
    ) -> Result<(Vec<ConversationId>, Option<Cursor>), ChatError> {
        let (filter, order) = (ArchiveFilter::All, ListOrder::Created);
        let list = self.ports.conversations.list(user_id, filter, order, after, PAGE_SIZE);
        let page = list.await?;
        let ids = page.items.iter().map(|conversation| conversation.conversation_id);
        Ok((ids.collect(), page.next))
    }
}
