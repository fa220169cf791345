#![doc = include_str!("../README.md")]

mod admin;
mod allowed_origin;
mod app;
mod base_path;
mod error;
mod extract;
mod get_or_head;
mod headers;
mod health;
mod legacy;
mod metrics;
mod middleware;
mod openai_api;
mod openapi;
mod pages;
mod quota;
mod realtime;
mod rest;
mod routes;
mod security_log;
mod server;
mod settings;
mod text;

pub use allowed_origin::{AllowedOrigin, InvalidOrigin};
pub use app::Services;
pub use base_path::BasePath;
pub use error::api_error::ApiError;
pub use extract::credential::sign_in_proxy::SignInProxy;
pub use extract::session::{OptionalSession, RequiredSession};
pub use metrics::describe_metrics;
pub use openai_api::error::OpenAiError;
pub use openapi::document::openapi;
pub use pages::{WebClient, WebClientError};
pub use realtime::limits::Limits;
pub use realtime::socket_io::engine_io_error::EngineIoError;
pub use server::{RunningServer, serve};
pub use settings::{
    AuthMode, ContinueTrace, EffectiveSetting, EffectiveSettings, MetricsSettings,
    ReadinessWarnings, RenderMetrics, Settings, SettingsSection, SignUp,
};
