//! The conversations of another user, read with a reason, and their export.

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{AccessRequest, Chat, ChatError, Cursor};
use webchat_domain::{ConversationId, UserId};

use super::access::{AdminAccess, AuditorAccess, UserPath, WithBody};
use super::reason::{Reason, ReasonBody};
use crate::error::api_error::ApiError;
use crate::extract::query::page_size;
use crate::openapi::responses::{InvalidBodyResponse, NotFoundResponse, RoleNeededResponse};
use crate::realtime::connections::Connections;
use crate::realtime::session_end::session_of_request_ended;
use crate::rest::conversations::ConversationList;
use crate::rest::messages::MessageList;
use crate::rest::transfer::export::stream;

const CONVERSATIONS: &str = "/admin/users/{user_id}/conversations";
const MESSAGES: &str = "/admin/users/{user_id}/conversations/{id}/messages";
const EXPORT: &str = "/admin/users/{user_id}/export";

#[derive(OpenApi)]
#[openapi(paths(list, messages, export))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(CONVERSATIONS).route(web::post().to(list)))
        .service(web::resource(MESSAGES).route(web::post().to(messages)))
        .service(web::resource(EXPORT).route(web::post().to(export)));
}

/// Which conversations are listed, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdminConversationsRequest)]
struct ListRequest {
    reason: Reason,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The maximum number of conversations: 50 by default.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Which messages are read, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdminMessagesRequest)]
struct MessagesRequest {
    reason: Reason,
    /// Only messages before this position: the `next_before` of the previous page.
    before: Option<u64>,
    /// The maximum number of messages: 50 by default.
    #[schema(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Lists the conversations of a user, the most recently updated first. The audit log records it.
#[utoipa::path(
    post,
    path = CONVERSATIONS,
    tag = "admin",
    operation_id = "admin_list_conversations",
    params(("user_id" = UserId, Path, description = "The user.")),
    request_body(
        content = ListRequest,
        example = json!({"reason": "Request 4711 of the data protection officer"})
    ),
    responses(
        (status = 200, body = ConversationList),
        NotFoundResponse,
        RoleNeededResponse,
        InvalidBodyResponse,
    ),
)]
async fn list(
    WithBody(auditor, body): WithBody<AuditorAccess, ListRequest>,
    user: UserPath,
    chat: Data<Chat>,
) -> Result<Json<ConversationList>, ApiError> {
    let user_id = user.id()?;
    let ListRequest { reason, cursor, limit } = body;
    let limit = page_size(limit, 50, 100)?;
    let cursor: Option<Cursor> = cursor.as_deref().map(str::parse).transpose()?;
    let request = AccessRequest { user_id, reason: reason.checked()?, actor: auditor.actor };
    let page = chat.conversation_access.list(request, cursor, limit).await?;
    Ok(Json(page.into()))
}

/// Lists the newest messages of a user's conversation, or those before a position. The audit log records it.
#[utoipa::path(
    post,
    path = MESSAGES,
    tag = "admin",
    operation_id = "admin_list_messages",
    params(
        ("user_id" = UserId, Path, description = "The user."),
        ("id" = ConversationId, Path, description = "The conversation."),
    ),
    request_body(
        content = MessagesRequest,
        example = json!({"reason": "Request 4711 of the data protection officer"})
    ),
    responses(
        (status = 200, body = MessageList),
        NotFoundResponse,
        RoleNeededResponse,
        InvalidBodyResponse,
    ),
)]
async fn messages(
    WithBody(auditor, body): WithBody<AuditorAccess, MessagesRequest>,
    user: UserPath,
    ids: Path<(String, String)>,
    chat: Data<Chat>,
) -> Result<Json<MessageList>, ApiError> {
    let user_id = user.id()?;
    let id: ConversationId = ids.1.parse().map_err(|_| ChatError::ConversationNotFound)?;
    let MessagesRequest { reason, before, limit } = body;
    let limit = page_size(limit, 50, 200)?;
    let request = AccessRequest { user_id, reason: reason.checked()?, actor: auditor.actor };
    let page = chat.conversation_access.messages(request, id, before, limit).await?;
    Ok(Json(page.into()))
}

/// Exports all conversations of a user in one file. The audit log records it.
#[utoipa::path(
    post,
    path = EXPORT,
    tag = "admin",
    operation_id = "admin_export_user",
    params(("user_id" = UserId, Path, description = "The user.")),
    request_body(
        content = ReasonBody,
        example = json!({"reason": "Request 4711 of the data protection officer"})
    ),
    responses(
        (status = 200, body = serde_json::Value, description = "The file."),
        NotFoundResponse,
        RoleNeededResponse,
        InvalidBodyResponse,
    ),
)]
async fn export(
    request: HttpRequest,
    WithBody(admin, body): WithBody<AdminAccess, ReasonBody>,
    user: UserPath,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, ApiError> {
    let user_id = user.id()?;
    let access = AccessRequest { user_id, reason: body.reason.checked()?, actor: admin.actor };
    let file = chat.conversation_access.export(access).await?;
    let session = Some(admin.session);
    Ok(stream(file, session_of_request_ended(&request, &chat, &connections, session)))
}
