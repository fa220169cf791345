use actix_web::HttpResponse;
use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use webchat_chat::{Chat, Cursor, InvalidCursor};
use webchat_domain::{Conversation, ConversationId, InvalidTitle, Title};

use super::page_size;
use crate::{ApiError, Caller, Reader};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/conversations").route(web::get().to(list)).route(web::post().to(start)),
        )
        .service(
            web::resource("/conversations/{id}")
                .route(web::get().to(read))
                .route(web::patch().to(rename))
                .route(web::delete().to(delete)),
        );
}

#[derive(Deserialize)]
struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct List {
    conversations: Vec<Conversation>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Changes {
    title: String,
}

async fn list(
    reader: Reader,
    query: Query<ListQuery>,
    chat: Data<Chat>,
) -> Result<Json<List>, ApiError> {
    let limit = page_size(query.limit, 50, 100)?;
    let after: Option<Cursor> = query.cursor.as_deref().map(str::parse).transpose()?;
    let page = chat.list_conversations(reader.user_id, after, limit).await?;
    Ok(Json(List {
        conversations: page.items,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

async fn start(caller: Caller, chat: Data<Chat>) -> Result<HttpResponse, ApiError> {
    let conversation = chat.start_conversation(caller.0.user_id).await?;
    Ok(HttpResponse::Created().json(conversation))
}

async fn read(
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(chat.find_conversation(reader.user_id, *id).await?))
}

async fn rename(
    caller: Caller,
    id: Path<ConversationId>,
    changes: Json<Changes>,
    chat: Data<Chat>,
) -> Result<Json<Conversation>, ApiError> {
    let title = Title::try_from(changes.into_inner().title)?;
    Ok(Json(chat.rename_conversation(caller.0.user_id, *id, title).await?))
}

async fn delete(
    caller: Caller,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    chat.delete_conversation(caller.0.user_id, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<InvalidCursor> for ApiError {
    fn from(error: InvalidCursor) -> Self {
        Self::InvalidRequest(error.to_string())
    }
}

impl From<InvalidTitle> for ApiError {
    fn from(error: InvalidTitle) -> Self {
        Self::InvalidRequest(error.to_string())
    }
}
