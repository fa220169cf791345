//! The events of an answer.

use serde_json::value::RawValue;

use crate::json::object::{Object, is_text, list, object};
use crate::providers::answer::chunk::{
    Chunk, Piece, PieceKind, UsageNames, categories_in, has_text, usage,
};
use crate::providers::answer::finish::{Ending, ending, is_native_failure};
use crate::providers::answer::objects::{objects, sent_error};

/// The choice of a chunk. There is at most one, because requests ask for no more.
struct Choice<'a>(Object<'a>);

/// Fields in which upstreams send the reasoning. Some send it in two of them, so that only the first counts.
const REASONING_FIELDS: [&str; 4] =
    ["reasoning_content", "reasoning", "reasoning_text", "thinking"];

const USAGE_NAMES: UsageNames = UsageNames {
    prompt: "prompt_tokens",
    prompt_details: "prompt_tokens_details",
    completion: "completion_tokens",
    completion_details: "completion_tokens_details",
};

/// Returns the chunks of an event: the object, or those of a list. Data that is neither has none: some
/// upstreams keep the connection alive with a word.
///
/// # Errors
/// When an object or a list is invalid.
pub(in crate::providers) fn chunks(data: &str) -> Result<Vec<Chunk<'_>>, serde_json::Error> {
    Ok(objects(data)?.into_iter().map(|(data, fields)| chunk(data, &fields)).collect())
}

/// Reads a chunk, as in <https://platform.openai.com/docs/api-reference/chat-streaming/streaming>. Every field may be
/// missing or have another type: Azure's first chunk has no choices, the last one has only the usage, and an upstream
/// that can't stream sends one complete answer.
fn chunk<'a>(data: &'a str, fields: &Object<'a>) -> Chunk<'a> {
    let choices = fields.get("choices").map(list).unwrap_or_default();
    let choice = choices.into_iter().find_map(object).map(Choice);
    // `OpenRouter` sends errors in the choice, too.
    let error_in_choice = choice.as_ref().and_then(|choice| choice.0.get("error"));
    let has_answer = fields.get("choices").is_some();
    let own = Chunk {
        error: sent_error(data, fields, &[error_in_choice], has_answer),
        model: fields.text("model"),
        filtered: fields.get("content_filter_results").map(categories_in).unwrap_or_default(),
        usage: fields.object("usage").and_then(|counts| usage(&counts, &USAGE_NAMES)),
        ..Chunk::default()
    };
    let Some(choice) = choice else { return own };
    let delta = choice.delta();
    let filtered = choice.0.get("content_filter_results").or(choice.0.get("content_filters"));
    let filtered = filtered.map(categories_in).unwrap_or_default();
    Chunk {
        is_part: true,
        message: if delta.is_empty() { choice.message() } else { Vec::new() },
        delta,
        filtered: if filtered.is_empty() { own.filtered } else { filtered },
        ending: choice.ending(),
        ..own
    }
}

impl<'a> Choice<'a> {
    /// Returns what the finish reason means, if there is one. `OpenRouter` adds the reason of the provider that
    /// it has asked.
    fn ending(&self) -> Option<Ending> {
        let native = self.0.text("native_finish_reason");
        let ending = ending(&self.0.text("finish_reason")?)?;
        let is_broken_off = native.is_some_and(|reason| is_native_failure(&reason));
        Some(if is_broken_off { Ending::BrokenOff } else { ending })
    }

    /// Returns what the chunk adds to the answer.
    fn delta(&self) -> Vec<Piece<'a>> {
        let delta = self.0.get("delta").map(message_pieces).unwrap_or_default();
        if !delta.is_empty() {
            return delta;
        }
        // The field of the older completions.
        self.0.get("text").filter(|text| has_text(text)).map(text_piece).into_iter().collect()
    }

    /// Returns the message that some upstreams send instead of the delta, or in addition to it. It may be the
    /// complete text, or as much of it as there is.
    fn message(&self) -> Vec<Piece<'a>> {
        self.0.get("message").map(message_pieces).unwrap_or_default()
    }
}

fn text_piece(value: &RawValue) -> Piece<'_> {
    Piece::new(PieceKind::Text, value)
}

fn refusal_piece(value: &RawValue) -> Piece<'_> {
    Piece::new(PieceKind::Refusal, value)
}

fn reasoning_piece(value: &RawValue) -> Piece<'_> {
    Piece::new(PieceKind::Reasoning, value)
}

fn message_pieces(message: &RawValue) -> Vec<Piece<'_>> {
    let Some(fields) = object(message) else {
        return if has_text(message) { vec![text_piece(message)] } else { Vec::new() };
    };
    let reasoning =
        REASONING_FIELDS.into_iter().find_map(|name| fields.get(name).filter(not_blank));
    let reasoning = reasoning.map(reasoning_piece);
    let content = fields.get("content").map(content_pieces).unwrap_or_default();
    let refusal = fields.get("refusal").filter(|refusal| has_text(refusal));
    reasoning.into_iter().chain(content).chain(refusal.map(refusal_piece)).collect()
}

/// Returns the pieces of a content: a string, or a list of strings and of typed parts, such as Mistral's
/// `{"type": "thinking", …}`.
fn content_pieces(content: &RawValue) -> Vec<Piece<'_>> {
    list(content).into_iter().filter_map(content_piece).collect()
}

fn content_piece(part: &RawValue) -> Option<Piece<'_>> {
    if is_text(part) {
        return has_text(part).then(|| text_piece(part));
    }
    let fields = object(part)?;
    let string_in = |name| match fields.get(name) {
        Some(value) if is_text(value) => Some(value),
        Some(value) => object(value)?.get("value").filter(|value| is_text(value)),
        None => None,
    };
    match fields.text("type").as_deref() {
        None | Some("text" | "output_text") => string_in("text").map(text_piece),
        Some("refusal") => string_in("refusal").map(refusal_piece),
        Some("thinking" | "reasoning" | "redacted_thinking") => Some(reasoning_piece(part)),
        Some(_) => None,
    }
}

/// Returns whether a value says something. White space in a string may separate words.
fn not_blank(value: &&RawValue) -> bool {
    let is_empty = |c: char| c.is_whitespace() || "\"{}[]".contains(c);
    let is_blank = value.get().trim_matches(is_empty).is_empty() && !has_text(value);
    !matches!(value.get(), "false" | "0") && !is_blank
}
