use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;

#[derive(OpenApi)]
#[openapi(paths(read))]
pub(crate) struct Described;

#[derive(Serialize, ToSchema)]
pub(crate) struct Config {
    model: Option<String>,
    max_tokens: u32,
    reply_tokens: u32,
    version: &'static str,
}

/// Which model answers, and how much it takes.
#[utoipa::path(
    get,
    path = "/config",
    tag = "server",
    operation_id = "config",
    responses((status = 200, body = Config)),
)]
pub(crate) async fn read(chat: Data<Chat>) -> Json<Config> {
    let settings = chat.settings();
    Json(Config {
        model: chat.model_name(),
        max_tokens: settings.max_tokens,
        reply_tokens: settings.reply_tokens,
        version: env!("CARGO_PKG_VERSION"),
    })
}
