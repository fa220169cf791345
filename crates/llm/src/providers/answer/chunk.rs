//! What an event of an answer says, whatever the API.

use serde_json::value::RawValue;

use super::finish::Ending;
use crate::Usage;
use crate::content_filter::FilteredCategory;
use crate::json::object::{Object, is_text, list, object};
use crate::providers::content_filter::filtered_categories;

/// What an event of an answer says. Every part of it may be missing.
#[derive(Debug, Default)]
pub(crate) struct Chunk<'a> {
    /// The error that the upstream sent instead of an answer; JSON.
    pub(crate) error: Option<&'a str>,
    /// The name of the model.
    pub(crate) model: Option<String>,
    /// Whether it is a part of the answer, possibly without text.
    pub(crate) is_part: bool,
    /// Whether the answer ends with it, so that nothing more is read.
    pub(crate) is_last: bool,
    /// What it adds to the answer.
    pub(crate) delta: Vec<Piece<'a>>,
    /// The complete answer, or as much of it as there is. Some upstreams send it instead of the delta, or in addition
    /// to it.
    pub(crate) message: Vec<Piece<'a>>,
    /// For what the answer was filtered.
    pub(crate) filtered: Vec<FilteredCategory>,
    pub(crate) ending: Option<Ending>,
    pub(crate) usage: Option<Usage>,
}

/// A piece of what the model says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: PieceKind,
    /// A JSON string. Of reasoning, JSON of any shape, which may have no text if the model keeps it secret.
    pub(crate) value: &'a RawValue,
    /// The part of the text or reasoning to which it belongs, in APIs that have parts.
    pub(crate) part: PartIndex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PieceKind {
    Text,
    /// The reason why the model refuses to answer.
    Refusal,
    Reasoning,
}

/// The position of a part: that of its item in the answer, and its own in the item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartIndex {
    pub(crate) item: u32,
    pub(crate) part: u32,
    /// Whether it is a part of the summary of the reasoning, which is numbered apart from the rest of the item.
    pub(crate) is_summary: bool,
}

impl<'a> Piece<'a> {
    /// Creates a piece in an API without parts.
    pub(crate) fn new(kind: PieceKind, value: &'a RawValue) -> Self {
        Self { kind, value, part: PartIndex::default() }
    }
}

/// The names of the counts in a usage.
pub(crate) struct UsageNames {
    pub(crate) prompt: &'static str,
    pub(crate) prompt_details: &'static str,
    pub(crate) completion: &'static str,
    pub(crate) completion_details: &'static str,
}

/// Returns the usage, unless it is not what it should be. It is only a metric, and every request has tokens.
pub(crate) fn usage(usage: &Object<'_>, names: &UsageNames) -> Option<Usage> {
    let prompt_tokens = usage.count(names.prompt).filter(|tokens| *tokens > 0)?;
    let completion_tokens = usage.count(names.completion)?;
    let part = |details: &str, name: &str, total: u32| {
        let tokens = usage.object(details)?.count(name)?;
        (1..=total).contains(&tokens).then_some(tokens)
    };
    Some(Usage {
        prompt_tokens,
        cached_tokens: part(names.prompt_details, "cached_tokens", prompt_tokens),
        completion_tokens,
        reasoning_tokens: part(names.completion_details, "reasoning_tokens", completion_tokens),
    })
}

/// Returns the categories for which Azure filtered the answer.
pub(crate) fn categories_in(results: &RawValue) -> Vec<FilteredCategory> {
    let results = serde_json::from_str(results.get()).ok();
    results.as_ref().map(filtered_categories).unwrap_or_default()
}

/// Returns whether the value is a string with text.
pub(crate) fn has_text(value: &RawValue) -> bool {
    is_text(value) && value.get() != "\"\""
}

/// Fields of objects in which upstreams send the text of the reasoning, in lists of parts or alone.
const REASONING_TEXT_FIELDS: [&str; 5] = ["text", "thinking", "content", "summary", "reasoning"];

/// How deep the parts of reasoning may be nested.
const MAX_REASONING_DEPTH: u8 = 4;

/// Returns the strings with the text of reasoning: a string, or the texts of parts such as Mistral's
/// `{"type": "thinking", "thinking": [{"type": "text", "text": …}]}`.
pub(super) fn reasoning_strings(value: &RawValue) -> Vec<&RawValue> {
    strings_in(value, MAX_REASONING_DEPTH)
}

fn strings_in(value: &RawValue, depth: u8) -> Vec<&RawValue> {
    let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
    if is_text(value) {
        return vec![value];
    }
    if value.get().starts_with('[') {
        return list(value).into_iter().flat_map(|item| strings_in(item, depth)).collect();
    }
    let Some(fields) = object(value) else { return Vec::new() };
    let texts = REASONING_TEXT_FIELDS.into_iter().filter_map(|name| fields.get(name));
    texts.map(|text| strings_in(text, depth)).find(|texts| !texts.is_empty()).unwrap_or_default()
}
