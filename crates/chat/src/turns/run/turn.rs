//! A running turn, from its start to its end.

use std::sync::Arc;

use webchat_domain::{Context, Conversation, FinishReason, Ledger, Message, Title, TurnId, UserId};

use super::draft::Draft;
use crate::events::publisher::EventPublisher;
use crate::runtime::core::Core;
use crate::runtime::error_chain::error_chain;
use crate::runtime::limits::Permit;
use crate::turns::registry::{RunningTurns, TurnCancellation};

/// The task of a turn, which generates the answer to a question.
pub(crate) struct TurnTask {
    pub(crate) core: Arc<Core>,
    pub(crate) running: Arc<RunningTurns>,
    pub(crate) user_id: UserId,
    pub(crate) conversation: Conversation,
    pub(crate) turn_id: TurnId,
    pub(crate) question: Message,
    /// The stored answer: empty, or the text to continue.
    pub(crate) answer: Message,
    /// The context at the start of the turn.
    pub(crate) context: Context,
    /// The title made from the question, if this is the conversation's first question.
    pub(crate) first_title: Option<Title>,
    /// Counts the turn towards the user's limit until it ends.
    pub(crate) _permit: Permit,
}

/// What the request to the model was built from: the context, and the tokens by kind.
pub(super) struct RequestContext {
    pub(super) context: Context,
    pub(super) ledger: Ledger,
    /// Whether the turn has compacted the conversation: it does so at most once.
    pub(super) is_compacted: bool,
}

impl TurnTask {
    /// Generates the answer, saves it and publishes it. Errors and panics end the turn, too.
    pub(crate) async fn run(self, cancellation: TurnCancellation) {
        let id = self.conversation.conversation_id;
        let publisher = EventPublisher::new(Arc::clone(&self.core.ports.log), id);
        let abort = cancellation.abort.clone();
        let ((), is_published) =
            tokio::join!(self.produce_answer(&publisher, cancellation), publisher.run(&abort));
        self.running.remove(id, self.turn_id);
        // If the end could not be published, the turn stays stored, so that another instance publishes it.
        if is_published
            && let Err(error) = self.core.ports.conversations.end_turn(id, self.turn_id).await
        {
            let error = error_chain(&error);
            tracing::warn!(turn_id = %self.turn_id, error, "failed to delete finished turn");
        }
        self.core.notify_list(self.user_id, Some(id)).await;
    }

    /// Ends a turn that could not be published, so that the conversation accepts the next message.
    pub(crate) async fn fail_unpublished(self) {
        let draft = Draft::new(&self.answer.content);
        if let Err(error) = self.save_final_with_retry(&draft, FinishReason::Failed, None).await {
            let error = error_chain(&error);
            tracing::warn!(turn_id = %self.turn_id, error, "failed to end unpublished turn");
        }
    }

    /// Returns whether the turn continues an answer that has text.
    pub(super) fn continues_text(&self) -> bool {
        !self.answer.content.is_empty()
    }

    /// Returns how many of the answer's `token_count` tokens this turn has generated.
    pub(super) fn added_tokens(&self, token_count: u32) -> u32 {
        token_count.saturating_sub(self.answer.token_count)
    }
}
