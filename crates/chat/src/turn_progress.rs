use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use webchat_domain::{
    ConversationId, Event, EventBody, FinishReason, Message, MessageAccepted, MessageId,
    TokenUsage, TurnFailed, TurnId, UserId,
};
use webchat_persistence::{Replay, StoreError};

use crate::send_message::LEASE;
use crate::{Chat, ChatError, Followed, Following, Sent};

/// How often it is looked for the beginning of a turn that is stored and not yet told.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A turn that a caller waits for: its events as they come, and what became of it. Dropping it changes
/// nothing of the turn.
pub struct TurnProgress {
    chat: Chat,
    owner: UserId,
    id: ConversationId,
    accepted: MessageAccepted,
    /// The event that the log was read up to.
    first: Option<Arc<Event>>,
    /// `None` where nothing more will be told.
    following: Option<Following>,
    told: Told,
}

/// What became of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnResult {
    /// What was asked.
    pub question: Message,
    /// All that came of the answer.
    pub answer: Message,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Why it failed, or what it was filtered for.
    pub error: Option<TurnFailed>,
    /// What it used. `None` where the log does not have it any more.
    pub usage: Option<TokenUsage>,
}

/// What the events say of a turn's end.
#[derive(Default)]
struct Told {
    finish_reason: Option<FinishReason>,
    error: Option<TurnFailed>,
    usage: Option<TokenUsage>,
}

impl Chat {
    /// Follows the turn of a message that was sent, now or before.
    ///
    /// # Errors
    /// When the store or the log can't be read.
    pub async fn progress(
        &self,
        owner: UserId,
        id: ConversationId,
        sent: Sent,
    ) -> Result<TurnProgress, ChatError> {
        let (accepted, first) = match sent {
            Sent::Known(accepted) => (accepted, None),
            Sent::Accepted(event) => match &event.body {
                EventBody::MessageAccepted(accepted) => (accepted.clone(), Some(event)),
                _ => return Err(StoreError::fault("a turn begins with another event").into()),
            },
        };
        let following = match &first {
            Some(event) => Some(self.follow(owner, id, Some(event.seq)).await?),
            None => self.follow_known(owner, id, accepted.turn_id).await?,
        };
        let chat = self.clone();
        let told = Told::default();
        Ok(TurnProgress { chat, owner, id, accepted, first, following, told })
    }

    /// Follows a turn that somebody else began, from its first event on; `None` when it has ended.
    async fn follow_known(
        &self,
        owner: UserId,
        id: ConversationId,
        turn_id: TurnId,
    ) -> Result<Option<Following>, ChatError> {
        loop {
            let checkpoint = self.ports.log.checkpoint(id).await?;
            if checkpoint.running_turn == Some(turn_id) {
                return Ok(Some(self.follow(owner, id, Some(checkpoint.seq)).await?));
            }
            // Stored, and not yet told: the two are not one step.
            if !self.runs(owner, id, turn_id).await? {
                return Ok(None);
            }
            sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    async fn runs(
        &self,
        owner: UserId,
        id: ConversationId,
        turn_id: TurnId,
    ) -> Result<bool, ChatError> {
        let now = self.ports.clock.now();
        Ok(self.ports.conversations.running_turn(owner, id, now).await? == Some(turn_id))
    }
}

impl TurnProgress {
    /// The message that was sent.
    #[must_use]
    pub fn accepted(&self) -> &MessageAccepted {
        &self.accepted
    }

    /// Whether nothing more will be told of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.first.is_none() && self.following.is_none()
    }

    /// What happens next in the conversation, until the turn's last event; then `None`. A turn that had
    /// ended before it was asked for has no events.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Followed> {
        if let Some(first) = self.first.take() {
            return Some(Followed::Events(vec![first]));
        }
        loop {
            let following = self.following.as_mut()?;
            let Ok(followed) = timeout(LEASE, following.next()).await else {
                // Whoever ran it may have died, and then nobody tells its end.
                let runs = self.chat.runs(self.owner, self.id, self.accepted.turn_id).await;
                if matches!(runs, Ok(false)) {
                    self.following = None;
                }
                continue;
            };
            return Some(self.take(followed));
        }
    }

    /// What happened until now, if anything did.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn so_far(&mut self) -> Result<Option<Followed>, ChatError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(Followed::Events(vec![first])));
        }
        let Some(following) = &mut self.following else { return Ok(None) };
        Ok(following.so_far().await?.map(|followed| self.take(followed)))
    }

    /// Waits for the turn's end, and says what became of it.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] when it was deleted or emptied meanwhile.
    pub async fn result(mut self) -> Result<TurnResult, ChatError> {
        while self.next().await.is_some() {}
        if self.told.usage.is_none() {
            self.recall().await?;
        }
        let question = self.message(self.accepted.message_id).await?;
        let answer = self.message(self.accepted.answer_id).await?;
        let Told { finish_reason, error, usage } = self.told;
        let finish_reason = finish_reason.unwrap_or_else(|| FinishReason::of(answer.status));
        let error = match finish_reason {
            FinishReason::Failed => error.or_else(|| Some(unknown(self.accepted.turn_id))),
            _ => error,
        };
        Ok(TurnResult { question, answer, finish_reason, error, usage })
    }

    /// Events up to the turn's last one.
    fn take(&mut self, followed: Followed) -> Followed {
        let Followed::Events(mut events) = followed else { return followed };
        if let Some(last) = self.told.listen(self.accepted.turn_id, &events) {
            events.truncate(last + 1);
            self.following = None;
        }
        Followed::Events(events)
    }

    /// Looks for the turn in what the log has still.
    async fn recall(&mut self) -> Result<(), ChatError> {
        if let Replay::Whole(events) = self.chat.ports.log.read(self.id, 0).await? {
            self.told.listen(self.accepted.turn_id, &events);
        }
        Ok(())
    }

    async fn message(&self, message_id: MessageId) -> Result<Message, ChatError> {
        let conversations = &self.chat.ports.conversations;
        let found = conversations.message(self.owner, self.id, message_id).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }
}

impl Told {
    /// Where the turn's last event stands, if it is among these.
    fn listen(&mut self, turn_id: TurnId, events: &[Arc<Event>]) -> Option<usize> {
        for (index, event) in events.iter().enumerate() {
            match &event.body {
                EventBody::Error(error) if error.turn_id == turn_id => {
                    self.error = Some(error.clone());
                }
                EventBody::ResponseEnd(end) if end.turn_id == turn_id => {
                    self.finish_reason = Some(end.finish_reason);
                }
                EventBody::TokenUsage(usage) if usage.turn_id == turn_id => {
                    self.usage = Some(usage.clone());
                    return Some(index);
                }
                _ => {}
            }
        }
        None
    }
}

/// Why a turn failed of which the log knows nothing any more.
fn unknown(turn_id: TurnId) -> TurnFailed {
    let message = "The model gave no whole answer. Why is not known any more.".to_owned();
    TurnFailed { message, code: "model_failed".to_owned(), turn_id }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{ClientMessageId, EventId, MessageStatus, NewMessage, Role};
    use webchat_persistence::{Append, MockTurnLog, TurnClaim};

    use super::*;
    use crate::testing::{ANSWER, QUESTION, Room, START, in_short, message, settle, soon};
    use crate::{Ports, SendMessage};

    async fn send(room: &Room, name: &str) -> TurnProgress {
        let client_message_id = ClientMessageId::try_from(name.to_owned()).ok();
        let message = SendMessage { client_message_id, ..message(QUESTION) };
        let sent = room.chat.send_message(room.owner, room.id, message).await.unwrap();
        room.chat.progress(room.owner, room.id, sent).await.unwrap()
    }

    async fn told(progress: &mut TurnProgress) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(Followed::Events(events)) = soon(progress.next()).await {
            told.extend(events.iter().map(|event| in_short(&event.body)));
        }
        told
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sent_it_is_told_the_whole_turn_and_what_became_of_it() {
        let room = Room::open().await;
        let mut progress = send(&room, "c1").await;
        let asked = room.model.asked().await;

        let answering = async {
            asked.say(ANSWER).await;
            asked.finish(FinishReason::Stop).await;
        };
        let (events, ()) = tokio::join!(told(&mut progress), answering);
        room.ask_and_answer("the next one", "is not told").await;
        let result = progress.result().await.unwrap();

        assert_eq!(
            events,
            [
                "accepted: 2 + 2 = 4",
                "title: 2 + 2 = 4",
                "chunk: antidisestablishmentarianism",
                "end: Stop, Complete",
                "usage: 20"
            ]
        );
        assert_eq!((result.question.content.as_str(), result.question.position), (QUESTION, 1));
        assert_eq!((result.answer.content.as_str(), result.answer.position), (ANSWER, 2));
        assert_eq!((result.finish_reason, &result.error), (FinishReason::Stop, &None));
        assert_eq!(result.usage.unwrap().total_tokens_used, 20);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sends_it_again_waits_for_the_same_answer() {
        let room = Room::open().await;
        let first = send(&room, "c1").await;
        let asked = room.model.asked().await;
        asked.say("anti").await;
        settle().await;

        let again = send(&room, "c1").await;
        asked.say("dis").await;
        asked.finish(FinishReason::Length).await;
        let (first, again) = tokio::join!(soon(first.result()), soon(again.result()));
        let much_later = send(&room, "c1").await.result().await.unwrap();

        let first = first.unwrap();
        assert_eq!(
            (first.answer.content.as_str(), first.finish_reason),
            ("antidis", FinishReason::Length)
        );
        assert_eq!(again.unwrap(), first);
        assert_eq!(much_later, first);
        assert_eq!(room.model.times_asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_turn_that_the_log_has_forgotten_the_store_says_what_became() {
        let room = Room::open().await;
        send(&room, "c1").await;
        room.model.asked().await.fail().await;
        settle().await;
        let mut log = MockTurnLog::new();
        let checkpoint = room.chat.ports.log.checkpoint(room.id).await.unwrap();
        log.expect_checkpoint().returning(move |_| Ok(checkpoint));
        log.expect_read().returning(|_, _| Ok(Replay::Gone { latest: 99 }));
        let room = room.on(|ports| ports.log = Arc::new(log));

        let result = send(&room, "c1").await.result().await.unwrap();

        assert_eq!((result.finish_reason, result.usage), (FinishReason::Failed, None));
        assert_eq!(result.error.unwrap().code, "model_failed");
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_turn_that_failed_the_reason_is_kept_while_the_log_has_it() {
        let room = Room::open().await;
        let first = send(&room, "c1").await;
        room.model.asked().await.fail().await;
        let failed = soon(first.result()).await.unwrap();

        let again = send(&room, "c1").await.result().await.unwrap();

        assert_eq!(failed.error.as_ref().unwrap().code, "model_failed");
        assert_eq!(again, failed);
    }

    /// A turn as another instance began it, of which nothing more is told or saved.
    async fn begin_elsewhere(room: &Room) -> Sent {
        let turn_id = TurnId::generate();
        let question = NewMessage {
            message_id: MessageId::generate(),
            turn_id: Some(turn_id),
            role: Role::User,
            content: QUESTION.to_owned(),
            token_count: 7,
            status: MessageStatus::Complete,
            created_at: START,
        };
        let answer = NewMessage {
            message_id: MessageId::generate(),
            role: Role::Assistant,
            content: "Bec".to_owned(),
            status: MessageStatus::Interrupted,
            ..question.clone()
        };
        let accepted = MessageAccepted {
            message_id: question.message_id,
            position: 1,
            turn_id,
            client_message_id: None,
            answer_id: answer.message_id,
            content: QUESTION.to_owned(),
            token_count: 7,
            created_at: START,
        };
        let append = Append {
            messages: vec![question, answer],
            turn: Some(TurnClaim { turn_id, lease_until: START.plus(LEASE) }),
            ..Append::default()
        };
        let Ports { conversations, log, .. } = &room.chat.ports;
        conversations.append(room.owner, room.id, append, START).await.unwrap();
        let body = EventBody::MessageAccepted(accepted.clone());
        log.append(room.id, EventId::generate(), body).await.unwrap();
        Sent::Known(accepted)
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_whose_server_died_is_waited_for_until_its_hold_lapses() {
        let room = Room::open().await;
        let sent = begin_elsewhere(&room).await;
        let progress = room.chat.progress(room.owner, room.id, sent).await.unwrap();

        let lapsing = async {
            sleep(LEASE * 2).await;
            room.clock.advance(LEASE);
        };
        let (result, ()) = tokio::join!(soon(progress.result()), lapsing);

        let result = result.unwrap();
        assert_eq!((result.answer.content.as_str(), result.error), ("Bec", None));
        assert_eq!(result.finish_reason, FinishReason::Interrupted);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_in_a_conversation_that_is_deleted_finds_it_gone() {
        let room = Room::open().await;
        let progress = send(&room, "c1").await;
        let _asked = room.model.asked().await;

        let deleting = room.chat.delete_conversation(room.owner, room.id);
        let (result, deleted) = tokio::join!(soon(progress.result()), deleting);

        deleted.unwrap();
        assert!(matches!(result, Err(ChatError::ConversationNotFound)), "{result:?}");
    }
}
