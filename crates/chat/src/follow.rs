use std::sync::Arc;

use webchat_domain::{ConversationId, Event, EventBody, ResponseChunk, TurnId, UserId};
use webchat_persistence::{Replay, StoreError, TurnLog};

use crate::{Chat, ChatError};

/// A client that follows the events of one conversation, at its own pace.
pub struct Following {
    log: Arc<dyn TurnLog>,
    conversation_id: ConversationId,
    reached: u64,
    recovered: bool,
}

/// What a follower gets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// What happened since, at least one event, adjacent chunks of an answer as one.
    Events(Vec<Arc<Event>>),
    /// The follower is too far behind for the log: it should read the messages again. Events after
    /// this number follow.
    Lost {
        /// Where it goes on.
        event_seq: u64,
    },
}

impl Chat {
    /// Follows what happens after the event `after`; without one, what happens from now on.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn follow(
        &self,
        owner: UserId,
        id: ConversationId,
        after: Option<u64>,
    ) -> Result<Following, ChatError> {
        self.find_conversation(owner, id).await?;
        let log = Arc::clone(&self.ports.log);
        let (reached, recovered) = match after {
            None => (log.checkpoint(id).await?.latest, true),
            Some(after) => match log.read(id, after).await? {
                Replay::Whole(_) => (after, true),
                Replay::Gone { latest } => (latest, false),
            },
        };
        Ok(Following {
            log,
            conversation_id: id,
            reached,
            recovered,
        })
    }
}

impl Following {
    /// Whether everything since the number that was asked for will come.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.recovered
    }

    /// The number that has been reached.
    #[must_use]
    pub fn event_seq(&self) -> u64 {
        self.reached
    }

    /// Waits for what happens next.
    ///
    /// # Errors
    /// When the log can't be read.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Followed, StoreError> {
        loop {
            self.log.wait(self.conversation_id, self.reached).await?;
            match self.log.read(self.conversation_id, self.reached).await? {
                Replay::Gone { latest } => {
                    self.reached = latest;
                    return Ok(Followed::Lost { event_seq: latest });
                }
                Replay::Whole(events) => {
                    if let Some(newest) = events.last() {
                        self.reached = newest.seq;
                        return Ok(Followed::Events(merge_chunks(&events)));
                    }
                }
            }
        }
    }
}

/// Adjacent chunks of one turn become one, with the last one's number.
fn merge_chunks(events: &[Arc<Event>]) -> Vec<Arc<Event>> {
    events
        .chunk_by(|one, next| chunk_turn(one).is_some() && chunk_turn(one) == chunk_turn(next))
        .filter_map(|run| match run {
            [] | [_] => run.first().cloned(),
            [.., last] => Some(merged(run, last)),
        })
        .collect()
}

fn chunk_turn(event: &Event) -> Option<TurnId> {
    match &event.body {
        EventBody::ResponseChunk(chunk) => Some(chunk.turn_id),
        _ => None,
    }
}

fn merged(run: &[Arc<Event>], last: &Arc<Event>) -> Arc<Event> {
    let EventBody::ResponseChunk(ResponseChunk { turn_id, .. }) = last.body else {
        return Arc::clone(last);
    };
    let chunk = run
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::ResponseChunk(chunk) => Some(chunk.chunk.as_str()),
            _ => None,
        })
        .collect();
    Arc::new(Event {
        body: EventBody::ResponseChunk(ResponseChunk { chunk, turn_id }),
        ..Event::clone(last)
    })
}
