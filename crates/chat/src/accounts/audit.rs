//! The audit log: records, lists and verifies its entries.

use webchat_domain::{
    Account, Actor, AuditAction, AuditEntry, AuditLink, AuditResult, AuditSubject, NewAuditEntry,
    Timestamp, UserId,
};
use webchat_persistence::{AuditFilter, StoreError};

use super::ports::AccountPorts;
use crate::error::ChatError;

/// The number of entries that are read or removed at once.
const PAGE_SIZE: u32 = 500;

/// The use cases of the audit log.
#[derive(Clone)]
pub struct Audit {
    ports: AccountPorts,
}

/// The result of verifying the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditVerification {
    /// All entries are there and unchanged, as far as their hashes tell.
    Intact {
        /// The number of verified entries.
        entries: u64,
        /// The last entry.
        head: AuditLink,
    },
    /// An entry was changed or removed, or is in another place.
    Broken {
        /// The number of the first such entry.
        number: u64,
    },
}

impl Audit {
    /// Builds the service.
    #[must_use]
    pub fn new(ports: AccountPorts) -> Self {
        Self { ports }
    }

    /// Returns at most `max` of the entries that match a filter, the newest first, whose numbers are less than `before`.
    ///
    /// # Errors
    /// When the entries can't be read.
    pub async fn list(
        &self,
        filter: AuditFilter,
        before: Option<u64>,
        max: u32,
    ) -> Result<Vec<AuditEntry>, ChatError> {
        Ok(self.ports.audit.list(filter, before, max).await?)
    }

    /// Records something that is not a change of accounts or keys; those record themselves.
    ///
    /// # Errors
    /// When the entry can't be stored.
    pub async fn record(
        &self,
        action: AuditAction,
        result: AuditResult,
        subject: Option<UserId>,
        actor: &Actor,
    ) -> Result<AuditEntry, ChatError> {
        let subject = match subject {
            Some(user_id) => Some(self.subject(user_id).await?),
            None => None,
        };
        let entry = self.entry(action, subject, actor).await?;
        Ok(self.ports.audit.append(NewAuditEntry { result, ..entry }).await?)
    }

    /// Verifies the hashes of all entries that are there when it starts.
    ///
    /// # Errors
    /// When the entries can't be read.
    pub async fn verify(&self) -> Result<AuditVerification, ChatError> {
        let chain = self.ports.audit.chain().await?;
        let (mut last, mut page_size) = (chain.start, PAGE_SIZE);
        while last.number < chain.head.number {
            let number = last.number.saturating_add(1);
            let entries = match self.ports.audit.read_from(number, page_size).await {
                // One of them is invalid.
                Err(StoreError::Fault(_)) if page_size > 1 => {
                    page_size = 1;
                    continue;
                }
                Err(StoreError::Fault(_)) => return Ok(AuditVerification::Broken { number }),
                entries => entries?,
            };
            let before = last;
            for entry in entries {
                if last.number == chain.head.number {
                    break;
                }
                if !last.is_followed_by(&entry) {
                    return self.broken_at(last, chain.start).await;
                }
                last = entry.link();
            }
            if last == before {
                return self.broken_at(last, chain.start).await;
            }
        }
        if last != chain.head {
            return Ok(AuditVerification::Broken { number: last.number });
        }
        let entries = chain.head.number.saturating_sub(chain.start.number);
        Ok(AuditVerification::Intact { entries, head: chain.head })
    }

    /// Returns that the entry after `last` is not the expected one, unless old entries were removed in the meantime:
    /// then verifies the others.
    async fn broken_at(
        &self,
        last: AuditLink,
        start: AuditLink,
    ) -> Result<AuditVerification, ChatError> {
        if self.ports.audit.chain().await?.start.number > start.number {
            return Box::pin(self.verify()).await;
        }
        Ok(AuditVerification::Broken { number: last.number.saturating_add(1) })
    }

    /// Removes the entries that are older than `time`.
    ///
    /// # Errors
    /// When the entries can't be removed. The next call continues.
    pub(crate) async fn remove_before(&self, time: Timestamp) -> Result<(), StoreError> {
        while self.ports.audit.remove_before(time, PAGE_SIZE).await? >= PAGE_SIZE {}
        Ok(())
    }

    /// Returns an entry about something that is done now, with the name of the actor.
    pub(crate) async fn entry(
        &self,
        action: AuditAction,
        subject: Option<AuditSubject>,
        actor: &Actor,
    ) -> Result<NewAuditEntry, ChatError> {
        let mut actor = actor.clone();
        if let (Some(user_id), None) = (actor.user_id, &actor.name) {
            actor.name = self.subject(user_id).await?.name;
        }
        let at = self.ports.clock.now();
        Ok(NewAuditEntry { at, action, result: AuditResult::Done, actor, subject })
    }

    /// Returns an entry like [`Audit::entry`] about this user.
    pub(crate) async fn entry_about(
        &self,
        action: AuditAction,
        user_id: UserId,
        actor: &Actor,
    ) -> Result<NewAuditEntry, ChatError> {
        self.entry(action, Some(self.subject(user_id).await?), actor).await
    }

    async fn subject(&self, user_id: UserId) -> Result<AuditSubject, ChatError> {
        let account = self.ports.accounts.find(user_id).await?;
        Ok(AuditSubject { user_id, name: account.map(|account| account.name) })
    }
}

/// Returns the user of an account as the subject of an entry.
pub(crate) fn subject_of(account: &Account) -> AuditSubject {
    AuditSubject { user_id: account.user_id, name: Some(account.name.clone()) }
}
