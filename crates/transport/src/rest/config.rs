//! The model and its limits.

use actix_web::web::{self, Data, Json, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;

use crate::get_or_head::get_or_head;

const CONFIG: &str = "/config";

#[derive(OpenApi)]
#[openapi(paths(read))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(CONFIG).route(get_or_head().to(read)));
}

#[derive(Serialize, ToSchema)]
struct Config {
    model: Option<String>,
    max_tokens: u32,
    reply_tokens: u32,
    /// The accepted file name extensions of uploads, in lower case and without a dot.
    upload_extensions: Vec<String>,
    /// The maximum size of an upload in bytes.
    max_upload_bytes: usize,
    version: &'static str,
}

/// Returns the model's name and limits.
#[utoipa::path(
    get,
    path = CONFIG,
    tag = "server",
    operation_id = "config",
    responses((status = 200, body = Config)),
)]
async fn read(chat: Data<Chat>) -> Json<Config> {
    let settings = chat.settings();
    Json(Config {
        model: chat.model_name(),
        max_tokens: settings.window_tokens,
        reply_tokens: settings.reserved_tokens(),
        upload_extensions: settings.files.extensions.clone(),
        max_upload_bytes: settings.files.max_bytes,
        version: env!("CARGO_PKG_VERSION"),
    })
}
