//! Few-shot examples: sample questions and answers, sent to the model before the messages.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::Chat;
use webchat_domain::{ConversationId, ExampleId, FewShotExample, IdempotencyKey, UserId};

use crate::error::api_error::ApiError;
use crate::extract::body::Body;
use crate::extract::idempotency_key::IdempotencyKeyHeader;
use crate::extract::session::{OptionalSession, RequiredSession};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{ConversationPath, InvalidBodyResponse, NotFoundResponse};

const EXAMPLES: &str = "/conversations/{id}/few_shot_examples";
const EXAMPLE: &str = "/conversations/{id}/few_shot_examples/{example_id}";

#[derive(OpenApi)]
#[openapi(paths(list, add, remove))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(EXAMPLES).route(get_or_head().to(list)).route(web::post().to(add)))
        .service(web::resource(EXAMPLE).route(web::delete().to(remove)));
}

#[derive(Serialize, ToSchema)]
#[schema(as = FewShotExamples)]
struct Examples {
    few_shot_examples: Vec<FewShotExample>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewFewShotExample)]
struct NewExample {
    #[schema(pattern = r"\S")]
    user_prompt: String,
    #[schema(pattern = r"\S")]
    assistant_response: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct ExamplePath {
    /// The conversation.
    id: ConversationId,
    /// The example.
    example_id: ExampleId,
}

/// Lists the examples, oldest first.
#[utoipa::path(
    get,
    path = EXAMPLES,
    tag = "context",
    operation_id = "list_few_shot_examples",
    params(ConversationPath),
    responses((status = 200, body = Examples), NotFoundResponse),
)]
async fn list(
    caller: OptionalSession,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<Json<Examples>, ApiError> {
    let few_shot_examples = chat.contexts.examples(caller.user_id, *id).await?;
    Ok(Json(Examples { few_shot_examples }))
}

/// Adds an example of a question and its answer.
#[utoipa::path(
    post,
    path = EXAMPLES,
    tag = "context",
    operation_id = "add_few_shot_example",
    params(ConversationPath, IdempotencyKeyHeader),
    request_body(
        content = NewExample,
        example = json!({"user_prompt": "1 + 1?", "assistant_response": "2."}),
    ),
    responses((status = 201, body = FewShotExample), NotFoundResponse, InvalidBodyResponse),
)]
async fn add(
    browser: RequiredSession,
    idempotency: IdempotencyKeyHeader,
    id: Path<ConversationId>,
    example: Body<NewExample>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let NewExample { user_prompt, assistant_response } = example.0;
    let (user_id, key) = (browser.session.user_id, idempotency.key.as_ref());
    let example = add_example(&chat, user_id, *id, key, user_prompt, assistant_response).await?;
    Ok(HttpResponse::Created().json(example))
}

/// Removes an example.
#[utoipa::path(
    delete,
    path = EXAMPLE,
    tag = "context",
    operation_id = "remove_few_shot_example",
    params(ExamplePath),
    responses((status = 204, description = "Removed."), NotFoundResponse),
)]
async fn remove(
    browser: RequiredSession,
    path: Path<ExamplePath>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let ExamplePath { id, example_id } = path.into_inner();
    chat.contexts.remove_example(browser.session.user_id, id, example_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Adds an example after checking that neither half is blank.
pub(crate) async fn add_example(
    chat: &Chat,
    user_id: UserId,
    id: ConversationId,
    key: Option<&IdempotencyKey>,
    user_prompt: String,
    assistant_response: String,
) -> Result<FewShotExample, ApiError> {
    if user_prompt.trim().is_empty() || assistant_response.trim().is_empty() {
        return Err(ApiError::IncompleteExample);
    }
    Ok(chat.contexts.add_example(user_id, id, key, user_prompt, assistant_response).await?)
}
