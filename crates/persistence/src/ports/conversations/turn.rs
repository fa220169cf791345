//! Updates of an answer, and abandoned turns.

use webchat_domain::{
    ConversationId, Message, MessageId, MessageStatus, Problem, Reasoning, Timestamp, TurnId,
    UserId,
};

/// The current state of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerUpdate {
    /// The answer.
    pub message_id: MessageId,
    /// Its turn.
    pub turn_id: TurnId,
    /// The complete text received so far.
    pub content: String,
    /// The complete reasoning received so far.
    pub reasoning: Option<Reasoning>,
    /// The number of tokens of the text.
    pub token_count: u32,
    /// The status. `Interrupted` while the turn runs, so that it is correct after a crash.
    pub status: MessageStatus,
    /// The error if the turn failed. Replaces the error of an earlier turn.
    pub error: Option<Problem>,
    /// When the turn ended, if the answer is final and the time is known.
    pub ended_at: Option<Timestamp>,
    /// The new expiry time of the turn's lease; `None` if the turn has ended and the answer is final.
    pub lease_until: Option<Timestamp>,
}

/// The turns among which a claim looks for expired ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimScope {
    /// All turns but these: they run on live instances, even if a clock has jumped.
    AllExcept(Vec<TurnId>),
    /// Only these turns: their instances are dead.
    Only(Vec<TurnId>),
}

impl ClaimScope {
    /// All turns.
    pub const ALL: Self = Self::AllExcept(Vec::new());
}

/// A turn whose instance is presumed dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbandonedTurn {
    /// The user who owns the conversation.
    pub user_id: UserId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The turn.
    pub turn_id: TurnId,
    /// The last saved state of the answer, if the turn has one.
    pub answer: Option<Message>,
}
