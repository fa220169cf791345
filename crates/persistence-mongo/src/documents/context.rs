//! The sub-document `context` of a conversation.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{
    Context, ExampleId, FewShotExample, ModelParameters, Summary, SummaryAuthor, SystemPrompt,
    Timestamp,
};

use super::values::Date;

/// The sub-document `context` of a conversation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ContextDocument {
    system_prompt: Option<SystemPromptDocument>,
    parameters: ModelParameters,
    examples: Vec<ExampleDocument>,
    summary: Option<SummaryDocument>,
}

#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SystemPromptDocument {
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
            system_prompt: context.system_prompt.map(|prompt| SystemPromptDocument {
                text: prompt.text,
                token_count: prompt.token_count,
            }),
            parameters: context.parameters,
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
            system_prompt: document
                .system_prompt
                .map(|prompt| SystemPrompt { text: prompt.text, token_count: prompt.token_count }),
            parameters: document.parameters,
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
