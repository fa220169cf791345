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

    /// Removes the entries that are older than `time`, unless all of them are.
    ///
    /// # Errors
    /// When the entries can't be removed. The next call continues.
    pub(crate) async fn remove_before(&self, time: Timestamp) -> Result<(), StoreError> {
        // If even the newest one is old, the clock may have jumped.
        let newest = self.ports.audit.list(AuditFilter::default(), None, 1).await?;
        if newest.first().is_none_or(|newest| newest.content.at < time) {
            return Ok(());
        }
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use webchat_persistence::{AuditChain, MockAuditLog};

    use super::*;
    use crate::testing::{START, TestChat};

    const DAY: Duration = Duration::from_hours(24);

    fn chained(count: u32) -> Vec<AuditEntry> {
        let mut last = AuditLink::START;
        let entries = (0..count).map(|number| {
            let at = START.plus(DAY * number);
            let (action, result) = (AuditAction::SignOut, AuditResult::Done);
            let actor = Actor::ANONYMOUS;
            let entry = last.next_entry(NewAuditEntry { at, action, result, actor, subject: None });
            last = entry.link();
            entry
        });
        entries.collect()
    }

    /// Verifies these entries as those of a log with this last entry.
    async fn verify(entries: Vec<AuditEntry>, head: AuditLink) -> AuditVerification {
        let mut log = MockAuditLog::new();
        log.expect_chain().returning(move || Ok(AuditChain { start: AuditLink::START, head }));
        log.expect_read_from().returning(move |number, max| {
            let from = entries.iter().filter(|entry| entry.number >= number);
            Ok(from.take(usize::try_from(max).unwrap()).cloned().collect())
        });
        let test = TestChat::new().await.with_ports(|ports| ports.audit = Arc::new(log));
        test.chat.audit.verify().await.unwrap()
    }

    #[tokio::test]
    async fn a_changed_removed_or_moved_entry_is_found() {
        let entries = chained(1_200);
        let head = entries[1_199].link();
        let broken = |number| AuditVerification::Broken { number };
        let mut changed = entries.clone();
        changed[700].content.action = AuditAction::SignIn;
        let mut rehashed = changed.clone();
        rehashed[700].hash = rehashed[700].expected_hash();
        let mut removed = entries.clone();
        removed.remove(600);
        let mut swapped = entries.clone();
        let [one, other] = &mut swapped[3..5] else { panic!() };
        std::mem::swap(&mut one.content, &mut other.content);

        let intact = AuditVerification::Intact { entries: 1_200, head };
        assert_eq!(verify(entries.clone(), head).await, intact);
        assert_eq!(verify(changed, head).await, broken(701));
        assert_eq!(verify(rehashed, head).await, broken(702));
        assert_eq!(verify(removed, head).await, broken(601));
        assert_eq!(verify(swapped, head).await, broken(4));
        assert_eq!(verify(entries[..1_000].to_vec(), head).await, broken(1_001));
        let other_head = AuditLink { hash: AuditLink::START.hash, ..head };
        assert_eq!(verify(entries, other_head).await, broken(1_200));
    }

    #[tokio::test]
    async fn an_invalid_entry_is_found() {
        let entries = chained(10);
        let head = entries[9].link();
        let mut log = MockAuditLog::new();
        log.expect_chain().returning(move || Ok(AuditChain { start: AuditLink::START, head }));
        log.expect_read_from().returning(move |number, max| {
            if (number..number + u64::from(max)).contains(&7) {
                return Err(StoreError::fault("no such action"));
            }
            Ok(entries.iter().filter(|entry| entry.number == number).cloned().collect())
        });
        let test = TestChat::new().await.with_ports(|ports| ports.audit = Arc::new(log));

        let verified = test.chat.audit.verify().await.unwrap();

        assert_eq!(verified, AuditVerification::Broken { number: 7 });
    }

    #[tokio::test]
    async fn entries_that_are_removed_while_the_log_is_verified_are_not_missed() {
        let entries = chained(4);
        let (start, head) = (entries[1].link(), entries[3].link());
        let starts = Mutex::new(vec![start, start, AuditLink::START]);
        let mut log = MockAuditLog::new();
        log.expect_chain().returning(move || {
            let mut starts = starts.lock().unwrap();
            Ok(AuditChain { start: starts.pop().unwrap(), head })
        });
        log.expect_read_from().returning(move |_, _| Ok(entries[2..].to_vec()));
        let test = TestChat::new().await.with_ports(|ports| ports.audit = Arc::new(log));

        let verified = test.chat.audit.verify().await.unwrap();

        assert_eq!(verified, AuditVerification::Intact { entries: 2, head });
    }
}
