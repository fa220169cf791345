use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use thiserror::Error;
use webchat_domain::{
    ClientMessageId, Conversation, ConversationId, Message, MessageId, MessageStatus, NewMessage,
    Problem, Role, SearchHit, SearchQuery, Timestamp, Title, TurnId, UserId,
};

use crate::StoreError;

/// Where conversations and their messages are kept.
///
/// A message follows another one, and several may follow the same: its versions. The *visible path*
/// leads from a first message to the conversation's last one; a conversation's `message_count` and
/// `total_tokens` are those of its visible path. Positions are given in the order of appending, so they
/// rise along each path, with gaps where other versions have theirs.
///
/// A call that has answered is durable: it survives a crash and a power cut. A call whose future is
/// dropped may or may not take effect; it never takes effect in part.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Starts an empty conversation of `user_id`. `None`: the id is in use, and nothing is changed.
    async fn create(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<Conversation>, StoreError>;

    /// The conversation, if it is `user_id`'s.
    async fn find(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError>;

    /// A page of `user_id`'s conversations on this shelf, newest first by `order`, behind `after`.
    async fn list(
        &self,
        user_id: UserId,
        which: ArchiveFilter,
        order: ListOrder,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Conversation>, StoreError>;

    /// Changes what its owner says of it.
    async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        edit: Edit,
        now: Timestamp,
    ) -> Result<EditOutcome, StoreError>;

    /// Gives it another title, if it still has the one that is expected. `false`: it has another one,
    /// or `user_id` has no such conversation. This is no change of the conversation by its owner:
    /// `updated_at` stays.
    async fn replace_title_if(
        &self,
        user_id: UserId,
        id: ConversationId,
        expected: Title,
        title: Title,
    ) -> Result<bool, StoreError>;

    /// Deletes it and its messages. `false`: `user_id` has no such conversation.
    async fn delete(&self, user_id: UserId, id: ConversationId) -> Result<bool, StoreError>;

    /// Empties it. Positions go on rising, so that a client that knows an old one is told so; a turn
    /// that runs is forgotten. `false`: `user_id` has no such conversation.
    async fn reset(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Appends messages, all or none of them, at the next positions: to the visible path, or as another
    /// version of one of its messages. Those of a turn take the conversation out of the archive.
    async fn append(
        &self,
        user_id: UserId,
        id: ConversationId,
        append: Append,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError>;

    /// Begins a turn that goes on with the answer in which the visible path ends and which is not
    /// complete: the turn holds the conversation, and the answer is the turn's, `interrupted` if
    /// nothing comes of it. A summary that covers the answer is dropped.
    ///
    /// Answers as an append of nothing does, with the answer alone as the message that is stored;
    /// [`AppendOutcome::Conflict`] where the visible path does not end in such an answer.
    async fn continue_answer(
        &self,
        user_id: UserId,
        id: ConversationId,
        continuation: ContinueAnswer,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError>;

    /// Makes the path to this message the visible one; it goes on with the newest message that
    /// follows, and the newest that follows that. Nothing changes where the message is visible. The
    /// cost grows with the messages behind the place where the paths part.
    async fn select(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
        now: Timestamp,
    ) -> Result<SelectOutcome, StoreError>;

    /// Saves what there is of an answer whose turn still runs. `false`: the turn runs no more (it
    /// ended, or its conversation was reset or deleted), and nothing was changed.
    ///
    /// A save that ends the turn frees the conversation. The turn is remembered until its end is told and
    /// [`Conversations::end_turn`] is called, or another one begins; until then its end can be saved again,
    /// which says that whoever ran it is alive.
    async fn save_answer(
        &self,
        id: ConversationId,
        answer: AnswerUpdate,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Takes over turns whose hold has lapsed by `now`, and those whose end was last saved by
    /// `unpublished_since` and not told, at most `limit`: whoever ran them is taken for dead. Those that lapsed
    /// first come first. Each is answered to one caller alone, for whom it holds its conversation until
    /// `until`, to tell what became of it and then to end it. If the caller dies too, it lapses again.
    async fn claim_expired_turns(
        &self,
        now: Timestamp,
        unpublished_since: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<AbandonedTurn>, StoreError>;

    /// Ends and forgets a turn; its answer stays as it was last saved. `false`: nothing is known of it.
    async fn end_turn(&self, id: ConversationId, turn_id: TurnId) -> Result<bool, StoreError>;

    /// The turn that holds the conversation at `now`. `None`: none does, or `user_id` has no such
    /// conversation.
    async fn running_turn(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<TurnId>, StoreError>;

    /// The newest messages of the visible path that stand before the position `before` (all, without
    /// one), at most `limit`, oldest first. `None`: `user_id` has no such conversation.
    async fn messages(
        &self,
        user_id: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Option<Vec<Message>>, StoreError>;

    /// The message, whether it is visible or not. `None`: `user_id` has no such message there.
    async fn message(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError>;

    /// All messages that follow one of `parents`, whether they are visible or not, oldest first; those
    /// that follow `None` are the first ones. Of somebody else's conversation there are none.
    async fn children(
        &self,
        user_id: UserId,
        id: ConversationId,
        parents: Vec<Option<MessageId>>,
    ) -> Result<Vec<ChildMessage>, StoreError>;

    /// The messages on the visible paths of `user_id` that fit the query best, at most `limit`.
    async fn search(
        &self,
        user_id: UserId,
        query: &SearchQuery,
        limit: u32,
    ) -> Result<Vec<SearchHit>, StoreError>;
}

/// Messages to append, and on what conditions.
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// In this order.
    pub messages: Vec<NewMessage>,
    /// The name the client gave to the first of them. A name that was used in the conversation
    /// before changes nothing: the answer is [`AppendOutcome::Duplicate`].
    pub client_message_id: Option<ClientMessageId>,
    /// The message of which the first of them is another version: it follows the same one. That
    /// message and all behind it leave the visible path, and the new ones are its end; a summary that
    /// covers any that left is dropped. Without one, they follow the end of the visible path.
    pub version_of: Option<MessageId>,
    /// Where the visible path must end for the append to be done: the position of its last message,
    /// 0 where there is none.
    pub expected_position: Option<u64>,
    /// The turn that these messages begin. Without one, they are appended whether a turn runs or not.
    pub turn: Option<TurnLease>,
    /// A title, for a conversation that has none.
    pub title: Option<Title>,
}

/// A turn's hold on its conversation: while it lasts, no other turn begins there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnLease {
    /// The turn.
    pub turn_id: TurnId,
    /// When the hold lapses, unless it is renewed before.
    pub lease_until: Timestamp,
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendOutcome {
    /// They are stored.
    Stored {
        /// The conversation as it is now.
        conversation: Conversation,
        /// The messages as they are stored.
        messages: Vec<Message>,
    },
    /// The client's name for it is known: nothing was stored. This is the message that has it; a
    /// question comes with its first answer, an answer with its question before it.
    Duplicate(Vec<Message>),
    /// The visible path does not end where it was expected to: nothing was stored.
    Conflict {
        /// Where it ends.
        position: u64,
    },
    /// Another turn runs: nothing was stored.
    TurnInProgress,
    /// The owner has no such conversation, or it has no message of which there could be another
    /// version.
    NotFound,
}

/// An answer to go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContinueAnswer {
    /// The answer.
    pub message_id: MessageId,
    /// The name the client gives to this, in place of an older one of the answer's. A name that was
    /// used in the conversation before changes nothing.
    pub client_message_id: Option<ClientMessageId>,
    /// The turn that goes on with it.
    pub turn: TurnLease,
}

/// What became of a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectOutcome {
    /// The message is visible.
    Visible {
        /// Whether it was not before.
        changed: bool,
    },
    /// A turn runs: nothing was changed.
    TurnInProgress,
    /// The owner has no such conversation, or it has no such message.
    NotFound,
}

/// A message by what it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildMessage {
    /// The message.
    pub message_id: MessageId,
    /// What it follows; `None` for a first one.
    pub parent_id: Option<MessageId>,
    /// Who speaks.
    pub role: Role,
}

/// What there is of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerUpdate {
    /// The answer.
    pub message_id: MessageId,
    /// Its turn.
    pub turn_id: TurnId,
    /// All of its text so far.
    pub content: String,
    /// Tokens of that text.
    pub token_count: u32,
    /// What became of it, or what it is if nothing follows.
    pub status: MessageStatus,
    /// Why it failed, in place of what was said of an earlier turn.
    pub error: Option<Problem>,
    /// Until when the turn holds its conversation; `None`: it has ended, and this is its whole answer.
    pub lease_until: Option<Timestamp>,
}

/// A turn that nobody runs any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbandonedTurn {
    /// Whose it is.
    pub user_id: UserId,
    /// Where it ran.
    pub conversation_id: ConversationId,
    /// The turn.
    pub turn_id: TurnId,
    /// Its answer as it was last saved; `None` where it has none.
    pub answer: Option<Message>,
}

/// What is to be another with a conversation. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Another title.
    pub title: Option<Title>,
    /// Whether it is put away. This is no change of the conversation itself: `updated_at` stays.
    pub archived: Option<bool>,
    /// As it must be for the edit to be done.
    pub expected: Option<Conversation>,
}

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditOutcome {
    /// The conversation as it is now.
    Stored(Conversation),
    /// It is not as it was expected to be: nothing was changed.
    Conflict,
    /// The owner has no such conversation.
    NotFound,
}

/// Which conversations are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFilter {
    /// All of them.
    All,
    /// Those that are not put away.
    Active,
    /// Those that are.
    Archived,
}

/// By what conversations are listed, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOrder {
    /// When they were started.
    Created,
    /// When they were last changed.
    Updated,
}

/// Part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

/// A place in a list: behind the entry with this moment and id. Entries that are added or removed
/// meanwhile make no other entry appear twice or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The entry's moment in the list's order.
    pub at: Timestamp,
    /// The entry.
    pub id: ConversationId,
}

/// A text that is no cursor of ours.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("this cursor was not made by this server: use the `next_cursor` of the page before")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.at.unix_millis(), self.id.to_simple())
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (at, id) = text.split_once('_').ok_or(InvalidCursor)?;
        let millis = at.parse().map_err(|_| InvalidCursor)?;
        Ok(Self {
            at: Timestamp::from_unix_millis(millis),
            id: id.parse().map_err(|_| InvalidCursor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_from_its_text() {
        let cursor = Cursor { at: Timestamp::from_unix_millis(17), id: ConversationId::generate() };

        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn other_texts_are_no_cursors() {
        for text in ["", "_", "17", "17_", "x_0190", "17_' OR 1=1"] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
