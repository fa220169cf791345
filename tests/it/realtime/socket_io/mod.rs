//! Socket.IO packet by packet: the cases of the Engine.IO and Socket.IO test suites, and additional ones.

mod handshake;
mod packets;
mod polling;
mod support;
mod turns;
mod upgrade;
