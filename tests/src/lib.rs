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
pub use databases::{Redis, mongodb_uri, put_flask_conversation, redis_url};
pub use event_stream::{EventStream, StreamedEvent};
pub use link::{Link, LinkState};
pub use model::{Answering, ScriptedModel};
pub use process::{Ended, Process};
pub use real_client::{Library, RealClient};
pub use server::{TestServer, WEB_ASSET};
pub use socket::{Socket, text_of, upgrade};
pub use socket_io::{Polling, SocketIo, Transport, socket_io_path};
pub use steady::{Addresses, Answered, SteadyClient};

/// How often something at random is tried: `short` in `make test`, `long` in `make soak`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "how `make soak` tells that it is the one")]
pub fn often(short: u32, long: u32) -> u32 {
    if std::env::var_os("SOAK").is_some() { long } else { short }
}

/// The longest that anything is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);
