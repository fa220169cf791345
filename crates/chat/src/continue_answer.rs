use webchat_domain::{ClientMessageId, ConversationId, Message, MessageId, Role, UserId};
use webchat_persistence::{AppendOutcome, ContinueAnswer};
use webchat_tokens::with_overhead;

use crate::core::Core;
use crate::prompts::CONTINUE;
use crate::send_message::TurnStart;
use crate::{ChatError, Sent, Turns};

impl Turns {
    /// Lets the model go on with the answer in which the visible path ends, and which was interrupted,
    /// stopped, truncated or failed. What comes is appended to the same message. The first part that
    /// is told is the text that was there.
    ///
    /// `message_id` is that answer's; without one it is the last, whichever that is.
    ///
    /// # Errors
    /// As of [`Turns::send`]; [`ChatError::NothingToContinue`] where the visible path ends in
    /// another message or one that is complete, or the answer leaves no room for more;
    /// [`ChatError::MessageNotFound`] where there is no such answer.
    ///
    /// # Cancellation
    /// As of [`Turns::send`].
    pub async fn continue_answer(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: Option<MessageId>,
        client_message_id: Option<ClientMessageId>,
    ) -> Result<Sent, ChatError> {
        let _admission = self.core.running.admit().ok_or(ChatError::ShuttingDown)?;
        let answer = match message_id {
            Some(message_id) => {
                self.core.find_message(user_id, id, message_id, Role::Assistant).await?
            }
            None => {
                self.core.last_answer(user_id, id).await?.ok_or(ChatError::NothingToContinue)?
            }
        };
        let turns = self.clone();
        self.to_its_end(async move {
            turns.resume_and_begin(user_id, id, &answer, client_message_id).await
        })
        .await
    }

    async fn resume_and_begin(
        &self,
        user_id: UserId,
        id: ConversationId,
        answer: &Message,
        client_message_id: Option<ClientMessageId>,
    ) -> Result<Sent, ChatError> {
        let question = self.core.question_of(user_id, id, answer).await?;
        let context = self.core.stored_context(user_id, id).await?.context;
        let fits = self.core.budget(&context).fits(self.core.tokens_to_continue(answer));
        fits.map_err(|_| ChatError::NothingToContinue)?;
        let permit = self.acquire_turn_permit(user_id)?;
        self.check_log(id).await?;
        let continuation = ContinueAnswer {
            message_id: answer.message_id,
            client_message_id: client_message_id.clone(),
            turn: self.claim(),
        };
        let now = self.core.ports.clock.now();
        match self.core.ports.conversations.continue_answer(user_id, id, continuation, now).await? {
            AppendOutcome::Conflict { .. } => Err(ChatError::NothingToContinue),
            resumed => {
                let question = Some(question);
                let opening = TurnStart { client_message_id, question, branches: false, permit };
                self.begin(user_id, resumed, opening).await
            }
        }
    }
}

impl Core {
    /// Tokens of the answer, of the instruction to go on with it, and of what the chat format adds to
    /// that.
    pub(crate) fn tokens_to_continue(&self, answer: &Message) -> u32 {
        let instruction = with_overhead(self.counter().count(CONTINUE));
        answer.token_count.saturating_add(instruction)
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{EventBody, FinishReason, MessageStatus};
    use webchat_llm::ChatRole;

    use super::*;
    use crate::testing::{ANSWER, QUESTION, Room, log_that_refuses, settle};

    async fn go_on(room: &Room) -> Result<Sent, ChatError> {
        room.chat.turns.continue_answer(room.user_id, room.id, None, None).await
    }

    fn code(refused: Result<Sent, ChatError>) -> &'static str {
        refused.unwrap_err().code()
    }

    /// A room whose only answer broke off here.
    async fn room_with_answer(text: &str, reason: FinishReason) -> Room {
        let room = Room::open().await;
        room.ask(QUESTION).await.answer(text, reason).await;
        room
    }

    #[tokio::test(start_paused = true)]
    async fn the_model_goes_on_with_the_same_answer_and_all_of_it_is_told() {
        let room = room_with_answer("antidis", FinishReason::Length).await;
        let [question, broken_off] = room.stored().await.try_into().unwrap();
        let before = room.told().await.len();

        go_on(&room).await.unwrap();
        let asked = room.model.asked().await;
        let roles: Vec<_> = asked.request.messages.iter().map(|message| message.role).collect();
        let given = asked.said().join(" | ");
        settle().await;
        asked.answer("establishmentarianism", FinishReason::Stop).await;

        assert_eq!(roles, [ChatRole::User, ChatRole::Assistant, ChatRole::User]);
        assert_eq!(given, format!("{QUESTION} | antidis | {CONTINUE}"));
        let sent = 3
            + (4 + 7)
            + (4 + broken_off.token_count)
            + (4 + room.chat.core.counter().count(CONTINUE));
        assert_eq!(
            room.told().await[before..],
            [
                "accepted: 2 + 2 = 4",
                "chunk: antidis",
                "chunk: establishmentarianism",
                "end: Stop, Complete",
                &format!("usage: {}", sent + 6 - broken_off.token_count),
            ]
        );
        let [same_question, answer] = room.stored().await.try_into().unwrap();
        assert_eq!(same_question, question);
        assert_eq!(answer.message_id, broken_off.message_id);
        assert_eq!((answer.content.as_str(), answer.token_count), (ANSWER, 6));
        let conversation = room.conversation().await;
        assert_eq!((conversation.message_count, conversation.total_tokens), (2, 7 + 6));
        let events = room.events().await;
        let EventBody::TokenUsage(usage) = &events.last().unwrap().body else { panic!() };
        assert_eq!(usage.ledger.left_out_messages, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn while_an_answer_goes_on_the_events_alone_bring_it() {
        let room = room_with_answer("antidis", FinishReason::Length).await;

        go_on(&room).await.unwrap();
        let page =
            room.chat.conversations.message_page(room.user_id, room.id, None, 10).await.unwrap();

        let [question] = page.messages.try_into().unwrap();
        assert_eq!(question.message.content, QUESTION);
        assert_eq!(page.running_turn, room.last_stored().await.turn_id);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_which_nothing_came_is_asked_for_again() {
        let room = Room::open().await;
        room.ask(QUESTION).await.fail().await;
        settle().await;

        go_on(&room).await.unwrap();
        let asked = room.model.asked().await;

        assert_eq!(asked.said(), [QUESTION]);
        asked.answer(ANSWER, FinishReason::Stop).await;
        assert_eq!(room.texts().await, [QUESTION, ANSWER]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_again_keeps_what_there_was() {
        let room = room_with_answer("antidis", FinishReason::Length).await;

        go_on(&room).await.unwrap();
        room.model.asked().await.fail().await;
        settle().await;
        let failed = room.last_stored().await;
        let room = room.on(|ports| ports.log = log_that_refuses("message_accepted"));
        let pending = go_on(&room).await;
        settle().await;

        assert_eq!((failed.content.as_str(), failed.status), ("antidis", MessageStatus::Failed));
        assert_eq!(code(pending), "storage_unavailable");
        let pending = room.last_stored().await;
        assert_eq!((pending.content.as_str(), pending.status), ("antidis", MessageStatus::Failed));
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_last_answer_goes_on_and_only_if_it_broke_off() {
        let room = room_with_answer("antidis", FinishReason::Length).await;
        let (user_id, id, chat) = (room.user_id, room.id, &room.chat);
        let [question, broken_off] = room.stored().await.try_into().unwrap();
        let stranger = chat.turns.continue_answer(UserId::generate(), id, None, None).await;
        let to_a_question =
            chat.turns.continue_answer(user_id, id, Some(question.message_id), None).await;
        room.ask_and_answer("Why?", "So.").await;
        let empty = chat.conversations.start(user_id, None).await.unwrap().conversation_id;
        let before = room.told().await;

        let complete = go_on(&room).await;
        let earlier =
            chat.turns.continue_answer(user_id, id, Some(broken_off.message_id), None).await;
        let of_nothing = chat.turns.continue_answer(user_id, empty, None, None).await;

        assert_eq!(code(stranger), "conversation_not_found");
        assert_eq!(code(to_a_question), "message_not_found");
        for refused in [complete, earlier, of_nothing] {
            assert_eq!(code(refused), "nothing_to_continue");
        }
        assert_eq!(room.told().await, before);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_leaves_no_room_for_more_is_left_as_it_is() {
        let room = Room::with_window(150, 50).await;
        room.ask(QUESTION).await.answer(&"tide ".repeat(70), FinishReason::Length).await;

        let refused = go_on(&room).await;

        assert_eq!(code(refused), "nothing_to_continue");
        assert_eq!(room.last_stored().await.status, MessageStatus::Truncated);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_twice_goes_on_once() {
        let room = room_with_answer("antidis", FinishReason::Length).await;
        let name = ClientMessageId::try_from("more".to_owned()).ok();
        let send = || room.chat.turns.continue_answer(room.user_id, room.id, None, name.clone());

        let first = send().await.unwrap();
        room.model.asked().await.answer("establishmentarianism", FinishReason::Stop).await;
        let second = send().await.unwrap();

        let Sent::Accepted(event) = first else { panic!("{first:?}") };
        let EventBody::MessageAccepted(accepted) = event.body.clone() else { panic!("{event:?}") };
        assert_eq!(second, Sent::Duplicate(accepted));
        assert_eq!(room.model.times_asked(), 2);
    }
}
