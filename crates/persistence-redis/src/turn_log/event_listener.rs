//! The subscription to notifications of new events, shared by all readers of this process.

use std::sync::Arc;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{Msg, RedisResult, pipe};
use webchat_domain::ConversationId;

use super::topics::Topics;
use super::update::Update;
use crate::connection::subscriber::Subscriber;
use crate::error::is_transient;
use crate::keys::Keys;

/// The maximum number of conversations in one SUBSCRIBE command, with two channels per conversation.
const BATCH_SIZE: usize = 256;

/// Notifies the readers of this process of new events. After a reconnection, it notifies them of the events that they
/// missed.
pub(super) struct EventListener {
    pub(super) keys: Keys,
    pub(super) topics: Arc<Topics>,
}

#[async_trait]
impl Subscriber for EventListener {
    const CONNECTION_NAME: &'static str = "webchat-events";

    fn receive(&self, message: &Msg) {
        if let Some((id, notification)) = self.notification(message)
            && Update::latest(&notification).is_some_and(|latest| self.topics.is_new(id, latest))
            && let Some(update) = Update::parse(id, &notification)
        {
            self.topics.update(id, update);
        }
    }

    /// Subscribes first and then reads the newest sequence numbers, so that no event is missed in between.
    async fn subscribe(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        loop {
            let ids = self.topics.unsubscribed(BATCH_SIZE);
            if ids.is_empty() {
                return Ok(());
            }
            connection.subscribe(self.channels(&ids)).await?;
            for (id, latest) in ids.iter().zip(self.latest(connection, &ids).await?) {
                self.topics.set_subscribed(*id);
                self.topics.update(*id, Update::Latest(latest));
            }
        }
    }

    async fn channels_changed(&self) {
        self.topics.wait_for_join().await;
    }

    async fn unsubscribe_idle(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let ids = self.topics.remove_idle();
        for ids in ids.chunks(BATCH_SIZE) {
            connection.unsubscribe(self.channels(ids)).await?;
        }
        Ok(())
    }

    fn disconnected(&self) {
        self.topics.set_all_unsubscribed();
    }
}

impl EventListener {
    /// Returns the newest sequence number of each conversation, or 0 if it has no events.
    async fn latest(
        &self,
        connection: &mut MultiplexedConnection,
        ids: &[ConversationId],
    ) -> RedisResult<Vec<u64>> {
        let mut commands = pipe();
        for id in ids {
            commands.cmd("HGET").arg(self.keys.log(*id)).arg("latest");
        }
        let numbers: Vec<RedisResult<Option<u64>>> =
            commands.ignore_errors().query_async(connection).await?;
        numbers.into_iter().map(number_or_zero).collect()
    }

    /// Returns the channels of these conversations. `events` is the channel that earlier versions publish to.
    fn channels(&self, ids: &[ConversationId]) -> Vec<String> {
        ids.iter().flat_map(|id| [self.keys.notifications(*id), self.keys.events(*id)]).collect()
    }

    /// Returns the conversation of a notification and its text, or `None` for any other message.
    fn notification(&self, message: &Msg) -> Option<(ConversationId, String)> {
        let channel: String = message.get_channel().ok()?;
        Some((self.keys.conversation_of(&channel)?, message.get_payload().ok()?))
    }
}

/// Treats an unreadable number as missing, so that it does not block other conversations.
fn number_or_zero(number: RedisResult<Option<u64>>) -> RedisResult<u64> {
    match number {
        Err(error) if is_transient(&error) => Err(error),
        number => Ok(number.unwrap_or_default().unwrap_or_default()),
    }
}
