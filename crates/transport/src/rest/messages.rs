use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, MessagePage};
use webchat_domain::{ConversationId, TurnId, VersionedMessage};

use super::turns::send as turns;
use crate::error::api_error::ApiError;
use crate::extract::body::json;
use crate::extract::paging::page_size;
use crate::extract::session::Reader;
use crate::openapi::responses::{BadParameter, NotFound};

/// The largest message, in bytes of JSON: as on the WebSocket.
pub(crate) const MAX_MESSAGE: usize = 4 * 1024 * 1024;

#[derive(OpenApi)]
#[openapi(paths(list))]
pub(crate) struct Described;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource("/conversations/{id}/messages")
            .app_data(json(MAX_MESSAGE))
            .route(web::get().to(list))
            .route(web::post().to(turns::send)),
    );
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// How many at most: 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Only messages before this position: the `next_before` of the page before.
    #[param(format = "uint64", maximum = 18_446_744_073_709_551_615_usize)]
    before: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MessagePage)]
struct MessageList {
    /// Oldest first.
    messages: Vec<VersionedMessage>,
    /// What to ask for next; `null` at the beginning.
    next_before: Option<u64>,
    /// Events after this number are no part of the page.
    event_seq: u64,
    /// The turn that runs.
    running_turn: Option<TurnId>,
}

/// The newest messages, or those before a position.
#[utoipa::path(
    get,
    path = "/conversations/{id}/messages",
    tag = "conversations",
    operation_id = "list_messages",
    params(("id" = ConversationId, Path, description = "The conversation."), PageQuery),
    responses((status = 200, body = MessageList), BadParameter, NotFound),
)]
async fn list(
    reader: Reader,
    id: Path<ConversationId>,
    query: Query<PageQuery>,
    chat: Data<Chat>,
) -> Result<Json<MessageList>, ApiError> {
    let limit = page_size(query.limit, 50, 200)?;
    let page = chat.message_page(reader.user_id, *id, query.before, limit).await?;
    Ok(Json(page.into()))
}

impl From<MessagePage> for MessageList {
    fn from(page: MessagePage) -> Self {
        Self {
            messages: page.messages,
            next_before: page.next_before,
            event_seq: page.event_seq,
            running_turn: page.running_turn,
        }
    }
}
