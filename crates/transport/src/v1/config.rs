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
    let settings = chat.settings();
    Json(Config {
        model: chat.model_name(),
        max_tokens: settings.max_tokens,
        reply_tokens: settings.reply_tokens,
        version: env!("CARGO_PKG_VERSION"),
    })
}
