//! The server under test, its clients, and a scripted model.
//!
//! Every server belongs to one test and has its own data directory and port. Where possible, tests wait for
//! events instead of sleeping. [`TIMEOUT`] limits these waits.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this is test code: a panic fails the test"
)]

mod browser;
mod clients;
mod databases;
mod event_stream;
pub mod identity_provider;
mod model;
mod process;
mod proxies;
mod reconnecting_client;
mod server;
mod soak_stats;
mod socket;
mod socket_io;
mod timeout;
mod trace_receiver;

pub use browser::{Browser, Response};
pub use clients::{ClientLibrary, OpenAiClient, OpenAiLibrary, RealClient, llm_command};
pub use databases::{
    Redis, dump_mongodb, insert_flask_conversation, mongodb_uri, newest_message, redis_url,
};
pub use event_stream::{EventStream, StreamedEvent};
pub use identity_provider::certified::CertifiedProvider;
pub use model::{ScriptedAnswer, ScriptedModel};
pub use process::{Process, ProcessOutput};
pub use proxies::{FaultyProxy, FreePort, ProxyProgram, ProxyState, ReverseProxy};
pub use reconnecting_client::{Addresses, ReceivedAnswer, ReconnectingClient};
pub use server::{TestServer, WEB_ASSET};
pub use soak_stats::{SoakStats, format_seconds, test_or_soak};
pub use socket::{Socket, answer_text, upgrade};
pub use socket_io::{Polling, SocketIo, Transport, socket_io_path};
pub use timeout::TIMEOUT;
pub use trace_receiver::{ReceivedSpan, TraceReceiver};
