#![doc = include_str!("../README.md")]

mod access_token;
mod content_filter;
mod credentials;
mod deployments;
mod error;
mod http;
mod json;
mod metrics;
mod model;
mod providers;
mod settings;

pub use access_token::{AccessToken, TokenError, TokenSource};
pub use content_filter::{
    FilterSeverity, FilteredCategory, filter_reasons, filtered_answer_message,
};
pub use credentials::entra::{
    ApplicationProof, EntraCredential, EntraSettings, EntraTokens, ManagedIdentityEndpoint,
};
pub use deployments::chat_model::HttpChatModel;
pub use deployments::state::{BreakerState, DeploymentFailure, DeploymentState};
pub use error::{Cause, ModelError, SetupError};
pub use http::client::http_client;
pub use metrics::describe_metrics;
#[cfg(feature = "mock")]
pub use model::MockChatModel;
pub use model::{
    AnswerLimit, ChatMessage, ChatModel, ChatRequest, ChatRole, Delta, DeltaStream, Usage,
};
#[cfg(feature = "fuzzing")]
pub use providers::fuzzing;
pub use settings::{
    Auth, DeploymentSettings, HttpSettings, ProxySettings, RequestHeaders, Timeouts, TokensField,
};
