#![doc = include_str!("../README.md")]

mod caller;
mod error;
mod flask;
mod headers;
mod health;
mod origin;
mod pages;
mod realtime;
mod routes;
mod server;
mod v1;

pub use caller::{Caller, Reader};
pub use error::ApiError;
pub use realtime::socket_io::Refusal;
pub use realtime::{Connections, Limits};
pub use routes::routes;
pub use server::{Metrics, RunningServer, Settings, serve};
