//! The events of an answer.

use serde_json::value::RawValue;
use webchat_domain::FinishReason;

use crate::content_filter::FilteredCategory;
use crate::json::object::{Object, list, object};
use crate::providers::answer::chunk::{
    Chunk, PartIndex, Piece, PieceKind, UsageNames, categories_in, has_text, usage,
};
use crate::providers::answer::finish::{Ending, ending};
use crate::providers::answer::objects::{objects, sent_error};

const USAGE_NAMES: UsageNames = UsageNames {
    prompt: "input_tokens",
    prompt_details: "input_tokens_details",
    completion: "output_tokens",
    completion_details: "output_tokens_details",
};

/// Returns what the objects of an event say.
///
/// # Errors
/// When an object or a list is invalid.
pub(in crate::providers) fn chunks(data: &str) -> Result<Vec<Chunk<'_>>, serde_json::Error> {
    Ok(objects(data)?.into_iter().map(|(data, fields)| chunk(data, fields)).collect())
}

/// Reads an event, as in <https://platform.openai.com/docs/api-reference/responses-streaming>, or a response that is
/// not streamed. Every field may be missing or have another type, and events of other types say nothing.
fn chunk<'a>(data: &'a str, fields: Object<'a>) -> Chunk<'a> {
    let kind = fields.text("type").unwrap_or_default();
    let delta: Vec<_> = delta(&kind, &fields).into_iter().collect();
    let is_whole = !kind.starts_with("response.") && fields.get("output").is_some();
    let nested = fields.object("response");
    let has_answer = nested.is_some() || is_whole || !delta.is_empty();
    let nested_error = nested.as_ref().and_then(|response| response.get("error"));
    let error = sent_error(data, &fields, &[nested_error], has_answer);
    let Some(response) = nested.or(is_whole.then_some(fields)) else {
        return Chunk { error, is_part: !delta.is_empty(), delta, ..Chunk::default() };
    };
    let ending = ending_of(&kind, &response);
    // Before the end, the response has only what was already sent.
    let message = if ending.is_some() || is_whole { message(&response) } else { Vec::new() };
    Chunk {
        error,
        model: response.text("model"),
        is_part: ending.is_some() || !message.is_empty(),
        is_last: ending.is_some(),
        message,
        filtered: filtered_categories(&response),
        ending,
        usage: response.object("usage").and_then(|counts| usage(&counts, &USAGE_NAMES)),
        ..Chunk::default()
    }
}

/// Returns what an event of this type adds to the answer.
fn delta<'a>(kind: &str, fields: &Object<'a>) -> Option<Piece<'a>> {
    let (kind, index) = match kind {
        "response.output_text.delta" => (PieceKind::Text, "content_index"),
        "response.refusal.delta" => (PieceKind::Refusal, "content_index"),
        "response.reasoning_text.delta" => (PieceKind::Reasoning, "content_index"),
        "response.reasoning_summary_text.delta" => (PieceKind::Reasoning, "summary_index"),
        _ => return None,
    };
    let count = |name| fields.count(name).unwrap_or_default();
    let part = PartIndex {
        item: count("output_index"),
        part: count(index),
        is_summary: index == "summary_index",
    };
    let value = fields.get("delta").filter(|value| has_text(value))?;
    Some(Piece { kind, value, part })
}

/// Returns how the response ended, if it has. What is neither complete nor incomplete for a known reason was broken
/// off.
fn ending_of(kind: &str, response: &Object<'_>) -> Option<Ending> {
    let status = match kind.strip_prefix("response.") {
        Some(status @ ("completed" | "incomplete" | "failed" | "cancelled")) => status.to_owned(),
        _ => response.text("status")?,
    };
    match status.as_str() {
        "in_progress" | "queued" => None,
        "completed" => Some(Ending::Finished(FinishReason::Stop)),
        "incomplete" => {
            let details = response.object("incomplete_details");
            let reason = details.and_then(|details| details.text("reason"));
            Some(reason.and_then(|reason| ending(&reason)).unwrap_or(Ending::BrokenOff))
        }
        _ => Some(Ending::BrokenOff),
    }
}

/// Returns the pieces of the complete answer.
fn message<'a>(response: &Object<'a>) -> Vec<Piece<'a>> {
    let items = response.get("output").map(list).unwrap_or_default();
    (0..).zip(items).flat_map(|(index, item)| item_pieces(index, item)).collect()
}

fn item_pieces(item: u32, value: &RawValue) -> Vec<Piece<'_>> {
    let Some(fields) = object(value) else { return Vec::new() };
    let parts = |name: &str| fields.get(name).map(list).unwrap_or_default().into_iter();
    let (summary, content) = ((0..).zip(parts("summary")), (0..).zip(parts("content")));
    let summary = summary
        .filter_map(|(part, value)| part_piece(PartIndex { item, part, is_summary: true }, value));
    let content = content
        .filter_map(|(part, value)| part_piece(PartIndex { item, part, is_summary: false }, value));
    summary.chain(content).collect()
}

fn part_piece(part: PartIndex, value: &RawValue) -> Option<Piece<'_>> {
    let fields = object(value)?;
    let (kind, name) = match fields.text("type")?.as_str() {
        "output_text" => (PieceKind::Text, "text"),
        "refusal" => (PieceKind::Refusal, "refusal"),
        "summary_text" | "reasoning_text" => (PieceKind::Reasoning, "text"),
        _ => return None,
    };
    let value = fields.get(name).filter(|value| has_text(value))?;
    Some(Piece { kind, value, part })
}

/// Returns the categories for which Azure filtered the answer: see
/// <https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses>. A filtered question is an error.
fn filtered_categories(response: &Object<'_>) -> Vec<FilteredCategory> {
    let results = response.get("content_filters").map(list).unwrap_or_default();
    let is_about_answer = |result: &&RawValue| {
        object(result).and_then(|fields| fields.text("source_type")).as_deref() != Some("prompt")
    };
    let results = results.into_iter().filter(is_about_answer);
    let results = results.chain(response.get("content_filter_results"));
    results.flat_map(categories_in).collect()
}
