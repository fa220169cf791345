//! A conversation's context as a resource, with its `ETag`.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;
use webchat_chat::{Chat, ContextView};
use webchat_domain::{
    ConversationId, FewShotExample, Ledger, ModelId, ModelParameters, PromptSource, Summary,
    SystemPrompt, UserId,
};

use crate::error::api_error::ApiError;
use crate::extract::etag;

#[derive(Serialize, ToSchema)]
#[schema(as = Context)]
pub(super) struct ContextBody {
    system_prompt: Option<SystemPrompt>,
    /// Whose system prompt applies: the conversation's own, the user's default, or the server's; `null` if there is
    /// none.
    #[schema(required = true)]
    system_prompt_source: Option<PromptSource>,
    parameters: ModelParameters,
    /// The maximum number of tokens of an answer; `null` if the server's default applies.
    #[schema(required = true)]
    reply_tokens: Option<u32>,
    /// The model of the conversation; `null` if the first one that the user may use answers.
    #[schema(required = true)]
    model: Option<ModelId>,
    few_shot_examples: Vec<FewShotExample>,
    summary: Option<Summary>,
    ledger: Ledger,
}

/// Responds with the current context.
pub(super) async fn respond(
    request: &HttpRequest,
    chat: &Chat,
    user_id: UserId,
    id: ConversationId,
) -> Result<HttpResponse, ApiError> {
    etag::respond(request, &ContextBody::from(chat.contexts.view(user_id, id).await?))
}

/// Checks `If-Match`, and returns the matching revision of the context.
pub(super) async fn expected_revision(
    request: &HttpRequest,
    chat: &Chat,
    user_id: UserId,
    id: ConversationId,
) -> Result<Option<u64>, ApiError> {
    let load = async {
        let view = chat.contexts.view(user_id, id).await?;
        let revision = view.revision;
        Ok((ContextBody::from(view), revision))
    };
    etag::check_if_match(request, load).await
}

impl From<ContextView> for ContextBody {
    fn from(view: ContextView) -> Self {
        let ContextView { context, prompt_source, ledger, .. } = view;
        Self {
            system_prompt: context.system_prompt,
            system_prompt_source: prompt_source,
            parameters: context.parameters,
            reply_tokens: context.reply_tokens,
            model: context.model,
            few_shot_examples: context.examples,
            summary: context.summary,
            ledger,
        }
    }
}
