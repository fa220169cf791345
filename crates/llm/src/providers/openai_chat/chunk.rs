//! The events of a streamed answer.

use serde::Deserialize;
use serde_json::Value;
use webchat_domain::FinishReason;

use super::content_filter::filtered_categories;
use crate::Usage;

/// An event of an answer, as in
/// <https://platform.openai.com/docs/api-reference/chat-streaming/streaming>. Every field may be
/// missing: Azure's first chunk has no choices, and the last one has only the usage.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    pub(super) model: Option<String>,
    pub(super) usage: Option<Usage>,
    error: Option<Value>,
    object: Option<String>,
    choices: Option<Vec<Choice>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    delta: Option<ChoiceDelta>,
    finish_reason: Option<String>,
    content_filter_results: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct ChoiceDelta {
    content: Option<String>,
}

impl Chunk {
    /// Returns the error that the upstream sent instead of a chunk, if it did. `data` is the text that the
    /// chunk was parsed from: older versions of vLLM send the error there without wrapping it in `error`.
    pub(super) fn error(&mut self, data: &str) -> Option<Value> {
        let is_error = self.object.as_deref() == Some("error");
        self.error.take().or_else(|| is_error.then(|| serde_json::from_str(data).ok()).flatten())
    }

    /// Returns the choice. There is at most one, because requests ask for no more.
    pub(super) fn into_choice(self) -> Option<Choice> {
        self.choices?.into_iter().next()
    }
}

impl Choice {
    /// Returns why the answer ended, if it did. Reasons that OpenAI does not define count as a normal end.
    pub(super) fn finish_reason(&self) -> Option<FinishReason> {
        match self.finish_reason.as_deref()? {
            "" => None,
            "length" => Some(FinishReason::Length),
            "content_filter" => Some(FinishReason::ContentFilter),
            _ => Some(FinishReason::Stop),
        }
    }

    /// Returns the categories for which Azure filtered the answer.
    pub(super) fn filtered_categories(&self) -> Vec<String> {
        self.content_filter_results.as_ref().map(filtered_categories).unwrap_or_default()
    }

    pub(super) fn into_text(self) -> Option<String> {
        self.delta?.content.filter(|text| !text.is_empty())
    }
}
