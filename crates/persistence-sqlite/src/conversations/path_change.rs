//! Making another path visible in several transactions.
//!
//! A path may have a hundred thousand messages, each of which is a row to update, and there is only one writer.
//! Therefore each step shortens the visible path from its end, or extends it again, by at most [`MAX_STEP`] messages.
//! After each step, the conversation has a valid visible path. If the process dies before the last step, nothing is
//! lost: the hidden messages are versions that can be selected.

use rusqlite::{Transaction, params};
use webchat_domain::{ConversationId, MessageId, Timestamp, UserId};
use webchat_persistence::rules::{self, ConversationState, HiddenMessages, NewPath, PathNode};
use webchat_persistence::{Append, StoreError};

use super::path::{self, NODE, find_node, later_nodes, node};
use crate::database::Database;
use crate::rows;

/// The maximum number of messages that one step hides and shows.
const MAX_STEP: usize = 500;

/// The remaining change of the visible path.
#[derive(Clone)]
pub(super) struct PathChange {
    user_id: UserId,
    id: ConversationId,
    /// The head before the next step.
    head: Option<MessageId>,
    /// The position after which all visible messages become hidden; `None` once they are hidden.
    hide_after: Option<u64>,
    /// The messages that become visible afterwards, in reverse order.
    newly_visible: Vec<PathNode>,
}

impl PathChange {
    /// Creates the change that makes a hidden message visible, with its newest descendants.
    pub(super) fn to_message(
        transaction: &Transaction<'_>,
        user_id: UserId,
        state: &ConversationState,
        message: PathNode,
    ) -> rusqlite::Result<Self> {
        let later = later_nodes(transaction, id_of(state), message.position)?;
        Self::new(transaction, user_id, state, NewPath::through(message, later))
    }

    /// Creates the change that must be applied before another version is appended. Returns `None` if the append adds no
    /// version of an existing message, or if the change is small enough for the transaction of the append.
    pub(super) fn before_append(
        transaction: &Transaction<'_>,
        user_id: UserId,
        state: &ConversationState,
        append: &Append,
    ) -> rusqlite::Result<Option<Self>> {
        let Some(version_of) = append.version_of else { return Ok(None) };
        let Some(version_of) = find_node(transaction, id_of(state), version_of)? else {
            return Ok(None);
        };
        let path = NewPath::before(version_of);
        let change = Self::new(transaction, user_id, state, path)?;
        let hidden = change.next_hidden(transaction)?;
        let is_large = change.newly_visible.len() + hidden.len() >= MAX_STEP;
        Ok(is_large.then_some(change))
    }

    fn new(
        transaction: &Transaction<'_>,
        user_id: UserId,
        state: &ConversationState,
        mut path: NewPath,
    ) -> rusqlite::Result<Self> {
        path::load_ancestors(transaction, id_of(state), &mut path)?;
        let hide_after = Some(path.branch_position());
        let mut newly_visible = path.into_newly_visible();
        newly_visible.reverse();
        Ok(Self { user_id, id: id_of(state), head: state.head, hide_after, newly_visible })
    }

    /// Applies the change. Returns `false` if the conversation was changed in the meantime, or a turn is running.
    pub(super) async fn apply(
        mut self,
        database: &Database,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        loop {
            let step = move |transaction: &Transaction<'_>| self.step(transaction, now);
            match database.write_bulk(step).await? {
                Step::More(rest) => self = rest,
                Step::Complete => return Ok(true),
                Step::Conflict => return Ok(false),
            }
        }
    }

    fn step(mut self, transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<Step> {
        let state = rows::find_state(transaction, self.user_id, self.id)?;
        let state =
            state.filter(|state| state.head == self.head && state.running_turn(now).is_none());
        let Some(state) = state else { return Ok(Step::Conflict) };
        let hidden = self.next_hidden(transaction)?;
        let room = MAX_STEP - hidden.len();
        self.hide_after = self.hide_after.filter(|_| room == 0);
        let shown = self.newly_visible.split_off(self.newly_visible.len().saturating_sub(room));
        // The end of `newly_visible` is next to the visible path, so it is shown first.
        let last_shown = shown.first().map(|node| Some(node.message_id));
        let last_visible = hidden.last().map(|node| node.parent_id);
        self.head = last_shown.or(last_visible).unwrap_or(state.head);
        let counts = count(&hidden);
        path::hide(transaction, self.id, &counts)?;
        path::show_nodes(transaction, shown.iter().map(|node| node.message_id))?;
        let is_complete = self.hide_after.is_none() && self.newly_visible.is_empty();
        let state = rules::move_head(state, self.head, &shown, &counts);
        rows::update_state(transaction, &state)?;
        Ok(if is_complete { Step::Complete } else { Step::More(self) })
    }

    /// Returns the visible messages that the next step hides: the last ones, in descending order.
    fn next_hidden(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Vec<PathNode>> {
        let Some(position) = self.hide_after else { return Ok(Vec::new()) };
        transaction
            .prepare_cached(&format!(
                "SELECT {NODE} FROM live_messages
                 WHERE conversation_id = ?1 AND active = 1 AND position > ?2
                 ORDER BY position DESC LIMIT ?3"
            ))?
            .query_map(params![self.id.to_simple(), position, MAX_STEP], rows::read(node))?
            .collect()
    }
}

/// The result of a step.
enum Step {
    More(PathChange),
    Complete,
    /// Nothing was changed.
    Conflict,
}

fn count(hidden: &[PathNode]) -> HiddenMessages {
    HiddenMessages {
        first_position: hidden.last().map(|node| node.position),
        message_count: hidden.iter().map(|_| 1).sum(),
        total_tokens: hidden.iter().map(|node| i64::from(node.token_count)).sum(),
    }
}

fn id_of(state: &ConversationState) -> ConversationId {
    state.conversation.conversation_id
}
