//! The models.

use std::sync::Arc;

use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, Model};
use webchat_domain::UserId;

use super::error::OpenAiError;
use super::error_body::OpenAiErrorBody;
use super::key_user::KeyUser;
use crate::error::api_error::ApiError;
use crate::get_or_head::get_or_head;

const MODELS: &str = "/models";
const MODEL: &str = "/models/{id}";

/// The pattern of [`MODEL`] for the router: ids may contain slashes.
const MODEL_PATTERN: &str = "/models/{id:.+}";

/// The id of the first model that the user may use, whatever its name is.
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
    data: Vec<ModelView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OpenAiModel)]
struct ModelView {
    id: String,
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
async fn list(user: KeyUser, chat: Data<Chat>) -> Result<Json<ModelList>, ApiError> {
    let models = chat.models_for(user.caller.user_id).await?;
    let data = models.iter().map(|model| ModelView::of(model)).collect();
    Ok(Json(ModelList { object: "list", data }))
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
        (status = 200, body = ModelView),
        (status = 404, body = OpenAiErrorBody, description = "There is no such model."),
        (status = "default", body = OpenAiErrorBody, description = "Any other error."),
    ),
)]
async fn find(
    user: KeyUser,
    id: Path<String>,
    chat: Data<Chat>,
) -> Result<Json<ModelView>, ApiError> {
    let model = find_model(&chat, user.caller.user_id, &id).await?;
    Ok(Json(ModelView::of(&model)))
}

/// Returns the model with this id, which the user may use.
pub(super) async fn find_model(
    chat: &Chat,
    user_id: UserId,
    id: &str,
) -> Result<Arc<Model>, ApiError> {
    let models = chat.models_for(user_id).await?;
    let found = models.into_iter().find(|model| id == DEFAULT_MODEL || id == id_of(model));
    Ok(found.ok_or_else(|| OpenAiError::model_not_found(id))?)
}

/// Returns the id of a model: that of the configuration, and of the only model the name that it reports.
pub(super) fn id_of(model: &Model) -> String {
    let configured = model.name.is_some().then(|| model.id.to_string());
    configured.or_else(|| model.display_name()).unwrap_or_else(|| DEFAULT_MODEL.to_owned())
}

impl ModelView {
    fn of(model: &Model) -> Self {
        Self { id: id_of(model), object: "model", created: 0, owned_by: "webchat" }
    }
}
