//! The model's limits.

use actix_web::web::{self, Data, Json, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;

use crate::get_or_head::get_or_head;

const CONFIG: &str = "/get_config";

#[derive(OpenApi)]
#[openapi(paths(read))]
pub(super) struct ApiDoc;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(CONFIG).route(get_or_head().to(read)));
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlaskConfig)]
struct Config {
    max_tokens: u32,
}

/// Returns the size of the model's context window, in tokens.
#[utoipa::path(
    get,
    path = CONFIG,
    tag = "flask",
    operation_id = "flask_get_config",
    responses((status = 200, body = Config)),
)]
async fn read(chat: Data<Chat>) -> Json<Config> {
    Json(Config { max_tokens: chat.models().first().window_tokens })
}
