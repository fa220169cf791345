//! Deletion of messages in the background.
//!
//! There is only one writer, and deleting a long conversation takes seconds. Therefore deleting or resetting a
//! conversation only hides its messages and records a pending deletion. A worker deletes them in batches, and continues
//! after a restart.

pub(crate) mod removals;
mod worker;

pub(crate) use worker::DeletionWorker;
