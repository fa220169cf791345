use actix_web::web::{Data, Json};
use serde::Serialize;
use webchat_chat::Chat;

#[derive(Serialize)]
pub(crate) struct Config {
    model: Option<String>,
    max_tokens: u32,
    reply_tokens: u32,
    version: &'static str,
}

pub(crate) async fn read(chat: Data<Chat>) -> Json<Config> {
    let limits = chat.limits();
    Json(Config {
        model: chat.model_name(),
        max_tokens: limits.max_tokens,
        reply_tokens: limits.reply_tokens,
        version: env!("CARGO_PKG_VERSION"),
    })
}
