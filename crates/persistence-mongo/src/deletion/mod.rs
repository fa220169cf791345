//! Deletion of messages in the background.
//!
//! A long conversation has more messages than one transaction can delete. Therefore deleting or resetting a conversation
//! only hides its messages and records a pending deletion. A worker deletes them in batches. After a crash, the next
//! instance that opens the store continues.

pub(crate) mod removals;
mod worker;

pub(crate) use self::worker::DeletionWorker;
