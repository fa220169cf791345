//! Maps errors to HTTP statuses.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use webchat_chat::ChatError;

use super::api_error::ApiError;
use crate::openai_api::error::OpenAiError;
use crate::realtime::socket_io::engine_io_error::EngineIoError;

/// Tells OpenAI's clients whether to repeat a request by themselves.
pub(crate) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The time that a client should wait before a retry while the server or its store is unavailable or busy.
const UNAVAILABLE_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The time that a client should wait for one of the user's turns to end.
const TURN_RETRY_AFTER: Duration = Duration::from_secs(1);

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Chat(error) | Self::NotSaved(error) => chat_status(error),
            Self::OpenAi(error) => error.status(),
            Self::OriginNotAllowed
            | Self::DomainNotAllowed(_)
            | Self::EngineIo(EngineIoError::Forbidden) => StatusCode::FORBIDDEN,
            Self::InvalidRequest(_)
            | Self::NoConversation
            | Self::NothingToSave
            | Self::NothingToReset
            | Self::IncompleteExample
            | Self::UnknownEvent(_)
            | Self::EngineIo(_) => StatusCode::BAD_REQUEST,
            Self::MetricsTokenRequired => StatusCode::UNAUTHORIZED,
            Self::InvalidValue(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::HostNotAllowed => StatusCode::MISDIRECTED_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType | Self::CompressedBody | Self::NotAForm => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::UpgradeToOther => StatusCode::UPGRADE_REQUIRED,
            Self::FileNotAnalysed(_) => StatusCode::BAD_GATEWAY,
            Self::TooManyUserConnections
            | Self::TooManyNetworkConnections
            | Self::TooManyNewUsers { .. }
            | Self::TooManyKeyChanges { .. }
            | Self::TooManyUploads
            | Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyServerConnections | Self::BodyMemoryExceeded | Self::NotReady(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Sets only the status and headers. The `error_body` middleware adds the body, because it needs the request's
    /// id.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(wait) = self.retry_after() {
            // In whole seconds, rounded up so that the client never retries too early.
            response.insert_header((RETRY_AFTER, wait.as_millis().div_ceil(1_000).to_string()));
        }
        if matches!(self, Self::MetricsTokenRequired | Self::Chat(ChatError::InvalidApiKey))
            || matches!(self, Self::OpenAi(OpenAiError::KeysDisabled | OpenAiError::KeyMissing))
        {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if matches!(self, Self::UpgradeToOther) {
            response.insert_header((UPGRADE, "websocket"));
        }
        if matches!(self, Self::OpenAi(error) if error.forbids_retry()) {
            response.insert_header((SHOULD_RETRY, "false"));
        }
        response.finish()
    }
}

impl ApiError {
    /// Returns the time after which a retry may succeed, if known.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after }
            | Self::TooManyNewUsers { retry_after }
            | Self::TooManyKeyChanges { retry_after }
            | Self::Chat(
                ChatError::TokenBudgetExceeded { retry_after, .. }
                | ChatError::TooManySignIns { retry_after },
            ) => Some(*retry_after),
            Self::Chat(
                ChatError::TooManyUserTurns { .. }
                | ChatError::TooManyNetworkTurns { .. }
                | ChatError::ServerBusy,
            ) => Some(TURN_RETRY_AFTER),
            Self::OpenAi(error) if error.retry_after().is_some() => error.retry_after(),
            error => matches!(
                error.status_code(),
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
            )
            .then_some(UNAVAILABLE_RETRY_AFTER),
        }
    }
}

#[expect(clippy::too_many_lines, reason = "one line per error")]
fn chat_status(error: &ChatError) -> StatusCode {
    match error {
        ChatError::WrongCredentials
        | ChatError::PasswordNeeded
        | ChatError::AuthenticationRequired
        | ChatError::InvalidApiKey => StatusCode::UNAUTHORIZED,
        ChatError::AccountDisabled
        | ChatError::PasswordChangeRequired
        | ChatError::RecentSignInNeeded
        | ChatError::Forbidden(_) => StatusCode::FORBIDDEN,
        ChatError::EmptySearch
        | ChatError::SearchTooLong { .. }
        | ChatError::UnsupportedFileType
        | ChatError::FileNotText
        | ChatError::EmptyFile
        | ChatError::InvalidImport(_) => StatusCode::BAD_REQUEST,
        ChatError::EmptyMessage
        | ChatError::MessageTooLong(_)
        | ChatError::MessageObviouslyTooLong(_)
        | ChatError::IdempotencyKeyReused
        | ChatError::ContextTooLong { .. }
        | ChatError::PasswordTooShort { .. }
        | ChatError::AmbiguousName
        | ChatError::AmbiguousGroupName
        | ChatError::WeakPassword
        | ChatError::SamePassword
        | ChatError::KeyExpiryInPast
        | ChatError::ModelUnavailable { .. }
        | ChatError::ReplyTokensOutOfRange { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        ChatError::ConversationNotFound
        | ChatError::MessageNotFound
        | ChatError::TurnNotFound
        | ChatError::SavedConversationNotFound
        | ChatError::ExampleNotFound
        | ChatError::FileNotFound
        | ChatError::NoSummary
        | ChatError::ImportNotFound
        | ChatError::AccountNotFound
        | ChatError::KeyNotFound
        | ChatError::ErasureNotFound
        | ChatError::SessionNotFound => StatusCode::NOT_FOUND,
        ChatError::FileRunning
        | ChatError::FileNotFailed
        | ChatError::FileNotKept
        | ChatError::FileAnalysis
        | ChatError::TurnInProgress
        | ChatError::PositionConflict { .. }
        | ChatError::NothingToContinue
        | ChatError::ContextConflict
        | ChatError::ImportInProgress
        | ChatError::NameTaken
        | ChatError::AccountInUse
        | ChatError::AccountBeingErased
        | ChatError::TooManyKeys { .. }
        | ChatError::TooManyGroups { .. }
        | ChatError::LastAdmin => StatusCode::CONFLICT,
        ChatError::ShuttingDown
        | ChatError::ServerBusy
        | ChatError::SignInBusy
        | ChatError::StorageUnavailable(_)
        | ChatError::StorageTimeout(_)
        | ChatError::TooManyImports => StatusCode::SERVICE_UNAVAILABLE,
        ChatError::FileTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        ChatError::TooManyFiles { .. }
        | ChatError::TooManyUserTurns { .. }
        | ChatError::TooManyNetworkTurns { .. }
        | ChatError::TooManyNetworkImports { .. }
        | ChatError::TokenBudgetExceeded { .. }
        | ChatError::SavedTooOften
        | ChatError::TooManySignIns { .. } => StatusCode::TOO_MANY_REQUESTS,
        ChatError::TooManySavedFiles { .. }
        | ChatError::StorageFull { .. }
        | ChatError::ServerStorageFull => StatusCode::INSUFFICIENT_STORAGE,
        ChatError::RevisionConflict => StatusCode::PRECONDITION_FAILED,
        ChatError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
