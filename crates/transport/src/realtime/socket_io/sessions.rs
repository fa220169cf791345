//! The open Engine.IO sessions of a server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engineioxide_core::Sid;

use super::close_reason::CloseReason;
use super::engine_io_session::EngineIoSession;
use crate::error::api_error::ApiError;

/// The maximum number of sessions. A session takes some 14 KB, and lives for 45 s after its client is gone.
/// A polling session keeps no connection open, so a limit of connections does not limit the sessions.
const MAX_SESSIONS: usize = 10_000;

/// An entry in the table of sessions. Dropping it removes the session.
pub(super) struct SessionEntry {
    sessions: Arc<EngineIoSessions>,
    pub(super) session: Arc<EngineIoSession>,
}

impl Drop for SessionEntry {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.session.sid());
        // Only matters if the session's task has panicked: its transports would otherwise wait forever.
        self.session.end(CloseReason::ProtocolError);
    }
}

/// The sessions by their ids.
#[derive(Default)]
pub(in crate::realtime) struct EngineIoSessions(Mutex<HashMap<Sid, Arc<EngineIoSession>>>);

impl EngineIoSessions {
    pub(super) fn find(&self, sid: &str) -> Option<Arc<EngineIoSession>> {
        let sid: Sid = sid.parse().ok()?;
        self.lock().get(&sid).filter(|session| !session.has_ended()).cloned()
    }

    /// Adds a session.
    ///
    /// # Errors
    /// [`ApiError::TooManyConnections`] if the maximum number of sessions is reached.
    pub(super) fn add(
        self: &Arc<Self>,
        session: Arc<EngineIoSession>,
    ) -> Result<SessionEntry, ApiError> {
        let mut sessions = self.lock();
        if sessions.len() >= MAX_SESSIONS {
            return Err(ApiError::TooManyConnections);
        }
        sessions.insert(session.sid(), Arc::clone(&session));
        Ok(SessionEntry { sessions: Arc::clone(self), session })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sid, Arc<EngineIoSession>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_maximum_no_session_is_added_until_one_is_removed() {
        let sessions = Arc::new(EngineIoSessions::default());
        let mut entries: Vec<_> =
            (0..MAX_SESSIONS).map(|_| sessions.add(EngineIoSession::fixture()).unwrap()).collect();
        let sid = entries[0].session.sid();

        let rejected = sessions.add(EngineIoSession::fixture());
        let was_found = sessions.find(sid.as_str()).is_some();
        drop(entries.swap_remove(0));

        assert!(matches!(rejected, Err(ApiError::TooManyConnections)));
        assert!(was_found && sessions.find(sid.as_str()).is_none());
        sessions.add(EngineIoSession::fixture()).unwrap();
    }

    #[test]
    fn a_session_whose_entry_is_dropped_has_ended() {
        let session = EngineIoSession::fixture();

        drop(Arc::new(EngineIoSessions::default()).add(Arc::clone(&session)).unwrap());

        assert!(session.has_ended());
    }
}
