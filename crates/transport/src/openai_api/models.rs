//! The models.

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;

use super::error::OpenAiError;
use super::error_body::OpenAiErrorBody;
use super::key_user::KeyUser;
use crate::error::api_error::ApiError;
use crate::get_or_head::get_or_head;

const MODELS: &str = "/models";
const MODEL: &str = "/models/{id}";

/// The pattern of [`MODEL`] for the router: ids may contain slashes.
const MODEL_PATTERN: &str = "/models/{id:.+}";

/// The id of the configured model, whatever its name is.
const DEFAULT_MODEL: &str = "default";

#[derive(OpenApi)]
#[openapi(paths(list, find))]
pub(super) struct ApiDoc;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(MODELS).route(get_or_head().to(list)))
        .service(web::resource(MODEL_PATTERN).route(get_or_head().to(find)));
}

#[derive(Serialize, ToSchema)]
#[schema(as = OpenAiModelList)]
struct ModelList {
    #[schema(pattern = "^list$")]
    object: &'static str,
    data: Vec<Model>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OpenAiModel)]
pub(super) struct Model {
    pub(super) id: String,
    #[schema(pattern = "^model$")]
    object: &'static str,
    /// Always 0: unknown.
    created: i64,
    owned_by: &'static str,
}

/// Returns the models that the user may use.
#[utoipa::path(
    get,
    path = MODELS,
    tag = "openai",
    operation_id = "openai_list_models",
    security(("api_key" = [])),
    responses(
        (status = 200, body = ModelList),
        (status = "default", body = OpenAiErrorBody, description = "Any error."),
    ),
)]
async fn list(_user: KeyUser, chat: Data<Chat>) -> Json<ModelList> {
    Json(ModelList { object: "list", data: available(&chat) })
}

/// Returns a model.
#[utoipa::path(
    get,
    path = MODEL,
    tag = "openai",
    operation_id = "openai_get_model",
    security(("api_key" = [])),
    params(("id" = String, Path, description = "An id from the list, or `default`.")),
    responses(
        (status = 200, body = Model),
        (status = 404, body = OpenAiErrorBody, description = "There is no such model."),
        (status = "default", body = OpenAiErrorBody, description = "Any other error."),
    ),
)]
async fn find(_user: KeyUser, id: Path<String>, chat: Data<Chat>) -> Result<Json<Model>, ApiError> {
    Ok(Json(find_model(&chat, &id)?))
}

/// Returns the model with this id.
pub(super) fn find_model(chat: &Chat, id: &str) -> Result<Model, OpenAiError> {
    let found = available(chat).into_iter().find(|model| model.id == id || id == DEFAULT_MODEL);
    found.ok_or_else(|| OpenAiError::model_not_found(id))
}

fn available(chat: &Chat) -> Vec<Model> {
    let id = chat.model_name().unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    vec![Model { id, object: "model", created: 0, owned_by: "webchat" }]
}
