//! The port of conversations.

use async_trait::async_trait;
use webchat_domain::{
    Conversation, ConversationId, Message, MessageId, SearchHit, SearchQuery, Timestamp, Title,
    TitleHit, TurnId, UserId,
};

use super::append::{Append, AppendOutcome, ContinueAnswer};
use super::cursor::Cursor;
use super::edit::{Edit, EditOutcome};
use super::list::{ArchiveFilter, ListOrder, Page};
use super::turn::{AbandonedTurn, AnswerUpdate, ClaimScope};
use super::versions::{ChildMessage, SelectOutcome};
use crate::StoreError;

/// Stores conversations and their messages.
///
/// Each message has a parent, except a first one. Several messages with the same parent are *versions*. The
/// *visible path* leads from a first message to the conversation's last one. A conversation's
/// `message_count` and `total_tokens` are those of its visible path. Positions are assigned in the order of
/// appending: they increase along each path, with gaps for the positions of other versions.
///
/// A completed call is durable: it survives a crash and a power failure, except for [`Conversations::end_turn`] and for
/// progress in [`Conversations::save_answer`]. A call whose future is dropped takes effect
/// either completely or not at all.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Creates an empty conversation. Returns `None` and changes nothing if the id is in use, or the user was erased.
    async fn create(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<Conversation>, StoreError>;

    /// Returns a conversation, or `None` if the user has no such conversation.
    async fn find(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError>;

    /// Returns a page of at most `limit` of the user's conversations after `after`, newest first by `order`.
    async fn list(
        &self,
        user_id: UserId,
        filter: ArchiveFilter,
        order: ListOrder,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Conversation>, StoreError>;

    /// Returns the number of the user's conversations, with archived and empty ones.
    async fn count(&self, user_id: UserId) -> Result<u64, StoreError>;

    /// Edits a conversation on behalf of its user.
    async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        edit: Edit,
    ) -> Result<EditOutcome, StoreError>;

    /// Replaces or removes the title if it is still the expected one. Returns `false` if it is not, or if the user
    /// has no such conversation. `updated_at` stays.
    async fn replace_title_if(
        &self,
        user_id: UserId,
        id: ConversationId,
        expected: Title,
        title: Option<Title>,
    ) -> Result<bool, StoreError>;

    /// Deletes a conversation and its messages. Returns `false` if the user has no such conversation.
    async fn delete(&self, user_id: UserId, id: ConversationId) -> Result<bool, StoreError>;

    /// Removes all messages of a conversation and deletes its turn. Positions are not used again, so that an append
    /// that expects an old position is a conflict. Returns `false` if the user has no such conversation.
    async fn reset(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Appends all of the messages or none, at the next positions: to the visible path, or as another version of one
    /// of its messages. The messages of a turn unarchive the conversation.
    async fn append(
        &self,
        user_id: UserId,
        id: ConversationId,
        append: Append,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError>;

    /// Starts a turn that continues the unfinished answer at the end of the visible path. The turn gets
    /// the lease on the conversation and the answer, which stays `interrupted` unless the turn saves
    /// more. An answer that is blank becomes empty, and its `created_at` is `now`. A summary that covers the
    /// answer is dropped.
    ///
    /// The outcome is that of an append without messages, with the answer as the stored message. It is
    /// [`AppendOutcome::Conflict`] if the visible path does not end in such an answer.
    async fn continue_answer(
        &self,
        user_id: UserId,
        id: ConversationId,
        continuation: ContinueAnswer,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError>;

    /// Makes the path to this message visible. After the message, the path follows the newest child of each message.
    /// Changes nothing if the message is visible. The cost grows with the number of messages after the point where the
    /// old and the new path diverge.
    async fn select(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
        now: Timestamp,
    ) -> Result<SelectOutcome, StoreError>;

    /// Saves the current state of an answer. Returns `false` and changes nothing if its turn is no
    /// longer known: it was ended or replaced, or its conversation was reset or deleted.
    ///
    /// Progress, which has a lease, need not be durable: after a power failure, the answer may have an earlier state.
    ///
    /// Saving the final state releases the lease. The turn is remembered until [`Conversations::end_turn`]
    /// is called after its end was published, or until another turn starts. Until then the final state can
    /// be saved again, which shows that the turn's instance is alive.
    async fn save_answer(
        &self,
        id: ConversationId,
        answer: AnswerUpdate,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Claims at most `limit` turns of instances that are presumed dead: those in `scope` whose lease expires
    /// by `expired_by`, earliest first, and ended ones that were last saved by `unpublished_since` and whose end is not
    /// published. Each turn is returned to one caller only. This caller holds the lease until `until`, publishes
    /// the turn's end, and then ends the turn. If the caller dies too, the lease expires again.
    async fn claim_expired_turns(
        &self,
        scope: ClaimScope,
        expired_by: Timestamp,
        unpublished_since: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<AbandonedTurn>, StoreError>;

    /// Ends and deletes a turn; its answer stays as it was last saved. Returns `false` if the turn is
    /// not known. Need not be durable: after a power failure, the turn may be claimed and its end published again.
    async fn end_turn(&self, id: ConversationId, turn_id: TurnId) -> Result<bool, StoreError>;

    /// Returns the turn whose lease on the conversation is valid at `now`, or `None` if there is none or
    /// the user has no such conversation.
    async fn running_turn(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<TurnId>, StoreError>;

    /// Returns at most `limit` of the newest messages of the visible path, oldest first; with `before`,
    /// only those before that position. Returns fewer, but at least one, if they have
    /// [`MAX_PAGE_BYTES`](crate::rules::MAX_PAGE_BYTES) of text. Returns `None` if the user has no such
    /// conversation.
    async fn messages(
        &self,
        user_id: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Option<Vec<Message>>, StoreError>;

    /// Returns a message, visible or not, or `None` if the user has no such message there.
    async fn message(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError>;

    /// Returns all children of `parents`, visible or not, oldest first. First messages are the children of
    /// `None`. The result is empty if the user has no such conversation.
    async fn children(
        &self,
        user_id: UserId,
        id: ConversationId,
        parents: Vec<Option<MessageId>>,
    ) -> Result<Vec<ChildMessage>, StoreError>;

    /// Returns at most `limit` of the user's visible messages that match the query, best match first. A
    /// store may consider only the newest of very many matches.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] if the search takes longer than the store allows.
    async fn search(
        &self,
        user_id: UserId,
        query: &SearchQuery,
        limit: u32,
    ) -> Result<Vec<SearchHit>, StoreError>;

    /// Returns the conversations of the first `max_messages` messages that [`Conversations::search`] finds, each once
    /// with the score of its best message, best first. They are followed, with the score 0, by the conversations of
    /// which only a few-shot example matches.
    ///
    /// # Errors
    /// As [`Conversations::search`].
    async fn search_conversations(
        &self,
        user_id: UserId,
        query: &SearchQuery,
        max_messages: u32,
    ) -> Result<Vec<(ConversationId, f64)>, StoreError>;

    /// Returns the user's conversations whose titles match, at most `limit`, the last updated ones first. Searches the
    /// [`MAX_SEARCHED_TITLES`](crate::search::MAX_SEARCHED_TITLES) last updated conversations.
    ///
    /// # Errors
    /// As [`Conversations::search`].
    async fn search_titles(
        &self,
        user_id: UserId,
        query: &SearchQuery,
        limit: u32,
    ) -> Result<Vec<TitleHit>, StoreError>;
}
