//! What must survive disconnects, killed servers and messages that are sent again. `make soak` runs the same
//! tests with many more iterations.

mod disconnects;
mod interleavings;
mod kills;
mod network;
mod redis_outage;
mod resends;
mod rolling_restart;
mod settings;
mod slow_readers;
