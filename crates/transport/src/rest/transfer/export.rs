//! Export of conversations as files.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{self, Bytes, Data, Path, Query, ServiceConfig};
use futures_util::TryStreamExt;
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, ExportFormat, ExportedFile, error_chain};
use webchat_domain::ConversationId;

use crate::error::api_error::ApiError;
use crate::extract::session::OptionalSession;
use crate::headers::attachment;
use crate::openapi::responses::{ConversationPath, InvalidParameterResponse, NotFoundResponse};

const EXPORT_ONE: &str = "/conversations/{id}/export";
const EXPORT_ALL: &str = "/export";

#[derive(OpenApi)]
#[openapi(paths(export_one, export_all), components(schemas(Format)))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(EXPORT_ONE).route(web::get().to(export_one)))
        .service(web::resource(EXPORT_ALL).route(web::get().to(export_all)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `json` can be imported again, `markdown` is for people, `flask` is for the Flask application.
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

/// Exports a conversation as a file.
#[utoipa::path(
    get,
    path = EXPORT_ONE,
    tag = "exchange",
    operation_id = "export_conversation",
    params(ConversationPath, ExportQuery),
    responses(
        (status = 200, description = "The file.", content(
            (serde_json::Value = "application/json"),
            (String = "text/markdown"),
        )),
        NotFoundResponse,
        InvalidParameterResponse,
    ),
)]
async fn export_one(
    caller: OptionalSession,
    id: Path<ConversationId>,
    query: Query<ExportQuery>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let format = match query.format {
        Format::Json => ExportFormat::Json,
        Format::Markdown => ExportFormat::Markdown,
        Format::Flask => ExportFormat::Flask,
    };
    Ok(stream(chat.transfer.export_conversation(caller.user_id, *id, format).await?))
}

/// Exports all conversations of the user in one file.
#[utoipa::path(
    get,
    path = EXPORT_ALL,
    tag = "exchange",
    operation_id = "export_all",
    responses((status = 200, body = serde_json::Value, description = "The file.")),
)]
async fn export_all(caller: OptionalSession, chat: Data<Chat>) -> HttpResponse {
    stream(chat.transfer.export_all(caller.user_id))
}

/// Streams a file. If the store fails midway, this closes the connection, so that the client notices that the
/// file is incomplete.
fn stream(file: ExportedFile) -> HttpResponse {
    let content_type = match file.format {
        ExportFormat::Json | ExportFormat::Flask => "application/json",
        ExportFormat::Markdown => "text/markdown; charset=utf-8",
    };
    let chunks = file.content.map_ok(Bytes::from).inspect_err(|error| {
        tracing::error!(error = error_chain(error), "failed to complete an export");
    });
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CONTENT_DISPOSITION, attachment(&file.name)))
        .streaming(chunks)
}
