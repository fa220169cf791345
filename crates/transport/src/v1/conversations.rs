use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use webchat_chat::{Chat, Cursor, Edit, InvalidCursor, Shelf};
use webchat_domain::{Conversation, ConversationId, Title, UserId};

use super::page_size;
use crate::{ApiError, Caller, Reader, etag};

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
        );
}

#[derive(Deserialize)]
struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    archived: Option<bool>,
}

#[derive(Serialize)]
struct List {
    conversations: Vec<Conversation>,
    next_cursor: Option<String>,
}

/// What is left out stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    title: Option<Title>,
    archived: Option<bool>,
}

async fn list(
    reader: Reader,
    query: Query<ListQuery>,
    chat: Data<Chat>,
) -> Result<Json<List>, ApiError> {
    let limit = page_size(query.limit, 50, 100)?;
    let after: Option<Cursor> = query.cursor.as_deref().map(str::parse).transpose()?;
    let shelf = if query.archived.unwrap_or(false) { Shelf::Archive } else { Shelf::Current };
    let page = chat.list_conversations(reader.user_id, shelf, after, limit).await?;
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
    request: HttpRequest,
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    etag::answer(&request, &chat.find_conversation(reader.user_id, *id).await?)
}

async fn edit(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    changes: Json<Changes>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let owner = caller.0.user_id;
    let Changes { title, archived } = changes.into_inner();
    let expected = expected(&request, &chat, owner, *id).await?;
    let edit = Edit { title, archived, expected };
    etag::answer(&request, &chat.edit_conversation(owner, *id, edit).await?)
}

async fn delete(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let owner = caller.0.user_id;
    expected(&request, &chat, owner, *id).await?;
    chat.delete_conversation(owner, *id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The conversation as it is, where the client says that it knows it so.
async fn expected(
    request: &HttpRequest,
    chat: &Chat,
    owner: UserId,
    id: ConversationId,
) -> Result<Option<Conversation>, ApiError> {
    if !etag::is_conditional(request) {
        return Ok(None);
    }
    let conversation = chat.find_conversation(owner, id).await?;
    etag::check(request, &conversation)?;
    Ok(Some(conversation))
}

impl From<InvalidCursor> for ApiError {
    fn from(error: InvalidCursor) -> Self {
        Self::InvalidRequest(error.to_string())
    }
}
