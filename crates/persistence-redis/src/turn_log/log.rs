//! Implements [`TurnLog`].

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use redis::{Script, ScriptInvocation};
use tokio_util::task::AbortOnDropHandle;
use webchat_domain::{ConversationId, Event, TurnId};
use webchat_persistence::rules::{DEDUPLICATION_WINDOW, KEPT_EVENTS, TurnBoundary, turn_boundary};
use webchat_persistence::{Checkpoint, NewEvent, Replay, StoreError, TurnLog};

use super::entry::{Entry, event, event_of};
use super::event_listener::EventListener;
use super::topics::Topics;
use super::update::{MAX_NOTIFIED_BYTES, RecentEvent, Update};
use crate::connection::pool::Pool;
use crate::connection::server::Server;
use crate::connection::subscriber;
use crate::keys::Keys;

/// The maximum number of events in one read. It bounds the replies of Redis and the memory of a slow reader, even for long
/// replays.
const PAGE_SIZE: usize = 256;

/// The turn log on Redis Streams, shared by all instances.
pub struct RedisTurnLog {
    pool: Pool,
    keys: Keys,
    scripts: Scripts,
    topics: Arc<Topics>,
    _listener: AbortOnDropHandle<()>,
}

/// The sequence number of an appended event. For a duplicate, also the name and the data of the first event.
type Appended = (u64, Option<String>, Option<String>);

struct Scripts {
    append: Script,
    read: Script,
    checkpoint: Script,
}

impl RedisTurnLog {
    pub(crate) fn new(server: Server, pool: Pool, keys: Keys) -> Self {
        let topics = Arc::new(Topics::default());
        let listener = EventListener { keys: keys.clone(), topics: Arc::clone(&topics) };
        let listener = subscriber::spawn(server, listener);
        Self { pool, keys, scripts: Scripts::new(), topics, _listener: listener }
    }

    fn invocation<'a>(&self, script: &'a Script, id: ConversationId) -> ScriptInvocation<'a> {
        let Self { keys, .. } = self;
        let mut invocation = script.prepare_invoke();
        invocation.key(keys.events(id)).key(keys.log(id)).key(keys.origin());
        invocation
    }

    /// Gives the new events after the number `before` to the readers of this process.
    fn update_topic(
        &self,
        id: ConversationId,
        before: u64,
        events: &[Arc<Event>],
        sizes: &[usize],
    ) {
        let recent = events.iter().zip(sizes);
        let recent =
            recent.map(|(event, bytes)| RecentEvent { event: Arc::clone(event), bytes: *bytes });
        if let Some(update) = Update::of_append(before, recent) {
            self.topics.update(id, update);
        }
    }
}

#[async_trait]
impl TurnLog for RedisTurnLog {
    async fn append(
        &self,
        id: ConversationId,
        events: Vec<NewEvent>,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let mut script = self.invocation(&self.scripts.append, id);
        let duplicates_after = events.iter().map(|event| event.duplicates_after).min();
        script.arg(duplicates_after.unwrap_or(0)).arg(DEDUPLICATION_WINDOW).arg(KEPT_EVENTS);
        script.arg(self.keys.notifications(id)).arg(MAX_NOTIFIED_BYTES);
        let mut sizes = Vec::with_capacity(events.len());
        for NewEvent { event_id, body, .. } in &events {
            let data = serde_json::to_string(body).map_err(StoreError::fault)?;
            let (turn_id, change) = match turn_boundary(body) {
                Some(TurnBoundary::Begin(turn_id)) => (turn_id.to_simple(), "begins"),
                Some(TurnBoundary::End(turn_id)) => (turn_id.to_simple(), "ends"),
                None => (String::new(), ""),
            };
            sizes.push(data.len());
            script.arg(event_id.to_simple()).arg(body.name()).arg(data).arg(turn_id).arg(change);
        }
        let (before, appended): (u64, Vec<Appended>) = self.pool.run(&script).await?;
        let event = |(new, appended): (NewEvent, Appended)| match appended {
            (seq, Some(name), Some(data)) => event(id, seq, &name, &data),
            (seq, ..) => Ok(Arc::new(Event { conversation_id: id, seq, body: new.body })),
        };
        let events = events.into_iter().zip(appended).map(event).collect::<Result<Vec<_>, _>>()?;
        self.update_topic(id, before, &events, &sizes);
        Ok(events)
    }

    async fn read(&self, id: ConversationId, after: u64) -> Result<Replay, StoreError> {
        if let Some(events) = self.topics.recent(id, after) {
            return Ok(Replay::Events(events));
        }
        let mut script = self.invocation(&self.scripts.read, id);
        script.arg(after).arg(PAGE_SIZE);
        let (latest, is_known, entries): (u64, bool, Vec<Entry>) = self.pool.run(&script).await?;
        if !is_known {
            return Ok(Replay::Gap { latest });
        }
        Ok(parse_replay(id, &entries, latest))
    }

    /// Keeps waiting during an outage of Redis, and then detects the events that it missed.
    async fn wait(&self, id: ConversationId, after: u64) -> Result<(), StoreError> {
        let mut latest = self.topics.join(id);
        latest.wait_for(|latest| *latest > after).await.map_err(StoreError::fault)?;
        Ok(())
    }

    async fn checkpoint(&self, id: ConversationId) -> Result<Checkpoint, StoreError> {
        let script = self.invocation(&self.scripts.checkpoint, id);
        let (seq, latest, running_turn): (u64, u64, Option<String>) =
            self.pool.run(&script).await?;
        let running_turn = running_turn.map(|turn_id| turn_id.parse::<TurnId>()).transpose();
        Ok(Checkpoint { seq, latest, running_turn: running_turn.map_err(StoreError::fault)? })
    }

    async fn erase(&self, id: ConversationId) -> Result<(), StoreError> {
        let keys = [self.keys.events(id), self.keys.log(id)];
        self.pool.query(redis::cmd("DEL").arg(&keys)).await
    }
}

/// Parses the events before the first invalid entry. If that is the first of `entries`, the reader has a gap, which
/// includes all events up to `latest`.
fn parse_replay(id: ConversationId, entries: &[Entry], latest: u64) -> Replay {
    let mut events = Vec::new();
    for entry in entries {
        match event_of(id, entry) {
            Ok(event) => events.push(event),
            Err(error) if events.is_empty() => {
                let error = error.source().map_or_else(String::new, ToString::to_string);
                tracing::warn!(conversation_id = %id, entry = entry.0, error, "skipped an invalid event");
                return Replay::Gap { latest };
            }
            Err(_) => break,
        }
    }
    Replay::Events(events)
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
