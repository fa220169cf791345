//! Live connections.

use super::super::declaration::section;
use super::super::kind::Kind;

const COUNT: Kind = Kind::integer("", 1, u32::MAX);
const SECONDS: Kind = Kind::integer("seconds", 1, u32::MAX);
const KIB: Kind = Kind::integer("KiB", 1, u32::MAX);

section! {
    ConnectionSettings: [connections], "Live connections" {
        /// The maximum number of messages per second that a live connection may send, averaged over ten seconds; and
        /// the maximum number of live connections of a user on an instance. Both include Socket.IO.
        WS_MESSAGES_PER_S => messages_per_s: u32 = "10", COUNT;
        WS_CONNECTIONS_PER_USER => per_user: usize = "20", COUNT;

        /// Seconds after which a connection of `/ws` that sends nothing, not even a pong, is closed.
        WS_IDLE_S => idle_s: u64 = "45", SECONDS;

        /// Seconds after which a client that has stopped reading is disconnected. Applies to all connections.
        WS_SLOWEST_S => slowest_s: u64 = "30", SECONDS;

        /// The maximum size in KiB of a frame of `/ws`, and of a message that consists of several frames.
        WS_MAX_FRAME_KB => max_frame_kb: usize = "1024", KIB;
        WS_MAX_MESSAGE_KB => max_message_kb: usize = "4096", KIB;
    }
}
