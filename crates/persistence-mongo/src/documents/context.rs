//! The sub-document `context` of a conversation.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{
    Context, ExampleId, FewShotExample, ModelId, ModelParameters, Summary, SummaryAuthor,
    SystemPrompt, Timestamp,
};

use super::values::Date;

/// The sub-document `context` of a conversation.
#[serde_as]
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ContextDocument {
    system_prompt: Option<SystemPromptDocument>,
    parameters: ModelParameters,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde_as(as = "Option<TryFromInto<i64>>")]
    reply_tokens: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<ModelId>,
    examples: Vec<ExampleDocument>,
    summary: Option<SummaryDocument>,
}

#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SystemPromptDocument {
    text: String,
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
}

#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ExampleDocument {
    #[serde_as(as = "DisplayFromStr")]
    example_id: ExampleId,
    user_prompt: String,
    assistant_response: String,
    #[serde_as(as = "TryFromInto<i64>")]
    prompt_tokens: u32,
    #[serde_as(as = "TryFromInto<i64>")]
    response_tokens: u32,
    #[serde_as(as = "Date")]
    created_at: Timestamp,
}

#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SummaryDocument {
    text: String,
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
    #[serde_as(as = "TryFromInto<i64>")]
    through: u64,
    #[serde_as(as = "TryFromInto<i64>")]
    message_count: u64,
    #[serde_as(as = "Date")]
    created_at: Timestamp,
    author: SummaryAuthor,
}

impl From<Context> for ContextDocument {
    fn from(context: Context) -> Self {
        Self {
            system_prompt: context.system_prompt.map(SystemPromptDocument::from),
            parameters: context.parameters,
            reply_tokens: context.reply_tokens,
            model: context.model,
            examples: context.examples.into_iter().map(ExampleDocument::from).collect(),
            summary: context.summary.map(|summary| SummaryDocument {
                text: summary.text,
                token_count: summary.token_count,
                through: summary.through,
                message_count: summary.message_count,
                created_at: summary.created_at,
                author: summary.author,
            }),
        }
    }
}

impl From<ContextDocument> for Context {
    fn from(document: ContextDocument) -> Self {
        Self {
            system_prompt: document.system_prompt.map(SystemPrompt::from),
            parameters: document.parameters,
            reply_tokens: document.reply_tokens,
            model: document.model,
            examples: document.examples.into_iter().map(FewShotExample::from).collect(),
            summary: document.summary.map(|summary| Summary {
                text: summary.text,
                token_count: summary.token_count,
                through: summary.through,
                message_count: summary.message_count,
                created_at: summary.created_at,
                author: summary.author,
            }),
        }
    }
}

impl From<SystemPrompt> for SystemPromptDocument {
    fn from(SystemPrompt { text, token_count }: SystemPrompt) -> Self {
        Self { text, token_count }
    }
}

impl From<SystemPromptDocument> for SystemPrompt {
    fn from(SystemPromptDocument { text, token_count }: SystemPromptDocument) -> Self {
        Self { text, token_count }
    }
}

impl From<FewShotExample> for ExampleDocument {
    fn from(example: FewShotExample) -> Self {
        Self {
            example_id: example.example_id,
            user_prompt: example.user_prompt,
            assistant_response: example.assistant_response,
            prompt_tokens: example.prompt_tokens,
            response_tokens: example.response_tokens,
            created_at: example.created_at,
        }
    }
}

impl From<ExampleDocument> for FewShotExample {
    fn from(document: ExampleDocument) -> Self {
        Self {
            example_id: document.example_id,
            user_prompt: document.user_prompt,
            assistant_response: document.assistant_response,
            prompt_tokens: document.prompt_tokens,
            response_tokens: document.response_tokens,
            created_at: document.created_at,
        }
    }
}
