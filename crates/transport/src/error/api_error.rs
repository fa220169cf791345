//! The errors of requests: their variants, wire codes and texts in one place.

use std::error::Error as StdError;
use std::time::Duration;

use actix_web::http::StatusCode;
use strum::IntoStaticStr;
use thiserror::Error;
use webchat_chat::{ChatError, NotReady};

use crate::openai_api::error::OpenAiError;
use crate::realtime::socket_io::engine_io_error::EngineIoError;

/// The error of a request. Its text is meant for the user and never shows the cause of a 5xx; its `strum` name is
/// the stable code that clients see (see [`ApiError::code`]).
#[derive(Debug, Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ApiError {
    /// A use case failed; the code is that of the [`ChatError`].
    #[error(transparent)]
    #[strum(transparent)]
    Chat(#[from] ChatError),
    /// The request can't be parsed.
    #[error("{0}")]
    InvalidRequest(String),
    /// The request is well-formed, but a value in it is not allowed.
    #[error("{0}")]
    InvalidValue(String),
    /// The session exceeded its rate of requests, or the connection its rate of messages.
    #[error("Too many requests. Please wait a moment.")]
    RateLimited {
        /// The time until the next request or message is accepted.
        retry_after: Duration,
    },
    /// The user has added and revoked too many API keys.
    #[error("You have changed your API keys too often. Please try again in a few minutes.")]
    #[strum(serialize = "rate_limited")]
    TooManyKeyChanges {
        /// The time until the next change is accepted.
        retry_after: Duration,
    },
    /// The client's network, or the server, has too many new users.
    #[error("Too many new users have come from your network. Please try again in a minute.")]
    TooManyNewUsers {
        /// The time until the next new user is accepted.
        retry_after: Duration,
    },
    /// The user, the client's network, or the server has too many uploads in progress.
    #[error("Too many files are being uploaded. Please wait until one of them is complete.")]
    TooManyUploads,
    /// The body did not arrive in time.
    #[error("The request took too long to arrive: send its body faster.")]
    RequestTimeout,
    /// The bodies that are being received take too much memory.
    #[error("The server is receiving too much data at the moment. Please try again shortly.")]
    #[strum(serialize = "server_busy")]
    BodyMemoryExceeded,
    /// The request names no conversation, and the session has no current one.
    #[error("No active conversation. Please start a new conversation.")]
    NoConversation,
    /// A conversation could not be saved to a file; the code is that of the [`ChatError`].
    #[error("Failed to save conversation.")]
    #[strum(transparent)]
    NotSaved(#[source] ChatError),
    /// The session has no current conversation to save.
    #[error("Failed to save conversation.")]
    #[strum(serialize = "no_conversation")]
    NothingToSave,
    /// The session has no current conversation to reset.
    #[error("No active conversation to reset.")]
    #[strum(serialize = "no_conversation")]
    NothingToReset,
    /// One half of a few-shot example is missing or blank.
    #[error("Both 'user_prompt' and 'assistant_response' are required.")]
    IncompleteExample,
    /// The request was sent by a page of an origin that is not allowed.
    #[error("This page's origin is not allowed. Add it to ALLOWED_ORIGINS if it should be.")]
    OriginNotAllowed,
    /// An account of this name may not be added, because it is not an address of the allowed domains.
    #[error("The name must be an e-mail address that ends with one of these domains: {0}.")]
    DomainNotAllowed(String),
    /// The client addressed the server by an unknown host name.
    #[error(
        "The server does not know this host name. Set PUBLIC_URL to the address that users open, or add \
         the address to ALLOWED_ORIGINS."
    )]
    HostNotAllowed,
    /// The request for the metrics does not have their token.
    #[error("Send METRICS_TOKEN as a bearer token, in the `Authorization` header.")]
    MetricsTokenRequired,
    /// No page or route has this path.
    #[error("There is nothing here.")]
    NotFound,
    /// The route does not support this method.
    #[error("This method is not allowed here.")]
    MethodNotAllowed,
    /// None of the media types in `Accept` is available; the text names those that are.
    #[error("The response is only available as {0}. Check the `Accept` header.")]
    NotAcceptable(String),
    /// The client offers several protocols, or another version.
    #[error("`Upgrade` must be `websocket`, without other protocols.")]
    #[strum(serialize = "invalid_request")]
    UpgradeToOther,
    /// The body is too large.
    #[error("The request is too large.")]
    PayloadTooLarge,
    /// The body is not declared as JSON.
    #[error("The body must be JSON, with `Content-Type: application/json`.")]
    UnsupportedMediaType,
    /// The body is compressed.
    #[error("The body must not be compressed: send it without `Content-Encoding`.")]
    #[strum(serialize = "unsupported_media_type")]
    CompressedBody,
    /// The body is not declared as a form.
    #[error("The body must be a form with a file: `multipart/form-data`.")]
    #[strum(serialize = "unsupported_media_type")]
    NotAForm,
    /// The analysis of an uploaded file failed or was cancelled.
    #[error("{0}")]
    FileNotAnalysed(String),
    /// Engine.IO rejected the request, on the Socket.IO endpoint.
    #[error(transparent)]
    #[strum(serialize = "invalid_request")]
    EngineIo(#[from] EngineIoError),
    /// The OpenAI-compatible API rejected the request, or its model failed.
    #[error(transparent)]
    #[strum(serialize = "invalid_request")]
    OpenAi(#[from] OpenAiError),
    /// The server's limit of concurrent connections is reached.
    #[error("Too many clients are connected. Please try again later.")]
    #[strum(serialize = "too_many_connections")]
    TooManyServerConnections,
    /// The user's limit of concurrent connections is reached.
    #[error(
        "You have too many connections open. Please close some of them, other tabs for example."
    )]
    #[strum(serialize = "connection_limit")]
    TooManyUserConnections,
    /// The limit of concurrent connections of the client's network is reached.
    #[error("Your network has too many connections open. Please close some of them.")]
    #[strum(serialize = "connection_limit")]
    TooManyNetworkConnections,
    /// A client sent an event with an unknown name.
    #[error("Unknown event: '{0}'.")]
    UnknownEvent(String),
    /// The server is not ready for requests.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The server has a bug, or its environment failed.
    #[error("Something went wrong on the server.")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl ApiError {
    /// Returns the error's stable code in the wire format.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EngineIo(EngineIoError::Forbidden) => Self::OriginNotAllowed.code(),
            Self::OpenAi(error) => error.code(),
            error => error.into(),
        }
    }

    /// Creates the error for a failure that only a bug or the environment can cause. Only the log shows the cause.
    pub(crate) fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// Converts an error response that actix generated.
    pub(crate) fn from_status(status: StatusCode, error: Option<&actix_web::Error>) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            status if status.is_client_error() => Self::InvalidRequest(
                error.map_or_else(|| "The request is invalid.".to_owned(), ToString::to_string),
            ),
            status => Self::internal(error.map_or_else(
                || format!("a response had the status {status}"),
                ToString::to_string,
            )),
        }
    }
}
