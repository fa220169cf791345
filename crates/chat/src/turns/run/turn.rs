//! A running turn, from its start to its end.

use std::sync::{Arc, Mutex, PoisonError};

use webchat_domain::{Caller, Context, Conversation, FinishReason, Ledger, Message, Title, TurnId};
use webchat_llm::Usage;

use super::draft::Draft;
use crate::events::publisher::EventPublisher;
use crate::models::token_budget::TokenReservation;
use crate::runtime::core::Core;
use crate::runtime::error_chain::error_chain;
use crate::runtime::limits::CallerPermit;
use crate::turns::first_text::FirstTextTimer;
use crate::turns::registry::{RunningTurns, TurnCancellation};

/// The task of a turn, which generates the answer to a question.
pub(crate) struct TurnTask {
    pub(crate) core: Arc<Core>,
    pub(crate) running: Arc<RunningTurns>,
    pub(crate) caller: Caller,
    pub(crate) conversation: Conversation,
    pub(crate) turn_id: TurnId,
    pub(crate) question: Message,
    /// The stored answer: empty, or the text to continue.
    pub(crate) answer: Message,
    /// The context at the start of the turn.
    pub(crate) context: Context,
    /// The title made from the question, if this is the conversation's first question.
    pub(crate) first_title: Option<Title>,
    /// Counts the turn towards the limits of concurrent turns until it ends.
    pub(crate) _permit: CallerPermit,
    /// The tokens of the request for the answer, until they are settled.
    pub(crate) reservation: Mutex<Option<TokenReservation>>,
    pub(crate) first_text: FirstTextTimer,
}

/// What the request to the model was built from: the context, and the tokens by kind.
pub(super) struct RequestContext {
    pub(super) context: Context,
    pub(super) ledger: Ledger,
    /// Whether the request for the answer was sent, and the model did not reject it.
    pub(super) is_sent: bool,
    /// The tokens of the request, as counted by the model.
    pub(super) usage: Option<Usage>,
    /// Whether the turn has compacted the conversation: it does so at most once.
    pub(super) is_compacted: bool,
}

impl RequestContext {
    /// Returns the tokens of the request, without those reserved for the answer.
    pub(super) fn prompt_tokens(&self) -> u32 {
        self.ledger.total.saturating_sub(self.ledger.reserved)
    }
}

impl TurnTask {
    /// Generates the answer, saves it and publishes it. Errors and panics end the turn, too.
    pub(crate) async fn run(self, cancellation: TurnCancellation) {
        let id = self.conversation.conversation_id;
        let publisher = EventPublisher::new(Arc::clone(&self.core.ports.log), id);
        let abort = cancellation.abort.clone();
        // The first text of a continued answer is not new.
        let timer = (!self.continues_text()).then_some(&self.first_text);
        let ((), is_published) = tokio::join!(
            self.produce_answer(&publisher, cancellation),
            publisher.run(&abort, timer)
        );
        self.running.remove(id, self.turn_id);
        // If the end could not be published, the turn stays stored, so that another instance publishes it.
        if is_published
            && let Err(error) = self.core.ports.conversations.end_turn(id, self.turn_id).await
        {
            let error = error_chain(&error);
            tracing::warn!(turn_id = %self.turn_id, error, "failed to delete finished turn");
        }
        self.core.notify_list(self.caller.user_id, Some(id)).await;
    }

    /// Ends a turn that could not be published, so that the conversation accepts the next message.
    pub(crate) async fn fail_unpublished(self) {
        self.settle(0).await;
        let draft = Draft::new(&self.answer.content);
        if let Err(error) = self.save_final_with_retry(&draft, FinishReason::Failed, None).await {
            let error = error_chain(&error);
            tracing::warn!(turn_id = %self.turn_id, error, "failed to end unpublished turn");
        }
    }

    /// Counts the tokens that the request for the answer has used.
    pub(super) async fn settle(&self, used: u64) {
        let reservation = self.reservation.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reservation) = reservation {
            self.core.settle_tokens(reservation, used).await;
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
