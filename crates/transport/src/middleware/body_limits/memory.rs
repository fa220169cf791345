//! The memory of all request and response bodies.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use webchat_chat::{ConcurrencyLimit, Limit, Permit, count_reached_limit};
use webchat_domain::Network;

/// The maximum memory of all bodies that are being received or sent, and of unfinished messages of live connections, in
/// bytes.
pub(super) const MAX_MEMORY: usize = 256 * 1024 * 1024;

/// The maximum memory of the bodies of one network, in bytes.
pub(super) const MAX_MEMORY_PER_NETWORK: usize = MAX_MEMORY / 4;

/// The size up to which a body is not counted, in bytes, so that ordinary requests don't wait for large ones.
pub(crate) const EXEMPT_BYTES: usize = 16 * 1024;

/// The maximum time that a body waits for memory.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(5);

/// The memory of all bodies that are being received or sent.
#[derive(Clone)]
pub(crate) struct BodyBudget {
    all: Arc<Semaphore>,
    networks: ConcurrencyLimit<Network>,
}

/// The reserved memory of a body. Dropping it releases the memory.
#[derive(Default)]
pub(crate) struct BodyMemory {
    bytes: usize,
    total_permit: Option<OwnedSemaphorePermit>,
    network_permit: Option<Permit<Network>>,
}

impl Default for BodyBudget {
    fn default() -> Self {
        let all = Arc::new(Semaphore::new(MAX_MEMORY));
        Self { all, networks: ConcurrencyLimit::default() }
    }
}

impl BodyBudget {
    /// Reserves more memory for a body without waiting, in addition to what `memory` already holds. If there is not
    /// enough, returns `false` and counts the reached limit.
    pub(crate) fn try_reserve(
        &self,
        memory: &mut BodyMemory,
        network: Network,
        bytes: usize,
    ) -> bool {
        let total_permit = || {
            let permits = u32::try_from(bytes).ok()?;
            Arc::clone(&self.all).try_acquire_many_owned(permits).ok()
        };
        let has_network_memory = memory.grow_network_permit(self, network, bytes);
        let Some(permit) = has_network_memory.then(total_permit).flatten() else {
            count_reached_limit(Limit::BodyMemory);
            return false;
        };
        memory.add(permit, bytes);
        true
    }

    /// Reserves more memory for a body like [`BodyBudget::try_reserve`], but waits up to [`MEMORY_TIMEOUT`] for memory
    /// that other networks use.
    pub(super) async fn reserve(
        &self,
        memory: &RefCell<BodyMemory>,
        network: Network,
        bytes: usize,
    ) -> bool {
        let has_network_memory = memory.borrow_mut().grow_network_permit(self, network, bytes);
        let permits = u32::try_from(bytes).ok().filter(|_| has_network_memory);
        let permit = match permits {
            Some(permits) => {
                let waiting = Arc::clone(&self.all).acquire_many_owned(permits);
                timeout(MEMORY_TIMEOUT, waiting).await.ok().and_then(Result::ok)
            }
            None => None,
        };
        let Some(permit) = permit else {
            count_reached_limit(Limit::BodyMemory);
            return false;
        };
        memory.borrow_mut().add(permit, bytes);
        true
    }

    #[cfg(test)]
    pub(super) fn free_memory(&self) -> usize {
        self.all.available_permits()
    }
}

impl BodyMemory {
    fn grow_network_permit(&mut self, budget: &BodyBudget, network: Network, bytes: usize) -> bool {
        let empty = || budget.networks.empty_permit(network);
        self.network_permit.get_or_insert_with(empty).grow(bytes, MAX_MEMORY_PER_NETWORK)
    }

    fn add(&mut self, permit: OwnedSemaphorePermit, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        match &mut self.total_permit {
            Some(total_permit) => total_permit.merge(permit),
            empty => *empty = Some(permit),
        }
    }

    /// Returns the number of reserved bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
