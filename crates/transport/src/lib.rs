#![doc = include_str!("../README.md")]

mod accept;
mod body;
mod caller;
mod error;
mod etag;
mod flask;
mod headers;
mod health;
mod idempotency;
mod openapi;
mod origin;
mod pages;
mod paging;
mod realtime;
mod refusals;
mod request_limits;
mod routes;
mod server;
mod services;
mod upload;
mod v1;

pub use caller::{Caller, Reader};
pub use error::ApiError;
pub use openapi::openapi;
pub use realtime::Limits;
pub use realtime::socket_io::Refusal;
pub use server::{Metrics, RunningServer, Settings, serve};
pub use services::Services;

use routes::routes;
