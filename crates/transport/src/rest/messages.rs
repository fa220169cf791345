//! The messages of a conversation, page by page.

use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, MessagePage};
use webchat_domain::{ConversationId, TurnId, VersionedMessage};

use super::turns::send::{self, MESSAGES};
use crate::error::api_error::ApiError;
use crate::extract::body::BodyLimit;
use crate::extract::query::{self, page_size};
use crate::extract::session::OptionalSession;
use crate::get_or_head::get_or_head;
use crate::middleware::body_limits::MAX_MESSAGE_BODY_BYTES;
use crate::openapi::responses::{ConversationPath, InvalidParameterResponse, NotFoundResponse};

#[derive(OpenApi)]
#[openapi(paths(list))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource(MESSAGES)
            .app_data(BodyLimit(MAX_MESSAGE_BODY_BYTES))
            .route(get_or_head().to(list))
            .route(web::post().to(send::send)),
    );
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// The maximum number of messages: 50 by default. A page has fewer if their text has more than 1 MiB.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "query::integer")]
    limit: Option<u32>,
    /// Only messages before this position: the `next_before` of the previous page.
    #[param(format = "uint64", maximum = 18_446_744_073_709_551_615_usize)]
    #[serde(default, deserialize_with = "query::integer")]
    before: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MessagePage)]
pub(crate) struct MessageList {
    /// The messages, oldest first.
    messages: Vec<VersionedMessage>,
    /// The `before` of the next page; `null` at the beginning of the conversation.
    next_before: Option<u64>,
    /// The sequence number of the last event that the page includes. Later events may change its messages.
    event_seq: u64,
    /// The id of the running turn, if there is one.
    running_turn: Option<TurnId>,
}

/// Lists the newest messages, or those before a position.
#[utoipa::path(
    get,
    path = MESSAGES,
    tag = "conversations",
    operation_id = "list_messages",
    params(ConversationPath, PageQuery),
    responses((status = 200, body = MessageList), InvalidParameterResponse, NotFoundResponse),
)]
async fn list(
    caller: OptionalSession,
    id: Path<ConversationId>,
    query: Query<PageQuery>,
    chat: Data<Chat>,
) -> Result<Json<MessageList>, ApiError> {
    let limit = page_size(query.limit, 50, 200)?;
    let page = chat.conversations.message_page(caller.user_id, *id, query.before, limit).await?;
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
