//! The test server, its users, and the model that they talk to.
//!
//! Every server is of one test alone: its own data, its own port. Waiting is for events, never for
//! time, and nothing is waited for longer than [`PATIENCE`].
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this is test code: what goes wrong fails the test"
)]

mod browser;
mod databases;
mod event_stream;
mod figure;
mod link;
mod model;
mod process;
mod real_client;
mod server;
mod socket;
mod socket_io;
mod steady;

use std::time::Duration;

pub use browser::{Answer, Browser};
pub use databases::{Redis, mongodb_uri, newest_message_in, put_flask_conversation, redis_url};
pub use event_stream::{EventStream, StreamedEvent};
pub use figure::{Figure, in_seconds, often};
pub use link::{Link, LinkState};
pub use model::{Answering, ScriptedModel};
pub use process::{Ended, Process};
pub use real_client::{Library, RealClient};
pub use server::{TestServer, WEB_ASSET};
pub use socket::{Socket, text_of, upgrade};
pub use socket_io::{Polling, SocketIo, Transport, socket_io_path};
pub use steady::{Addresses, Answered, SteadyClient};

/// The longest that anything is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);
