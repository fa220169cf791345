//! The events of an answer.

use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::finish::{Ending, ending, is_native_failure};
use crate::Usage;
use crate::json::object::{Object, is_text, list, object};
use crate::providers::openai_chat::content_filter::Findings;

/// An event of an answer, as in
/// <https://platform.openai.com/docs/api-reference/chat-streaming/streaming>. Every field may be missing or
/// have another type: Azure's first chunk has no choices, the last one has only the usage, and an upstream
/// that can't stream sends one complete answer.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    data: &'a str,
    fields: Object<'a>,
    choice: Option<Choice<'a>>,
}

/// The choice of a chunk. There is at most one, because requests ask for no more.
#[derive(Debug)]
pub(super) struct Choice<'a>(Object<'a>);

/// A piece of what the model says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    /// A part of the text; a JSON string.
    Text(&'a RawValue),
    /// A part of the reason why the model refuses to answer; a JSON string.
    Refusal(&'a RawValue),
    /// A part of the reasoning before the text, of any shape. It may have no text, if the model keeps it secret.
    Reasoning(&'a RawValue),
}

/// Fields in which upstreams send the reasoning. Some send it in two of them, so that only the first counts.
const REASONING_FIELDS: [&str; 4] =
    ["reasoning_content", "reasoning", "reasoning_text", "thinking"];

/// Fields of objects in which upstreams send the text of the reasoning, in lists of parts or alone.
const REASONING_TEXT_FIELDS: [&str; 5] = ["text", "thinking", "content", "summary", "reasoning"];

/// How deep the parts of reasoning may be nested.
const MAX_REASONING_DEPTH: u8 = 4;

/// Returns the chunks of an event: the object, or those of a list. Data that is neither has none: some
/// upstreams keep the connection alive with a word.
///
/// # Errors
/// When an object or a list is invalid.
pub(super) fn chunks<'a>(data: &'a str) -> Result<Vec<Chunk<'a>>, serde_json::Error> {
    let mut data = data.trim();
    // Some proxies encode the lines of the stream as events again.
    while let Some(rest) = data.strip_prefix("data:") {
        data = rest.trim_start();
    }
    if !data.starts_with(['{', '[']) {
        return Ok(Vec::new());
    }
    if data.starts_with('{') {
        return match Object::parse(data) {
            Ok(fields) => Ok(vec![Chunk::new(data, fields)]),
            // JSON whose names are no valid text is no chunk.
            Err(_) if serde_json::from_str::<IgnoredAny>(data).is_ok() => Ok(Vec::new()),
            Err(error) => Err(error),
        };
    }
    let items: Vec<&RawValue> = serde_json::from_str(data)?;
    let chunk = |item: &'a RawValue| Some(Chunk::new(item.get(), object(item)?));
    Ok(items.into_iter().filter_map(chunk).collect())
}

impl<'a> Chunk<'a> {
    fn new(data: &'a str, fields: Object<'a>) -> Self {
        let choices = fields.get("choices").map(list).unwrap_or_default();
        let choice = choices.into_iter().find_map(object).map(Choice);
        Self { data, fields, choice }
    }

    /// Returns the error that the upstream sent instead of a chunk, if it did: mostly in `error`,
    /// `OpenRouter` also in the choice, `MiniMax` in `base_resp`, but older versions of vLLM, `FastAPI` and some
    /// gateways send it without wrapping it.
    pub(super) fn error(&self) -> Option<&'a str> {
        let in_choice = self.choice.as_ref().and_then(|choice| choice.0.get("error"));
        let errors = [self.fields.get("error"), in_choice];
        if let Some(error) = errors.into_iter().flatten().find(|error| !is_blank_error(error)) {
            return Some(error.get());
        }
        let kinds = ["object", "type"].into_iter().filter_map(|name| self.fields.text(name));
        let is_marked = kinds.map(|kind| kind.to_lowercase()).any(|kind| kind.contains("error"));
        let has = |name| self.fields.get(name).is_some();
        let is_success = |code: &RawValue| matches!(code.get(), "0" | "200" | "\"0\"" | "\"200\"");
        let codes = ["code", "status"].into_iter().filter_map(|name| self.fields.get(name));
        let has_error_code = codes.filter(|code| !is_success(code)).count() > 0;
        let is_bare = has("detail") || has("message") && has_error_code;
        let base_response = self.fields.object("base_resp");
        let is_failed = base_response
            .and_then(|response| response.count("status_code"))
            .is_some_and(|code| code != 0);
        (is_marked || is_failed || is_bare && !has("choices")).then_some(self.data)
    }

    pub(super) fn model(&self) -> Option<String> {
        self.fields.text("model")
    }

    /// Returns the usage, unless it is not what it should be. It is only a metric, and every request has
    /// tokens.
    pub(super) fn usage(&self) -> Option<Usage> {
        let usage = self.fields.object("usage")?;
        let prompt_tokens = usage.count("prompt_tokens").filter(|tokens| *tokens > 0)?;
        let completion_tokens = usage.count("completion_tokens")?;
        let part = |details: &str, name: &str, total: u32| {
            let tokens = usage.object(details)?.count(name)?;
            (1..=total).contains(&tokens).then_some(tokens)
        };
        Some(Usage {
            prompt_tokens,
            cached_tokens: part("prompt_tokens_details", "cached_tokens", prompt_tokens),
            completion_tokens,
            reasoning_tokens: part(
                "completion_tokens_details",
                "reasoning_tokens",
                completion_tokens,
            ),
        })
    }

    /// Adds what Azure's content filter has found in the answer. Returns whether there is anything.
    pub(super) fn add_findings(&self, findings: &mut Findings) -> bool {
        add_findings(findings, self.fields.get("content_filter_results"))
    }

    pub(super) fn choice(&self) -> Option<&Choice<'a>> {
        self.choice.as_ref()
    }
}

impl<'a> Choice<'a> {
    /// Returns what the finish reason means, if there is one. `OpenRouter` adds the reason of the provider that
    /// it has asked.
    pub(super) fn ending(&self) -> Option<Ending> {
        let native = self.0.text("native_finish_reason");
        let ending = ending(&self.0.text("finish_reason")?)?;
        let is_broken_off = native.is_some_and(|reason| is_native_failure(&reason));
        Some(if is_broken_off { Ending::BrokenOff } else { ending })
    }

    /// Adds what Azure's content filter has found in the answer. Returns whether there is anything.
    pub(super) fn add_findings(&self, findings: &mut Findings) -> bool {
        let results =
            self.0.get("content_filter_results").or_else(|| self.0.get("content_filters"));
        add_findings(findings, results)
    }

    /// Returns what the chunk adds to the answer.
    pub(super) fn delta(&self) -> Vec<Piece<'a>> {
        let delta = self.0.get("delta").map(message_pieces).unwrap_or_default();
        if !delta.is_empty() {
            return delta;
        }
        // The field of the older completions.
        self.0.get("text").filter(|text| has_text(text)).map(Piece::Text).into_iter().collect()
    }

    /// Returns the message that some upstreams send instead of the delta, or in addition to it. It may be the
    /// complete text, or as much of it as there is.
    pub(super) fn message(&self) -> Vec<Piece<'a>> {
        self.0.get("message").map(message_pieces).unwrap_or_default()
    }
}

fn add_findings(findings: &mut Findings, results: Option<&RawValue>) -> bool {
    let results: Option<Value> = results.and_then(|it| serde_json::from_str(it.get()).ok());
    results.is_some_and(|results| findings.add(&results))
}

fn message_pieces(message: &RawValue) -> Vec<Piece<'_>> {
    let Some(fields) = object(message) else {
        return if has_text(message) { vec![Piece::Text(message)] } else { Vec::new() };
    };
    let reasoning =
        REASONING_FIELDS.into_iter().find_map(|name| fields.get(name).filter(not_blank));
    let reasoning = reasoning.map(Piece::Reasoning);
    let content = fields.get("content").map(content_pieces).unwrap_or_default();
    let refusal = fields.get("refusal").filter(|refusal| has_text(refusal));
    reasoning.into_iter().chain(content).chain(refusal.map(Piece::Refusal)).collect()
}

/// Returns the pieces of a content: a string, or a list of strings and of typed parts, such as Mistral's
/// `{"type": "thinking", …}`.
fn content_pieces(content: &RawValue) -> Vec<Piece<'_>> {
    list(content).into_iter().filter_map(content_piece).collect()
}

fn content_piece(part: &RawValue) -> Option<Piece<'_>> {
    if is_text(part) {
        return has_text(part).then_some(Piece::Text(part));
    }
    let fields = object(part)?;
    let string_in = |name| match fields.get(name) {
        Some(value) if is_text(value) => Some(value),
        Some(value) => object(value)?.get("value").filter(|value| is_text(value)),
        None => None,
    };
    match fields.text("type").as_deref() {
        None | Some("text" | "output_text") => string_in("text").map(Piece::Text),
        Some("refusal") => string_in("refusal").map(Piece::Refusal),
        Some("thinking" | "reasoning" | "redacted_thinking") => Some(Piece::Reasoning(part)),
        Some(_) => None,
    }
}

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

fn has_text(value: &RawValue) -> bool {
    is_text(value) && value.get() != "\"\""
}

/// Returns whether an error says that there is none. Some gateways send it in each chunk.
fn is_blank_error(error: &RawValue) -> bool {
    serde_json::from_str(error.get()).is_ok_and(|error| says_nothing(&error))
}

/// Recursion is bounded by the JSON parser's depth limit.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => {
            matches!(text.trim().to_lowercase().as_str(), "" | "0" | "none" | "null")
        }
        Value::Array(items) => items.iter().all(says_nothing),
        Value::Object(fields) => fields.values().all(says_nothing),
    }
}

/// Returns whether a value says something. White space in a string may separate words.
fn not_blank(value: &&RawValue) -> bool {
    let is_empty = |c: char| c.is_whitespace() || "\"{}[]".contains(c);
    let is_blank = value.get().trim_matches(is_empty).is_empty() && !has_text(value);
    !matches!(value.get(), "false" | "0") && !is_blank
}
