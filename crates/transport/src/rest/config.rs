//! The models and their limits.

use actix_web::web::{self, Data, Json, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;
use webchat_domain::ModelId;

use crate::error::api_error::ApiError;
use crate::extract::session::OptionalSession;
use crate::get_or_head::get_or_head;

const CONFIG: &str = "/config";
const MODELS: &str = "/models";

#[derive(OpenApi)]
#[openapi(paths(read, models))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(CONFIG).route(get_or_head().to(read)))
        .service(web::resource(MODELS).route(get_or_head().to(models)));
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

/// Returns the limits of the server, and the name and limits of its first model.
#[utoipa::path(
    get,
    path = CONFIG,
    tag = "server",
    operation_id = "config",
    responses((status = 200, body = Config)),
)]
async fn read(chat: Data<Chat>) -> Json<Config> {
    let (settings, model) = (chat.settings(), chat.models().first());
    Json(Config {
        model: model.display_name(),
        max_tokens: model.window_tokens,
        reply_tokens: model.reserved_tokens(),
        upload_extensions: settings.files.extensions.clone(),
        max_upload_bytes: settings.files.max_bytes,
        version: env!("CARGO_PKG_VERSION"),
    })
}

#[derive(Serialize, ToSchema)]
struct Models {
    /// The first one answers in conversations without a model of their own. Empty if the user may use none.
    models: Vec<ModelView>,
}

/// A model that the user may choose.
#[derive(Serialize, ToSchema)]
#[schema(as = Model)]
struct ModelView {
    id: ModelId,
    /// The name to show; `null` while it is unknown.
    #[schema(required = true)]
    name: Option<String>,
    /// The size of the context window in tokens.
    max_tokens: u32,
    /// The number of tokens of the window that are reserved for an answer.
    reply_tokens: u32,
}

/// Lists the models that the user may choose. Sends nothing to them.
#[utoipa::path(
    get,
    path = MODELS,
    tag = "server",
    operation_id = "list_models",
    responses((status = 200, body = Models)),
)]
async fn models(caller: OptionalSession, chat: Data<Chat>) -> Result<Json<Models>, ApiError> {
    let models = chat.models_for(caller.user_id).await?;
    let views = models.into_iter().map(|model| ModelView {
        id: model.id.clone(),
        name: model.display_name(),
        max_tokens: model.window_tokens,
        reply_tokens: model.reserved_tokens(),
    });
    Ok(Json(Models { models: views.collect() }))
}
