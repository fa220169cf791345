//! How the visible path moves from one version to another.

use std::collections::HashMap;

use webchat_domain::MessageId;

/// A message as far as paths need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathNode {
    /// The message.
    pub message_id: MessageId,
    /// Its parent; `None` for a first message.
    pub parent_id: Option<MessageId>,
    /// Its position.
    pub position: u64,
    /// Its tokens.
    pub token_count: u32,
    /// Whether it is on the visible path.
    pub is_active: bool,
}

/// A path that is to become visible, as far as it is known.
///
/// It begins with its end. As long as there is a [missing ancestor](Self::missing_ancestor), a store loads
/// and [adds](Self::add_ancestor) it: mostly that is one, as the path soon meets the visible one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPath {
    head: Option<MessageId>,
    missing: Option<MessageId>,
    joining: Vec<PathNode>,
    branch_position: u64,
}

impl NewPath {
    /// The path that ends in this message; `None` is the empty path.
    #[must_use]
    pub fn to(head: Option<MessageId>) -> Self {
        Self { head, missing: head, joining: Vec::new(), branch_position: 0 }
    }

    /// The next message to load; `None` once the path has met the visible one or its first message.
    #[must_use]
    pub fn missing_ancestor(&self) -> Option<MessageId> {
        self.missing
    }

    /// Adds the missing ancestor.
    pub fn add_ancestor(&mut self, ancestor: PathNode) {
        if ancestor.is_active {
            self.branch_position = ancestor.position;
            self.missing = None;
        } else {
            self.missing = ancestor.parent_id;
            self.joining.push(ancestor);
        }
    }

    /// Continues the path with messages that are not visible, each the child of the one before it.
    pub fn extend(&mut self, descendants: Vec<PathNode>) {
        self.head = descendants.last().map(|last| last.message_id).or(self.head);
        self.joining.extend(descendants);
    }

    /// The message in which the path ends.
    #[must_use]
    pub fn head(&self) -> Option<MessageId> {
        self.head
    }

    /// The messages that become visible.
    pub fn joining(&self) -> impl Iterator<Item = MessageId> {
        self.joining.iter().map(|node| node.message_id)
    }

    /// All visible messages behind this position leave the visible path.
    #[must_use]
    pub fn branch_position(&self) -> u64 {
        self.branch_position
    }

    /// What the conversation's counts change by when `hidden` leave and this path becomes visible.
    #[must_use]
    pub fn change(&self, hidden: &HiddenMessages) -> PathChange {
        let count = self.joining.iter().map(|_| 1_i64).sum::<i64>();
        let tokens = self.joining.iter().map(|node| i64::from(node.token_count)).sum::<i64>();
        PathChange {
            message_count: count - hidden.message_count,
            total_tokens: tokens - hidden.total_tokens,
        }
    }
}

/// The messages that left the visible path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HiddenMessages {
    /// The position of the first of them; `None` if there are none. A summary that covers it is dropped.
    pub first_position: Option<u64>,
    /// Their number.
    pub message_count: i64,
    /// Their tokens.
    pub total_tokens: i64,
}

/// What a conversation's counts change by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathChange {
    /// The change of `message_count`.
    pub message_count: i64,
    /// The change of `total_tokens`.
    pub total_tokens: i64,
}

/// Follows the newest child from `start` down to a message without children, which are among `later`: the
/// messages behind `start`, ordered by position. Returns `start` and what follows.
#[must_use]
pub fn newest_descendants(
    start: PathNode,
    later: impl IntoIterator<Item = PathNode>,
) -> Vec<PathNode> {
    let children = later.into_iter().filter_map(|node| Some((node.parent_id?, node)));
    let mut newest: HashMap<MessageId, PathNode> = children.collect();
    let mut path = vec![start];
    while let Some(next) = path.last().and_then(|last| newest.remove(&last.message_id)) {
        path.push(next);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(position: u64, parent: Option<&PathNode>, is_active: bool) -> PathNode {
        PathNode {
            message_id: MessageId::generate(),
            parent_id: parent.map(|parent| parent.message_id),
            position,
            token_count: 7,
            is_active,
        }
    }

    #[test]
    fn a_path_joins_the_visible_one_where_they_meet() {
        let root = node(1, None, true);
        let first = node(3, Some(&root), false);
        let second = node(4, Some(&first), false);
        let mut path = NewPath::to(Some(second.message_id));
        for ancestor in [&second, &first, &root] {
            assert_eq!(path.missing_ancestor(), Some(ancestor.message_id));
            path.add_ancestor(*ancestor);
        }

        let hidden = HiddenMessages { first_position: Some(2), message_count: 1, total_tokens: 7 };

        assert_eq!(path.missing_ancestor(), None);
        assert_eq!((path.head(), path.branch_position()), (Some(second.message_id), 1));
        assert_eq!(path.joining().collect::<Vec<_>>(), [second.message_id, first.message_id]);
        let change = path.change(&hidden);
        assert_eq!(change, PathChange { message_count: 1, total_tokens: 7 });
    }

    #[test]
    fn the_empty_path_hides_everything() {
        let path = NewPath::to(None);
        let hidden = HiddenMessages { first_position: Some(1), message_count: 3, total_tokens: 21 };

        assert_eq!((path.missing_ancestor(), path.branch_position()), (None, 0));
        let change = path.change(&hidden);
        assert_eq!(change, PathChange { message_count: -3, total_tokens: -21 });
    }

    #[test]
    fn a_path_continues_with_the_newest_child_each_time() {
        let start = node(2, None, false);
        let older = node(3, Some(&start), false);
        let newer = node(4, Some(&start), false);
        let of_older = node(5, Some(&older), false);
        let of_newer = node(6, Some(&newer), false);

        let path = newest_descendants(start, [older, newer, of_older, of_newer]);

        assert_eq!(path, [start, newer, of_newer]);
        let mut complete = NewPath::to(start.parent_id);
        complete.extend(path);
        assert_eq!(complete.head(), Some(of_newer.message_id));
    }
}
