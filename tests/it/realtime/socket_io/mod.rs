//! Socket.IO packet by packet: the cases of the test suites of Engine.IO and Socket.IO, and additional ones.

mod handshake;
mod packets;
mod polling;
mod support;
mod turns;
mod upgrade;
