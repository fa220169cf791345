//! Stops a turn.

use webchat_domain::{ConversationId, TurnId, UserId};

use super::service::Turns;
use crate::error::ChatError;

impl Turns {
    /// Stops the running turn, if there is one, on the instance that runs it. Saves the partial answer.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn stop(&self, user_id: UserId, id: ConversationId) -> Result<(), ChatError> {
        self.core.find_conversation(user_id, id).await?;
        Ok(self.stopper.stop(user_id, id).await?)
    }

    /// Stops this turn, on the instance that runs it. Saves the partial answer.
    ///
    /// # Errors
    /// [`ChatError::TurnNotFound`] if this turn is not running;
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn stop_turn(
        &self,
        user_id: UserId,
        id: ConversationId,
        turn_id: TurnId,
    ) -> Result<(), ChatError> {
        self.core.find_conversation(user_id, id).await?;
        let conversations = &self.core.ports.conversations;
        let now = self.running.clamp_to_lease(id, self.core.now());
        if conversations.running_turn(user_id, id, now).await? != Some(turn_id) {
            return Err(ChatError::TurnNotFound);
        }
        Ok(self.stopper.stop(user_id, id).await?)
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::MessageStatus;
    use webchat_persistence::Signal;

    use super::*;
    use crate::testing::{ANSWER, QUESTION, TestChat, settle};

    #[tokio::test(start_paused = true)]
    async fn stopping_a_turn_saves_the_partial_answer_and_cancels_the_request() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        request.send_text(ANSWER).await;
        settle().await;

        test.chat.turns.stop(test.user_id, test.conversation_id).await.unwrap();
        settle().await;

        assert!(request.is_cancelled());
        assert_eq!(test.published().await[3..], ["end: Stopped, Stopped", "usage: 20"]);
        let answer = test.last_message().await;
        assert_eq!((answer.content.as_str(), answer.token_count), (ANSWER, 6));
        assert_eq!(answer.status, MessageStatus::Stopped);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_can_be_stopped_from_another_instance() {
        let test = TestChat::new().await;
        let other = test.another_instance();
        test.chat.spawn_background_tasks();
        settle().await;
        let request = test.ask(QUESTION).await;

        other.turns.stop(test.user_id, test.conversation_id).await.unwrap();
        settle().await;

        assert!(request.is_cancelled());
        assert_eq!(test.last_message().await.status, MessageStatus::Stopped);
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_for_another_user_conversation_or_turn_does_not_stop_the_turn() {
        let test = TestChat::new().await;
        test.chat.spawn_background_tasks();
        settle().await;
        let request = test.ask(QUESTION).await;
        let (user_id, conversation_id) = (test.user_id, test.conversation_id);
        let turn_id = test.last_message().await.turn_id.unwrap();

        for forged in [
            Signal::Stop { user_id: UserId::generate(), conversation_id, turn_id },
            Signal::Stop { user_id, conversation_id, turn_id: TurnId::generate() },
            Signal::Stop { user_id, conversation_id: ConversationId::generate(), turn_id },
        ] {
            test.chat.core.ports.signals.publish(forged).await.unwrap();
        }
        settle().await;

        assert!(!request.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_without_a_running_turn_does_nothing() {
        let test = TestChat::new().await;
        test.ask_and_answer(QUESTION, ANSWER).await;

        test.chat.turns.stop(test.user_id, test.conversation_id).await.unwrap();
        test.ask_and_answer("Why?", "So.").await;

        let statuses: Vec<_> = test.messages().await.iter().map(|message| message.status).collect();
        assert_eq!(statuses, [MessageStatus::Complete; 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_can_be_stopped_by_its_id_only_while_it_runs() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        let turn_id = test.last_message().await.turn_id.unwrap();

        let other =
            test.chat.turns.stop_turn(test.user_id, test.conversation_id, TurnId::generate()).await;
        settle().await;
        assert!(!request.is_cancelled());
        test.chat.turns.stop_turn(test.user_id, test.conversation_id, turn_id).await.unwrap();
        settle().await;
        let after_end =
            test.chat.turns.stop_turn(test.user_id, test.conversation_id, turn_id).await;

        assert!(request.is_cancelled());
        assert_eq!(other.unwrap_err().code(), "turn_not_found");
        assert_eq!(after_end.unwrap_err().code(), "turn_not_found");
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_cannot_stop_the_turn_of_another_user() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;

        let rejected = test.chat.turns.stop(UserId::generate(), test.conversation_id).await;
        settle().await;

        assert_eq!(rejected.unwrap_err().code(), "conversation_not_found");
        assert!(!request.is_cancelled());
    }
}
