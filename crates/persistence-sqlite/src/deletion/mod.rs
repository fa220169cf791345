//! The deletion of messages in the background.
//!
//! There is one writer, and deleting a long conversation takes seconds. So deleting or resetting a conversation only
//! hides its messages and records a removal; a worker deletes them in batches. After a restart, the worker continues.

pub(crate) mod removals;
mod worker;

pub(crate) use worker::DeletionWorker;
