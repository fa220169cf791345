//! Rules for the change of the visible path from one version to another.

use std::collections::HashMap;

use webchat_domain::MessageId;

use crate::rules::ConversationState;

/// The fields of a message that a change of the visible path depends on.
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

/// The loaded part of a path that becomes visible.
///
/// A store loads it from its end towards the first message. While there is a
/// [missing ancestor](Self::missing_ancestor), the store loads and [adds](Self::add_ancestor) it. Usually only one is
/// missing, because the new path soon meets the visible one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPath {
    head: Option<MessageId>,
    missing: Option<MessageId>,
    /// The loaded messages that become visible, in no particular order.
    newly_visible: Vec<PathNode>,
    branch_position: u64,
}

impl NewPath {
    /// Creates the path to which another version of this message is appended.
    #[must_use]
    pub fn before(message: PathNode) -> Self {
        Self {
            head: message.parent_id,
            missing: message.parent_id,
            newly_visible: Vec::new(),
            branch_position: 0,
        }
    }

    /// Creates the path through a hidden message. After this message, the path follows the newest child of each
    /// message. `later` contains all later messages, ordered by position.
    #[must_use]
    pub fn through(message: PathNode, later: Vec<PathNode>) -> Self {
        let newly_visible = newest_descendants(message, later);
        let head = newly_visible.last().map(|last| last.message_id);
        Self { head, newly_visible, ..Self::before(message) }
    }

    /// Returns the next message to load, or `None` once the path has reached the visible path or its first message.
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
            self.newly_visible.push(ancestor);
        }
    }

    /// Returns the messages that become visible, in the order of the path.
    #[must_use]
    pub fn into_newly_visible(self) -> Vec<PathNode> {
        let mut newly_visible = self.newly_visible;
        newly_visible.sort_unstable_by_key(|node| node.position);
        newly_visible
    }

    /// Returns the messages that become visible, in no particular order.
    pub fn newly_visible(&self) -> impl Iterator<Item = MessageId> {
        self.newly_visible.iter().map(|node| node.message_id)
    }

    /// Returns the position after which all visible messages leave the visible path.
    #[must_use]
    pub fn branch_position(&self) -> u64 {
        self.branch_position
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

/// Returns the conversation after `hidden` have left the visible path and `path` has become visible.
#[must_use]
pub fn show_path(
    state: ConversationState,
    path: &NewPath,
    hidden: &HiddenMessages,
) -> ConversationState {
    move_head(state, path.head, &path.newly_visible, hidden)
}

/// Returns the conversation after `hidden` have left the visible path and `shown` have joined it. The path then
/// ends with `head`.
#[must_use]
pub fn move_head(
    mut state: ConversationState,
    head: Option<MessageId>,
    shown: &[PathNode],
    hidden: &HiddenMessages,
) -> ConversationState {
    let count = shown.iter().map(|_| 1_i64).sum::<i64>();
    let tokens = shown.iter().map(|node| i64::from(node.token_count)).sum::<i64>();
    let conversation = &mut state.conversation;
    conversation.message_count =
        conversation.message_count.saturating_add_signed(count - hidden.message_count);
    conversation.total_tokens =
        conversation.total_tokens.saturating_add_signed(tokens - hidden.total_tokens);
    ConversationState { head, ..state }
}

/// Returns `start`, its newest child, the newest child of that child, and so on, up to a message without children.
fn newest_descendants(start: PathNode, later: Vec<PathNode>) -> Vec<PathNode> {
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
    use webchat_domain::{ConversationId, Timestamp};

    use super::*;
    use crate::rules::new_conversation;

    fn node(position: u64, parent: Option<&PathNode>, is_active: bool) -> PathNode {
        PathNode {
            message_id: MessageId::generate(),
            parent_id: parent.map(|parent| parent.message_id),
            position,
            token_count: 7,
            is_active,
        }
    }

    fn show(path: &NewPath, hidden: &HiddenMessages) -> (Option<MessageId>, u64, u64) {
        let mut state = new_conversation(ConversationId::generate(), Timestamp::FIXTURE);
        state.conversation.message_count = 3;
        state.conversation.total_tokens = 21;
        let shown = show_path(state, path, hidden);
        (shown.head, shown.conversation.message_count, shown.conversation.total_tokens)
    }

    #[test]
    fn a_new_path_ends_at_its_first_visible_ancestor() {
        let root = node(1, None, true);
        let first = node(3, Some(&root), false);
        let second = node(4, Some(&first), false);
        let mut path = NewPath::before(node(5, Some(&second), false));
        for ancestor in [&second, &first, &root] {
            assert_eq!(path.missing_ancestor(), Some(ancestor.message_id));
            path.add_ancestor(*ancestor);
        }

        let hidden = HiddenMessages { first_position: Some(2), message_count: 1, total_tokens: 7 };

        assert_eq!((path.missing_ancestor(), path.branch_position()), (None, 1));
        assert_eq!(path.newly_visible().collect::<Vec<_>>(), [second.message_id, first.message_id]);
        assert_eq!(show(&path, &hidden), (Some(second.message_id), 4, 28));
    }

    #[test]
    fn the_path_before_a_first_message_hides_everything() {
        let path = NewPath::before(node(1, None, true));
        let hidden = HiddenMessages { first_position: Some(1), message_count: 3, total_tokens: 21 };

        assert_eq!((path.missing_ancestor(), path.branch_position()), (None, 0));
        assert_eq!(show(&path, &hidden), (None, 0, 0));
    }

    #[test]
    fn a_path_follows_the_newest_children() {
        let parent = node(1, None, true);
        let selected = node(2, Some(&parent), false);
        let older = node(3, Some(&selected), false);
        let newer = node(4, Some(&selected), false);
        let of_older = node(5, Some(&older), false);
        let of_newer = node(6, Some(&newer), false);

        let path = NewPath::through(selected, vec![older, newer, of_older, of_newer]);

        let newly_visible = [selected, newer, of_newer].map(|node| node.message_id);
        assert_eq!(path.newly_visible().collect::<Vec<_>>(), newly_visible);
        assert_eq!(path.missing_ancestor(), Some(parent.message_id));
        assert_eq!(show(&path, &HiddenMessages::default()).0, Some(of_newer.message_id));
    }
}
