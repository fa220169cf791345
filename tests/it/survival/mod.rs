//! What nobody may lose: clients that are cut off, servers that go away, messages that are sent again.
//! `make soak` does the same, a great deal more often.

mod cuts;
mod interleavings;
mod kills;
mod network;
mod repeats;
mod rolling;
