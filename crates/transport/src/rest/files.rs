use actix_web::web::{self, Data, Json, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;
use webchat_domain::{ConversationId, FileJob, JobId};

use crate::error::api_error::ApiError;
use crate::error::api_error::ErrorBody;
use crate::extract::idempotency_key::Keyed;
use crate::extract::session::Caller;
use crate::extract::session::Reader;
use crate::extract::upload;
use crate::openapi::responses::{BadFile, NotFound, UploadedFile};

#[derive(OpenApi)]
#[openapi(paths(list, add, read, cancel, retry))]
pub(crate) struct Described;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/conversations/{id}/files")
                .route(web::get().to(list))
                .route(web::post().to(add)),
        )
        .service(
            web::resource("/conversations/{id}/files/{job_id}")
                .route(web::get().to(read))
                .route(web::delete().to(cancel)),
        )
        .service(
            web::resource("/conversations/{id}/files/{job_id}/retry").route(web::post().to(retry)),
        );
}

#[derive(Serialize, ToSchema)]
struct Files {
    /// The newest first.
    files: Vec<FileJob>,
}

/// The files of a conversation, at most 100.
#[utoipa::path(
    get,
    path = "/conversations/{id}/files",
    tag = "files",
    operation_id = "list_files",
    params(("id" = ConversationId, Path, description = "The conversation."),),
    responses((status = 200, body = Files), NotFound),
)]
async fn list(
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<Json<Files>, ApiError> {
    let files = chat.files(reader.user_id, *id).await?;
    Ok(Json(Files { files }))
}

/// Has a file analysed, in the background.
#[utoipa::path(
    post,
    path = "/conversations/{id}/files",
    tag = "files",
    operation_id = "upload_file",
    params(("id" = ConversationId, Path, description = "The conversation."), Keyed),
    request_body(content = UploadedFile, content_type = "multipart/form-data"),
    responses((status = 202, body = FileJob), NotFound, BadFile),
)]
async fn add(
    caller: Caller,
    keyed: Keyed,
    id: Path<ConversationId>,
    request: HttpRequest,
    body: Payload,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = caller.0.user_id;
    // Before the file is read: nobody sends megabytes to what is not theirs.
    chat.find_conversation(user_id, *id).await?;
    let upload = upload::read(&request, body, &chat).await?;
    let job = chat.upload_file(user_id, *id, keyed.key.as_ref(), upload).await?;
    Ok(HttpResponse::Accepted().json(job))
}

/// One file, and how far its analysis is.
#[utoipa::path(
    get,
    path = "/conversations/{id}/files/{job_id}",
    tag = "files",
    operation_id = "read_file",
    params(("id" = ConversationId, Path, description = "The conversation."),
        ("job_id" = JobId, Path, description = "The file."),),
    responses((status = 200, body = FileJob), NotFound),
)]
async fn read(
    reader: Reader,
    ids: Path<(ConversationId, JobId)>,
    chat: Data<Chat>,
) -> Result<Json<FileJob>, ApiError> {
    let (id, job_id) = ids.into_inner();
    Ok(Json(chat.file(reader.user_id, id, job_id).await?))
}

/// Ends the analysis of a file, and forgets it. One that is complete stays.
#[utoipa::path(
    delete,
    path = "/conversations/{id}/files/{job_id}",
    tag = "files",
    operation_id = "cancel_file",
    params(("id" = ConversationId, Path, description = "The conversation."),
        ("job_id" = JobId, Path, description = "The file."),),
    responses((status = 204), NotFound),
)]
async fn cancel(
    caller: Caller,
    ids: Path<(ConversationId, JobId)>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let (id, job_id) = ids.into_inner();
    chat.cancel_file(caller.0.user_id, id, job_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Tries again what failed of a file.
#[utoipa::path(
    post,
    path = "/conversations/{id}/files/{job_id}/retry",
    tag = "files",
    operation_id = "retry_file",
    params(("id" = ConversationId, Path, description = "The conversation."),
        ("job_id" = JobId, Path, description = "The file."),),
    responses(
        (status = 202, body = FileJob),
        NotFound,
        (status = 409, body = ErrorBody, description = "The analysis has not failed."),
        (status = 429, body = ErrorBody, description = "As many files are being analysed as may be."),
    ),
)]
async fn retry(
    caller: Caller,
    ids: Path<(ConversationId, JobId)>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let (id, job_id) = ids.into_inner();
    let job = chat.retry_file(caller.0.user_id, id, job_id).await?;
    Ok(HttpResponse::Accepted().json(job))
}
