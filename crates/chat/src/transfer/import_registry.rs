//! The imports of this process. They are kept in memory only: other processes don't see them, and a restart
//! loses them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use webchat_domain::{Caller, ImportId, Timestamp, UserId};
use webchat_persistence::GaugeGuard;

use super::import::ImportProgress;
use crate::error::ChatError;
use crate::metrics::Gauge;
use crate::runtime::limits::{CallerLimit, CallerPermit, Maximum};
use crate::runtime::reached_limits::Limit;

/// The maximum number of concurrent imports of a user.
const MAX_PER_USER: usize = 1;

/// The maximum number of concurrent imports of a client network.
const MAX_PER_NETWORK: usize = 2;

/// The maximum number of concurrent imports of all users.
const MAX_CONCURRENT: usize = 8;

const LIMITS: [Maximum; 3] = [
    (Limit::ImportsPerUser, MAX_PER_USER),
    (Limit::ImportsPerNetwork, MAX_PER_NETWORK),
    (Limit::Imports, MAX_CONCURRENT),
];

/// The time for which the status of an import is kept after its end.
const RETENTION: Duration = Duration::from_hours(1);

/// The maximum number of imports whose status is kept.
const MAX_KEPT: usize = 1_000;

/// The state and progress of an import.
#[derive(Debug)]
pub struct ImportStatus {
    /// The import's id.
    pub import_id: ImportId,
    /// The state of the import.
    pub state: ImportState,
    /// The import's progress.
    pub progress: ImportProgress,
}

/// The state of an import.
#[derive(Debug)]
pub enum ImportState {
    /// The import is running.
    Running,
    /// The import has processed all conversations.
    Complete,
    /// The import ended early. Unless the file is invalid, importing it again continues the import.
    Failed(ChatError),
}

/// The imports of this process, by id.
#[derive(Default)]
pub(super) struct ImportRegistry {
    entries: Mutex<BTreeMap<ImportId, Entry>>,
    limit: CallerLimit,
}

struct Entry {
    user_id: UserId,
    status: Arc<ImportStatus>,
    ended_at: Option<Timestamp>,
    /// Counts the import towards the limits until it ends.
    permit: Option<(CallerPermit, GaugeGuard)>,
}

impl ImportRegistry {
    /// Checks that the user may upload a file to import. Returns the import's status if it has already started.
    pub(super) fn check(
        &self,
        caller: Caller,
        import_id: ImportId,
        now: Timestamp,
    ) -> Result<Option<Arc<ImportStatus>>, ChatError> {
        let mut entries = self.lock();
        evict(&mut entries, now);
        if let Some(existing) = entries.get(&import_id) {
            return Ok(Some(Arc::clone(&existing.status)));
        }
        self.acquire(caller)?;
        Ok(None)
    }

    /// Registers an import whose file was uploaded, and acquires its permit.
    pub(super) fn start(
        &self,
        caller: Caller,
        import_id: ImportId,
    ) -> Result<Arc<ImportStatus>, ChatError> {
        let mut entries = self.lock();
        let permit = Some((self.acquire(caller)?, Gauge::Imports.count()));
        let (state, progress) = (ImportState::Running, ImportProgress::default());
        let status = Arc::new(ImportStatus { import_id, state, progress });
        let user_id = caller.user_id;
        let entry = Entry { user_id, status: Arc::clone(&status), ended_at: None, permit };
        entries.insert(import_id, entry);
        Ok(status)
    }

    pub(super) fn find(
        &self,
        user_id: UserId,
        id: ImportId,
        now: Timestamp,
    ) -> Option<Arc<ImportStatus>> {
        let mut entries = self.lock();
        evict(&mut entries, now);
        let entry = entries.get(&id).filter(|entry| entry.user_id == user_id);
        entry.map(|entry| Arc::clone(&entry.status))
    }

    pub(super) fn update(
        &self,
        import_id: ImportId,
        state: ImportState,
        progress: ImportProgress,
        ended_at: Option<Timestamp>,
    ) {
        if let Some(entry) = self.lock().get_mut(&import_id) {
            entry.status = Arc::new(ImportStatus { import_id, state, progress });
            entry.ended_at = ended_at;
            if ended_at.is_some() {
                entry.permit = None;
            }
        }
    }

    /// Acquires a permit for an import.
    fn acquire(&self, caller: Caller) -> Result<CallerPermit, ChatError> {
        self.limit.acquire(caller, LIMITS).map_err(|(limit, max)| match limit {
            Limit::ImportsPerUser => ChatError::ImportInProgress,
            Limit::ImportsPerNetwork => ChatError::TooManyNetworkImports { limit: max },
            _ => ChatError::TooManyImports,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ImportId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes expired imports. If too many remain, also removes those that ended earliest.
fn evict(entries: &mut BTreeMap<ImportId, Entry>, now: Timestamp) {
    entries.retain(|_, entry| entry.ended_at.is_none_or(|ended| ended.plus(RETENTION) > now));
    while entries.len() >= MAX_KEPT {
        let ended = entries.iter().filter_map(|(id, entry)| Some((entry.ended_at?, *id)));
        let Some((_, oldest)) = ended.min() else { return };
        entries.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_000);

    fn caller(address: &str) -> Caller {
        Caller { user_id: UserId::generate(), address: Some(address.parse().unwrap()) }
    }

    fn start(imports: &ImportRegistry, caller: Caller) -> Result<ImportId, ChatError> {
        let id = ImportId::from_idempotency_key(caller.user_id, None);
        imports.check(caller, id, NOW)?;
        Ok(imports.start(caller, id)?.import_id)
    }

    #[test]
    fn a_network_cannot_acquire_all_permits() {
        let imports = ImportRegistry::default();
        let started: Vec<_> =
            (0..MAX_PER_NETWORK).map(|_| start(&imports, caller("192.0.2.1")).unwrap()).collect();

        let above_limit = start(&imports, caller("192.0.2.1"));
        let from_other_network = start(&imports, caller("192.0.2.2"));
        imports.update(started[0], ImportState::Complete, ImportProgress::default(), Some(NOW));
        let after_an_end = start(&imports, caller("192.0.2.1"));

        assert_eq!(above_limit.unwrap_err().code(), "too_many_imports_from_address");
        assert!(from_other_network.is_ok() && after_an_end.is_ok());
    }

    #[test]
    fn imports_are_limited_to_one_per_user_and_in_total() {
        let (imports, user) = (ImportRegistry::default(), caller("192.0.2.0"));

        let first = start(&imports, user);
        let second = start(&imports, user);
        let of_others: Vec<_> = (1..=MAX_CONCURRENT)
            .map(|number| start(&imports, caller(&format!("192.0.2.{number}"))))
            .collect();

        assert!(first.is_ok());
        assert_eq!(second.unwrap_err().code(), "import_in_progress");
        let refused = of_others.into_iter().filter_map(Result::err).collect::<Vec<_>>();
        assert!(matches!(refused[..], [ChatError::TooManyImports]), "{refused:?}");
    }
}
