use std::time::Duration;

use actix_multipart::MultipartError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::JsonPayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, ResponseError};
use serde::Serialize;
use thiserror::Error;
use tracing_actix_web::RequestId;
use utoipa::ToSchema;
use webchat_chat::{ChatError, FailureCode, NotReady};

use crate::realtime::socket_io::engine_io_error::Refusal;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// After how long a client may try again when the server or its store is away or busy.
const AWAY: Duration = Duration::from_secs(5);

/// In how long one of a user's answers may have ended.
const TURN_ENDS: Duration = Duration::from_secs(1);

/// Why a request is refused. Its text is for people; a 5xx shows no cause.
#[derive(Debug, Error)]
pub enum ApiError {
    /// A use case refuses.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The request can't be read.
    #[error("{0}")]
    InvalidRequest(String),
    /// The request can be read, and says what can't be.
    #[error("{0}")]
    InvalidValue(String),
    /// The session asks too often, or says too much on a live connection.
    #[error("These are too many requests. Please wait a moment.")]
    RateLimited {
        /// After how long the next one is taken.
        retry_after: Duration,
    },
    /// No conversation was named, and the session has none.
    #[error("No active conversation. Please start a new conversation.")]
    NoConversation,
    /// A conversation could not be written into a file.
    #[error("Failed to save conversation.")]
    NotSaved(#[source] ChatError),
    /// There is no current conversation to be emptied.
    #[error("No active conversation to reset.")]
    NothingToReset,
    /// An example lacks one of its parts.
    #[error("Both 'user_prompt' and 'assistant_response' are required.")]
    IncompleteExample,
    /// The browser's page comes from elsewhere.
    #[error("This page's origin is not allowed. Add it to ALLOWED_ORIGINS if it should be.")]
    OriginNotAllowed,
    /// There is no such page or route.
    #[error("There is nothing here.")]
    NotFound,
    /// The route has other methods.
    #[error("This method is not allowed here.")]
    MethodNotAllowed,
    /// The client takes nothing of what there is.
    #[error("This can be answered as {0} only: see `Accept`.")]
    NotAcceptable(String),
    /// The body is too large.
    #[error("The request is too large.")]
    PayloadTooLarge,
    /// The body is not JSON, or is compressed.
    #[error("The body must be JSON, with `Content-Type: application/json`, and not compressed.")]
    UnsupportedMediaType,
    /// The body is no form.
    #[error("The body must be a form with a file: `multipart/form-data`.")]
    NotAForm,
    /// A file that was waited for could not be analysed.
    #[error("{0}")]
    NotAnalysed(String),
    /// Engine.IO refuses, on the Socket.IO endpoint.
    #[error(transparent)]
    EngineIo(#[from] Refusal),
    /// As many clients are connected as the server takes.
    #[error("Too many clients are connected. Please try again later.")]
    TooManyConnections,
    /// A user has as many connections open as a user may.
    #[error(
        "You have too many connections open. Please close some of them, other tabs for example."
    )]
    ConnectionLimit,
    /// No such event on a live connection.
    #[error("There is no event '{0}'.")]
    UnknownEvent(String),
    /// The server should get no requests.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// A fault of ours.
    #[error("Something went wrong on the server.")]
    Internal,
}

/// An error's body, on every transport.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorResponse, example = json!({
    "message": "Conversation not found.", "code": "conversation_not_found",
    "request_id": "0190a000-0000-7000-8000-000000000000",
}))]
pub(crate) struct ErrorBody {
    /// For people.
    message: String,
    /// For programs: stable.
    #[schema(value_type = String)]
    code: Code,
    /// What it is called in the server's log.
    request_id: Option<String>,
    /// What lies under the message, where the Flask application said it too: for people as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Code {
    Name(&'static str),
    /// Engine.IO's errors have numbers.
    Number(u8),
}

impl ApiError {
    /// The one table from errors to codes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Chat(error) | Self::NotSaved(error) => error.code().as_str(),
            Self::EngineIo(Refusal::Forbidden) => Self::OriginNotAllowed.code(),
            Self::InvalidRequest(_) | Self::EngineIo(_) => "invalid_request",
            Self::InvalidValue(_) => "invalid_value",
            Self::RateLimited { .. } => "rate_limited",
            Self::NoConversation | Self::NothingToReset => "no_conversation",
            Self::IncompleteExample => "incomplete_example",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotAcceptable(_) => "not_acceptable",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType | Self::NotAForm => "unsupported_media_type",
            Self::NotAnalysed(_) => "file_not_analysed",
            Self::TooManyConnections => "too_many_connections",
            Self::ConnectionLimit => "connection_limit",
            Self::UnknownEvent(_) => "unknown_event",
            Self::NotReady(_) => "not_ready",
            Self::Internal => FailureCode::Internal.as_str(),
        }
    }

    /// After how long it may be tried again, where that is known.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            Self::Chat(ChatError::TooManyTurns { .. }) => Some(TURN_ENDS),
            error => matches!(
                error.status_code(),
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
            )
            .then_some(AWAY),
        }
    }

    /// What an error that is not of our making means.
    fn from_status(status: StatusCode, error: Option<&actix_web::Error>) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            status if status.is_client_error() => Self::InvalidRequest(
                error.map_or_else(|| "The request can't be read.".to_owned(), ToString::to_string),
            ),
            _ => Self::Internal,
        }
    }
}

impl ResponseError for ApiError {
    /// The one table from errors to HTTP.
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Chat(error) | Self::NotSaved(error) => match error.code() {
                FailureCode::EmptySearch
                | FailureCode::UnsupportedFileType
                | FailureCode::FileNotText
                | FailureCode::EmptyFile
                | FailureCode::BrokenImport => StatusCode::BAD_REQUEST,
                FailureCode::EmptyMessage
                | FailureCode::MessageTooLong
                | FailureCode::ContextTooLong => StatusCode::UNPROCESSABLE_ENTITY,
                FailureCode::ConversationNotFound
                | FailureCode::MessageNotFound
                | FailureCode::TurnNotFound
                | FailureCode::SavedFileNotFound
                | FailureCode::ExampleNotFound
                | FailureCode::FileNotFound
                | FailureCode::NoSummary
                | FailureCode::ImportNotFound => StatusCode::NOT_FOUND,
                FailureCode::FileNotFailed
                | FailureCode::TurnInProgress
                | FailureCode::Conflict
                | FailureCode::NothingToContinue
                | FailureCode::ContextChanged
                | FailureCode::ImportInProgress => StatusCode::CONFLICT,
                FailureCode::ShuttingDown
                | FailureCode::StorageUnavailable
                | FailureCode::TooManyImports => StatusCode::SERVICE_UNAVAILABLE,
                FailureCode::FileTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                FailureCode::TooManyFiles
                | FailureCode::TooManyTurns
                | FailureCode::SavedTooOften => StatusCode::TOO_MANY_REQUESTS,
                FailureCode::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
                FailureCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::OriginNotAllowed | Self::EngineIo(Refusal::Forbidden) => StatusCode::FORBIDDEN,
            Self::InvalidRequest(_)
            | Self::NoConversation
            | Self::NothingToReset
            | Self::IncompleteExample
            | Self::UnknownEvent(_)
            | Self::EngineIo(_) => StatusCode::BAD_REQUEST,
            Self::InvalidValue(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType | Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAnalysed(_) => StatusCode::BAD_GATEWAY,
            Self::ConnectionLimit | Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TooManyConnections | Self::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Without the body: `bodies` writes it, as it knows the request.
    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        if let Some(wait) = self.retry_after() {
            // In whole seconds, and never too few.
            answer.insert_header((RETRY_AFTER, wait.as_millis().div_ceil(1_000).to_string()));
        }
        answer.finish()
    }
}

impl From<JsonPayloadError> for ApiError {
    fn from(error: JsonPayloadError) -> Self {
        match error.status_code() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            _ if matches!(error, JsonPayloadError::ContentType) => Self::UnsupportedMediaType,
            _ if says_what_cannot_be(&error) => Self::InvalidValue(error.to_string()),
            _ => Self::InvalidRequest(error.to_string()),
        }
    }
}

impl From<MultipartError> for ApiError {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::ContentTypeMissing
            | MultipartError::ContentTypeParse
            | MultipartError::ContentTypeIncompatible => Self::NotAForm,
            error => Self::InvalidRequest(format!("The form can't be read: {error}.")),
        }
    }
}

/// Whether it is JSON, but not what is expected.
fn says_what_cannot_be(error: &JsonPayloadError) -> bool {
    matches!(error, JsonPayloadError::Deserialize(error) if error.is_data())
}

/// Gives every answer its request's id, and every error its body, also those that actix makes.
pub(crate) async fn bodies(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let answer = next.call(request).await?;
    let mut answer = if answer.status().as_u16() >= 400 {
        let (request, refused) = answer.into_parts();
        let body = describe(&refused, request_id.clone());
        let mut described = HttpResponse::build(refused.status()).json(body);
        for name in [ALLOW, RETRY_AFTER] {
            if let Some(value) = refused.headers().get(&name) {
                described.headers_mut().insert(name, value.clone());
            }
        }
        ServiceResponse::new(request, described)
    } else {
        answer.map_into_boxed_body()
    };
    if let Some(request_id) = request_id {
        answer.headers_mut().insert(REQUEST_ID, request_id.parse()?);
    }
    Ok(answer)
}

fn describe<B>(refused: &HttpResponse<B>, request_id: Option<String>) -> ErrorBody {
    let error = refused.error();
    if let Some(ours) = error.and_then(|error| error.as_error::<ApiError>()) {
        return body(ours, request_id);
    }
    body(&ApiError::from_status(refused.status(), error), request_id)
}

fn body(error: &ApiError, request_id: Option<String>) -> ErrorBody {
    let code = match error {
        ApiError::EngineIo(refusal) => Code::Number(refusal.number()),
        error => Code::Name(error.code()),
    };
    let cause = match error {
        ApiError::NotSaved(cause) => Some(cause.to_string()),
        _ => None,
    };
    ErrorBody { message: error.to_string(), code, request_id, error: cause }
}
