//! Deletion of messages in the background.
//!
//! A long conversation has more messages than one transaction can delete. Therefore deleting or resetting a conversation
//! only makes its messages invisible and records a removal. A worker deletes them in batches. After a crash, the next
//! instance that opens the store continues.

pub(crate) mod removals;
mod worker;

pub(crate) use self::worker::DeletionWorker;
