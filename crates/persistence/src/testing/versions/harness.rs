//! Helpers of this suite: a test conversation, and its appends and updates.

use webchat_domain::{
    ClientMessageId, Conversation, ConversationId, Message, MessageId, MessageStatus, NewMessage,
    Role, SearchQuery, TurnId, UserId,
};

use crate::testing::fixtures::{moment, question, unwrap_stored};
use crate::{Append, AppendOutcome, ContinueAnswer, Conversations, SelectOutcome, TurnLease};

/// The time at which the lease of each turn expires.
pub(super) const LEASE_MILLIS: i64 = 10_000;

/// One conversation of one user.
pub(super) struct TestConversation<'a, S> {
    pub(super) store: &'a S,
    pub(super) user_id: UserId,
    pub(super) id: ConversationId,
}

impl<'a, S: Conversations> TestConversation<'a, S> {
    /// Starts a conversation with these messages. Messages that begin with `a` are answers.
    pub(super) async fn with(store: &'a S, texts: &[&str]) -> Self {
        let (user_id, id) = (UserId::generate(), ConversationId::generate());
        store.create(user_id, id, moment(0)).await.unwrap();
        let chat = Self { store, user_id, id };
        let messages = texts.iter().map(|text| message(text)).collect();
        chat.append(Append { messages, ..Append::default() }).await;
        chat
    }

    pub(super) async fn append(&self, append: Append) -> AppendOutcome {
        self.store.append(self.user_id, self.id, append, moment(0)).await.unwrap()
    }

    pub(super) async fn select(&self, message_id: MessageId) -> SelectOutcome {
        self.store.select(self.user_id, self.id, message_id, moment(5)).await.unwrap()
    }

    pub(super) async fn continue_answer(&self, continuation: ContinueAnswer) -> AppendOutcome {
        self.store.continue_answer(self.user_id, self.id, continuation, moment(0)).await.unwrap()
    }

    /// Appends a stopped answer of a turn that has ended.
    pub(super) async fn append_stopped_answer(&self, text: &str) -> Message {
        let answer = NewMessage {
            turn_id: Some(TurnId::generate()),
            role: Role::Assistant,
            status: MessageStatus::Stopped,
            ..question(text)
        };
        let append = Append { messages: vec![answer], ..Append::default() };
        unwrap_stored(self.append(append).await).1.remove(0)
    }

    pub(super) async fn conversation(&self) -> Conversation {
        self.store.find(self.user_id, self.id).await.unwrap().unwrap()
    }

    pub(super) async fn messages(&self) -> Vec<Message> {
        self.store.messages(self.user_id, self.id, None, 100).await.unwrap().unwrap()
    }

    pub(super) async fn texts(&self) -> Vec<String> {
        self.messages().await.into_iter().map(|message| message.content).collect()
    }

    pub(super) async fn find(&self, text: &str) -> Vec<MessageId> {
        let hits = self.store.search(self.user_id, &SearchQuery::parse(text), 10).await.unwrap();
        hits.into_iter().map(|hit| hit.message_id).collect()
    }
}

pub(super) fn message(text: &str) -> NewMessage {
    let role = if text.starts_with('a') { Role::Assistant } else { Role::User };
    NewMessage { role, ..question(text) }
}

pub(super) fn question_with_answer(text: &str) -> Append {
    let messages = vec![question(text), message(&format!("a of {text}"))];
    Append { messages, ..Append::default() }
}

pub(super) fn question_version_of(old: &Message, text: &str) -> Append {
    Append { version_of: Some(old.message_id), ..question_with_answer(text) }
}

pub(super) fn version_of_message(old: &Message, text: &str) -> Append {
    let version = NewMessage { role: old.role, ..question(text) };
    Append { messages: vec![version], version_of: Some(old.message_id), ..Append::default() }
}

pub(super) fn lease(turn_id: TurnId) -> TurnLease {
    TurnLease { turn_id, lease_until: moment(LEASE_MILLIS) }
}

pub(super) fn continuation_of(
    answer: &Message,
    client_id: Option<&str>,
) -> (ContinueAnswer, TurnLease) {
    let turn = lease(TurnId::generate());
    let client_message_id = client_id.and_then(|id| ClientMessageId::try_from(id.to_owned()).ok());
    (
        ContinueAnswer {
            message_id: answer.message_id,
            client_message_id,
            turn,
            model: Some("other-model".parse().unwrap()),
        },
        turn,
    )
}
