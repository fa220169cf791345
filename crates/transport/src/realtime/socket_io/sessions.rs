use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engineioxide_core::Sid;

use super::session::Session;
use crate::ApiError;

/// Sessions that a server has at a time. Each has some 20 KB, and lives for 45 s after its client is
/// gone; and a polling one holds no connection, whose number would limit it.
const MOST_SESSIONS: usize = 10_000;

/// The sessions of a server, by their ids.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<Sid, Arc<Session>>>);

impl Sessions {
    pub(super) fn find(&self, sid: &str) -> Option<Arc<Session>> {
        let sid: Sid = sid.parse().ok()?;
        self.lock().get(&sid).filter(|session| !session.has_ended()).cloned()
    }

    pub(super) fn add(&self, session: &Arc<Session>) -> Result<(), ApiError> {
        let mut sessions = self.lock();
        if sessions.len() >= MOST_SESSIONS {
            return Err(ApiError::TooManyConnections);
        }
        sessions.insert(session.sid(), Arc::clone(session));
        Ok(())
    }

    pub(super) fn remove(&self, sid: Sid) {
        self.lock().remove(&sid);
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
        let sessions = Sessions::default();
        let first = Session::of_somebody();
        sessions.add(&first).unwrap();
        for _ in 1..MOST_SESSIONS {
            sessions.add(&Session::of_somebody()).unwrap();
        }

        let refused = sessions.add(&Session::of_somebody());
        sessions.remove(first.sid());

        assert!(matches!(refused, Err(ApiError::TooManyConnections)));
        assert!(sessions.find(first.sid().as_str()).is_none());
        sessions.add(&Session::of_somebody()).unwrap();
    }
}
