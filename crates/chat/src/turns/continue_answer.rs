//! Continuing an answer that broke off.

use webchat_domain::{ClientMessageId, ConversationId, MessageId, Role, UserId};

use super::sent::Sent;
use super::service::Turns;
use super::start::{TurnSource, TurnStart};
use crate::error::ChatError;

impl Turns {
    /// Starts a turn that continues the last answer of the visible path, which was interrupted, stopped,
    /// truncated or failed. New text is appended to the same message; the first published chunk is the text
    /// it has already.
    ///
    /// `message_id` is the answer's; without it, the last message is meant.
    ///
    /// # Errors
    /// Those of [`Turns::send`]; [`ChatError::NothingToContinue`] if the last message is another one or
    /// complete, or if the answer leaves no room for more; [`ChatError::MessageNotFound`] if there is no such
    /// answer.
    ///
    /// # Cancellation
    /// As for [`Turns::send`].
    pub async fn continue_answer(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: Option<MessageId>,
        client_message_id: Option<ClientMessageId>,
    ) -> Result<Sent, ChatError> {
        let answer = match message_id {
            Some(message_id) => {
                self.core.find_message(user_id, id, message_id, Role::Assistant).await?
            }
            None => {
                self.core.last_answer(user_id, id).await?.ok_or(ChatError::NothingToContinue)?
            }
        };
        let question = self.core.question_of(user_id, id, &answer).await?;
        let source = TurnSource::Continuation { question, answer };
        self.start(TurnStart { user_id, id, client_message_id, source }).await
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{EventBody, FinishReason, MessageStatus};
    use webchat_llm::ChatRole;

    use super::*;
    use crate::context::prompts::CONTINUE;
    use crate::testing::{ANSWER, QUESTION, TestChat, log_that_rejects, settle};

    async fn go_on(test: &TestChat) -> Result<Sent, ChatError> {
        test.chat.turns.continue_answer(test.user_id, test.id, None, None).await
    }

    fn code(refused: Result<Sent, ChatError>) -> &'static str {
        refused.unwrap_err().code()
    }

    /// A room whose only answer broke off here.
    async fn chat_with_answer(answer: &str, reason: FinishReason) -> TestChat {
        let test = TestChat::new().await;
        test.ask(QUESTION).await.answer(answer, reason).await;
        test
    }

    #[tokio::test(start_paused = true)]
    async fn the_model_goes_on_with_the_same_answer_and_all_of_it_is_told() {
        let test = chat_with_answer("antidis", FinishReason::Length).await;
        let [question, broken_off] = test.messages().await.try_into().unwrap();
        let before = test.published().await.len();

        go_on(&test).await.unwrap();
        let request = test.model.next_request().await;
        let roles: Vec<_> = request.request.messages.iter().map(|message| message.role).collect();
        let given = request.contents().join(" | ");
        settle().await;
        request.answer("establishmentarianism", FinishReason::Stop).await;

        assert_eq!(roles, [ChatRole::User, ChatRole::Assistant, ChatRole::User]);
        assert_eq!(given, format!("{QUESTION} | antidis | {CONTINUE}"));
        let sent = 3
            + (4 + 7)
            + (4 + broken_off.token_count)
            + (4 + test.chat.core.counter().count(CONTINUE));
        assert_eq!(
            test.published().await[before..],
            [
                "accepted: 2 + 2 = 4",
                "chunk: antidis",
                "chunk: establishmentarianism",
                "end: Stop, Complete",
                &format!("usage: {}", sent + 6 - broken_off.token_count),
            ]
        );
        let [same_question, answer] = test.messages().await.try_into().unwrap();
        assert_eq!(same_question, question);
        assert_eq!(answer.message_id, broken_off.message_id);
        assert_eq!((answer.content.as_str(), answer.token_count), (ANSWER, 6));
        let conversation = test.conversation().await;
        assert_eq!((conversation.message_count, conversation.total_tokens), (2, 7 + 6));
        let events = test.events().await;
        let EventBody::TokenUsage(usage) = &events.last().unwrap().body else { panic!() };
        assert_eq!(usage.ledger.left_out_messages, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn while_an_answer_goes_on_the_events_alone_bring_it() {
        let test = chat_with_answer("antidis", FinishReason::Length).await;

        go_on(&test).await.unwrap();
        let page =
            test.chat.conversations.message_page(test.user_id, test.id, None, 10).await.unwrap();

        let [question] = page.messages.try_into().unwrap();
        assert_eq!(question.message.content, QUESTION);
        assert_eq!(page.running_turn, test.last_message().await.turn_id);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_which_nothing_came_is_asked_for_again() {
        let test = TestChat::new().await;
        test.ask(QUESTION).await.fail().await;
        settle().await;

        go_on(&test).await.unwrap();
        let request = test.model.next_request().await;

        assert_eq!(request.contents(), [QUESTION]);
        request.answer(ANSWER, FinishReason::Stop).await;
        assert_eq!(test.texts().await, [QUESTION, ANSWER]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_again_keeps_what_there_was() {
        let test = chat_with_answer("antidis", FinishReason::Length).await;

        go_on(&test).await.unwrap();
        test.model.next_request().await.fail().await;
        settle().await;
        let failed = test.last_message().await;
        let test = test.with_ports(|ports| ports.log = log_that_rejects("message_accepted"));
        let pending = go_on(&test).await;
        settle().await;

        assert_eq!((failed.content.as_str(), failed.status), ("antidis", MessageStatus::Failed));
        assert_eq!(code(pending), "storage_unavailable");
        let pending = test.last_message().await;
        assert_eq!((pending.content.as_str(), pending.status), ("antidis", MessageStatus::Failed));
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_last_answer_goes_on_and_only_if_it_broke_off() {
        let test = chat_with_answer("antidis", FinishReason::Length).await;
        let (user_id, id, chat) = (test.user_id, test.id, &test.chat);
        let [question, broken_off] = test.messages().await.try_into().unwrap();
        let stranger = chat.turns.continue_answer(UserId::generate(), id, None, None).await;
        let to_a_question =
            chat.turns.continue_answer(user_id, id, Some(question.message_id), None).await;
        test.ask_and_answer("Why?", "So.").await;
        let empty = chat.conversations.start(user_id, None).await.unwrap().conversation_id;
        let before = test.published().await;

        let complete = go_on(&test).await;
        let earlier =
            chat.turns.continue_answer(user_id, id, Some(broken_off.message_id), None).await;
        let of_nothing = chat.turns.continue_answer(user_id, empty, None, None).await;

        assert_eq!(code(stranger), "conversation_not_found");
        assert_eq!(code(to_a_question), "message_not_found");
        for refused in [complete, earlier, of_nothing] {
            assert_eq!(code(refused), "nothing_to_continue");
        }
        assert_eq!(test.published().await, before);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_leaves_no_room_for_more_is_left_as_it_is() {
        let test = TestChat::with_window(150, 50).await;
        test.ask(QUESTION).await.answer(&"tide ".repeat(70), FinishReason::Length).await;

        let refused = go_on(&test).await;

        assert_eq!(code(refused), "nothing_to_continue");
        assert_eq!(test.last_message().await.status, MessageStatus::Truncated);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_twice_goes_on_once() {
        let test = chat_with_answer("antidis", FinishReason::Length).await;
        let name = ClientMessageId::try_from("more".to_owned()).ok();
        let send = || test.chat.turns.continue_answer(test.user_id, test.id, None, name.clone());

        let first = send().await.unwrap();
        test.model.next_request().await.answer("establishmentarianism", FinishReason::Stop).await;
        let second = send().await.unwrap();

        let Sent::Accepted(event) = first else { panic!("{first:?}") };
        let EventBody::MessageAccepted(accepted) = event.body.clone() else { panic!("{event:?}") };
        assert_eq!(second, Sent::Duplicate(accepted));
        assert_eq!(test.model.request_count(), 2);
    }
}
