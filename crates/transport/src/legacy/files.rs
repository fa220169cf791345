//! Uploads a file and waits for its analysis.

use actix_web::HttpRequest;
use actix_web::web::{self, Data, Json, Payload, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError};
use webchat_domain::{ConversationId, FileJob, JobStatus, Session};

use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::file_form::UploadedFile;
use crate::extract::session::RequiredSession;
use crate::extract::upload;
use crate::openapi::responses::InvalidFileResponse;
use crate::realtime::connections::Connections;
use crate::realtime::session_end::session_of_request_ended;

const UPLOAD: &str = "/upload_file";

#[derive(OpenApi)]
#[openapi(paths(upload))]
pub(super) struct ApiDoc;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(UPLOAD).route(web::post().to(upload)));
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlaskAnalysis)]
struct AnalysisResponse {
    message: &'static str,
    analysis: String,
}

/// Analyses a file in the current conversation, or in a new one if there is none. Responds when the
/// analysis is complete.
#[utoipa::path(
    post,
    path = UPLOAD,
    tag = "flask",
    operation_id = "flask_upload_file",
    request_body(content = UploadedFile, content_type = "multipart/form-data"),
    responses(
        (status = 200, body = AnalysisResponse),
        InvalidFileResponse,
        (status = 502, body = ErrorBody, description = "The analysis failed or was cancelled."),
    ),
)]
async fn upload(
    browser: RequiredSession,
    request: HttpRequest,
    body: Payload,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<Json<AnalysisResponse>, ApiError> {
    let session = browser.session.clone();
    let user_id = session.user_id;
    let session_end = session_of_request_ended(&request, &chat, &connections, Some(session));
    let (upload, memory) =
        upload::read(&request, body, browser.caller(), &chat).await.map_err(flask_error)?;
    let id = current_or_new_conversation(&chat, &browser.session).await?;
    let FileJob { job_id, .. } = chat.files.upload(browser.caller(), id, None, upload).await?;
    drop(memory);
    let job = tokio::select! {
        job = chat.files.wait_for_analysis(user_id, id, job_id) => job?,
        () = session_end => return Err(ChatError::AuthenticationRequired.into()),
    };
    match (job.status, &job.error) {
        (JobStatus::Complete, _) => {}
        (_, Some(error)) => return Err(ApiError::FileNotAnalysed(error.message.clone())),
        (_, None) => {
            return Err(ApiError::FileNotAnalysed("The analysis was cancelled.".to_owned()));
        }
    }
    let analysis = chat.files.analysis(user_id, &job).await?;
    let message = "File was uploaded and analyzed successfully.";
    Ok(Json(AnalysisResponse { message, analysis }))
}

/// Converts an error to that of the Flask application, which responded with 400 to a request without a form.
fn flask_error(error: ApiError) -> ApiError {
    match error {
        ApiError::NotAForm => ApiError::InvalidRequest(error.to_string()),
        error => error,
    }
}

/// Returns the current conversation. Starts one if the session has none, or if it was deleted.
async fn current_or_new_conversation(
    chat: &Chat,
    session: &Session,
) -> Result<ConversationId, ApiError> {
    if let Some(id) = session.conversation_id {
        match chat.conversations.find(session.user_id, id).await {
            Err(ChatError::ConversationNotFound) => {}
            found => return Ok(found?.conversation_id),
        }
    }
    let id = chat.conversations.start(session.user_id, None).await?.conversation_id;
    chat.sessions.set_current_conversation(session, id).await?;
    Ok(id)
}
