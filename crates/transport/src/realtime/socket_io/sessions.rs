use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engineioxide_core::Sid;

use super::close_reason::End;
use super::engine_io_session::Session;
use crate::error::api_error::ApiError;

/// Sessions that a server has at a time. Each has some 14 KB, and lives for 45 s after its client is
/// gone; and a polling one holds no connection, whose number would limit it.
const MOST_SESSIONS: usize = 10_000;

/// The place of a session, which it has until this is dropped.
pub(super) struct Place {
    sessions: Arc<Sessions>,
    pub(super) session: Arc<Session>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.session.sid());
        // It has ended, if its task did not panic: then its transports would wait for ever.
        self.session.end(End::Broken);
    }
}

/// The sessions of a server, by their ids.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<Sid, Arc<Session>>>);

impl Sessions {
    pub(super) fn find(&self, sid: &str) -> Option<Arc<Session>> {
        let sid: Sid = sid.parse().ok()?;
        self.lock().get(&sid).filter(|session| !session.has_ended()).cloned()
    }

    pub(super) fn add(self: &Arc<Self>, session: Arc<Session>) -> Result<Place, ApiError> {
        let mut sessions = self.lock();
        if sessions.len() >= MOST_SESSIONS {
            return Err(ApiError::TooManyConnections);
        }
        sessions.insert(session.sid(), Arc::clone(&session));
        Ok(Place { sessions: Arc::clone(self), session })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sid, Arc<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_and_no_more_until_one_goes() {
        let sessions = Arc::new(Sessions::default());
        let mut places: Vec<_> =
            (0..MOST_SESSIONS).map(|_| sessions.add(Session::of_somebody()).unwrap()).collect();
        let sid = places[0].session.sid();

        let refused = sessions.add(Session::of_somebody());
        let is_there = sessions.find(sid.as_str()).is_some();
        drop(places.swap_remove(0));

        assert!(matches!(refused, Err(ApiError::TooManyConnections)));
        assert!(is_there && sessions.find(sid.as_str()).is_none());
        sessions.add(Session::of_somebody()).unwrap();
    }

    #[test]
    fn a_session_that_lost_its_place_has_ended() {
        let session = Session::of_somebody();

        drop(Arc::new(Sessions::default()).add(Arc::clone(&session)).unwrap());

        assert!(session.has_ended());
    }
}
