//! The objects of responses, as in OpenAI's API.

use serde::Serialize;
use utoipa::ToSchema;
use webchat_chat::CompletionEnd;
use webchat_domain::{FinishReason, Timestamp};

use super::answer::CompleteAnswer;

/// The fields that a completion and all of its chunks share.
#[derive(Clone, Serialize, ToSchema)]
pub(super) struct CompletionHead {
    #[schema(examples("chatcmpl-0190a00000007000"))]
    id: String,
    /// In seconds since 1970-01-01T00:00:00Z.
    created: i64,
    model: String,
}

/// A complete answer.
#[derive(Serialize, ToSchema)]
pub(super) struct ChatCompletion {
    #[serde(flatten)]
    head: CompletionHead,
    #[schema(pattern = "^chat\\.completion$")]
    object: &'static str,
    /// One answer.
    choices: [Choice; 1],
    usage: CompletionUsage,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatCompletionChoice)]
struct Choice {
    index: u32,
    message: AnswerMessage,
    #[schema(value_type = Option<String>, required = true)]
    logprobs: (),
    finish_reason: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatCompletionAnswer)]
struct AnswerMessage {
    role: &'static str,
    content: String,
    /// The reasoning of the model before its answer. Missing if it has shown none.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    reasoning_content: String,
    #[schema(value_type = Option<String>, required = true)]
    refusal: (),
}

/// The tokens of a request and its answer: as reported by the model, otherwise as counted by the server.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub(super) struct CompletionUsage {
    prompt_tokens: u32,
    /// Missing if the model's provider had cached nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    prompt_tokens_details: Option<PromptTokensDetails>,
    /// With those of the reasoning.
    completion_tokens: u32,
    total_tokens: u32,
    /// Missing without reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    completion_tokens_details: Option<CompletionTokensDetails>,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
struct PromptTokensDetails {
    cached_tokens: u32,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
struct CompletionTokensDetails {
    reasoning_tokens: u32,
}

/// A part of a streamed answer.
#[derive(Serialize)]
pub(super) struct ChatCompletionChunk<'a> {
    #[serde(flatten)]
    head: &'a CompletionHead,
    object: &'static str,
    choices: Vec<ChunkChoice>,
    /// Missing unless the client asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<ChunkUsage>,
}

/// The tokens, which only the last chunk has.
#[derive(Serialize)]
#[serde(untagged)]
enum ChunkUsage {
    /// `null`.
    Pending,
    Known(CompletionUsage),
}

#[derive(Serialize)]
struct ChunkChoice {
    index: u32,
    delta: ChunkDelta,
    finish_reason: Option<&'static str>,
}

/// What a chunk adds to the message.
#[derive(Default, Serialize)]
pub(super) struct ChunkDelta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
}

impl CompletionHead {
    pub(super) fn new(id: &str, created: Timestamp, model: String) -> Self {
        Self { id: format!("chatcmpl-{id}"), created: created.unix_millis() / 1_000, model }
    }
}

impl ChatCompletion {
    pub(super) fn new(head: CompletionHead, answer: CompleteAnswer) -> Self {
        let CompleteAnswer { content, reasoning: reasoning_content, end } = answer;
        let message = AnswerMessage { role: ASSISTANT, content, reasoning_content, refusal: () };
        let finish_reason = finish_reason(end.finish_reason);
        Self {
            head,
            object: "chat.completion",
            choices: [Choice { index: 0, message, logprobs: (), finish_reason }],
            usage: end.into(),
        }
    }
}

const ASSISTANT: &str = "assistant";

impl<'a> ChatCompletionChunk<'a> {
    /// Returns the first chunk, which has the role.
    pub(super) fn first(head: &'a CompletionHead, include_usage: bool) -> Self {
        let (role, content) = (Some(ASSISTANT), Some(String::new()));
        let delta = ChunkDelta { role, content, ..ChunkDelta::default() };
        Self::new(head, delta, None, include_usage)
    }

    pub(super) fn reasoning(head: &'a CompletionHead, text: String, include_usage: bool) -> Self {
        let delta = ChunkDelta { reasoning_content: Some(text), ..ChunkDelta::default() };
        Self::new(head, delta, None, include_usage)
    }

    pub(super) fn text(head: &'a CompletionHead, text: String, include_usage: bool) -> Self {
        let delta = ChunkDelta { content: Some(text), ..ChunkDelta::default() };
        Self::new(head, delta, None, include_usage)
    }

    /// Returns the chunk with the reason why the answer ended.
    pub(super) fn end(head: &'a CompletionHead, end: CompletionEnd, include_usage: bool) -> Self {
        Self::new(
            head,
            ChunkDelta::default(),
            Some(finish_reason(end.finish_reason)),
            include_usage,
        )
    }

    /// Returns the chunk with the number of tokens, which follows the last one.
    pub(super) fn usage(head: &'a CompletionHead, end: CompletionEnd) -> Self {
        Self {
            head,
            object: OBJECT,
            choices: Vec::new(),
            usage: Some(ChunkUsage::Known(end.into())),
        }
    }

    fn new(
        head: &'a CompletionHead,
        delta: ChunkDelta,
        finish_reason: Option<&'static str>,
        include_usage: bool,
    ) -> Self {
        let choices = vec![ChunkChoice { index: 0, delta, finish_reason }];
        Self { head, object: OBJECT, choices, usage: include_usage.then_some(ChunkUsage::Pending) }
    }
}

const OBJECT: &str = "chat.completion.chunk";

/// Returns OpenAI's name. An answer that its user has stopped is one that has ended.
fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        _ => "stop",
    }
}

impl From<CompletionEnd> for CompletionUsage {
    fn from(end: CompletionEnd) -> Self {
        let CompletionEnd {
            finish_reason: _,
            prompt_tokens,
            cached_tokens,
            completion_tokens,
            reasoning_tokens,
        } = end;
        Self {
            prompt_tokens,
            prompt_tokens_details: (cached_tokens > 0)
                .then_some(PromptTokensDetails { cached_tokens }),
            completion_tokens,
            total_tokens: prompt_tokens.saturating_add(completion_tokens),
            completion_tokens_details: (reasoning_tokens > 0)
                .then_some(CompletionTokensDetails { reasoning_tokens }),
        }
    }
}
