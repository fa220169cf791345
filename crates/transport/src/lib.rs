#![doc = include_str!("../README.md")]

mod accept;
mod body;
mod caller;
mod error;
mod etag;
mod flask;
mod headers;
mod health;
mod limits;
mod openapi;
mod origin;
mod pages;
mod realtime;
mod routes;
mod server;
mod v1;

pub use caller::{Caller, Reader};
pub use error::ApiError;
pub use openapi::openapi;
pub use realtime::Connections;
pub use realtime::socket_io::Refusal;
pub use routes::routes;
pub use server::{Metrics, RunningServer, Settings, serve};
