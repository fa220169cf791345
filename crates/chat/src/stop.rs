use webchat_domain::{ConversationId, TurnId, UserId};
use webchat_persistence::{Signal, StoreError};

use crate::core::Core;
use crate::fault::cause;
use crate::{ChatError, Turns};

impl Turns {
    /// Ends the answer that is being made, if there is one, on whichever instance. What came of it is
    /// kept.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn stop(&self, user_id: UserId, id: ConversationId) -> Result<(), ChatError> {
        self.core.find_conversation(user_id, id).await?;
        Ok(self.core.stop_anywhere(user_id, id).await?)
    }

    /// Ends the answer that this turn makes. What came of it is kept.
    ///
    /// # Errors
    /// [`ChatError::TurnNotFound`] where this turn does not run;
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn stop_turn(
        &self,
        user_id: UserId,
        id: ConversationId,
        turn_id: TurnId,
    ) -> Result<(), ChatError> {
        self.core.find_conversation(user_id, id).await?;
        let now = self.core.ports.clock.now();
        if self.core.ports.conversations.running_turn(user_id, id, now).await? != Some(turn_id) {
            return Err(ChatError::TurnNotFound);
        }
        self.stop(user_id, id).await
    }
}

impl Core {
    /// Ends the turn of a conversation that was deleted or emptied. Where that fails, it ends by
    /// itself as soon as it notices that it has lost its place.
    pub(crate) async fn stop_orphaned(&self, user_id: UserId, id: ConversationId) {
        if let Err(error) = self.stop_anywhere(user_id, id).await {
            tracing::warn!(conversation_id = %id, error = cause(&error), "a turn was not stopped");
        }
    }

    async fn stop_anywhere(&self, user_id: UserId, id: ConversationId) -> Result<(), StoreError> {
        if self.running.stop(id) {
            return Ok(());
        }
        if let Some(turn_id) = self.ports.log.checkpoint(id).await?.running_turn {
            let stop = Signal::Stop { user_id, conversation_id: id, turn_id };
            self.ports.signals.publish(stop).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{MessageStatus, TurnId};

    use super::*;
    use crate::testing::{ANSWER, QUESTION, Room, settle};

    #[tokio::test(start_paused = true)]
    async fn a_stopped_answer_keeps_what_came_and_lets_go_of_the_model() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        asked.say(ANSWER).await;
        settle().await;

        room.chat.turns.stop(room.user_id, room.id).await.unwrap();
        settle().await;

        assert!(asked.is_dropped());
        assert_eq!(room.told().await[3..], ["end: Stopped, Stopped", "usage: 20"]);
        let answer = room.last_stored().await;
        assert_eq!((answer.content.as_str(), answer.token_count), (ANSWER, 6));
        assert_eq!(answer.status, MessageStatus::Stopped);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_another_instance_makes_is_stopped_there() {
        let room = Room::open().await;
        let other = room.another_instance();
        room.chat.spawn_background_tasks();
        settle().await;
        let asked = room.ask(QUESTION).await;

        other.turns.stop(room.user_id, room.id).await.unwrap();
        settle().await;

        assert!(asked.is_dropped());
        assert_eq!(room.last_stored().await.status, MessageStatus::Stopped);
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_stops_nothing_but_the_owners_turn_that_it_names() {
        let room = Room::open().await;
        room.chat.spawn_background_tasks();
        settle().await;
        let asked = room.ask(QUESTION).await;
        let (user_id, conversation_id) = (room.user_id, room.id);
        let turn_id = room.last_stored().await.turn_id.unwrap();

        for forged in [
            Signal::Stop { user_id: UserId::generate(), conversation_id, turn_id },
            Signal::Stop { user_id, conversation_id, turn_id: TurnId::generate() },
            Signal::Stop { user_id, conversation_id: ConversationId::generate(), turn_id },
        ] {
            room.chat.core.ports.signals.publish(forged).await.unwrap();
        }
        settle().await;

        assert!(!asked.is_dropped());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_happens_where_no_answer_is_made() {
        let room = Room::open().await;
        room.ask_and_answer(QUESTION, ANSWER).await;

        room.chat.turns.stop(room.user_id, room.id).await.unwrap();
        room.ask_and_answer("Why?", "So.").await;

        let answers: Vec<_> = room.stored().await.iter().map(|message| message.status).collect();
        assert_eq!(answers, [MessageStatus::Complete; 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_stopped_by_its_id_for_as_long_as_it_runs() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        let runs = room.last_stored().await.turn_id.unwrap();

        let other = room.chat.turns.stop_turn(room.user_id, room.id, TurnId::generate()).await;
        settle().await;
        assert!(!asked.is_dropped());
        room.chat.turns.stop_turn(room.user_id, room.id, runs).await.unwrap();
        settle().await;
        let again = room.chat.turns.stop_turn(room.user_id, room.id, runs).await;

        assert!(asked.is_dropped());
        assert_eq!(other.unwrap_err().code(), "turn_not_found");
        assert_eq!(again.unwrap_err().code(), "turn_not_found");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_stops_nothing() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;

        let refused = room.chat.turns.stop(UserId::generate(), room.id).await;
        settle().await;

        assert_eq!(refused.unwrap_err().code(), "conversation_not_found");
        assert!(!asked.is_dropped());
    }
}
