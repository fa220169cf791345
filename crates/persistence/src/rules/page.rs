//! How a page of a list is cut.

use webchat_domain::Conversation;

use crate::{Cursor, ListOrder, Page};

/// How many items are read for a page of at most `limit`: the extra one says that there is a next page.
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

#[cfg(test)]
mod tests {
    use webchat_domain::Timestamp;

    use super::*;

    #[test]
    fn the_cursor_points_at_the_last_item_of_a_page_that_is_followed_by_another() {
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
}
