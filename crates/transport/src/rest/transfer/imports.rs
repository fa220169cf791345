//! Imports of conversations, which run in the background.

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError, ImportState, ImportStatus, LeftOut, PreparedImport};
use webchat_domain::{ImportId, Problem};

use super::import_file::ImportFile;
use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::file_form::UploadedFile;
use crate::extract::idempotency_key::IdempotencyKeyHeader;
use crate::extract::session::{OptionalSession, RequiredSession};
use crate::extract::upload::limits::UploadLimits;
use crate::get_or_head::get_or_head;
use crate::openapi::responses::NotFoundResponse;

const IMPORTS: &str = "/imports";
const IMPORT: &str = "/imports/{import_id}";

#[derive(OpenApi)]
#[openapi(paths(start, read))]
pub(crate) struct ApiDoc;

/// The maximum size of a file to import, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct ImportLimit(pub(crate) u64);

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(IMPORTS).route(web::post().to(start)))
        .service(web::resource(IMPORT).route(get_or_head().to(read)));
}

#[derive(Serialize, ToSchema)]
#[schema(as = Import)]
struct ImportResponse {
    import_id: ImportId,
    status: ImportPhase,
    /// The number of conversations processed so far.
    done: u64,
    /// The number of conversations in the file; 0 until the file has been checked.
    of: u64,
    /// The number of new conversations.
    imported: u64,
    /// The number of conversations that already existed, and to which new messages were added.
    added_to: u64,
    /// The number of conversations that already existed with all of their messages.
    already_there: u64,
    /// The number of new messages.
    messages: u64,
    /// The number of conversations, and of messages and other parts of imported conversations, that were left out.
    left_out: u64,
    /// The first 100 reasons.
    first_left_out: Vec<LeftOutEntry>,
    /// The reason why the import failed, if it failed.
    error: Option<Problem>,
}

/// A conversation, or parts of a conversation, that an import left out.
#[derive(Serialize, ToSchema)]
struct LeftOutEntry {
    /// The number of the conversation in the file, from 1; 0 for a part of an archive, or the end of the file.
    position: u64,
    /// The conversation's id in the file, if it has one.
    conversation_id: Option<String>,
    /// The conversation's title, if it has one.
    title: Option<String>,
    /// The reason.
    reason: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ImportPhase {
    Running,
    Complete,
    Failed,
}

/// Imports conversations from a file, in the background.
#[utoipa::path(
    post,
    path = IMPORTS,
    tag = "transfer",
    operation_id = "start_import",
    params(IdempotencyKeyHeader),
    request_body(content(
        (serde_json::Value = "application/json"),
        (UploadedFile = "multipart/form-data"),
    )),
    responses(
        (status = 202, body = ImportResponse),
        (status = 400, body = ErrorBody, description = "The form is invalid or has no file."),
        (status = 409, body = ErrorBody, description = "The user already has an import in progress."),
        (status = 413, body = ErrorBody, description = "The file is too large."),
        (
            status = 429,
            body = ErrorBody,
            description = "The user, the network of the client, or the server has too many uploads or imports in progress.",
        ),
        (status = 503, body = ErrorBody, description = "Too many imports are in progress."),
        (status = 507, body = ErrorBody, description = "The user's storage, or the server's, is full."),
    ),
)]
async fn start(
    browser: RequiredSession,
    idempotency: IdempotencyKeyHeader,
    request: HttpRequest,
    body: web::Payload,
    limit: Data<ImportLimit>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let (user_id, ImportLimit(max_bytes)) = (browser.session.user_id, **limit);
    // A repeated request must have a file too. No permit is held while its beginning is awaited.
    let file = ImportFile::begin(&request, body, max_bytes).await?;
    let _permit = UploadLimits::of(&request)?.acquire_for_import(browser.caller())?;
    let upload = match chat.transfer.prepare_import(browser.caller(), idempotency.key.as_ref())? {
        PreparedImport::New(upload) => upload,
        PreparedImport::Duplicate(status) => {
            return Ok(HttpResponse::Accepted().json(ImportResponse::new(&status)));
        }
    };
    chat.transfer.check_storage(user_id).await?;
    let file = file.receive(max_bytes).await?;
    let status = upload.start(file.into_std().await, max_bytes)?;
    Ok(HttpResponse::Accepted().json(ImportResponse::new(&status)))
}

/// Returns the progress of an import.
#[utoipa::path(
    get,
    path = IMPORT,
    tag = "transfer",
    operation_id = "read_import",
    params(("import_id" = ImportId, Path, description = "The import.")),
    responses((status = 200, body = ImportResponse), NotFoundResponse),
)]
async fn read(
    caller: OptionalSession,
    id: Path<String>,
    chat: Data<Chat>,
) -> Result<Json<ImportResponse>, ApiError> {
    let id: ImportId = id.parse().map_err(|_| ChatError::ImportNotFound)?;
    let status = chat.transfer.import_status(caller.user_id, id)?;
    Ok(Json(ImportResponse::new(&status)))
}

impl ImportResponse {
    fn new(status: &ImportStatus) -> Self {
        let progress = &status.progress;
        let (phase, error) = match &status.state {
            ImportState::Running => (ImportPhase::Running, None),
            ImportState::Complete => (ImportPhase::Complete, None),
            ImportState::Failed(error) => (ImportPhase::Failed, Some(problem(error))),
        };
        Self {
            import_id: status.import_id,
            status: phase,
            done: progress.processed,
            of: progress.total,
            imported: progress.imported,
            added_to: progress.added_to,
            already_there: progress.already_there,
            messages: progress.messages,
            left_out: progress.left_out,
            first_left_out: progress.first_left_out.iter().map(LeftOutEntry::new).collect(),
            error,
        }
    }
}

impl LeftOutEntry {
    fn new(left_out: &LeftOut) -> Self {
        Self {
            position: left_out.position,
            conversation_id: left_out.conversation_id.clone(),
            title: left_out.title.clone().map(String::from),
            reason: left_out.reason.clone(),
        }
    }
}

fn problem(error: &ChatError) -> Problem {
    Problem { message: error.to_string(), code: error.code().to_owned() }
}
