//! Batches of messages that are written or deleted in one transaction.
//!
//! Other writers wait for such a transaction. It takes tens of milliseconds, most of them for the search index.

use webchat_persistence::StoredMessage;

/// The maximum number of messages in a batch.
const MAX_MESSAGES: usize = 100;
/// The maximum size of a batch. A larger message is the only one of its batch.
const MAX_BYTES: usize = 128 * 1024;

/// Counts the messages of a batch.
#[derive(Default)]
pub(crate) struct BatchSize {
    messages: usize,
    bytes: usize,
}

impl BatchSize {
    /// Adds a message. Returns `false` if the batch is full; the first message always fits.
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.messages == 1 || (self.messages <= MAX_MESSAGES && self.bytes <= MAX_BYTES)
    }
}

/// Splits messages into batches, in order.
pub(crate) fn batches(
    messages: Vec<StoredMessage>,
) -> impl Iterator<Item = Vec<StoredMessage>> + Send {
    let mut messages = messages.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut size = BatchSize::default();
        let mut batch = Vec::new();
        while let Some(message) = messages.next_if(|next| size.add(next.message.text_bytes())) {
            batch.push(message);
        }
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use webchat_domain::Message;

    use super::*;

    fn sizes(contents: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let messages = contents.into_iter().map(|bytes| StoredMessage {
            message: Message { content: "x".repeat(bytes), ..Message::fixture() },
            client_message_id: None,
            active: true,
        });
        batches(messages.collect()).map(|batch| batch.len()).collect()
    }

    #[test]
    fn batches_are_bounded_by_messages_and_bytes() {
        assert_eq!(sizes([]), [0; 0]);
        assert_eq!(sizes([1; 250]), [100, 100, 50]);
        assert_eq!(sizes([MAX_BYTES / 2; 5]), [2, 2, 1]);
        assert_eq!(sizes([1, MAX_BYTES * 2, MAX_BYTES * 3, 1]), [1, 1, 1, 1]);
    }
}
