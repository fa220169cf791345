//! The REST API of the Flask application: same paths, bodies and statuses.

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use serde::Serialize;
use webchat_chat::Chat;
use webchat_domain::{Conversation, ConversationId, Message, Role, Timestamp};

use crate::{ApiError, Caller, Reader};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/start_conversation").route(web::post().to(start_conversation)))
        .service(web::resource("/list_conversations").route(web::get().to(list_conversations)))
        .service(web::resource("/load_conversation/{id}").route(web::get().to(load_conversation)))
        .service(web::resource("/get_config").route(web::get().to(get_config)));
}

#[derive(Serialize)]
struct Started {
    message: &'static str,
    conversation_id: ConversationId,
}

#[derive(Serialize)]
struct Listed {
    conversations: Vec<ListedConversation>,
}

#[derive(Serialize)]
struct ListedConversation {
    conversation_id: ConversationId,
    created_at: Timestamp,
}

#[derive(Serialize)]
struct Loaded {
    conversation: Vec<LoadedMessage>,
}

#[derive(Serialize)]
struct LoadedMessage {
    role: Role,
    content: String,
}

#[derive(Serialize)]
struct Config {
    max_tokens: u32,
}

async fn start_conversation(caller: Caller, chat: Data<Chat>) -> Result<Json<Started>, ApiError> {
    let conversation_id = chat.start_conversation(caller.0.user_id).await?.conversation_id;
    chat.set_current_conversation(&caller.0, conversation_id).await?;
    let message = "New conversation started.";
    Ok(Json(Started { message, conversation_id }))
}

async fn list_conversations(reader: Reader, chat: Data<Chat>) -> Result<Json<Listed>, ApiError> {
    let conversations = chat.all_conversations(reader.user_id).await?;
    let conversations = conversations.into_iter().map(ListedConversation::from).collect();
    Ok(Json(Listed { conversations }))
}

async fn load_conversation(
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<Json<Loaded>, ApiError> {
    let messages = chat.all_messages(reader.user_id, *id).await?;
    if let Some(session) = &reader.session {
        chat.set_current_conversation(session, *id).await?;
    }
    let conversation = messages.into_iter().map(LoadedMessage::from).collect();
    Ok(Json(Loaded { conversation }))
}

async fn get_config(chat: Data<Chat>) -> Json<Config> {
    let max_tokens = chat.limits().max_tokens;
    Json(Config { max_tokens })
}

impl From<Conversation> for ListedConversation {
    fn from(conversation: Conversation) -> Self {
        Self { conversation_id: conversation.conversation_id, created_at: conversation.created_at }
    }
}

impl From<Message> for LoadedMessage {
    fn from(message: Message) -> Self {
        Self { role: message.role, content: message.content }
    }
}
