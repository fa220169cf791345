use std::sync::Arc;

use async_trait::async_trait;
use redis::{Script, ScriptInvocation};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use webchat_domain::{ConversationId, Event, EventBody, EventId, TurnId};
use webchat_persistence::{Checkpoint, Replay, StoreError, TurnLog};

use crate::RedisStore;
use crate::entry::{Entry, event, event_of};
use crate::live::Live;
use crate::topics::Topics;

/// Events read at a time: no answer of Redis is larger, however long the replay, nor what a slow reader
/// holds of it.
const PAGE: usize = 256;

/// The turn log on Redis Streams. What one instance appends, all of them see.
pub struct RedisTurnLog {
    store: RedisStore,
    scripts: Scripts,
    topics: Arc<Topics>,
    _live: AbortOnDropHandle<()>,
}

struct Scripts {
    append: Script,
    read: Script,
    checkpoint: Script,
}

impl RedisTurnLog {
    pub(crate) fn new(store: RedisStore) -> Self {
        let topics = Arc::new(Topics::default());
        let live = Live {
            server: store.server.clone(),
            keys: store.keys.clone(),
            topics: Arc::clone(&topics),
        };
        let live = AbortOnDropHandle::new(TaskTracker::new().spawn(live.run()));
        Self { store, scripts: Scripts::new(), topics, _live: live }
    }

    fn on<'a>(&self, script: &'a Script, id: ConversationId) -> ScriptInvocation<'a> {
        let keys = &self.store.keys;
        let mut invocation = script.prepare_invoke();
        invocation.key(keys.events(id)).key(keys.log(id)).key(keys.origin());
        invocation
    }
}

#[async_trait]
impl TurnLog for RedisTurnLog {
    async fn append(
        &self,
        id: ConversationId,
        event_id: EventId,
        body: EventBody,
    ) -> Result<Arc<Event>, StoreError> {
        let data = serde_json::to_string(&body).map_err(StoreError::fault)?;
        let (turn_id, change) = match &body {
            EventBody::MessageAccepted(accepted) => (accepted.turn_id.to_simple(), "begins"),
            EventBody::TokenUsage(usage) => (usage.turn_id.to_simple(), "ends"),
            _ => (String::new(), ""),
        };
        let mut script = self.on(&self.scripts.append, id);
        script.arg(event_id.to_simple()).arg(body.name()).arg(data).arg(turn_id).arg(change);
        let told: (u64, Option<String>, Option<String>) = self.store.pool.run(&script).await?;
        match told {
            (seq, Some(name), Some(data)) => event(id, seq, &name, &data),
            (seq, ..) => Ok(Arc::new(Event { conversation_id: id, seq, body })),
        }
    }

    async fn read(&self, id: ConversationId, after: u64) -> Result<Replay, StoreError> {
        let mut script = self.on(&self.scripts.read, id);
        script.arg(after).arg(PAGE);
        let (latest, is_known, entries): (u64, bool, Vec<Entry>) =
            self.store.pool.run(&script).await?;
        if !is_known {
            return Ok(Replay::Gone { latest });
        }
        let events = entries.iter().map(|entry| event_of(id, entry)).collect::<Result<_, _>>()?;
        Ok(Replay::Complete(events))
    }

    /// An outage of Redis does not end it: it goes on waiting, and then learns what it missed.
    async fn wait(&self, id: ConversationId, after: u64) -> Result<(), StoreError> {
        let mut latest = self.topics.join(id);
        latest.wait_for(|latest| *latest > after).await.map_err(StoreError::fault)?;
        Ok(())
    }

    async fn checkpoint(&self, id: ConversationId) -> Result<Checkpoint, StoreError> {
        let script = self.on(&self.scripts.checkpoint, id);
        let (seq, latest, running_turn): (u64, u64, Option<String>) =
            self.store.pool.run(&script).await?;
        let running_turn = running_turn.map(|turn_id| turn_id.parse::<TurnId>()).transpose();
        Ok(Checkpoint { seq, latest, running_turn: running_turn.map_err(StoreError::fault)? })
    }
}

impl Scripts {
    fn new() -> Self {
        macro_rules! script {
            ($file:literal) => {
                Script::new(concat!(include_str!("scripts/common.lua"), include_str!($file)))
            };
        }
        Self {
            append: script!("scripts/append.lua"),
            read: script!("scripts/read.lua"),
            checkpoint: script!("scripts/checkpoint.lua"),
        }
    }
}
