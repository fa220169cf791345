//! The memory and the time of a message that has not arrived completely.

use actix_web::HttpRequest;
use actix_web::web::Data;
use tokio::time::Instant;
use webchat_chat::{Limit, count_reached_limit};
use webchat_domain::Network;

use super::websocket::violation::Violation;
use crate::extract::client_address::ClientAddress;
use crate::middleware::body_limits::{
    BodyBudget, BodyMemory, EXEMPT_BYTES, max_duration_at_min_rate,
};

/// The unfinished message of a connection: of a WebSocket without its last bytes, of Socket.IO without its last
/// attachment. Its bytes count as those of a request's body.
pub(super) struct UnfinishedMessage {
    budget: Option<Data<BodyBudget>>,
    network: Network,
    memory: BodyMemory,
    started: Option<Instant>,
    arrived: u64,
    /// Its number in the connection.
    number: u64,
}

impl UnfinishedMessage {
    pub(super) fn new(request: &HttpRequest) -> Self {
        Self {
            budget: request.app_data::<Data<BodyBudget>>().cloned(),
            network: ClientAddress::of(request).network(),
            memory: BodyMemory::default(),
            started: None,
            arrived: 0,
            number: 0,
        }
    }

    /// When more of the message must have arrived, if its bytes count.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.started.map(|started| started + max_duration_at_min_rate(self.arrived))
    }

    /// Counts that a message was too slow.
    pub(super) fn too_slow() -> Violation {
        count_reached_limit(Limit::BodyTime);
        Violation::TooSlow
    }

    /// Notes that this many bytes of the message with this number have arrived, 0 if it is complete.
    ///
    /// # Errors
    /// [`Violation::MemoryExceeded`] or [`Violation::TooSlow`].
    pub(super) fn update(&mut self, number: u64, bytes: usize) -> Result<(), Violation> {
        if number != self.number || bytes <= EXEMPT_BYTES {
            self.memory = BodyMemory::default();
            self.started = None;
            self.number = number;
        }
        if bytes <= EXEMPT_BYTES {
            return Ok(());
        }
        self.started.get_or_insert_with(Instant::now);
        self.arrived = u64::try_from(bytes).unwrap_or(u64::MAX);
        if self.deadline().is_some_and(|deadline| deadline < Instant::now()) {
            return Err(Self::too_slow());
        }
        let more = (bytes - EXEMPT_BYTES).saturating_sub(self.memory.bytes());
        let Some(budget) = self.budget.as_ref().filter(|_| more > 0) else { return Ok(()) };
        if budget.try_reserve(&mut self.memory, self.network, more) {
            Ok(())
        } else {
            Err(Violation::MemoryExceeded)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn unfinished(budget: &BodyBudget) -> UnfinishedMessage {
        UnfinishedMessage {
            budget: Some(Data::new(budget.clone())),
            network: Network::of([192, 0, 2, 1].into()),
            memory: BodyMemory::default(),
            started: None,
            arrived: 0,
            number: 0,
        }
    }

    #[test]
    fn the_unfinished_messages_of_a_network_share_its_memory_until_they_are_complete() {
        let budget = BodyBudget::default();
        let (mut first, mut second) = (unfinished(&budget), unfinished(&budget));
        let most = 60 * 1024 * 1024;

        assert_eq!(first.update(1, most), Ok(()));
        assert_eq!(second.update(1, EXEMPT_BYTES), Ok(()));
        assert_eq!(second.update(1, most), Err(Violation::MemoryExceeded));
        assert_eq!(first.update(1, 0), Ok(()));
        assert_eq!(second.update(1, most), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_may_not_arrive_too_slowly() {
        let mut message = unfinished(&BodyBudget::default());
        message.update(1, 20 * 1024).unwrap();

        advance(Duration::from_secs(29)).await;
        let in_time = message.update(1, 20 * 1024);
        advance(Duration::from_secs(2)).await;

        let deadline = message.deadline().unwrap();
        assert!(deadline < Instant::now(), "20 KiB take 20 s, after a grace of 10 s");
        assert_eq!((in_time, message.update(1, 20 * 1024)), (Ok(()), Err(Violation::TooSlow)));
        assert_eq!(message.update(2, 20 * 1024), Ok(()), "the next message has its own time");
        message.update(2, 0).unwrap();
        assert_eq!(message.deadline(), None);
    }
}
