#![doc = include_str!("../README.md")]

mod app;
mod error;
mod extract;
mod headers;
mod health;
mod legacy;
mod middleware;
mod openapi;
mod pages;
mod realtime;
mod rest;
mod routes;
mod server;

pub use app::Services;
pub use error::api_error::ApiError;
pub use extract::session::{Caller, Reader};
pub use openapi::document::openapi;
pub use realtime::limits::Limits;
pub use realtime::socket_io::engine_io_error::Refusal;
pub use server::{Metrics, RunningServer, Settings, serve};
