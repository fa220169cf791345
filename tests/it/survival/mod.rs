//! What nobody may lose: clients that are cut off, servers that go away, messages that are sent again.
//! `make soak` does the same, a great deal more often.

mod cuts;
mod interleavings;
mod kills;
mod network;
mod redis_away;
mod repeats;
mod rolling;
mod slow_readers;

/// Clients that are cut off all the time ask more often than people do.
const UNBOUNDED: [(&str, &str); 1] = [("REQUESTS_PER_SECOND", "0")];
