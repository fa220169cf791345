//! No message or event is lost or duplicated when clients disconnect, servers are killed or messages are resent.
//! `make soak` runs the same tests with many more iterations.

mod disconnects;
mod interleavings;
mod kills;
mod network;
mod odd_models;
mod pauses;
mod redis_outage;
mod resends;
mod rolling_restart;
mod seen_text;
mod settings;
mod slow_readers;
