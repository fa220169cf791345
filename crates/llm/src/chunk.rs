use serde::Deserialize;
use serde_json::Value;
use webchat_domain::FinishReason;

use crate::Usage;
use crate::filter::filtered_categories;

/// One event of an answer, as in
/// <https://platform.openai.com/docs/api-reference/chat-streaming/streaming>. Everything may be
/// missing: Azure's first chunk has no choices, the last one has only the usage.
#[derive(Debug, Deserialize)]
pub(crate) struct Chunk {
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
    error: Option<Value>,
    object: Option<String>,
    choices: Option<Vec<Choice>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    delta: Option<Content>,
    finish_reason: Option<String>,
    content_filter_results: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Content {
    content: Option<String>,
}

impl Chunk {
    /// The error that came in place of a chunk. vLLM wrote it without a name around it: then it is all
    /// of `data`, which the chunk was read from.
    pub(crate) fn error(&mut self, data: &str) -> Option<Value> {
        let is_error = self.object.as_deref() == Some("error");
        self.error.take().or_else(|| is_error.then(|| serde_json::from_str(data).ok()).flatten())
    }

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

    /// What Azure filtered the answer for.
    pub(crate) fn filtered_categories(&self) -> Vec<String> {
        self.content_filter_results.as_ref().map(filtered_categories).unwrap_or_default()
    }

    pub(crate) fn into_text(self) -> Option<String> {
        self.delta?.content.filter(|text| !text.is_empty())
    }
}
