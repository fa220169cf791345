//! Live connections.

use super::super::declaration::section;
use super::super::kind::Kind;

const COUNT: Kind = Kind::integer("", 1, u32::MAX);

section! {
    ConnectionSettings: [connections], "Live connections" {
        /// Limits of live connections, including Socket.IO: messages per second of a connection (averaged over ten
        /// seconds), and connections per user and instance. For `/ws` only: the seconds after which a silent
        /// connection is closed, the seconds after which a client that has stopped reading is disconnected, and the
        /// maximum size in KiB of a frame, and of a message of several frames.
        WS_MESSAGES_PER_S => messages_per_s: u32 = "10", COUNT;
        WS_CONNECTIONS_PER_USER => per_user: usize = "20", COUNT;
        WS_IDLE_S => idle_s: u64 = "45", COUNT;
        WS_SLOWEST_S => slowest_s: u64 = "30", COUNT;
        WS_MAX_FRAME_KB => max_frame_kb: usize = "1024", COUNT;
        WS_MAX_MESSAGE_KB => max_message_kb: usize = "4096", COUNT;
    }
}
