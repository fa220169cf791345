use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Deserializer, Serialize};
use webchat_chat::{Chat, ContextEdit, ContextView, PromptChoice};
use webchat_domain::{
    ConversationId, ExampleId, FewShotExample, Ledger, ModelParameters, Summary, SystemPrompt,
    UserId,
};

use crate::{ApiError, Caller, Reader, etag};

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

#[derive(Serialize)]
struct ContextBody {
    system_prompt: Option<SystemPrompt>,
    parameters: ModelParameters,
    few_shot_examples: Vec<FewShotExample>,
    summary: Option<Summary>,
    ledger: Ledger,
}

/// What is left out stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    #[serde(default)]
    system_prompt: Change,
    parameters: Option<ModelParameters>,
}

/// A text that stays, or becomes another; `null` takes it away.
#[derive(Default)]
enum Change {
    #[default]
    Stays,
    Becomes(Option<String>),
}

#[derive(Deserialize)]
struct SummaryText {
    text: String,
}

#[derive(Serialize)]
struct Examples {
    few_shot_examples: Vec<FewShotExample>,
}

#[derive(Deserialize)]
struct NewExample {
    user_prompt: String,
    assistant_response: String,
}

async fn read(
    request: HttpRequest,
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    answer(&request, &chat, reader.user_id, *id).await
}

async fn change(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    changes: Json<Changes>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let owner = caller.0.user_id;
    let Changes { system_prompt, parameters } = changes.into_inner();
    let edit = ContextEdit { system_prompt: system_prompt.into(), parameters };
    let expected = expected(&request, &chat, owner, *id).await?;
    chat.edit_context(owner, *id, edit, expected).await?;
    answer(&request, &chat, owner, *id).await
}

async fn replace_summary(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    summary: Json<SummaryText>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let owner = caller.0.user_id;
    let SummaryText { text } = summary.into_inner();
    if text.trim().is_empty() {
        let message = "`text` must not be empty. To take the summary away, delete it.";
        return Err(ApiError::InvalidValue(message.to_owned()));
    }
    let expected = expected(&request, &chat, owner, *id).await?;
    chat.set_summary(owner, *id, Some(text), expected).await?;
    answer(&request, &chat, owner, *id).await
}

async fn remove_summary(
    request: HttpRequest,
    caller: Caller,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let owner = caller.0.user_id;
    let expected = expected(&request, &chat, owner, *id).await?;
    chat.set_summary(owner, *id, None, expected).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn list_examples(
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<Json<Examples>, ApiError> {
    let few_shot_examples = chat.examples(reader.user_id, *id).await?;
    Ok(Json(Examples { few_shot_examples }))
}

async fn add_example(
    caller: Caller,
    id: Path<ConversationId>,
    example: Json<NewExample>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let NewExample { user_prompt, assistant_response } = example.into_inner();
    let example = add(&chat, caller.0.user_id, *id, user_prompt, assistant_response).await?;
    Ok(HttpResponse::Created().json(example))
}

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
    owner: UserId,
    id: ConversationId,
    user_prompt: String,
    assistant_response: String,
) -> Result<FewShotExample, ApiError> {
    if user_prompt.trim().is_empty() || assistant_response.trim().is_empty() {
        return Err(ApiError::IncompleteExample);
    }
    Ok(chat.add_example(owner, id, user_prompt, assistant_response).await?)
}

/// The context's revision, where the client says which state it knows, and that is the present one.
async fn expected(
    request: &HttpRequest,
    chat: &Chat,
    owner: UserId,
    id: ConversationId,
) -> Result<Option<u64>, ApiError> {
    if !etag::is_conditional(request) {
        return Ok(None);
    }
    let view = chat.context(owner, id).await?;
    let revision = view.revision;
    etag::check(request, &ContextBody::from(view))?;
    Ok(Some(revision))
}

async fn answer(
    request: &HttpRequest,
    chat: &Chat,
    owner: UserId,
    id: ConversationId,
) -> Result<HttpResponse, ApiError> {
    etag::answer(request, &ContextBody::from(chat.context(owner, id).await?))
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
