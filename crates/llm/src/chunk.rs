use serde::Deserialize;
use serde_json::Value;
use webchat_domain::FinishReason;

use crate::Usage;

/// One event of an answer, as in
/// <https://platform.openai.com/docs/api-reference/chat-streaming/streaming>. Everything may be
/// missing: Azure's first chunk has no choices, the last one has only the usage.
#[derive(Debug, Deserialize)]
pub(crate) struct Chunk {
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<Value>,
    choices: Option<Vec<Choice>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    delta: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Content {
    content: Option<String>,
}

impl Chunk {
    /// The only choice, as no more than one is asked for.
    pub(crate) fn into_choice(self) -> Option<Choice> {
        self.choices?.into_iter().next()
    }
}

impl Choice {
    /// Why the answer ended, if it did. Reasons that OpenAI does not know are an end like any other.
    pub(crate) fn finish_reason(&self) -> Option<FinishReason> {
        match self.finish_reason.as_deref()? {
            "" => None,
            "length" => Some(FinishReason::Length),
            "content_filter" => Some(FinishReason::ContentFilter),
            _ => Some(FinishReason::Stop),
        }
    }

    pub(crate) fn into_text(self) -> Option<String> {
        self.delta?.content.filter(|text| !text.is_empty())
    }
}
