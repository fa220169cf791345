use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{self, Bytes, Data, Path, Query, ServiceConfig};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, ExportFormat, ExportedFile};
use webchat_domain::ConversationId;

use crate::error::api_error::ApiError;
use crate::error::api_error::ErrorBody;
use crate::extract::session::Caller;
use crate::extract::session::Reader;
use crate::headers::attachment;
use crate::legacy::flask;
use crate::openapi::responses::{BadParameter, NotFound};

#[derive(OpenApi)]
#[openapi(paths(export_one, export_all, save), components(schemas(Format)))]
pub(crate) struct Described;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/conversations/{id}/export").route(web::get().to(export_one)))
        .service(web::resource("/conversations/{id}/save").route(web::post().to(save)))
        .service(web::resource("/export").route(web::get().to(export_all)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// What the file is for: to be imported again, for people, or for the Flask application.
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize, ToSchema)]
#[schema(as = ExportFormat)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Markdown,
    Flask,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SavedFile)]
struct Saved {
    /// Its name at `/saved_conversations/{file}`.
    file_name: String,
}

/// A conversation as a file.
#[utoipa::path(
    get,
    path = "/conversations/{id}/export",
    tag = "exchange",
    operation_id = "export_conversation",
    params(("id" = ConversationId, Path, description = "The conversation."),
        ExportQuery),
    responses(
        (status = 200, description = "The file.", content(
            (serde_json::Value = "application/json"),
            (String = "text/markdown"),
        )),
        NotFound,
        BadParameter,
    ),
)]
async fn export_one(
    reader: Reader,
    id: Path<ConversationId>,
    query: Query<ExportQuery>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let format = match query.format {
        Format::Json => ExportFormat::Json,
        Format::Markdown => ExportFormat::Markdown,
        Format::Flask => ExportFormat::Flask,
    };
    Ok(stream(chat.export_conversation(reader.user_id, *id, format).await?))
}

/// All conversations of the user, in one file.
#[utoipa::path(
    get,
    path = "/export",
    tag = "exchange",
    operation_id = "export_all",
    responses((status = 200, body = serde_json::Value, description = "The file.")),
)]
async fn export_all(reader: Reader, chat: Data<Chat>) -> HttpResponse {
    stream(chat.export_all(reader.user_id))
}

/// Keeps a conversation as a file of the server's, another one each time.
#[utoipa::path(
    post,
    path = "/conversations/{id}/save",
    tag = "exchange",
    operation_id = "save_conversation",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses(
        (status = 201, body = Saved),
        NotFound,
        (
            status = 429,
            body = ErrorBody,
            description = "It was saved several times just now.",
            headers(("Retry-After" = u32, description = "Seconds.")),
        ),
    ),
)]
async fn save(
    caller: Caller,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let file_name = flask::save(&chat, caller.0.user_id, *id).await?.to_string();
    Ok(HttpResponse::Created().json(Saved { file_name }))
}

/// Where the store fails in the middle, the connection is cut: the client sees that it is no whole file.
fn stream(file: ExportedFile) -> HttpResponse {
    let content_type = match file.format {
        ExportFormat::Json | ExportFormat::Flask => "application/json",
        ExportFormat::Markdown => "text/markdown; charset=utf-8",
    };
    let parts = file.parts.map_ok(Bytes::from).inspect_err(|error| {
        tracing::error!(error = std::error::Error::source(error), "an export is cut off");
    });
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CONTENT_DISPOSITION, attachment(&file.name)))
        .streaming(parts)
}
