use std::collections::HashMap;

use webchat_domain::{
    ClientMessageId, ConversationChange, ConversationId, Message, MessageId, Role, UserId,
    VersionedMessage,
};
use webchat_persistence::{Append, SelectOutcome};

use crate::core::Core;
use crate::send_message::TurnStart;
use crate::{ChatError, SendMessage, Sent, Turns};

impl Turns {
    /// Stores another version of a question, and begins its answer. The old version leaves the visible
    /// path with all that followed it, and stays.
    ///
    /// # Errors
    /// As of [`Turns::send`]; [`ChatError::MessageNotFound`] where there is no such question.
    ///
    /// # Cancellation
    /// As of [`Turns::send`].
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

    /// Begins another answer to the same question. The old version leaves the visible path with all
    /// that followed it, and stays. Without `message_id`, it is the answer in which the visible path
    /// ends.
    ///
    /// # Errors
    /// As of [`Turns::send`]; [`ChatError::MessageNotFound`] where there is no such answer, or
    /// it answers no question.
    ///
    /// # Cancellation
    /// As of [`Turns::send`].
    pub async fn regenerate(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: Option<MessageId>,
        client_message_id: Option<ClientMessageId>,
    ) -> Result<Sent, ChatError> {
        let _admission = self.core.running.admit().ok_or(ChatError::ShuttingDown)?;
        let old = match message_id {
            Some(message_id) => {
                self.core.find_message(user_id, id, message_id, Role::Assistant).await?
            }
            None => self.core.last_answer(user_id, id).await?.ok_or(ChatError::MessageNotFound)?,
        };
        let question = self.core.question_of(user_id, id, &old).await?;
        let turn = self.claim();
        let append = Append {
            messages: vec![self.answer_to_come(turn)],
            version_of: Some(old.message_id),
            client_message_id: client_message_id.clone(),
            turn: Some(turn),
            ..Append::default()
        };
        let permit = self.acquire_turn_permit(user_id)?;
        let question = Some(question);
        let opening = TurnStart { client_message_id, question, branches: true, permit };
        let turns = self.clone();
        self.to_its_end(async move { turns.append_and_begin(user_id, id, append, opening).await })
            .await
    }

    /// Makes a version of a message visible, with the newest that followed it, and tells the followers.
    /// Where it is visible already, nothing happens. Answers the message.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's,
    /// [`ChatError::MessageNotFound`], [`ChatError::TurnInProgress`].
    pub async fn select_version(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
    ) -> Result<Message, ChatError> {
        self.core.find_conversation(user_id, id).await?;
        let (conversations, now) = (&self.core.ports.conversations, self.core.ports.clock.now());
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

impl Core {
    pub(crate) async fn find_message(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
        role: Role,
    ) -> Result<Message, ChatError> {
        let found = self.ports.conversations.message(user_id, id, message_id).await?;
        if let Some(message) = found.filter(|message| message.role == role) {
            return Ok(message);
        }
        self.find_conversation(user_id, id).await?;
        Err(ChatError::MessageNotFound)
    }

    /// The message in which the visible path ends, if it is an answer.
    pub(crate) async fn last_answer(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<Message>, ChatError> {
        let last = self.read_messages(user_id, id, None, 1).await?.pop();
        Ok(last.filter(|message| message.role == Role::Assistant))
    }

    /// The question that it answers. An answer that was imported may have none.
    pub(crate) async fn question_of(
        &self,
        user_id: UserId,
        id: ConversationId,
        answer: &Message,
    ) -> Result<Message, ChatError> {
        let question = answer.parent_id.ok_or(ChatError::MessageNotFound)?;
        self.find_message(user_id, id, question, Role::User).await
    }

    /// The messages, each with all its versions: those that follow the same message in the same role.
    pub(crate) async fn with_versions(
        &self,
        user_id: UserId,
        id: ConversationId,
        messages: Vec<Message>,
    ) -> Result<Vec<VersionedMessage>, ChatError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let parents = messages.iter().map(|message| message.parent_id).collect();
        let mut versions: HashMap<_, Vec<MessageId>> = HashMap::new();
        for one in self.ports.conversations.children(user_id, id, parents).await? {
            versions.entry((one.parent_id, one.role)).or_default().push(one.message_id);
        }
        let versioned = messages.into_iter().map(|message| {
            let versions = versions.remove(&(message.parent_id, message.role));
            // Without one, the conversation was emptied meanwhile.
            let versions = versions.unwrap_or_else(|| vec![message.message_id]);
            VersionedMessage { message, versions }
        });
        Ok(versioned.collect())
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{EventBody, FinishReason, MessageStatus};

    use super::*;
    use crate::testing::{ANSWER, QUESTION, Room, log_that_refuses, message, settle};

    fn code<T: std::fmt::Debug>(refused: Result<T, ChatError>) -> &'static str {
        refused.unwrap_err().code()
    }

    async fn edit(room: &Room, old: &Message, content: &str) -> Result<Sent, ChatError> {
        room.chat.turns.edit(room.user_id, room.id, old.message_id, message(content)).await
    }

    async fn regenerate(room: &Room, old: Option<&Message>) -> Result<Sent, ChatError> {
        let old = old.map(|old| old.message_id);
        room.chat.turns.regenerate(room.user_id, room.id, old, None).await
    }

    async fn select(room: &Room, version: &Message) -> Result<Message, ChatError> {
        room.chat.turns.select_version(room.user_id, room.id, version.message_id).await
    }

    /// A room in which two questions were answered.
    async fn room_of_two_exchanges() -> Room {
        let room = Room::open().await;
        room.ask_and_answer("one?", "One.").await;
        room.ask_and_answer("two?", "Two.").await;
        room
    }

    #[tokio::test(start_paused = true)]
    async fn an_edited_question_is_answered_in_place_of_the_old_one() {
        let room = room_of_two_exchanges().await;
        let old = room.stored().await.remove(2);
        let before = room.told().await.len();

        edit(&room, &old, "three?").await.unwrap();
        let asked = room.model.asked().await;
        let sent = asked.said().join(" ");
        asked.answer("Three.", FinishReason::Stop).await;

        assert_eq!(sent, "one? One. three?");
        assert_eq!(room.texts().await, ["one?", "One.", "three?", "Three."]);
        let told = &room.told().await[before..];
        assert_eq!(
            told[..4],
            ["branch", "accepted: three?", "chunk: Three.", "end: Stop, Complete"]
        );
        assert_eq!(room.conversation().await.message_count, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_made_anew_to_the_same_question() {
        let room = room_of_two_exchanges().await;
        let [_, _, question, old] = room.stored().await.try_into().unwrap();

        let sent = regenerate(&room, None).await.unwrap();
        let asked = room.model.asked().await;
        let given = asked.said().join(" ");
        asked.answer("Two, again.", FinishReason::Stop).await;

        assert_eq!(given, "one? One. two?");
        let [_, _, same_question, answer] = room.stored().await.try_into().unwrap();
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
        let room = room_of_two_exchanges().await;
        let first_answer = room.stored().await.remove(1);

        regenerate(&room, Some(&first_answer)).await.unwrap();
        let asked = room.model.asked().await;
        let given = asked.said().join(" ");
        asked.answer("Another.", FinishReason::Stop).await;

        assert_eq!(given, "one?");
        assert_eq!(room.texts().await, ["one?", "Another."]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_selected_version_is_visible_and_told_once() {
        let room = room_of_two_exchanges().await;
        let old = room.stored().await.remove(2);
        edit(&room, &old, "three?").await.unwrap();
        let asked = room.model.asked().await;
        let during = select(&room, &old).await;
        asked.answer("Three.", FinishReason::Stop).await;
        let before = room.told().await.len();

        let selected = select(&room, &old).await.unwrap();
        let told = room.told().await;
        select(&room, &old).await.unwrap();

        assert_eq!(code(during), "turn_in_progress");
        assert_eq!(selected, old);
        assert_eq!(room.texts().await, ["one?", "One.", "two?", "Two."]);
        assert_eq!(told[before..], ["branch"]);
        assert_eq!(room.told().await, told, "nothing more");
        let asked = room.ask("four?").await;
        assert_eq!(asked.said().join(" "), "one? One. two? Two. four?");
    }

    #[tokio::test(start_paused = true)]
    async fn each_message_of_a_page_names_all_its_versions() {
        let room = Room::open().await;
        room.ask_and_answer(QUESTION, ANSWER).await;
        let [question, answer] = room.stored().await.try_into().unwrap();
        regenerate(&room, None).await.unwrap();
        room.model.asked().await.answer("Again.", FinishReason::Stop).await;
        let again = room.last_stored().await;
        edit(&room, &question, "Why?").await.unwrap();
        room.model.asked().await.answer("So.", FinishReason::Stop).await;
        let edited = room.stored().await.remove(0);
        select(&room, &question).await.unwrap();

        let page =
            room.chat.conversations.message_page(room.user_id, room.id, None, 10).await.unwrap();

        let versions: Vec<_> = page.messages.into_iter().map(|one| one.versions).collect();
        let questions = vec![question.message_id, edited.message_id];
        assert_eq!(versions, [questions, vec![answer.message_id, again.message_id]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_version_that_is_sent_twice_is_made_once() {
        let room = room_of_two_exchanges().await;
        let name = ClientMessageId::try_from("again".to_owned()).ok();
        let send = || room.chat.turns.regenerate(room.user_id, room.id, None, name.clone());

        let first = send().await.unwrap();
        room.model.asked().await.answer("Again.", FinishReason::Stop).await;
        let second = send().await.unwrap();

        let Sent::Accepted(event) = first else { panic!("{first:?}") };
        let EventBody::MessageAccepted(accepted) = event.body.clone() else { panic!("{event:?}") };
        assert_eq!(second, Sent::Duplicate(accepted));
        assert_eq!(room.model.times_asked(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_have_no_such_version_is_refused_and_nothing_is_told() {
        let room = room_of_two_exchanges().await;
        let [question, answer, _, _] = room.stored().await.try_into().unwrap();
        let empty =
            room.chat.conversations.start(room.user_id, None).await.unwrap().conversation_id;
        let before = room.told().await;
        let (user_id, stranger, id, chat) = (room.user_id, UserId::generate(), room.id, &room.chat);
        let (asked, answered) = (question.message_id, answer.message_id);

        let not_found = [
            edit(&room, &answer, "I said so").await.map(drop),
            regenerate(&room, Some(&question)).await.map(drop),
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
        assert_eq!(code(edit(&room, &question, " \n").await), "empty_message");
        assert_eq!(room.told().await, before);
        assert_eq!(room.texts().await, ["one?", "One.", "two?", "Two."]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_version_that_can_not_be_told_leaves_its_conversation_free() {
        let room = Room::open().await;
        room.ask_and_answer(QUESTION, ANSWER).await;
        let room = room.on(|ports| ports.log = log_that_refuses("conversation_updated"));

        let refused = regenerate(&room, None).await;
        settle().await;
        let next = regenerate(&room, None).await;

        assert_eq!(code(refused), "storage_unavailable");
        assert_eq!(code(next), "storage_unavailable", "not turn_in_progress");
        settle().await;
        assert_eq!(room.last_stored().await.status, MessageStatus::Failed);
        assert_eq!(room.model.times_asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn versions_of_the_first_exchange_leave_the_title_alone() {
        let room = Room::open_with(|settings| settings.auto_titles = true).await;
        room.ask_and_answer(QUESTION, ANSWER).await;
        room.model.asked().await.answer("Sums", FinishReason::Stop).await;
        let question = room.stored().await.remove(0);

        regenerate(&room, None).await.unwrap();
        room.model.asked().await.answer("Again.", FinishReason::Stop).await;
        edit(&room, &question, "Why?").await.unwrap();
        room.model.asked().await.answer("So.", FinishReason::Stop).await;

        assert_eq!(room.model.times_asked(), 4, "once for a title");
        assert_eq!(room.conversation().await.title.unwrap().as_str(), "Sums");
    }
}
