use std::sync::Arc;

use webchat_domain::{
    ClientMessageId, ConversationChange, ConversationId, Event, EventBody, EventId, Message,
    MessageAccepted, MessageId, MessageStatus, NewMessage, Role, Title, TurnId, UserId,
};
use webchat_persistence::{Append, AppendOutcome, StoreError, TurnLease};

use crate::fault::cause;
use crate::turn::Turn;
use crate::turns::LEASE;
use crate::{ChatError, Permit, Turns};

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
    Duplicate(MessageAccepted),
}

/// How a turn begins, beside what is stored for it.
pub(crate) struct TurnStart {
    /// The client's name for it.
    pub(crate) client_message_id: Option<ClientMessageId>,
    /// The question, where it was there before.
    pub(crate) question: Option<Message>,
    /// Whether other versions come to be visible.
    pub(crate) branches: bool,
    /// What of the user's bound it takes.
    pub(crate) permit: Permit,
}

impl Turns {
    /// Stores the message and begins its answer, which goes on whatever becomes of the caller.
    ///
    /// # Errors
    /// All of [`ChatError`]; nothing was stored then, unless the message was stored and could not be
    /// told any more: it is kept with a failed answer. An answer that fails later is told to the
    /// followers.
    ///
    /// # Cancellation
    /// When the future is dropped, the message may be stored; if it is, its answer is made.
    pub async fn send(
        &self,
        user_id: UserId,
        id: ConversationId,
        message: SendMessage,
    ) -> Result<Sent, ChatError> {
        self.send_version(user_id, id, message, None).await
    }

    /// Sends it as the next question, or as another version of one.
    pub(crate) async fn send_version(
        &self,
        user_id: UserId,
        id: ConversationId,
        message: SendMessage,
        version_of: Option<MessageId>,
    ) -> Result<Sent, ChatError> {
        let _admission = self.core.running.admit().ok_or(ChatError::ShuttingDown)?;
        if message.content.trim().is_empty() {
            return Err(ChatError::EmptyMessage);
        }
        let token_count = self.core.count_tokens(&message.content).await;
        let permit = self.acquire_turn_permit(user_id)?;
        let turns = self.clone();
        self.to_its_end(async move {
            let context = turns.core.stored_context(user_id, id).await?.context;
            turns.core.budget(&context).fits(token_count)?;
            let opening = TurnStart {
                client_message_id: message.client_message_id.clone(),
                question: None,
                branches: version_of.is_some(),
                permit,
            };
            let append = Append { version_of, ..turns.first_messages(message, token_count) };
            turns.append_and_begin(user_id, id, append, opening).await
        })
        .await
    }

    /// Room for one more turn of this user's.
    pub(crate) fn acquire_turn_permit(&self, user_id: UserId) -> Result<Permit, ChatError> {
        self.core.running.acquire_turn_permit(user_id, self.core.settings.turns_per_user)
    }

    /// Not in the caller's future: a connection that closes now must not leave a question without its
    /// turn.
    pub(crate) async fn to_its_end(
        &self,
        beginning: impl Future<Output = Result<Sent, ChatError>> + Send + 'static,
    ) -> Result<Sent, ChatError> {
        self.core.running.spawn(beginning).await.map_err(StoreError::fault)?
    }

    pub(crate) async fn append_and_begin(
        &self,
        user_id: UserId,
        id: ConversationId,
        append: Append,
        opening: TurnStart,
    ) -> Result<Sent, ChatError> {
        self.check_log(id).await?;
        let now = self.core.ports.clock.now();
        let appended = self.core.ports.conversations.append(user_id, id, append, now).await?;
        self.begin(user_id, appended, opening).await
    }

    /// A question that could not be told must not be stored: where the log is away, it ends here.
    pub(crate) async fn check_log(&self, id: ConversationId) -> Result<(), ChatError> {
        if self.core.ports.log.checkpoint(id).await?.running_turn.is_some() {
            // The followers should be told of its end before they are told of the next one.
            self.recover_abandoned_turns().await?;
        }
        Ok(())
    }

    /// Begins the turn whose messages are stored.
    pub(crate) async fn begin(
        &self,
        user_id: UserId,
        appended: AppendOutcome,
        opening: TurnStart,
    ) -> Result<Sent, ChatError> {
        let TurnStart { client_message_id, question, branches, permit } = opening;
        match appended {
            AppendOutcome::Stored { conversation, messages } => {
                let is_new = question.is_none() && !branches;
                let messages = question.into_iter().chain(messages).collect();
                let (question, answer) = question_and_answer(messages)?;
                let accepted = accepted(client_message_id, &question, &answer)?;
                let is_first = is_new && question.parent_id.is_none();
                let turn = Turn {
                    core: Arc::clone(&self.core),
                    user_id,
                    first_title: conversation.title.clone().filter(|_| is_first),
                    conversation,
                    id: accepted.turn_id,
                    question,
                    answer,
                    _place: permit,
                };
                self.begin_turn(turn, accepted, branches).await
            }
            AppendOutcome::Duplicate(messages) => {
                let (question, answer) = question_and_answer(messages)?;
                Ok(Sent::Duplicate(accepted(client_message_id, &question, &answer)?))
            }
            AppendOutcome::Conflict { position } => Err(ChatError::PositionConflict { position }),
            AppendOutcome::TurnInProgress => Err(ChatError::TurnInProgress),
            AppendOutcome::NotFound => Err(ChatError::ConversationNotFound),
        }
    }

    /// The hold of a turn that begins now.
    pub(crate) fn claim(&self) -> TurnLease {
        let lease_until = self.core.ports.clock.now().plus(LEASE);
        TurnLease { turn_id: TurnId::generate(), lease_until }
    }

    /// A turn's answer, as it is if nothing ever comes of it.
    pub(crate) fn answer_to_come(&self, turn: TurnLease) -> NewMessage {
        NewMessage {
            message_id: MessageId::generate(),
            turn_id: Some(turn.turn_id),
            role: Role::Assistant,
            content: String::new(),
            token_count: 0,
            status: MessageStatus::Interrupted,
            created_at: self.core.ports.clock.now(),
        }
    }

    fn first_messages(&self, message: SendMessage, token_count: u32) -> Append {
        let turn = self.claim();
        let answer = self.answer_to_come(turn);
        let title = Title::from_first_words(&message.content);
        let question = NewMessage {
            message_id: MessageId::generate(),
            role: Role::User,
            content: message.content,
            token_count,
            status: MessageStatus::Complete,
            ..answer.clone()
        };
        Append {
            messages: vec![question, answer],
            client_message_id: message.client_message_id,
            expected_position: message.expected_position,
            turn: Some(turn),
            title,
            ..Append::default()
        }
    }

    async fn begin_turn(
        &self,
        turn: Turn,
        accepted: MessageAccepted,
        branches: bool,
    ) -> Result<Sent, ChatError> {
        let (user_id, id, turn_id) = (turn.user_id, turn.conversation.conversation_id, turn.id);
        // Before anybody is told of it, who may want to stop it.
        let interrupts = self.core.running.begin(user_id, id, turn_id);
        let event = match self.tell_beginning(id, accepted, branches).await {
            Ok(event) => event,
            Err(error) => {
                self.core.running.end(id, turn_id);
                self.core.running.spawn(turn.give_up());
                return Err(error);
            }
        };
        if let Some(title) = turn.first_title.clone()
            && let Err(error) =
                self.core.publish_change(id, ConversationChange::Title { title }).await
        {
            // The turn is told and must go on; the title is stored.
            tracing::warn!(%turn_id, error = cause(&error), "a title was not told");
        }
        self.core.running.spawn(turn.run(interrupts));
        self.core.notify_list(user_id, Some(id)).await;
        Ok(Sent::Accepted(event))
    }

    async fn tell_beginning(
        &self,
        id: ConversationId,
        accepted: MessageAccepted,
        branches: bool,
    ) -> Result<Arc<Event>, ChatError> {
        if branches {
            self.core.publish_change(id, ConversationChange::Branch).await?;
        }
        let body = EventBody::MessageAccepted(accepted);
        Ok(self.core.ports.log.append(id, EventId::generate(), body).await?)
    }
}

fn question_and_answer(messages: Vec<Message>) -> Result<(Message, Message), ChatError> {
    let [question, answer] = <[Message; 2]>::try_from(messages).map_err(|_| {
        StoreError::fault("a turn has other messages than a question and an answer")
    })?;
    Ok((question, answer))
}

pub(crate) fn accepted(
    client_message_id: Option<ClientMessageId>,
    question: &Message,
    answer: &Message,
) -> Result<MessageAccepted, ChatError> {
    let turn_id = answer.turn_id.ok_or_else(|| StoreError::fault("an answer has no turn"))?;
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

#[cfg(test)]
mod tests;
