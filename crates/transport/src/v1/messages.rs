use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use webchat_chat::{Chat, MessagePage};
use webchat_domain::{ConversationId, TurnId, VersionedMessage};

use super::{page_size, turns};
use crate::routes::json;
use crate::{ApiError, Reader};

/// The largest message, in bytes of JSON: as on the WebSocket.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource("/conversations/{id}/messages")
            .app_data(json(MAX_MESSAGE))
            .route(web::get().to(list))
            .route(web::post().to(turns::send)),
    );
}

#[derive(Deserialize)]
struct PageQuery {
    limit: Option<u32>,
    before: Option<u64>,
}

#[derive(Serialize)]
struct MessageList {
    messages: Vec<VersionedMessage>,
    next_before: Option<u64>,
    event_seq: u64,
    running_turn: Option<TurnId>,
}

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
