//! The test server, its clients, and the model that they talk to.
//!
//! Every server belongs to one test: it has a data folder and a port that no other test uses. Tests wait
//! for events rather than sleep, and never longer than [`TIMEOUT`].
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this is test code: a panic fails the test"
)]

mod browser;
mod databases;
mod event_stream;
mod faulty_proxy;
mod model;
mod process;
mod real_client;
mod reconnecting_client;
mod server;
mod soak_stats;
mod socket;
mod socket_io;
mod timeout;

pub use browser::{Browser, Response};
pub use databases::{Redis, insert_flask_conversation, mongodb_uri, newest_message, redis_url};
pub use event_stream::{EventStream, StreamedEvent};
pub use faulty_proxy::{FaultyProxy, ProxyState};
pub use model::{ScriptedAnswer, ScriptedModel};
pub use process::{Process, ProcessOutput};
pub use real_client::{Library, RealClient};
pub use reconnecting_client::{Addresses, ReceivedAnswer, ReconnectingClient};
pub use server::{TestServer, WEB_ASSET};
pub use soak_stats::{SoakStats, format_seconds, iterations};
pub use socket::{Socket, answer_text, upgrade};
pub use socket_io::{Polling, SocketIo, Transport, socket_io_path};
pub use timeout::TIMEOUT;
