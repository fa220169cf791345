//! Versions of messages: editing a question, regenerating an answer, selecting a version.

use webchat_domain::{
    ClientMessageId, ConversationChange, ConversationId, Message, MessageId, Role, UserId,
};
use webchat_persistence::SelectOutcome;

use super::send::SendMessage;
use super::sent::Sent;
use super::service::Turns;
use super::start::{TurnSource, TurnStart};
use crate::error::ChatError;

impl Turns {
    /// Stores another version of a question and starts its turn. The old version stays, but leaves the
    /// visible path together with all messages after it.
    ///
    /// # Errors
    /// Those of [`Turns::send`]; [`ChatError::MessageNotFound`] if there is no such question.
    ///
    /// # Cancellation
    /// As for [`Turns::send`].
    pub async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
        message: SendMessage,
    ) -> Result<Sent, ChatError> {
        let old = self.core.find_message(user_id, id, message_id, Role::User).await?;
        self.send_version(user_id, id, message, Some(old.message_id)).await
    }

    /// Starts a turn that answers the same question again. The old answer stays, but leaves the visible path
    /// together with all messages after it. Without `message_id`, the answer is the last message of the
    /// visible path.
    ///
    /// # Errors
    /// Those of [`Turns::send`]; [`ChatError::MessageNotFound`] if there is no such answer, or it belongs to
    /// no question.
    ///
    /// # Cancellation
    /// As for [`Turns::send`].
    pub async fn regenerate(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: Option<MessageId>,
        client_message_id: Option<ClientMessageId>,
    ) -> Result<Sent, ChatError> {
        let old = match message_id {
            Some(message_id) => {
                self.core.find_message(user_id, id, message_id, Role::Assistant).await?
            }
            None => self.core.last_answer(user_id, id).await?.ok_or(ChatError::MessageNotFound)?,
        };
        let question = self.core.question_of(user_id, id, &old).await?;
        let source = TurnSource::Regeneration { question, answer_id: old.message_id };
        self.start(TurnStart { user_id, id, client_message_id, source }).await
    }

    /// Makes a version of a message visible, together with the newest messages after it, and publishes the
    /// change. Does nothing if it is visible already. Returns the message.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation,
    /// [`ChatError::MessageNotFound`], [`ChatError::TurnInProgress`].
    pub async fn select_version(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
    ) -> Result<Message, ChatError> {
        self.core.find_conversation(user_id, id).await?;
        let (conversations, now) = (&self.core.ports.conversations, self.core.now());
        match conversations.select(user_id, id, message_id, now).await? {
            SelectOutcome::Visible { changed: true } => {
                self.core.publish_change(id, ConversationChange::Branch).await?;
                self.core.notify_list(user_id, Some(id)).await;
            }
            SelectOutcome::Visible { changed: false } => {}
            SelectOutcome::TurnInProgress => return Err(ChatError::TurnInProgress),
            SelectOutcome::NotFound => return Err(ChatError::MessageNotFound),
        }
        let selected = conversations.message(user_id, id, message_id).await?;
        selected.ok_or(ChatError::MessageNotFound)
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{EventBody, FinishReason, MessageStatus};

    use super::*;
    use crate::testing::{ANSWER, QUESTION, TestChat, log_that_rejects, message, settle};

    fn code<T: std::fmt::Debug>(refused: Result<T, ChatError>) -> &'static str {
        refused.unwrap_err().code()
    }

    async fn edit(test: &TestChat, old: &Message, content: &str) -> Result<Sent, ChatError> {
        test.chat.turns.edit(test.user_id, test.id, old.message_id, message(content)).await
    }

    async fn regenerate(test: &TestChat, old: Option<&Message>) -> Result<Sent, ChatError> {
        let old = old.map(|old| old.message_id);
        test.chat.turns.regenerate(test.user_id, test.id, old, None).await
    }

    async fn select(test: &TestChat, version: &Message) -> Result<Message, ChatError> {
        test.chat.turns.select_version(test.user_id, test.id, version.message_id).await
    }

    /// A room in which two questions were answered.
    async fn chat_with_two_exchanges() -> TestChat {
        let test = TestChat::new().await;
        test.ask_and_answer("one?", "One.").await;
        test.ask_and_answer("two?", "Two.").await;
        test
    }

    #[tokio::test(start_paused = true)]
    async fn an_edited_question_is_answered_in_place_of_the_old_one() {
        let test = chat_with_two_exchanges().await;
        let old = test.messages().await.remove(2);
        let before = test.published().await.len();

        edit(&test, &old, "three?").await.unwrap();
        let request = test.model.next_request().await;
        let sent = request.contents().join(" ");
        request.answer("Three.", FinishReason::Stop).await;

        assert_eq!(sent, "one? One. three?");
        assert_eq!(test.texts().await, ["one?", "One.", "three?", "Three."]);
        let told = &test.published().await[before..];
        assert_eq!(
            told[..4],
            ["branch", "accepted: three?", "chunk: Three.", "end: Stop, Complete"]
        );
        assert_eq!(test.conversation().await.message_count, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_made_anew_to_the_same_question() {
        let test = chat_with_two_exchanges().await;
        let [_, _, question, old] = test.messages().await.try_into().unwrap();

        let sent = regenerate(&test, None).await.unwrap();
        let request = test.model.next_request().await;
        let given = request.contents().join(" ");
        request.answer("Two, again.", FinishReason::Stop).await;

        assert_eq!(given, "one? One. two?");
        let [_, _, same_question, answer] = test.messages().await.try_into().unwrap();
        assert_eq!(same_question, question);
        assert_eq!(answer.content, "Two, again.");
        let Sent::Accepted(event) = sent else { panic!("{sent:?}") };
        let EventBody::MessageAccepted(accepted) = &event.body else { panic!("{event:?}") };
        assert_eq!(
            (accepted.message_id, accepted.position, accepted.answer_id, Some(accepted.turn_id)),
            (question.message_id, 3, answer.message_id, answer.turn_id)
        );
        assert_ne!(answer.turn_id, old.turn_id);
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_answer_that_is_made_anew_ends_the_conversation() {
        let test = chat_with_two_exchanges().await;
        let first_answer = test.messages().await.remove(1);

        regenerate(&test, Some(&first_answer)).await.unwrap();
        let request = test.model.next_request().await;
        let given = request.contents().join(" ");
        request.answer("Another.", FinishReason::Stop).await;

        assert_eq!(given, "one?");
        assert_eq!(test.texts().await, ["one?", "Another."]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_selected_version_is_visible_and_told_once() {
        let test = chat_with_two_exchanges().await;
        let old = test.messages().await.remove(2);
        edit(&test, &old, "three?").await.unwrap();
        let request = test.model.next_request().await;
        let during = select(&test, &old).await;
        request.answer("Three.", FinishReason::Stop).await;
        let before = test.published().await.len();

        let selected = select(&test, &old).await.unwrap();
        let told = test.published().await;
        select(&test, &old).await.unwrap();

        assert_eq!(code(during), "turn_in_progress");
        assert_eq!(selected, old);
        assert_eq!(test.texts().await, ["one?", "One.", "two?", "Two."]);
        assert_eq!(told[before..], ["branch"]);
        assert_eq!(test.published().await, told, "nothing more");
        let request = test.ask("four?").await;
        assert_eq!(request.contents().join(" "), "one? One. two? Two. four?");
    }

    #[tokio::test(start_paused = true)]
    async fn each_message_of_a_page_names_all_its_versions() {
        let test = TestChat::new().await;
        test.ask_and_answer(QUESTION, ANSWER).await;
        let [question, answer] = test.messages().await.try_into().unwrap();
        regenerate(&test, None).await.unwrap();
        test.model.next_request().await.answer("Again.", FinishReason::Stop).await;
        let again = test.last_message().await;
        edit(&test, &question, "Why?").await.unwrap();
        test.model.next_request().await.answer("So.", FinishReason::Stop).await;
        let edited = test.messages().await.remove(0);
        select(&test, &question).await.unwrap();

        let page =
            test.chat.conversations.message_page(test.user_id, test.id, None, 10).await.unwrap();

        let versions: Vec<_> = page.messages.into_iter().map(|one| one.versions).collect();
        let questions = vec![question.message_id, edited.message_id];
        assert_eq!(versions, [questions, vec![answer.message_id, again.message_id]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_version_that_is_sent_twice_is_made_once() {
        let test = chat_with_two_exchanges().await;
        let name = ClientMessageId::try_from("again".to_owned()).ok();
        let send = || test.chat.turns.regenerate(test.user_id, test.id, None, name.clone());

        let first = send().await.unwrap();
        test.model.next_request().await.answer("Again.", FinishReason::Stop).await;
        let second = send().await.unwrap();

        let Sent::Accepted(event) = first else { panic!("{first:?}") };
        let EventBody::MessageAccepted(accepted) = event.body.clone() else { panic!("{event:?}") };
        assert_eq!(second, Sent::Duplicate(accepted));
        assert_eq!(test.model.request_count(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_have_no_such_version_is_refused_and_nothing_is_told() {
        let test = chat_with_two_exchanges().await;
        let [question, answer, _, _] = test.messages().await.try_into().unwrap();
        let empty =
            test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;
        let before = test.published().await;
        let (user_id, stranger, id, chat) = (test.user_id, UserId::generate(), test.id, &test.chat);
        let (asked, answered) = (question.message_id, answer.message_id);

        let not_found = [
            edit(&test, &answer, "I said so").await.map(drop),
            regenerate(&test, Some(&question)).await.map(drop),
            chat.turns.regenerate(user_id, empty, None, None).await.map(drop),
            chat.turns.select_version(user_id, id, MessageId::generate()).await.map(drop),
            chat.turns.select_version(user_id, empty, asked).await.map(drop),
        ];
        let foreign = [
            chat.turns.edit(stranger, id, asked, message("mine")).await.map(drop),
            chat.turns.regenerate(stranger, id, Some(answered), None).await.map(drop),
            chat.turns.regenerate(stranger, id, None, None).await.map(drop),
            chat.turns.select_version(stranger, id, asked).await.map(drop),
        ];

        assert_eq!(not_found.map(code), ["message_not_found"; 5]);
        assert_eq!(foreign.map(code), ["conversation_not_found"; 4]);
        assert_eq!(code(edit(&test, &question, " \n").await), "empty_message");
        assert_eq!(test.published().await, before);
        assert_eq!(test.texts().await, ["one?", "One.", "two?", "Two."]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_version_that_can_not_be_told_leaves_its_conversation_free() {
        let test = TestChat::new().await;
        test.ask_and_answer(QUESTION, ANSWER).await;
        let test = test.with_ports(|ports| ports.log = log_that_rejects("conversation_updated"));

        let refused = regenerate(&test, None).await;
        settle().await;
        let next = regenerate(&test, None).await;

        assert_eq!(code(refused), "storage_unavailable");
        assert_eq!(code(next), "storage_unavailable", "not turn_in_progress");
        settle().await;
        assert_eq!(test.last_message().await.status, MessageStatus::Failed);
        assert_eq!(test.model.request_count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn versions_of_the_first_exchange_leave_the_title_alone() {
        let test = TestChat::with_settings(|settings| settings.auto_titles = true).await;
        test.ask_and_answer(QUESTION, ANSWER).await;
        test.model.next_request().await.answer("Sums", FinishReason::Stop).await;
        let question = test.messages().await.remove(0);

        regenerate(&test, None).await.unwrap();
        test.model.next_request().await.answer("Again.", FinishReason::Stop).await;
        edit(&test, &question, "Why?").await.unwrap();
        test.model.next_request().await.answer("So.", FinishReason::Stop).await;

        assert_eq!(test.model.request_count(), 4, "once for a title");
        assert_eq!(test.conversation().await.title.unwrap().as_str(), "Sums");
    }
}
