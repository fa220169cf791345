//! The imports of this process. They are kept in memory only: other processes don't see them, and a restart
//! loses them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use webchat_domain::{Caller, ImportId, Timestamp, UserId};
use webchat_persistence::GaugeGuard;

use super::import::ImportProgress;
use crate::error::ChatError;
use crate::metrics::Current;
use crate::runtime::limits::{CallerLimit, CallerPermit, Maximum};
use crate::runtime::reached_limits::Limit;

/// The maximum number of concurrent imports of a user.
const MAX_PER_USER: usize = 1;

/// The maximum number of concurrent imports of a network of clients.
const MAX_PER_NETWORK: usize = 2;

/// The maximum number of concurrent imports of all users.
const MAX_CONCURRENT: usize = 8;

const MAXIMA: [Maximum; 3] = [
    (Limit::ImportsPerUser, MAX_PER_USER),
    (Limit::ImportsPerAddress, MAX_PER_NETWORK),
    (Limit::Imports, MAX_CONCURRENT),
];

/// How long an import is remembered after its end.
const RETENTION: Duration = Duration::from_hours(1);

/// The maximum number of imports that are remembered.
const MAX_REMEMBERED: usize = 1_000;

/// The state and progress of an import.
#[derive(Debug)]
pub struct ImportStatus {
    /// The import's id.
    pub import_id: ImportId,
    /// Whether the import is running, and how it ended.
    pub state: ImportState,
    /// The import's progress.
    pub progress: ImportProgress,
}

/// Whether an import is running, and how it ended.
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
    /// Checks that the user may upload a file to import. Returns the import's status instead if it has started
    /// before.
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

    /// Takes a slot for an import whose file was uploaded.
    pub(super) fn start(
        &self,
        caller: Caller,
        import_id: ImportId,
    ) -> Result<Arc<ImportStatus>, ChatError> {
        let mut entries = self.lock();
        let permit = Some((self.acquire(caller)?, Current::Imports.count()));
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
        self.limit.acquire(caller, MAXIMA).map_err(|(limit, max)| match limit {
            Limit::ImportsPerUser => ChatError::ImportInProgress,
            Limit::ImportsPerAddress => ChatError::TooManyNetworkImports { limit: max },
            _ => ChatError::TooManyImports,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ImportId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes expired imports. If too many remain, also removes those that ended first.
fn evict(entries: &mut BTreeMap<ImportId, Entry>, now: Timestamp) {
    entries.retain(|_, entry| entry.ended_at.is_none_or(|ended| ended.plus(RETENTION) > now));
    while entries.len() >= MAX_REMEMBERED {
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
        let id = ImportId::of_key(caller.user_id, None);
        imports.check(caller, id, NOW)?;
        Ok(imports.start(caller, id)?.import_id)
    }

    #[test]
    fn a_network_can_not_take_all_slots() {
        let imports = ImportRegistry::default();
        let started: Vec<_> =
            (0..MAX_PER_NETWORK).map(|_| start(&imports, caller("192.0.2.1")).unwrap()).collect();

        let above_limit = start(&imports, caller("192.0.2.1"));
        let elsewhere = start(&imports, caller("192.0.2.2"));
        imports.update(started[0], ImportState::Complete, ImportProgress::default(), Some(NOW));
        let after_an_end = start(&imports, caller("192.0.2.1"));

        assert_eq!(above_limit.unwrap_err().code(), "too_many_imports_from_address");
        assert!(elsewhere.is_ok() && after_an_end.is_ok());
    }

    #[test]
    fn a_user_has_one_import_and_all_together_have_a_limit() {
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
