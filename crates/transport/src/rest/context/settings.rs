//! System prompt, parameters and maximum answer length of a conversation.

use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ContextEdit};
use webchat_domain::{ConversationId, Integer, ModelId, ModelParameters};

use super::view::{ContextBody, expected_revision, respond};
use crate::error::api_error::ApiError;
use crate::extract::body::{Body, Object};
use crate::extract::change::{Change, prompt_choice};
use crate::extract::etag::{IfMatchParam, IfNoneMatchParam};
use crate::extract::session::{OptionalSession, RequiredSession};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{
    ConversationPath, EtagResponse, InvalidBodyResponse, NotFoundResponse, NotModifiedResponse,
    PreconditionFailedResponse,
};

const CONTEXT: &str = "/conversations/{id}/context";

#[derive(OpenApi)]
#[openapi(paths(read, change), components(schemas(ContextBody)))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource(CONTEXT).route(get_or_head().to(read)).route(web::patch().to(change)),
    );
}

/// The changes of a context. Omitted fields stay unchanged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContextChanges)]
struct Changes {
    /// The new system prompt. `null` or a blank text resets it to the default.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    system_prompt: Change<String>,
    #[schema(value_type = Option<ModelParameters>)]
    parameters: Option<Object<ModelParameters>>,
    /// The new maximum number of tokens of an answer, from 1 to the model's `reply_tokens`. `null` resets it to the
    /// model's.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 4_294_967_295u64)]
    reply_tokens: Change<Integer<u32>>,
    /// The new model. `null` resets it to the first one that the user may use.
    #[serde(default)]
    #[schema(value_type = Option<ModelId>)]
    model: Change<ModelId>,
}

/// Returns everything that is sent to the model in addition to the messages, and the use of tokens.
#[utoipa::path(
    get,
    path = CONTEXT,
    tag = "context",
    operation_id = "read_context",
    params(ConversationPath, IfNoneMatchParam),
    responses(EtagResponse<ContextBody>, NotModifiedResponse, NotFoundResponse),
)]
async fn read(
    request: HttpRequest,
    caller: OptionalSession,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    respond(&request, &chat, caller.user_id, *id).await
}

/// Changes the system prompt, the model, its parameters or the maximum length of an answer.
#[utoipa::path(
    patch,
    path = CONTEXT,
    tag = "context",
    operation_id = "change_context",
    params(ConversationPath, IfMatchParam),
    request_body(
        content = Changes,
        example = json!({
            "system_prompt": "Be brief.", "parameters": {"temperature": 0.5}, "reply_tokens": 500,
        }),
    ),
    responses(
        EtagResponse<ContextBody>,
        NotFoundResponse,
        PreconditionFailedResponse,
        InvalidBodyResponse,
    ),
)]
async fn change(
    request: HttpRequest,
    browser: RequiredSession,
    id: Path<ConversationId>,
    changes: Body<Changes>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = browser.session.user_id;
    let Changes { system_prompt, parameters, reply_tokens, model } = changes.0;
    let edit = ContextEdit {
        system_prompt: prompt_choice(system_prompt),
        parameters: parameters.map(|Object(parameters)| parameters),
        reply_tokens: reply_tokens.choice(|Integer(tokens)| tokens),
        model: model.choice(|id| id),
    };
    let expected = expected_revision(&request, &chat, user_id, *id).await?;
    chat.contexts.edit(user_id, *id, edit, expected).await?;
    respond(&request, &chat, user_id, *id).await
}
