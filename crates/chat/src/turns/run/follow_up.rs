//! Starts background work after an answer: compaction and title generation.

use std::sync::Arc;

use tracing::Instrument;
use webchat_domain::{Message, MessageStatus};
use webchat_tokens::with_overhead;

use super::turn::{RequestContext, TurnTask};
use crate::context::compaction::Compaction;
use crate::context::titles::{MAX_MESSAGES_BEFORE, generate_title, is_successful};
use crate::trace;

impl TurnTask {
    /// Compacts the conversation before it exceeds the window, and generates a title after the first successful answer.
    pub(super) fn follow_up(&self, answer: &Message, request_context: &RequestContext) {
        let answer_tokens = with_overhead(self.token_delta(answer.token_count));
        let history = request_context.ledger.history.saturating_add(answer_tokens);
        let is_compacted = request_context.is_compacted;
        if !is_compacted && self.core.budget(&request_context.context).needs_compaction(history) {
            // An answer that the user can continue must not become part of a summary yet.
            let is_complete = answer.status == MessageStatus::Complete;
            let before = answer.position + u64::from(is_complete);
            let compaction = self.compaction(before).run().instrument(trace::compaction());
            self.core.lifecycle.spawn_detached(compaction);
        }
        let may_be_first = self.conversation.message_count <= u64::from(MAX_MESSAGES_BEFORE) + 1;
        if self.core.settings.auto_titles && may_be_first && is_successful(answer) {
            let (core, id) = (Arc::clone(&self.core), self.conversation.conversation_id);
            let (question, answer) = (self.question.clone(), answer.clone());
            let generation = generate_title(core, self.caller, id, question, answer);
            self.core.lifecycle.spawn_detached(generation.instrument(trace::title()));
        }
    }

    pub(super) fn compaction(&self, before: u64) -> Compaction {
        let id = self.conversation.conversation_id;
        let (core, model) = (Arc::clone(&self.core), Arc::clone(&self.context.model));
        Compaction { core, caller: self.caller, id, before, model }
    }
}
