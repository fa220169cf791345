use actix_web::web::{self, Data, Json, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use webchat_chat::Chat;
use webchat_domain::{ConversationId, FileJob, JobId};

use crate::{ApiError, Caller, Reader, upload};

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

#[derive(Serialize)]
struct Files {
    files: Vec<FileJob>,
}

async fn list(
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<Json<Files>, ApiError> {
    let files = chat.files(reader.user_id, *id).await?;
    Ok(Json(Files { files }))
}

async fn add(
    caller: Caller,
    id: Path<ConversationId>,
    request: HttpRequest,
    body: Payload,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let owner = caller.0.user_id;
    // Before the file is read: nobody sends megabytes to what is not theirs.
    chat.find_conversation(owner, *id).await?;
    let upload = upload::read(&request, body, &chat).await?;
    let job = chat.upload_file(owner, *id, upload).await?;
    Ok(HttpResponse::Accepted().json(job))
}

async fn read(
    reader: Reader,
    ids: Path<(ConversationId, JobId)>,
    chat: Data<Chat>,
) -> Result<Json<FileJob>, ApiError> {
    let (id, job_id) = ids.into_inner();
    Ok(Json(chat.file(reader.user_id, id, job_id).await?))
}

async fn cancel(
    caller: Caller,
    ids: Path<(ConversationId, JobId)>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let (id, job_id) = ids.into_inner();
    chat.cancel_file(caller.0.user_id, id, job_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn retry(
    caller: Caller,
    ids: Path<(ConversationId, JobId)>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let (id, job_id) = ids.into_inner();
    let job = chat.retry_file(caller.0.user_id, id, job_id).await?;
    Ok(HttpResponse::Accepted().json(job))
}
