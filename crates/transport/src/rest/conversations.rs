use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{ArchiveFilter, Chat, Cursor, Edit, InvalidCursor};
use webchat_domain::{Conversation, ConversationId, Title, UserId};

use crate::error::api_error::ApiError;
use crate::extract::body::Body;
use crate::extract::etag::{self, IfUnchanged, UnlessKnown};
use crate::extract::idempotency_key::Keyed;
use crate::extract::paging::page_size;
use crate::extract::session::Caller;
use crate::extract::session::Reader;
use crate::openapi::responses::{BadBody, BadParameter, Changed, NotFound};

#[derive(OpenApi)]
#[openapi(paths(list, start, read, edit, delete, reset))]
pub(crate) struct Described;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/conversations").route(web::get().to(list)).route(web::post().to(start)),
        )
        .service(
            web::resource("/conversations/{id}")
                .route(web::get().to(read))
                .route(web::patch().to(edit))
                .route(web::delete().to(delete)),
        )
        .service(web::resource("/conversations/{id}/reset").route(web::post().to(reset)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// How many at most: 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[param(pattern = r"^[0-9]{1,15}_[0-9a-f]{32}$")]
    cursor: Option<String>,
    /// The archived ones, or the others.
    archived: Option<bool>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ConversationPage)]
struct List {
    conversations: Vec<Conversation>,
    next_cursor: Option<String>,
}

/// What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConversationChanges)]
struct Changes {
    title: Option<Title>,
    archived: Option<bool>,
}

/// A page of the conversations, the most recently changed first.
#[utoipa::path(
    get,
    path = "/conversations",
    tag = "conversations",
    operation_id = "list_conversations",
    params(ListQuery),
    responses((status = 200, body = List), BadParameter),
)]
async fn list(
    reader: Reader,
    query: Query<ListQuery>,
    chat: Data<Chat>,
) -> Result<Json<List>, ApiError> {
    let limit = page_size(query.limit, 50, 100)?;
    let after: Option<Cursor> = query.cursor.as_deref().map(str::parse).transpose()?;
    let shelf = if query.archived.unwrap_or(false) {
        ArchiveFilter::Archived
    } else {
        ArchiveFilter::Active
    };
    let page = chat.list_conversations(reader.user_id, shelf, after, limit).await?;
    Ok(Json(List {
        conversations: page.items,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Starts an empty conversation.
#[utoipa::path(
    post,
    path = "/conversations",
    tag = "conversations",
    operation_id = "start_conversation",
    params(Keyed),
    responses((status = 201, body = Conversation), BadParameter),
)]
async fn start(caller: Caller, keyed: Keyed, chat: Data<Chat>) -> Result<HttpResponse, ApiError> {
    let started = chat.start_conversation(caller.0.user_id, keyed.key.as_ref()).await?;
    Ok(HttpResponse::Created().json(started))
}

/// A conversation, without its messages.
#[utoipa::path(
    get,
    path = "/conversations/{id}",
    tag = "conversations",
    operation_id = "read_conversation",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        UnlessKnown,
    ),
    responses(
        (
            status = 200,
            body = Conversation,
            headers(
                ("ETag" = String, description = "Another one whenever anything of it is another."),
            ),
        ),
        (status = 304, description = "Nothing has changed."),
        NotFound,
    ),
)]
async fn read(
    request: HttpRequest,
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    etag::answer(&request, &chat.find_conversation(reader.user_id, *id).await?)
}

/// Changes title or archive; what is not named stays.
#[utoipa::path(
    patch,
    path = "/conversations/{id}",
    tag = "conversations",
    operation_id = "change_conversation",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        IfUnchanged,
    ),
    request_body(content = Changes, example = json!({"title": "Tides", "archived": false})),
    responses(
        (
            status = 200,
            body = Conversation,
            headers(
                ("ETag" = String, description = "Another one whenever anything of it is another."),
            ),
        ),
        NotFound,
        Changed,
        BadBody,
    ),
)]
async fn edit(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    changes: Body<Changes>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = caller.0.user_id;
    let Changes { title, archived } = changes.into_inner().0;
    let expected = expected(&request, &chat, user_id, *id).await?;
    let edit = Edit { title, archived, expected };
    etag::answer(&request, &chat.edit_conversation(user_id, *id, edit).await?)
}

/// Deletes a conversation with its messages, and ends a turn that runs in it.
#[utoipa::path(
    delete,
    path = "/conversations/{id}",
    tag = "conversations",
    operation_id = "delete_conversation",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        IfUnchanged,
    ),
    responses((status = 204, description = "It is gone."), NotFound, Changed),
)]
async fn delete(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = caller.0.user_id;
    expected(&request, &chat, user_id, *id).await?;
    chat.delete_conversation(user_id, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Empties a conversation: its messages go, and what goes to the model beside them. A turn that runs in
/// it is ended.
#[utoipa::path(
    post,
    path = "/conversations/{id}/reset",
    tag = "conversations",
    operation_id = "reset_conversation",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 204, description = "It is empty."), NotFound),
)]
async fn reset(
    caller: Caller,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    chat.reset_conversation(caller.0.user_id, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The conversation as it is, where the client says that it knows it so.
async fn expected(
    request: &HttpRequest,
    chat: &Chat,
    user_id: UserId,
    id: ConversationId,
) -> Result<Option<Conversation>, ApiError> {
    if !etag::is_conditional(request) {
        return Ok(None);
    }
    let conversation = chat.find_conversation(user_id, id).await?;
    etag::check(request, &conversation)?;
    Ok(Some(conversation))
}

impl From<InvalidCursor> for ApiError {
    fn from(error: InvalidCursor) -> Self {
        Self::InvalidRequest(error.to_string())
    }
}
