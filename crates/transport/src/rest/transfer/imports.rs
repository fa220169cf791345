use actix_multipart::Multipart;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::{self, Bytes, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{Stream, TryStreamExt};
use serde::Serialize;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError, ImportProgress, ImportState, ImportStatus, PreparedImport};
use webchat_domain::ImportId;

use crate::error::api_error::ApiError;
use crate::error::api_error::ErrorBody;
use crate::extract::idempotency_key::Keyed;
use crate::extract::session::Caller;
use crate::extract::session::Reader;
use crate::headers::announced_bytes;
use crate::openapi::responses::{NotFound, UploadedFile};

#[derive(OpenApi)]
#[openapi(paths(start, read))]
pub(crate) struct Described;

/// The most bytes of a file that is brought.
#[derive(Clone, Copy)]
pub(crate) struct ImportLimit(pub(crate) u64);

/// What multipart bodies have around the file, at most, in bytes.
const AROUND_A_FILE: u64 = 4 * 1024;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/imports").route(web::post().to(start)))
        .service(web::resource("/imports/{import_id}").route(web::get().to(read)));
}

#[derive(Serialize, ToSchema)]
#[schema(as = Import)]
struct Status {
    import_id: ImportId,
    /// `running`, `complete` or `failed`.
    #[serde(rename = "status")]
    state: &'static str,
    /// Conversations that have been looked at.
    done: u64,
    /// Conversations in the file; 0 until it has been checked.
    of: u64,
    /// Conversations that are new.
    imported: u64,
    /// Conversations that were there before.
    already_there: u64,
    /// Messages that are new.
    messages: u64,
    /// Why it failed.
    error: Option<Failure>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ImportFailure)]
struct Failure {
    message: String,
    code: &'static str,
}

/// Imports conversations from a file, in the background.
#[utoipa::path(
    post,
    path = "/imports",
    tag = "exchange",
    operation_id = "start_import",
    params(Keyed),
    request_body(content(
        (serde_json::Value = "application/json"),
        (UploadedFile = "multipart/form-data"),
    )),
    responses(
        (status = 202, body = Status),
        (status = 400, body = ErrorBody, description = "The form has no file, or can't be read."),
        (status = 409, body = ErrorBody, description = "The user has another import under way."),
        (status = 413, body = ErrorBody, description = "The file is too large."),
    ),
)]
// The right to import comes before the upload: what is not to be imported need not be kept.
async fn start(
    caller: Caller,
    keyed: Keyed,
    request: HttpRequest,
    body: web::Payload,
    limit: Data<ImportLimit>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let slot = match chat.prepare_import(caller.0.user_id, keyed.key.as_ref())? {
        PreparedImport::New(slot) => slot,
        PreparedImport::Duplicate(status) => {
            return Ok(HttpResponse::Accepted().json(Status::of(&status)));
        }
    };
    let ImportLimit(limit) = **limit;
    let declared = announced_bytes(request.headers());
    if declared.is_some_and(|length| length > limit.saturating_add(AROUND_A_FILE)) {
        return Err(ApiError::PayloadTooLarge);
    }
    let file = if is_multipart(request.headers()) {
        file_of_form(Multipart::new(request.headers(), body), limit).await?
    } else {
        keep(body.map_err(|error| ApiError::InvalidRequest(error.to_string())), limit).await?
    };
    let status = slot.start(file.into_std().await)?;
    Ok(HttpResponse::Accepted().json(Status::of(&status)))
}

/// How an import is doing.
#[utoipa::path(
    get,
    path = "/imports/{import_id}",
    tag = "exchange",
    operation_id = "read_import",
    params(("import_id" = ImportId, Path, description = "The import.")),
    responses((status = 200, body = Status), NotFound),
)]
async fn read(
    reader: Reader,
    id: Path<String>,
    chat: Data<Chat>,
) -> Result<Json<Status>, ApiError> {
    let id: ImportId = id.parse().map_err(|_| ChatError::ImportNotFound)?;
    let status = chat.import_status(reader.user_id, id)?;
    Ok(Json(Status::of(&status)))
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("multipart/form-data"))
}

async fn file_of_form(mut form: Multipart, limit: u64) -> Result<File, ApiError> {
    while let Some(field) = form.try_next().await? {
        if field.name() == Some("file") {
            return keep(field.map_err(ApiError::from), limit).await;
        }
    }
    Err(ApiError::InvalidRequest("The form has no `file`.".to_owned()))
}

/// Keeps what comes in, as far as it may, in a file without a name, which is gone when it is closed.
async fn keep(
    content: impl Stream<Item = Result<Bytes, ApiError>>,
    limit: u64,
) -> Result<File, ApiError> {
    let file = web::block(tempfile::tempfile).await.map_err(|_| ApiError::Internal)?;
    let mut file = File::from_std(file.map_err(|error| cannot_keep(&error))?);
    let mut left = limit;
    tokio::pin!(content);
    while let Some(part) = content.try_next().await? {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(length).ok_or(ApiError::PayloadTooLarge)?;
        file.write_all(&part).await.map_err(|error| cannot_keep(&error))?;
    }
    if left == limit {
        return Err(ApiError::InvalidRequest("There is nothing in the file.".to_owned()));
    }
    file.flush().await.map_err(|error| cannot_keep(&error))?;
    Ok(file)
}

fn cannot_keep(error: &std::io::Error) -> ApiError {
    tracing::error!(%error, "an upload can't be kept in the temporary folder");
    ApiError::Internal
}

impl Status {
    fn of(status: &ImportStatus) -> Self {
        let ImportProgress { done, of, imported, already_there, messages } = status.progress;
        let (state, error) = match &status.state {
            ImportState::Running => ("running", None),
            ImportState::Complete => ("complete", None),
            ImportState::Failed(error) => ("failed", Some(Failure::of(error))),
        };
        let import_id = status.import_id;
        Self { import_id, state, done, of, imported, already_there, messages, error }
    }
}

impl Failure {
    fn of(error: &ChatError) -> Self {
        Self { message: error.to_string(), code: error.code().as_str() }
    }
}
