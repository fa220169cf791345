//! The open Engine.IO sessions of a server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engineioxide_core::Sid;

use super::engine_io_session::EngineIoSession;
use crate::realtime::close_reason::CloseReason;

/// An entry in the session table. Dropping it removes the session.
pub(super) struct SessionEntry {
    sessions: Arc<EngineIoSessions>,
    pub(super) session: Arc<EngineIoSession>,
}

impl Drop for SessionEntry {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.session.sid());
        // This matters only if the session's task has panicked: otherwise its transports would wait forever.
        self.session.end(CloseReason::ProtocolError);
    }
}

/// The open sessions by id.
#[derive(Default)]
pub(in crate::realtime) struct EngineIoSessions(Mutex<HashMap<Sid, Arc<EngineIoSession>>>);

impl EngineIoSessions {
    pub(super) fn find(&self, sid: &str) -> Option<Arc<EngineIoSession>> {
        let sid: Sid = sid.parse().ok()?;
        self.lock().get(&sid).filter(|session| !session.has_ended()).cloned()
    }

    /// Adds a session.
    pub(super) fn add(self: &Arc<Self>, session: Arc<EngineIoSession>) -> SessionEntry {
        self.lock().insert(session.sid(), Arc::clone(&session));
        SessionEntry { sessions: Arc::clone(self), session }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sid, Arc<EngineIoSession>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_until_its_entry_is_dropped() {
        let sessions = Arc::new(EngineIoSessions::default());
        let entry = sessions.add(EngineIoSession::fixture());
        let sid = entry.session.sid();

        let was_found = sessions.find(sid.as_str()).is_some();
        drop(entry);

        assert!(was_found && sessions.find(sid.as_str()).is_none());
    }

    #[test]
    fn a_session_whose_entry_is_dropped_has_ended() {
        let session = EngineIoSession::fixture();

        drop(Arc::new(EngineIoSessions::default()).add(Arc::clone(&session)));

        assert!(session.has_ended());
    }
}
