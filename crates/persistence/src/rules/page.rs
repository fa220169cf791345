//! Rules for pages of lists and of messages.

use webchat_domain::{Conversation, Message};

use crate::{Cursor, ListOrder, Page};

/// Returns the number of items to read for a page of at most `limit`: if the extra item exists, there is a next page.
#[must_use]
pub fn items_to_read(limit: u32) -> u32 {
    limit.saturating_add(1)
}

/// Builds a page of at most `limit` items out of the [`items_to_read`].
#[must_use]
pub fn build_page(
    mut items: Vec<Conversation>,
    order: ListOrder,
    limit: u32,
) -> Page<Conversation> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next = items.last().filter(|_| !is_last).map(|last| Cursor {
        at: match order {
            ListOrder::Created => last.created_at,
            ListOrder::Updated => last.updated_at,
        },
        id: last.conversation_id,
    });
    Page { items, next }
}

/// The size in bytes at which a page of messages is full, even if it has fewer messages than its limit. The message that
/// reaches this size is its last one.
pub const MAX_PAGE_BYTES: usize = 1024 * 1024;

/// A page of messages that is being read.
#[derive(Debug)]
pub struct MessagePage<T> {
    messages: Vec<T>,
    bytes: usize,
    limit: u32,
}

impl<T> MessagePage<T> {
    /// Creates an empty page for at most `limit` messages.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self { messages: Vec::new(), bytes: 0, limit }
    }

    /// Adds the next message, whose text has this many bytes.
    pub fn push(&mut self, message: T, text_bytes: usize) {
        self.messages.push(message);
        self.bytes = self.bytes.saturating_add(text_bytes);
    }

    /// Whether no more messages may be added.
    #[must_use]
    pub fn is_full(&self) -> bool {
        is_full(self.messages.len(), self.bytes, self.limit)
    }

    /// Returns the messages in the order in which they were added.
    #[must_use]
    pub fn into_messages(self) -> Vec<T> {
        self.messages
    }
}

/// Whether more messages may follow this page, which was read with this `limit`.
#[must_use]
pub fn is_full_page(messages: &[Message], limit: u32) -> bool {
    is_full(messages.len(), messages.iter().map(Message::text_bytes).sum(), limit)
}

fn is_full(messages: usize, bytes: usize, limit: u32) -> bool {
    u32::try_from(messages).unwrap_or(u32::MAX) >= limit || bytes >= MAX_PAGE_BYTES
}

#[cfg(test)]
mod tests {
    use webchat_domain::Timestamp;

    use super::*;

    #[test]
    fn the_cursor_of_a_page_before_another_one_is_its_last_item() {
        let at = |millis| Conversation {
            updated_at: Timestamp::from_unix_millis(millis),
            ..Conversation::fixture()
        };
        let (first, second) = (at(2), at(1));
        let cursor = Cursor { at: first.updated_at, id: first.conversation_id };
        let both = || vec![first.clone(), second.clone()];

        let page = build_page(both(), ListOrder::Updated, 1);
        let last = build_page(both(), ListOrder::Updated, 2);
        let none = build_page(both(), ListOrder::Updated, 0);

        assert_eq!(page, Page { items: vec![first.clone()], next: Some(cursor) });
        assert_eq!(last, Page { items: both(), next: None });
        assert_eq!(none, Page { items: Vec::new(), next: None });
    }

    #[test]
    fn a_page_of_messages_is_full_at_its_limit_or_its_maximum_size() {
        let mut few = MessagePage::new(2);
        let mut large = MessagePage::new(9);

        few.push("first", 5);
        large.push("first", MAX_PAGE_BYTES - 1);
        let are_full = [few.is_full(), large.is_full()];
        few.push("second", 6);
        large.push("second", 1);

        assert_eq!(are_full, [false, false]);
        assert!(few.is_full() && large.is_full() && MessagePage::<&str>::new(0).is_full());
        assert_eq!(large.into_messages(), ["first", "second"]);
    }
}
