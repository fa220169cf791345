//! Few-shot examples of the current conversation.

use actix_web::web::{self, Data, Json, ServiceConfig};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::Chat;

use super::confirmation::Confirmation;
use crate::error::api_error::ApiError;
use crate::extract::body::Body;
use crate::extract::session::RequiredSession;
use crate::openapi::responses::{InvalidBodyResponse, NotFoundResponse};
use crate::rest::context::few_shot_examples::add_example;

const ADD: &str = "/add_few_shot_example";

#[derive(OpenApi)]
#[openapi(paths(add))]
pub(super) struct ApiDoc;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(ADD).route(web::post().to(add)));
}

#[derive(Deserialize, ToSchema)]
#[schema(as = FlaskExample)]
struct NewExample {
    #[schema(value_type = Option<String>)]
    user_prompt: Option<Value>,
    #[schema(value_type = Option<String>)]
    assistant_response: Option<Value>,
}

/// Adds an example to the current conversation.
#[utoipa::path(
    post,
    path = ADD,
    tag = "flask",
    operation_id = "flask_add_few_shot_example",
    request_body(
        content = NewExample,
        example = json!({"user_prompt": "1 + 1?", "assistant_response": "2."}),
    ),
    responses((status = 200, body = Confirmation), InvalidBodyResponse, NotFoundResponse),
)]
async fn add(
    browser: RequiredSession,
    example: Body<NewExample>,
    chat: Data<Chat>,
) -> Result<Json<Confirmation>, ApiError> {
    let NewExample { user_prompt, assistant_response } = example.0;
    let (user_prompt, assistant_response) =
        text(user_prompt).zip(text(assistant_response)).ok_or(ApiError::IncompleteExample)?;
    let id = browser.session.conversation_id.ok_or(ApiError::NoConversation)?;
    let user_id = browser.session.user_id;
    add_example(&chat, user_id, id, None, user_prompt, assistant_response).await?;
    Ok(Json(Confirmation { message: "Few-shot example added successfully!" }))
}

/// Returns the text of one half of an example. A value that is not a string counts as missing.
fn text(half: Option<Value>) -> Option<String> {
    match half {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
