//! Export of conversations as files.

use std::error::Error;
use std::iter;

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{self, Bytes, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, ExportFormat, ExportStream, ExportedFile};
use webchat_domain::{ConversationId, error_chain};

use crate::error::api_error::ApiError;
use crate::extract::query;
use crate::extract::session::OptionalSession;
use crate::headers::attachment;
use crate::openapi::responses::{ConversationPath, InvalidParameterResponse, NotFoundResponse};
use crate::realtime::connections::Connections;
use crate::realtime::session_end::{SESSION_ENDED, SessionEnd, session_of_request_ended};

const EXPORT_ONE: &str = "/conversations/{id}/export";
const EXPORT_ALL: &str = "/export";

/// The maximum size of a chunk of a streamed response, in bytes.
const MAX_CHUNK_BYTES: usize = 32 * 1024;

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
    /// The format: `json` can be imported again, `markdown` is for reading, `flask` is for the Flask application.
    #[serde(default, deserialize_with = "query::name")]
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
    tag = "transfer",
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
    request: HttpRequest,
    caller: OptionalSession,
    id: Path<ConversationId>,
    query: Query<ExportQuery>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let format = match query.format {
        Format::Json => ExportFormat::Json,
        Format::Markdown => ExportFormat::Markdown,
        Format::Flask => ExportFormat::Flask,
    };
    let file = chat.transfer.export_conversation(caller.user_id, *id, format).await?;
    Ok(stream(file, session_of_request_ended(&request, &chat, &connections, caller.session)))
}

/// Exports all conversations of the user in one file. If the user has an account, it contains the account's data, too: the
/// settings, the sessions, the names of API keys, and the identities.
#[utoipa::path(
    get,
    path = EXPORT_ALL,
    tag = "transfer",
    operation_id = "export_all",
    responses((status = 200, body = serde_json::Value, description = "The file.")),
)]
async fn export_all(
    request: HttpRequest,
    caller: OptionalSession,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let file = chat.transfer.export_all(caller.user_id).await?;
    Ok(stream(file, session_of_request_ended(&request, &chat, &connections, caller.session)))
}

pub(crate) fn stream(file: ExportedFile, session_end: SessionEnd) -> HttpResponse {
    let content_type = match file.format {
        ExportFormat::Json | ExportFormat::Flask => "application/json",
        ExportFormat::Markdown => "text/markdown; charset=utf-8",
    };
    let mut response = HttpResponse::Ok();
    response
        .content_type(content_type)
        .insert_header((CONTENT_DISPOSITION, attachment(&file.name)));
    stream_body(&mut response, file.content, session_end)
}

/// Streams the body of a response. If the store fails midway, or the session ends, the connection is closed, so that the
/// client can detect the incomplete response.
pub(crate) fn stream_body(
    response: &mut HttpResponseBuilder,
    content: ExportStream,
    session_end: SessionEnd,
) -> HttpResponse {
    response.streaming(until_session_ends(small_chunks(content), session_end))
}

/// Ends the stream with an error when the session ends.
pub(crate) fn until_session_ends<E: Into<Box<dyn Error>> + 'static>(
    content: impl Stream<Item = Result<Bytes, E>> + 'static,
    session_end: SessionEnd,
) -> impl Stream<Item = Result<Bytes, Box<dyn Error>>> {
    let content = content.map_err(Into::into).boxed_local().take_until(session_end);
    stream::unfold(content, async |mut content| {
        let chunk = match content.next().await {
            Some(chunk) => chunk,
            // The session has ended if there is a result.
            None => content.take_result().map(|()| Err(SESSION_ENDED.into()))?,
        };
        Some((chunk, content))
    })
}

/// Splits the chunks, because the connection would copy a longer chunk completely for a slow client. Logs an error
/// that ends the stream.
pub(crate) fn small_chunks<T: Into<Bytes>, E: Error + 'static>(
    content: impl Stream<Item = Result<T, E>>,
) -> impl Stream<Item = Result<Bytes, E>> {
    let content = content.inspect_err(|error| {
        tracing::error!(error = error_chain(error), "failed to complete export");
    });
    content.flat_map(|chunk| match chunk {
        Ok(chunk) => stream::iter(split(chunk.into()).map(Ok)).left_stream(),
        Err(error) => stream::iter([Err(error)]).right_stream(),
    })
}

fn split(mut chunk: Bytes) -> impl Iterator<Item = Bytes> {
    iter::from_fn(move || {
        (!chunk.is_empty()).then(|| chunk.split_to(MAX_CHUNK_BYTES.min(chunk.len())))
    })
}
