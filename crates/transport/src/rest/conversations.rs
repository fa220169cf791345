//! Conversations, without their messages.

use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{ArchiveFilter, Chat, Choice, ContextEdit, Cursor, Edit, Page};
use webchat_domain::{Conversation, ConversationId, ModelId, Title, UserId};

use crate::error::api_error::ApiError;
use crate::extract::body::{Body, OptionalBody};
use crate::extract::etag::{self, IfMatchParam, IfNoneMatchParam};
use crate::extract::idempotency_key::IdempotencyKeyHeader;
use crate::extract::query::{self, page_size};
use crate::extract::session::{OptionalSession, RequiredSession};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{
    ConversationPath, EtagResponse, InvalidBodyResponse, InvalidParameterResponse,
    NotFoundResponse, NotModifiedResponse, PreconditionFailedResponse,
};

const CONVERSATIONS: &str = "/conversations";
const CONVERSATION: &str = "/conversations/{id}";
const RESET: &str = "/conversations/{id}/reset";

#[derive(OpenApi)]
#[openapi(paths(list, start, read, edit, delete, reset), components(schemas(Conversation)))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource(CONVERSATIONS).route(get_or_head().to(list)).route(web::post().to(start)),
        )
        .service(
            web::resource(CONVERSATION)
                .route(get_or_head().to(read))
                .route(web::patch().to(edit))
                .route(web::delete().to(delete)),
        )
        .service(web::resource(RESET).route(web::post().to(reset)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The maximum number of conversations: 50 by default.
    #[param(minimum = 1, maximum = 100)]
    #[serde(default, deserialize_with = "query::integer")]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[param(pattern = r"^[0-9]{1,15}_[0-9a-f]{32}$")]
    #[serde(default, deserialize_with = "query::text")]
    cursor: Option<String>,
    /// Whether to list the archived conversations (`true`) or the others (`false`, the default).
    #[serde(default, deserialize_with = "query::flag")]
    archived: Option<bool>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ConversationPage)]
pub(crate) struct ConversationList {
    conversations: Vec<Conversation>,
    next_cursor: Option<String>,
}

/// The changes of a conversation. Omitted fields stay unchanged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConversationChanges)]
struct Changes {
    title: Option<Title>,
    archived: Option<bool>,
}

/// Lists conversations page by page, the most recently updated first.
#[utoipa::path(
    get,
    path = CONVERSATIONS,
    tag = "conversations",
    operation_id = "list_conversations",
    params(ListQuery),
    responses((status = 200, body = ConversationList), InvalidParameterResponse),
)]
async fn list(
    caller: OptionalSession,
    query: Query<ListQuery>,
    chat: Data<Chat>,
) -> Result<Json<ConversationList>, ApiError> {
    let limit = page_size(query.limit, 50, 100)?;
    let cursor: Option<Cursor> = query.cursor.as_deref().map(str::parse).transpose()?;
    let filter = if query.archived.unwrap_or(false) {
        ArchiveFilter::Archived
    } else {
        ArchiveFilter::Active
    };
    let page = chat.conversations.list(caller.user_id, filter, cursor, limit).await?;
    Ok(Json(page.into()))
}

impl From<Page<Conversation>> for ConversationList {
    fn from(page: Page<Conversation>) -> Self {
        Self { conversations: page.items, next_cursor: page.next.map(|cursor| cursor.to_string()) }
    }
}

/// A conversation to start.
#[derive(Default, Deserialize, ToSchema)]
struct NewConversation {
    /// Its model; by default the first one that the user may use.
    model: Option<ModelId>,
}

/// Starts an empty conversation.
#[utoipa::path(
    post,
    path = CONVERSATIONS,
    tag = "conversations",
    operation_id = "start_conversation",
    params(IdempotencyKeyHeader),
    request_body(content = Option<NewConversation>),
    responses((status = 201, body = Conversation), InvalidParameterResponse, InvalidBodyResponse),
)]
async fn start(
    browser: RequiredSession,
    idempotency: IdempotencyKeyHeader,
    body: Result<OptionalBody<NewConversation>, ApiError>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = browser.session.user_id;
    let new = OptionalBody::or_ignored(body)?.unwrap_or_default();
    let conversation = chat.conversations.start(user_id, idempotency.key.as_ref()).await?;
    if let Some(model) = new.model {
        let edit = ContextEdit { model: Some(Choice::Custom(model)), ..ContextEdit::default() };
        chat.contexts.edit(user_id, conversation.conversation_id, edit, None).await?;
    }
    Ok(HttpResponse::Created().json(conversation))
}

/// Returns a conversation without its messages.
#[utoipa::path(
    get,
    path = CONVERSATION,
    tag = "conversations",
    operation_id = "read_conversation",
    params(ConversationPath, IfNoneMatchParam),
    responses(EtagResponse<Conversation>, NotModifiedResponse, NotFoundResponse),
)]
async fn read(
    request: HttpRequest,
    caller: OptionalSession,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    etag::respond(&request, &chat.conversations.find(caller.user_id, *id).await?)
}

/// Changes the title, or moves a conversation into or out of the archive.
#[utoipa::path(
    patch,
    path = CONVERSATION,
    tag = "conversations",
    operation_id = "change_conversation",
    params(ConversationPath, IfMatchParam),
    request_body(content = Changes, example = json!({"title": "Tides", "archived": false})),
    responses(
        EtagResponse<Conversation>,
        NotFoundResponse,
        PreconditionFailedResponse,
        InvalidBodyResponse,
    ),
)]
async fn edit(
    request: HttpRequest,
    browser: RequiredSession,
    id: Path<ConversationId>,
    changes: Body<Changes>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = browser.session.user_id;
    let Changes { title, archived } = changes.0;
    let expected = expected_conversation(&request, &chat, user_id, *id).await?;
    let edit = Edit { title, archived, expected };
    etag::respond(&request, &chat.conversations.edit(user_id, *id, edit).await?)
}

/// Deletes a conversation with its messages, and stops its running turn.
#[utoipa::path(
    delete,
    path = CONVERSATION,
    tag = "conversations",
    operation_id = "delete_conversation",
    params(ConversationPath, IfMatchParam),
    responses(
        (status = 204, description = "Deleted."),
        NotFoundResponse,
        PreconditionFailedResponse,
    ),
)]
async fn delete(
    request: HttpRequest,
    browser: RequiredSession,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = browser.session.user_id;
    expected_conversation(&request, &chat, user_id, *id).await?;
    chat.conversations.delete(user_id, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Resets a conversation: deletes its messages and its context, and stops its running turn.
#[utoipa::path(
    post,
    path = RESET,
    tag = "conversations",
    operation_id = "reset_conversation",
    params(ConversationPath),
    responses((status = 204, description = "Reset."), NotFoundResponse),
)]
async fn reset(
    browser: RequiredSession,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    chat.conversations.reset(browser.session.user_id, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Checks `If-Match`, and returns the matching state of the conversation.
async fn expected_conversation(
    request: &HttpRequest,
    chat: &Chat,
    user_id: UserId,
    id: ConversationId,
) -> Result<Option<Conversation>, ApiError> {
    let load = async {
        let conversation = chat.conversations.find(user_id, id).await?;
        Ok((conversation.clone(), conversation))
    };
    etag::check_if_match(request, load).await
}
