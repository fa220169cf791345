//! Connections by which Redis tells something unasked, and which are made again when they are lost.

use std::io::{self, ErrorKind};
use std::time::Duration;

use redis::RedisError;
use tokio::time::sleep;

use crate::server::Server;

/// How often Redis is asked on such a connection whether it is there.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(2);

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// A connection that lasted so long was a good one: its loss is news.
const STEADY: Duration = Duration::from_secs(10);

/// How long is waited before a connection is made again.
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// Waits after a connection that was lost, longer after each that did not last.
    pub(crate) async fn wait(&mut self, server: &Server, lasted: Duration, error: &RedisError) {
        if lasted > STEADY {
            self.next = FIRST;
        }
        if self.next == FIRST {
            tracing::warn!(server = server.address(), %error, "Redis tells nothing; connecting again");
        }
        sleep(self.next).await;
        self.next = LONGEST.min(self.next * 2);
    }
}

/// What a connection ends with that says that it ends.
pub(crate) fn closed() -> RedisError {
    io::Error::from(ErrorKind::ConnectionReset).into()
}
