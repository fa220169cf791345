use std::sync::Arc;
use std::time::Duration;

use webchat_domain::{
    ClientMessageId, Conversation, ConversationChange, ConversationId, Event, EventBody, Message,
    MessageAccepted, MessageId, MessageStatus, NewMessage, Role, Title, TurnId, UserId,
};
use webchat_persistence::{Append, Appended, StoreError, TurnClaim};

use crate::turn::Turn;
use crate::{Chat, ChatError};

/// How long a turn holds its conversation without renewing its hold: after that, whoever ran it is
/// taken for dead.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendMessage {
    /// What is said.
    pub content: String,
    /// The client's name for it: a name that is known does nothing twice.
    pub client_message_id: Option<ClientMessageId>,
    /// The last message the client knows: the message is refused if there are newer ones.
    pub expected_position: Option<u64>,
}

/// What became of a message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is stored, and its answer begins: this event was told to all followers.
    Accepted(Arc<Event>),
    /// It was sent before, and this is what was answered then. Nothing was done.
    Known(MessageAccepted),
}

impl Chat {
    /// Stores the message and begins its answer, which goes on whatever becomes of the caller.
    ///
    /// # Errors
    /// All of [`ChatError`]; nothing was stored then. An answer that fails later is told to the
    /// followers.
    ///
    /// # Cancellation
    /// When the future is dropped, the message may be stored without an answer.
    pub async fn send_message(
        &self,
        owner: UserId,
        id: ConversationId,
        message: SendMessage,
    ) -> Result<Sent, ChatError> {
        if self.turns.are_refused() {
            return Err(ChatError::ShuttingDown);
        }
        if message.content.trim().is_empty() {
            return Err(ChatError::EmptyMessage);
        }
        let token_count = self.count_tokens(&message.content).await;
        self.budget().fits(token_count)?;

        // Not the caller's future: a connection that closes now must not leave a question without
        // its turn.
        let chat = self.clone();
        let begun = self
            .turns
            .spawn(async move { chat.store_and_begin(owner, id, message, token_count).await });
        begun.await.map_err(StoreError::fault)?
    }

    async fn store_and_begin(
        &self,
        owner: UserId,
        id: ConversationId,
        message: SendMessage,
        token_count: u32,
    ) -> Result<Sent, ChatError> {
        let client_message_id = message.client_message_id.clone();
        let append = self.first_messages(message, token_count);
        let now = self.ports.clock.now();
        match self
            .ports
            .conversations
            .append(owner, id, append, now)
            .await?
        {
            Appended::Stored {
                conversation,
                messages,
            } => {
                let (question, answer) = question_and_answer(messages)?;
                self.begin_turn(owner, conversation, client_message_id, question, answer)
                    .await
            }
            Appended::Duplicate(messages) => {
                let (question, answer) = question_and_answer(messages)?;
                Ok(Sent::Known(accepted(
                    client_message_id,
                    &question,
                    &answer,
                )?))
            }
            Appended::Stale { position } => Err(ChatError::Stale { position }),
            Appended::TurnInProgress => Err(ChatError::TurnInProgress),
            Appended::NotFound => Err(ChatError::ConversationNotFound),
        }
    }

    /// The question, and the answer as it is if nothing ever comes of it.
    fn first_messages(&self, message: SendMessage, token_count: u32) -> Append {
        let now = self.ports.clock.now();
        let turn_id = TurnId::generate();
        let title = Title::from_first_words(&message.content);
        let question = NewMessage {
            message_id: MessageId::generate(),
            turn_id: Some(turn_id),
            role: Role::User,
            content: message.content,
            token_count,
            status: MessageStatus::Complete,
            created_at: now,
        };
        let answer = NewMessage {
            message_id: MessageId::generate(),
            role: Role::Assistant,
            content: String::new(),
            token_count: 0,
            status: MessageStatus::Interrupted,
            ..question.clone()
        };
        Append {
            messages: vec![question, answer],
            client_message_id: message.client_message_id,
            expected_position: message.expected_position,
            turn: Some(TurnClaim {
                turn_id,
                lease_until: now.plus(LEASE),
            }),
            title,
        }
    }

    async fn begin_turn(
        &self,
        owner: UserId,
        conversation: Conversation,
        client_message_id: Option<ClientMessageId>,
        question: Message,
        answer: Message,
    ) -> Result<Sent, ChatError> {
        let id = conversation.conversation_id;
        let accepted = accepted(client_message_id, &question, &answer)?;
        let turn_id = accepted.turn_id;
        let event = self
            .ports
            .log
            .append(id, EventBody::MessageAccepted(accepted))
            .await?;
        let is_first = question.parent_id.is_none();
        if let Some(title) = conversation.title.clone().filter(|_| is_first) {
            self.tell(id, ConversationChange::Title { title }).await?;
        }
        let interrupts = self.turns.begin(id, turn_id);
        let turn = Turn {
            chat: self.clone(),
            owner,
            conversation,
            id: turn_id,
            question,
            answer,
        };
        self.turns.spawn(turn.run(interrupts));
        Ok(Sent::Accepted(event))
    }
}

fn question_and_answer(messages: Vec<Message>) -> Result<(Message, Message), ChatError> {
    let [question, answer] = <[Message; 2]>::try_from(messages).map_err(|_| {
        StoreError::fault("a turn has other messages than a question and an answer")
    })?;
    Ok((question, answer))
}

fn accepted(
    client_message_id: Option<ClientMessageId>,
    question: &Message,
    answer: &Message,
) -> Result<MessageAccepted, ChatError> {
    let turn_id = question
        .turn_id
        .ok_or_else(|| StoreError::fault("a question has no turn"))?;
    Ok(MessageAccepted {
        message_id: question.message_id,
        position: question.position,
        turn_id,
        client_message_id,
        answer_id: answer.message_id,
        content: question.content.clone(),
        token_count: question.token_count,
        created_at: question.created_at,
    })
}
