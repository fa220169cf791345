//! Continues an incomplete answer.

use webchat_domain::{Caller, ClientMessageId, ConversationId, MessageId, ModelId, Role, UserId};

use super::service::Turns;
use super::start::TurnStart;
use super::start_turn_outcome::StartTurnOutcome;
use super::turn_source::TurnSource;
use crate::error::ChatError;

impl Turns {
    /// Starts a turn that continues the last answer of the visible path if it was interrupted, stopped,
    /// truncated or failed. Appends the new text to the same message and publishes the existing text as the
    /// first chunk.
    ///
    /// The model that began the answer continues it, if it is still available.
    ///
    /// `message_id` is the id of the answer. Without it, continues the last message of the visible path.
    ///
    /// # Errors
    /// Those of [`Turns::send`]; [`ChatError::NothingToContinue`] if the answer is complete or isn't the
    /// last message, or if the model's window has no space for more; [`ChatError::MessageNotFound`] if there
    /// is no such answer.
    ///
    /// # Cancellation
    /// See [`Turns::send`].
    pub async fn continue_answer(
        &self,
        caller: impl Into<Caller>,
        id: ConversationId,
        message_id: Option<MessageId>,
        client_message_id: Option<ClientMessageId>,
    ) -> Result<StartTurnOutcome, ChatError> {
        let caller = caller.into();
        let admission = self.core.lifecycle.admit()?;
        let answer = match message_id {
            Some(message_id) => {
                self.core.find_message(caller.user_id, id, message_id, Role::Assistant).await?
            }
            None => self
                .core
                .last_answer(caller.user_id, id)
                .await?
                .ok_or(ChatError::NothingToContinue)?,
        };
        let question = self.core.question_of(caller.user_id, id, &answer).await?;
        let answer_model = answer.model.clone();
        let answer = Box::new(answer);
        let source = TurnSource::Continuation { question, answer, is_retry: false };
        let model = self.available_model(caller.user_id, answer_model).await?;
        let start =
            TurnStart { _admission: admission, caller, id, client_message_id, source, model };
        self.start(start).await
    }
}

impl Turns {
    /// Returns the model if the user may still use it. Otherwise, that of the conversation continues the answer.
    async fn available_model(
        &self,
        user_id: UserId,
        model: Option<ModelId>,
    ) -> Result<Option<ModelId>, ChatError> {
        let Some(model) = model else { return Ok(None) };
        match self.core.model_for(user_id, Some(&model)).await {
            Ok(_) => Ok(Some(model)),
            Err(ChatError::ModelUnavailable { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{EventBody, FinishReason, MessageStatus};
    use webchat_llm::{ChatRole, ModelError};

    use super::*;
    use crate::context::prompts::CONTINUE;
    use crate::testing::{
        ANSWER, MESSAGE_OVERHEAD, QUESTION, REPLY_PRIMER, TestChat, log_that_rejects, settle,
    };

    async fn continue_last(test: &TestChat) -> Result<StartTurnOutcome, ChatError> {
        test.chat.turns.continue_answer(test.user_id, test.conversation_id, None, None).await
    }

    fn code(result: Result<StartTurnOutcome, ChatError>) -> &'static str {
        result.unwrap_err().code()
    }

    /// Returns a chat whose only answer ended for this reason.
    async fn chat_with_answer(answer: &str, reason: FinishReason) -> TestChat {
        let test = TestChat::new().await;
        test.ask(QUESTION).await.answer(answer, reason).await;
        test
    }

    #[tokio::test(start_paused = true)]
    async fn continuing_appends_to_the_answer_and_publishes_it_completely() {
        let test = chat_with_answer("antidis", FinishReason::Length).await;
        let [question, truncated] = test.messages().await.try_into().unwrap();
        let before = test.published().await.len();

        continue_last(&test).await.unwrap();
        let request = test.model.next_request().await;
        let roles: Vec<_> = request.request.messages.iter().map(|message| message.role).collect();
        let prompt = request.contents().join(" | ");
        settle().await;
        request.answer("establishmentarianism", FinishReason::Stop).await;

        assert_eq!(roles, [ChatRole::User, ChatRole::Assistant, ChatRole::User]);
        assert_eq!(prompt, format!("{QUESTION} | antidis | {CONTINUE}"));
        let prompt_tokens = REPLY_PRIMER
            + (MESSAGE_OVERHEAD + 7)
            + (MESSAGE_OVERHEAD + truncated.token_count)
            + (MESSAGE_OVERHEAD + test.counter().count(CONTINUE));
        assert_eq!(
            test.published().await[before..],
            [
                "accepted: 2 + 2 = 4",
                "chunk: antidis",
                "chunk: establishmentarianism",
                "end: Stop, Complete",
                &format!("usage: {}", prompt_tokens + 6 - truncated.token_count),
            ]
        );
        let [same_question, answer] = test.messages().await.try_into().unwrap();
        assert_eq!(same_question, question);
        assert_eq!(answer.message_id, truncated.message_id);
        assert_eq!((answer.content.as_str(), answer.token_count), (ANSWER, 6));
        assert!(truncated.ended_at.is_some());
        assert_eq!(answer.ended_at, None, "the answer was generated at different times");
        let conversation = test.conversation().await;
        assert_eq!((conversation.message_count, conversation.total_tokens), (2, 7 + 6));
        let events = test.events().await;
        let EventBody::TokenUsage(usage) = &events.last().unwrap().body else { panic!() };
        assert_eq!(usage.ledger.left_out_messages, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn message_pages_omit_an_answer_while_it_is_continued() {
        let test = chat_with_answer("antidis", FinishReason::Length).await;

        continue_last(&test).await.unwrap();
        let page = test.message_page(None, 10).await;

        let [question] = page.messages.try_into().unwrap();
        assert_eq!(question.message.content, QUESTION);
        assert_eq!(page.running_turn, test.last_message().await.turn_id);
    }

    #[tokio::test(start_paused = true)]
    async fn continuing_an_empty_answer_asks_the_question_again() {
        let test = TestChat::new().await;
        test.ask(QUESTION).await.fail().await;
        settle().await;

        continue_last(&test).await.unwrap();
        let request = test.model.next_request().await;

        assert_eq!(request.contents(), [QUESTION]);
        request.answer(ANSWER, FinishReason::Stop).await;
        assert_eq!(test.texts().await, [QUESTION, ANSWER]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_continuation_that_fails_keeps_the_existing_text() {
        let test = chat_with_answer("antidis", FinishReason::Length).await;

        continue_last(&test).await.unwrap();
        test.model.next_request().await.fail().await;
        settle().await;
        let failed = test.last_message().await;
        let test = test.with_ports(|ports| ports.log = log_that_rejects("message_accepted"));
        let rejected = continue_last(&test).await;
        settle().await;

        assert_eq!((failed.content.as_str(), failed.status), ("antidis", MessageStatus::Failed));
        assert_eq!(code(rejected), "storage_unavailable");
        let unpublished = test.last_message().await;
        assert_eq!(
            (unpublished.content.as_str(), unpublished.status),
            ("antidis", MessageStatus::Failed)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_to_which_the_model_has_nothing_to_add_is_complete() {
        let test = chat_with_answer(ANSWER, FinishReason::Length).await;

        continue_last(&test).await.unwrap();
        let empty = ModelError::EmptyAnswer { is_cut_off: false, cause: "empty".into() };
        test.model.next_request().await.fail_with(empty).await;
        settle().await;

        let answer = test.last_message().await;
        assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Complete));
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_incomplete_last_answer_can_be_continued() {
        let test = chat_with_answer("antidis", FinishReason::Length).await;
        let (user_id, id, chat) = (test.user_id, test.conversation_id, &test.chat);
        let [question, truncated] = test.messages().await.try_into().unwrap();
        let by_other_user = chat.turns.continue_answer(UserId::generate(), id, None, None).await;
        let of_question =
            chat.turns.continue_answer(user_id, id, Some(question.message_id), None).await;
        test.ask_and_answer("Why?", "So.").await;
        let empty = chat.conversations.start(user_id, None).await.unwrap().conversation_id;
        let before = test.published().await;

        let complete = continue_last(&test).await;
        let earlier =
            chat.turns.continue_answer(user_id, id, Some(truncated.message_id), None).await;
        let no_answer = chat.turns.continue_answer(user_id, empty, None, None).await;

        assert_eq!(code(by_other_user), "conversation_not_found");
        assert_eq!(code(of_question), "message_not_found");
        for rejected in [complete, earlier, no_answer] {
            assert_eq!(code(rejected), "nothing_to_continue");
        }
        assert_eq!(test.published().await, before);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_fills_the_window_cannot_be_continued() {
        let test = TestChat::with_window(150, 50).await;
        test.ask(QUESTION).await.answer(&"tide ".repeat(70), FinishReason::Length).await;

        let rejected = continue_last(&test).await;

        assert_eq!(code(rejected), "nothing_to_continue");
        assert_eq!(test.last_message().await.status, MessageStatus::Truncated);
    }

    #[tokio::test(start_paused = true)]
    async fn a_duplicate_client_message_id_continues_an_answer_once() {
        let test = chat_with_answer("antidis", FinishReason::Length).await;
        let client_message_id = ClientMessageId::try_from("more".to_owned()).ok();
        let send = || {
            let id = client_message_id.clone();
            test.chat.turns.continue_answer(test.user_id, test.conversation_id, None, id)
        };

        let first = send().await.unwrap();
        test.model.next_request().await.answer("establishmentarianism", FinishReason::Stop).await;
        let second = send().await.unwrap();

        let StartTurnOutcome::Accepted(event) = first else { panic!("{first:?}") };
        let EventBody::MessageAccepted(accepted) = event.body.clone() else { panic!("{event:?}") };
        assert_eq!(second, StartTurnOutcome::Duplicate(accepted));
        assert_eq!(test.model.request_count(), 2);
    }
}
