//! Live connections: the WebSocket, Socket.IO, and the events that are published over them.

mod asyncapi;
mod connection_limits;
mod conversation_list;
mod reasoning;
mod session_end;
mod socket_io;
mod socket_io_clients;
mod turns;
mod websocket;
mod websocket_conformance;
