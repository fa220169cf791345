//! The memory and time limits of a message that has not arrived completely.

use actix_web::HttpRequest;
use actix_web::web::Data;
use tokio::time::Instant;
use webchat_chat::{Limit, count_reached_limit};
use webchat_domain::Network;

use super::websocket::violation::Violation;
use crate::extract::client_address::ClientAddress;
use crate::middleware::body_limits::max_duration_at_min_rate;
use crate::middleware::body_limits::memory::{BodyBudget, BodyMemory, EXEMPT_BYTES};

/// The unfinished message of a connection: a WebSocket message without its last bytes, or a Socket.IO packet
/// without its last attachment. Its bytes count like those of a request body.
pub(super) struct UnfinishedMessage {
    budget: Option<Data<BodyBudget>>,
    network: Network,
    memory: BodyMemory,
    started: Option<Instant>,
    arrived: u64,
    /// The number of the message in its connection.
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

    /// Returns the time by which more of the message must have arrived, if its bytes count.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.started.map(|started| started + max_duration_at_min_rate(self.arrived))
    }

    /// Counts a message that arrived too slowly, and returns the violation.
    pub(super) fn too_slow() -> Violation {
        count_reached_limit(Limit::BodyTime);
        Violation::TooSlow
    }

    /// Records that this many bytes of the message with this number have arrived; 0 if it is complete.
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
        let almost_all = 60 * 1024 * 1024;

        assert_eq!(first.update(1, almost_all), Ok(()));
        assert_eq!(second.update(1, EXEMPT_BYTES), Ok(()));
        assert_eq!(second.update(1, almost_all), Err(Violation::MemoryExceeded));
        assert_eq!(first.update(1, 0), Ok(()));
        assert_eq!(second.update(1, almost_all), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_arrives_too_slowly_is_rejected() {
        let mut message = unfinished(&BodyBudget::default());
        message.update(1, 20 * 1024).unwrap();

        advance(Duration::from_secs(29)).await;
        let in_time = message.update(1, 20 * 1024);
        advance(Duration::from_secs(2)).await;

        let deadline = message.deadline().unwrap();
        assert!(
            deadline < Instant::now(),
            "20 KiB may take only 20 s in addition to the grace period of 10 s"
        );
        assert_eq!((in_time, message.update(1, 20 * 1024)), (Ok(()), Err(Violation::TooSlow)));
        assert_eq!(message.update(2, 20 * 1024), Ok(()), "the next message was rejected");
        message.update(2, 0).unwrap();
        assert_eq!(message.deadline(), None);
    }
}
