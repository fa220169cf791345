//! The files of a conversation, and the progress of their analyses.

use actix_web::web::{self, Data, Json, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, Choice};
use webchat_domain::{ConversationId, FileInstructions, FileJob, JobId};

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::body::OptionalBody;
use crate::extract::change::{Change, prompt_choice};
use crate::extract::file_form::UploadedFile;
use crate::extract::idempotency_key::IdempotencyKeyHeader;
use crate::extract::session::{OptionalSession, RequiredSession};
use crate::extract::upload;
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{
    ConversationPath, InvalidBodyResponse, InvalidFileResponse, NotFoundResponse,
};

const FILES: &str = "/conversations/{id}/files";
const FILE: &str = "/conversations/{id}/files/{job_id}";
const RETRY: &str = "/conversations/{id}/files/{job_id}/retry";

#[derive(OpenApi)]
#[openapi(paths(list, upload, read, cancel, retry))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(FILES).route(get_or_head().to(list)).route(web::post().to(upload)))
        .service(web::resource(FILE).route(get_or_head().to(read)).route(web::delete().to(cancel)))
        .service(web::resource(RETRY).route(web::post().to(retry)));
}

#[derive(Serialize, ToSchema)]
struct Files {
    /// The files, newest first.
    files: Vec<EstimatedFileJob>,
}

/// A file and its estimated cost.
#[derive(Serialize, ToSchema)]
struct EstimatedFileJob {
    #[serde(flatten)]
    job: FileJob,
    /// The estimated number of tokens that are sent to the model for all parts of the file. The answers, and the
    /// requests that combine them, are not included.
    estimated_tokens: u64,
}

impl EstimatedFileJob {
    fn new(chat: &Chat, job: FileJob) -> Self {
        Self { estimated_tokens: chat.files.estimated_tokens(&job), job }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct FilePath {
    /// The conversation.
    id: ConversationId,
    /// The file.
    job_id: JobId,
}

/// Lists the files of a conversation, at most 100.
#[utoipa::path(
    get,
    path = FILES,
    tag = "files",
    operation_id = "list_files",
    params(ConversationPath),
    responses((status = 200, body = Files), NotFoundResponse),
)]
async fn list(
    caller: OptionalSession,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<Json<Files>, ApiError> {
    let files = chat.files.list(caller.user_id, *id).await?;
    let files = files.into_iter().map(|job| EstimatedFileJob::new(&chat, job)).collect();
    Ok(Json(Files { files }))
}

/// Uploads a file, which is analysed in the background.
#[utoipa::path(
    post,
    path = FILES,
    tag = "files",
    operation_id = "upload_file",
    params(ConversationPath, IdempotencyKeyHeader),
    request_body(content = UploadedFile, content_type = "multipart/form-data"),
    responses((status = 202, body = EstimatedFileJob), NotFoundResponse, InvalidFileResponse),
)]
async fn upload(
    browser: RequiredSession,
    idempotency: IdempotencyKeyHeader,
    id: Path<ConversationId>,
    request: HttpRequest,
    body: Payload,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = browser.session.user_id;
    // Check first, so that clients don't upload megabytes to a conversation that does not exist.
    chat.conversations.find(user_id, *id).await?;
    let (upload, _memory) = upload::read(&request, body, browser.caller(), &chat).await?;
    let job = chat.files.upload(browser.caller(), *id, idempotency.key.as_ref(), upload).await?;
    Ok(HttpResponse::Accepted().json(EstimatedFileJob::new(&chat, job)))
}

/// Returns a file and the progress of its analysis.
#[utoipa::path(
    get,
    path = FILE,
    tag = "files",
    operation_id = "read_file",
    params(FilePath),
    responses((status = 200, body = EstimatedFileJob), NotFoundResponse),
)]
async fn read(
    caller: OptionalSession,
    path: Path<FilePath>,
    chat: Data<Chat>,
) -> Result<Json<EstimatedFileJob>, ApiError> {
    let FilePath { id, job_id } = path.into_inner();
    let job = chat.files.find(caller.user_id, id, job_id).await?;
    Ok(Json(EstimatedFileJob::new(&chat, job)))
}

/// Cancels the analysis of a file, and deletes the file's text. A complete analysis is not affected.
#[utoipa::path(
    delete,
    path = FILE,
    tag = "files",
    operation_id = "cancel_file",
    params(FilePath),
    responses((status = 204, description = "Cancelled."), NotFoundResponse),
)]
async fn cancel(
    browser: RequiredSession,
    path: Path<FilePath>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let FilePath { id, job_id } = path.into_inner();
    chat.files.cancel(browser.session.user_id, id, job_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The instructions for analysing a file again.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FileRetry)]
struct Retry {
    /// What the analysis should answer, at most 2 000 characters. Line feeds and tabs are the only control characters
    /// that are allowed. Without this field, the instructions of the last analysis stay. `null` or a blank text asks
    /// for the default analysis.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2_000)]
    instructions: Change<String>,
}

impl Retry {
    fn choice(self) -> Result<Option<Choice<FileInstructions>>, ApiError> {
        match prompt_choice(self.instructions) {
            None => Ok(None),
            Some(Choice::Default) => Ok(Some(Choice::Default)),
            Some(Choice::Custom(text)) => match FileInstructions::try_from(text) {
                Ok(instructions) => Ok(Some(Choice::Custom(instructions))),
                Err(error) => Err(ApiError::InvalidValue(format!("`instructions`: {error}."))),
            },
        }
    }
}

/// Retries the failed parts of a file's analysis, or analyses a file again whose analysis is complete.
///
/// With other instructions than before, all parts are analysed. The result becomes another version of the answer, or
/// of the question if no version of it has these instructions.
#[utoipa::path(
    post,
    path = RETRY,
    tag = "files",
    operation_id = "retry_file",
    params(FilePath),
    request_body(content = Option<Retry>, example = json!({"instructions": "Which tides are the highest?"})),
    responses(
        (status = 202, body = EstimatedFileJob),
        NotFoundResponse,
        InvalidBodyResponse,
        (
            status = 409,
            body = ErrorBody,
            description = "The analysis is cancelled, or is running with other instructions, or the file is not kept.",
        ),
        (
            status = 429,
            body = ErrorBody,
            description = "The user's limit of concurrent file analyses is reached.",
        ),
    ),
)]
async fn retry(
    browser: RequiredSession,
    path: Path<FilePath>,
    body: OptionalBody<Retry>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let FilePath { id, job_id } = path.into_inner();
    let instructions = body.0.unwrap_or_default().choice()?;
    let job = chat.files.retry(browser.caller(), id, job_id, instructions).await?;
    Ok(HttpResponse::Accepted().json(EstimatedFileJob::new(&chat, job)))
}
