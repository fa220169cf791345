use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, ContextEdit, ContextView, PromptChoice};
use webchat_domain::{
    ConversationId, ExampleId, FewShotExample, IdempotencyKey, Ledger, ModelParameters, Summary,
    SystemPrompt, UserId,
};

use crate::error::api_error::ApiError;
use crate::extract::body::{Body, Object};
use crate::extract::etag::{self, IfUnchanged, UnlessKnown};
use crate::extract::idempotency_key::Keyed;
use crate::extract::session::Caller;
use crate::extract::session::Reader;
use crate::openapi::responses::{BadBody, Changed, NotFound};

#[derive(OpenApi)]
#[openapi(paths(
    read,
    change,
    replace_summary,
    remove_summary,
    list_examples,
    add_example,
    remove_example
))]
pub(crate) struct Described;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/conversations/{id}/context")
                .route(web::get().to(read))
                .route(web::patch().to(change)),
        )
        .service(
            web::resource("/conversations/{id}/context/summary")
                .route(web::put().to(replace_summary))
                .route(web::delete().to(remove_summary)),
        )
        .service(
            web::resource("/conversations/{id}/few_shot_examples")
                .route(web::get().to(list_examples))
                .route(web::post().to(add_example)),
        )
        .service(
            web::resource("/conversations/{id}/few_shot_examples/{example_id}")
                .route(web::delete().to(remove_example)),
        );
}

#[derive(Serialize, ToSchema)]
#[schema(as = Context)]
struct ContextBody {
    system_prompt: Option<SystemPrompt>,
    parameters: ModelParameters,
    few_shot_examples: Vec<FewShotExample>,
    summary: Option<Summary>,
    ledger: Ledger,
}

/// What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContextChanges)]
struct Changes {
    /// `null`: the server's own again.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    system_prompt: Change,
    #[schema(value_type = Option<ModelParameters>)]
    parameters: Option<Object<ModelParameters>>,
}

/// A text that stays, or becomes another; `null` takes it away.
#[derive(Default)]
enum Change {
    #[default]
    Stays,
    Becomes(Option<String>),
}

#[derive(Deserialize, ToSchema)]
struct SummaryText {
    #[schema(pattern = r"\S")]
    text: String,
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

/// What goes to the model beside the messages, and what all of it takes.
#[utoipa::path(
    get,
    path = "/conversations/{id}/context",
    tag = "context",
    operation_id = "read_context",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        UnlessKnown,
    ),
    responses(
        (
            status = 200,
            body = ContextBody,
            headers(
                ("ETag" = String, description = "Another one whenever anything of it is another."),
            ),
        ),
        (status = 304, description = "Nothing has changed."),
        NotFound,
    ),
)]
async fn read(
    request: HttpRequest,
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, &chat, reader.user_id, *id).await
}

/// Changes system prompt or parameters; what is not named stays.
#[utoipa::path(
    patch,
    path = "/conversations/{id}/context",
    tag = "context",
    operation_id = "change_context",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        IfUnchanged,
    ),
    request_body(
        content = Changes,
        example = json!({"system_prompt": "Be brief.", "parameters": {"temperature": 0.5}}),
    ),
    responses(
        (
            status = 200,
            body = ContextBody,
            headers(
                ("ETag" = String, description = "Another one whenever anything of it is another."),
            ),
        ),
        NotFound,
        Changed,
        BadBody,
    ),
)]
async fn change(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    changes: Body<Changes>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = caller.0.user_id;
    let Changes { system_prompt, parameters } = changes.into_inner().0;
    let parameters = parameters.map(|Object(parameters)| parameters);
    let edit = ContextEdit { system_prompt: system_prompt.into(), parameters };
    let expected = expected(&request, &chat, user_id, *id).await?;
    chat.edit_context(user_id, *id, edit, expected).await?;
    answer(&request, &chat, user_id, *id).await
}

/// Puts these words in place of the summary's.
#[utoipa::path(
    put,
    path = "/conversations/{id}/context/summary",
    tag = "context",
    operation_id = "replace_summary",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        IfUnchanged,
    ),
    request_body(content = SummaryText, example = json!({"text": "They spoke of tides."})),
    responses(
        (
            status = 200,
            body = ContextBody,
            headers(
                ("ETag" = String, description = "Another one whenever anything of it is another."),
            ),
        ),
        NotFound,
        Changed,
        BadBody,
    ),
)]
async fn replace_summary(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    summary: Body<SummaryText>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = caller.0.user_id;
    let SummaryText { text } = summary.into_inner().0;
    if text.trim().is_empty() {
        let message = "`text` must not be empty. To take the summary away, delete it.";
        return Err(ApiError::InvalidValue(message.to_owned()));
    }
    let expected = expected(&request, &chat, user_id, *id).await?;
    chat.set_summary(user_id, *id, Some(text), expected).await?;
    answer(&request, &chat, user_id, *id).await
}

/// Takes the summary away: the messages it covered go to the model again, as many as fit.
#[utoipa::path(
    delete,
    path = "/conversations/{id}/context/summary",
    tag = "context",
    operation_id = "remove_summary",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        IfUnchanged,
    ),
    responses((status = 204, description = "It is gone."), NotFound, Changed),
)]
async fn remove_summary(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = caller.0.user_id;
    let expected = expected(&request, &chat, user_id, *id).await?;
    chat.set_summary(user_id, *id, None, expected).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The examples, in the order of adding.
#[utoipa::path(
    get,
    path = "/conversations/{id}/few_shot_examples",
    tag = "context",
    operation_id = "list_few_shot_examples",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 200, body = Examples), NotFound),
)]
async fn list_examples(
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<Json<Examples>, ApiError> {
    let few_shot_examples = chat.examples(reader.user_id, *id).await?;
    Ok(Json(Examples { few_shot_examples }))
}

/// Adds an example of what an answer should be like.
#[utoipa::path(
    post,
    path = "/conversations/{id}/few_shot_examples",
    tag = "context",
    operation_id = "add_few_shot_example",
    params(("id" = ConversationId, Path, description = "The conversation."), Keyed),
    request_body(
        content = NewExample,
        example = json!({"user_prompt": "1 + 1?", "assistant_response": "2."}),
    ),
    responses((status = 201, body = FewShotExample), NotFound, BadBody),
)]
async fn add_example(
    caller: Caller,
    keyed: Keyed,
    id: Path<ConversationId>,
    example: Body<NewExample>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let NewExample { user_prompt, assistant_response } = example.into_inner().0;
    let (user_id, key) = (caller.0.user_id, keyed.key.as_ref());
    let example = add(&chat, user_id, *id, key, user_prompt, assistant_response).await?;
    Ok(HttpResponse::Created().json(example))
}

/// Takes an example away.
#[utoipa::path(
    delete,
    path = "/conversations/{id}/few_shot_examples/{example_id}",
    tag = "context",
    operation_id = "remove_few_shot_example",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        ("example_id" = ExampleId, Path, description = "The example."),
    ),
    responses((status = 204, description = "It is gone."), NotFound),
)]
async fn remove_example(
    caller: Caller,
    ids: Path<(ConversationId, ExampleId)>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let (id, example_id) = ids.into_inner();
    chat.remove_example(caller.0.user_id, id, example_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Adds an example of which both parts say something.
pub(crate) async fn add(
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
    Ok(chat.add_example(user_id, id, key, user_prompt, assistant_response).await?)
}

/// The context's revision, where the client says which state it knows, and that is the present one.
async fn expected(
    request: &HttpRequest,
    chat: &Chat,
    user_id: UserId,
    id: ConversationId,
) -> Result<Option<u64>, ApiError> {
    if !etag::is_conditional(request) {
        return Ok(None);
    }
    let view = chat.context(user_id, id).await?;
    let revision = view.revision;
    etag::check(request, &ContextBody::from(view))?;
    Ok(Some(revision))
}

async fn answer(
    request: &HttpRequest,
    chat: &Chat,
    user_id: UserId,
    id: ConversationId,
) -> Result<HttpResponse, ApiError> {
    etag::answer(request, &ContextBody::from(chat.context(user_id, id).await?))
}

impl From<ContextView> for ContextBody {
    fn from(view: ContextView) -> Self {
        let ContextView { context, ledger, .. } = view;
        Self {
            system_prompt: context.system_prompt,
            parameters: context.parameters,
            few_shot_examples: context.examples,
            summary: context.summary,
            ledger,
        }
    }
}

impl From<Change> for Option<PromptChoice> {
    fn from(change: Change) -> Self {
        match change {
            Change::Stays => None,
            Change::Becomes(Some(text)) if !text.trim().is_empty() => Some(PromptChoice::Own(text)),
            Change::Becomes(_) => Some(PromptChoice::Servers),
        }
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Becomes)
    }
}
