use actix_web::HttpResponse;
use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use serde::{Deserialize, Deserializer, Serialize};
use webchat_chat::{Chat, ContextView};
use webchat_domain::{
    ConversationId, ExampleId, FewShotExample, Ledger, ModelParameters, Summary, SystemPrompt,
    UserId,
};

use crate::{ApiError, Caller, Reader};

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
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<Json<ContextBody>, ApiError> {
    view(&chat, reader.user_id, *id).await
}

async fn change(
    caller: Caller,
    id: Path<ConversationId>,
    changes: Json<Changes>,
    chat: Data<Chat>,
) -> Result<Json<ContextBody>, ApiError> {
    let owner = caller.0.user_id;
    let Changes { system_prompt, parameters } = changes.into_inner();
    if let Change::Becomes(system_prompt) = system_prompt {
        chat.set_system_prompt(owner, *id, system_prompt).await?;
    }
    if let Some(parameters) = parameters {
        chat.set_parameters(owner, *id, parameters).await?;
    }
    view(&chat, owner, *id).await
}

async fn replace_summary(
    caller: Caller,
    id: Path<ConversationId>,
    summary: Json<SummaryText>,
    chat: Data<Chat>,
) -> Result<Json<ContextBody>, ApiError> {
    let owner = caller.0.user_id;
    let SummaryText { text } = summary.into_inner();
    if text.trim().is_empty() {
        let message = "`text` must not be empty. To take the summary away, delete it.";
        return Err(ApiError::InvalidRequest(message.to_owned()));
    }
    chat.set_summary(owner, *id, Some(text)).await?;
    view(&chat, owner, *id).await
}

async fn remove_summary(
    caller: Caller,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    chat.set_summary(caller.0.user_id, *id, None).await?;
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

async fn view(
    chat: &Chat,
    owner: UserId,
    id: ConversationId,
) -> Result<Json<ContextBody>, ApiError> {
    let ContextView { context, ledger } = chat.context(owner, id).await?;
    Ok(Json(ContextBody {
        system_prompt: context.system_prompt,
        parameters: context.parameters,
        few_shot_examples: context.examples,
        summary: context.summary,
        ledger,
    }))
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Becomes)
    }
}
