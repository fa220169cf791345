use std::convert::Infallible;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{Msg, PushInfo, PushKind, RedisResult, cmd, pipe};
use tokio::sync::Notify;
use tokio::time::{Instant, interval};
use webchat_domain::ConversationId;

use crate::backoff::{Backoff, HEARTBEAT, closed};
use crate::error::is_passing;
use crate::keys::Keys;
use crate::server::Server;
use crate::topics::Topics;

/// Conversations subscribed to at a time.
const BATCH: usize = 256;

/// The one connection by which Redis tells this process what happens, whoever waits for it.
pub(crate) struct Live {
    pub(crate) server: Server,
    pub(crate) keys: Keys,
    pub(crate) topics: Arc<Topics>,
}

impl Live {
    /// Never ends. A connection that breaks is made again, and whoever waits then learns what
    /// happened meanwhile.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::new();
        loop {
            let began = Instant::now();
            let Err(error) = self.serve().await;
            self.topics.all_unsubscribed();
            backoff.wait(&self.server, began.elapsed(), &error).await;
        }
    }

    async fn serve(&self) -> RedisResult<Infallible> {
        let lost = Arc::new(Notify::new());
        let mut connection = self.connect(&lost).await?;
        tracing::info!(server = self.server.address(), "Redis tells events");
        let mut heartbeat = interval(HEARTBEAT);
        loop {
            self.subscribe(&mut connection).await?;
            tokio::select! {
                () = self.topics.joined() => {}
                () = lost.notified() => return Err(closed()),
                _ = heartbeat.tick() => self.sweep(&mut connection).await?,
            }
        }
    }

    async fn connect(&self, lost: &Arc<Notify>) -> RedisResult<MultiplexedConnection> {
        let (lost, keys, topics) = (Arc::clone(lost), self.keys.clone(), Arc::clone(&self.topics));
        let hear = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                lost.notify_one();
            }
            if let Some((id, seq)) = number(&keys, push) {
                topics.tell(id, seq);
            }
            Ok::<_, Infallible>(())
        };
        self.server.connect("webchat-events", hear).await
    }

    /// First subscribes and then looks, so that no event falls between the two.
    async fn subscribe(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        loop {
            let ids = self.topics.unsubscribed(BATCH);
            if ids.is_empty() {
                return Ok(());
            }
            connection.subscribe(self.channels(&ids)).await?;
            for (id, latest) in ids.iter().zip(self.latest(connection, &ids).await?) {
                self.topics.subscribed(*id);
                self.topics.tell(*id, latest);
            }
        }
    }

    async fn sweep(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let ids = self.topics.sweep();
        for ids in ids.chunks(BATCH) {
            connection.unsubscribe(self.channels(ids)).await?;
        }
        // A connection whose other end is gone says nothing by itself.
        cmd("PING").exec_async(connection).await
    }

    /// The newest number of each; 0 where there is none.
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
        numbers.into_iter().map(readable).collect()
    }

    fn channels(&self, ids: &[ConversationId]) -> Vec<String> {
        ids.iter().map(|id| self.keys.events(*id)).collect()
    }
}

/// One conversation's number that can't be read must keep nobody else waiting.
fn readable(number: RedisResult<Option<u64>>) -> RedisResult<u64> {
    match number {
        Err(error) if is_passing(&error) => Err(error),
        number => Ok(number.unwrap_or_default().unwrap_or_default()),
    }
}

/// What a message on one of our channels says.
fn number(keys: &Keys, push: PushInfo) -> Option<(ConversationId, u64)> {
    let message = Msg::from_push_info(push)?;
    let channel: String = message.get_channel().ok()?;
    Some((keys.conversation_of(&channel)?, message.get_payload().ok()?))
}
