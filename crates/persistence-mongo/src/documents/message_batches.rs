//! Splits messages into batches that one transaction can write.

use std::borrow::Borrow;
use std::mem;

use super::message::MessageDocument;
use crate::database::MAX_DOCUMENTS;

/// The maximum length of a batch's texts, in bytes. A longer message is the only one of its batch.
const MAX_BYTES: usize = 1024 * 1024;

/// Splits the messages into batches, in order. No batch is empty.
pub(crate) fn message_batches<T: Borrow<MessageDocument>>(
    messages: impl IntoIterator<Item = T>,
) -> Vec<Vec<T>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let length = message.borrow().text_bytes();
        bytes += length;
        if batch.len() == usize::from(MAX_DOCUMENTS) || !batch.is_empty() && bytes > MAX_BYTES {
            batches.push(mem::take(&mut batch));
            bytes = length;
        }
        batch.push(message);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}
