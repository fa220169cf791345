//! What about the request an upstream rejects. Upstreams say it in many words, so it is found by status, code,
//! parameter and the names of fields, and the client tries whether the request works without it.

use super::error_text::{ErrorText, is_same_name};
use super::subject::{Subject, subject};

/// A part of the request that an upstream rejects, and that can be sent in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::providers) enum Rejection {
    /// An optional field.
    Field(&'static str),
    /// The role of the system message.
    SystemRole,
    /// The wish for a summary of the reasoning.
    ReasoningSummary,
}

/// The fields that limit the length of an answer.
const TOKENS_FIELDS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

/// The fields of [`ModelParameters`](webchat_domain::ModelParameters).
pub(super) const PARAMETER_FIELDS: [&str; 6] =
    ["temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "reasoning_effort"];

/// Other fields, whose errors may mention parameters too.
const OTHER_FIELDS: [&str; 6] = [
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "messages",
    "stream",
];

/// Codes of unknown fields, which some gateways repeat within their text.
const UNKNOWN_FIELD_CODES: [&str; 4] =
    ["unsupported_parameter", "unknown_parameter", "unknown_field", "extra_forbidden"];

/// Codes and types that mean that a request is too long: of OpenAI, llama.cpp, Mistral and others.
const TOO_LONG_LABELS: [&str; 7] = [
    "context_length_exceeded",
    "context_window_exceeded",
    "exceed_context_size_error",
    "string_above_max_length",
    "prompt_too_long",
    "3051",
    "1261",
];

/// What upstreams call the window of the model, and a request that exceeds it.
const WINDOW_NAMES: [&str; 16] = [
    "context_length",
    "context_window",
    "context length",
    "context window",
    "context size",
    "max_model_len",
    "n_ctx",
    "contextwindowexceeded",
    "context limit",
    "input length",
    "input is too long",
    "prompt is too long",
    "prompt exceeds",
    "model token limit",
    "`inputs` tokens",
    "inputs tokens",
];

/// What upstreams call a request that is larger than a rate limit.
const LARGER_THAN_LIMIT_NAMES: [&str; 3] =
    ["request too large", "reduce your message size", "tokens must be reduced"];

/// Smaller numbers are no counts of tokens that exceed a limit.
const MIN_LIMIT: u64 = 100;

/// Statuses of HTTP, which many error messages contain.
const STATUSES: std::ops::Range<u64> = 400..600;

/// What an error says about the request.
#[derive(Clone, Debug, Default)]
pub(super) struct Diagnosis {
    pub(super) is_too_long: bool,
    /// Whether the error says so clearly enough that its status does not matter.
    pub(super) is_always_too_long: bool,
    /// What is rejected, from the most to the least probable.
    pub(super) rejections: Vec<Rejection>,
    /// The sampling parameter that is rejected.
    pub(super) parameter: Option<&'static str>,
    /// What the error is about, whatever its status.
    pub(super) subject: Option<Subject>,
}

impl Diagnosis {
    pub(super) fn new(error: &ErrorText) -> Self {
        let is_always_too_long = is_always_too_long(error);
        let is_too_long = is_always_too_long || is_too_long(error);
        let parameter = parameter(error);
        let rejections = if is_too_long { Vec::new() } else { rejections(error, parameter) };
        let subject = subject(error);
        Self { is_too_long, is_always_too_long, rejections, parameter, subject }
    }
}

fn is_always_too_long(error: &ErrorText) -> bool {
    let exceeds_limit = error
        .number_after("requested")
        .zip(error.number_after("limit"))
        .is_some_and(|(requested, limit)| requested > limit);
    error.labels().any(|label| TOO_LONG_LABELS.contains(&label))
        || error.contains_any(&LARGER_THAN_LIMIT_NAMES)
        || exceeds_limit
}

fn is_too_long(error: &ErrorText) -> bool {
    // The limit of the answer may be compared with the window, without a word about the question.
    let is_answer_limit =
        error.param.as_deref().is_some_and(|param| TOKENS_FIELDS.contains(&param))
            && !["input", "inputs", "prompt", "messages", "request"]
                .iter()
                .any(|word| error.names(word));
    let names_window = error.contains_any(&WINDOW_NAMES);
    !is_answer_limit && (names_window || exceeds_limit(error))
}

/// Returns whether the error compares a number of tokens with a limit, unless that is the limit of the answer.
fn exceeds_limit(error: &ErrorText) -> bool {
    let mut numbers = error.numbers.iter().filter(|number| **number >= MIN_LIMIT);
    let first = numbers.next();
    let has_two = first.is_some() && numbers.any(|number| Some(number) != first);
    let is_about_answer = TOKENS_FIELDS.iter().any(|field| error.names(field));
    has_two && !is_about_answer && (error.names("token") || error.names("tokens"))
}

fn rejections(error: &ErrorText, parameter: Option<&str>) -> Vec<Rejection> {
    let names_any = |words: &[&str]| words.iter().any(|word| error.names(word));
    let mut rejections = Vec::new();
    let is_summary = match &error.param {
        Some(param) => param.contains("summary") || param.split('.').next() == Some("reasoning"),
        None => names_any(&["summary", "summaries", "reasoning"]),
    };
    if is_summary {
        rejections.push(Rejection::ReasoningSummary);
    }
    if error.names("stream_options") {
        rejections.push(Rejection::Field("stream_options"));
    }
    // A second field in the text would be the replacement.
    let tokens_field = error.first_of(&TOKENS_FIELDS);
    if let Some(field) = tokens_field.filter(|_| !is_about_value(error)) {
        rejections.push(Rejection::Field(field));
    }
    // Gateways drop the parameter, but not the word.
    let is_stream = match &error.param {
        Some(param) => is_same_name(param, "stream"),
        None => !error.names("stream_options") && names_any(&["stream", "streaming"]),
    };
    if is_stream {
        rejections.push(Rejection::Field("stream"));
    }
    let names_role = names_any(&["role", "roles"]);
    let names_system_message = names_any(&["system", "developer"])
        && names_any(&["message", "messages", "prompt", "instruction", "instructions"]);
    if parameter.is_none() && (names_role || names_system_message) {
        rejections.push(Rejection::SystemRole);
    }
    rejections
}

/// Returns whether the error is about the value of a field, not about the field.
fn is_about_value(error: &ErrorText) -> bool {
    if UNKNOWN_FIELD_CODES.iter().any(|code| error.text.contains(code)) {
        return false;
    }
    let is_value_label = |label: &str| label.contains("value") || label == "invalid_type";
    error.labels().any(is_value_label)
        || error.numbers.iter().any(|number| !STATUSES.contains(number))
}

/// Returns the sampling parameter that the error is about: it is the error's parameter, or the error names it
/// and no other field.
fn parameter(error: &ErrorText) -> Option<&'static str> {
    let parameter = error.first_of(&PARAMETER_FIELDS)?;
    let is_other = match &error.param {
        Some(param) => !is_same_name(param, parameter),
        None => error.first_of(&OTHER_FIELDS).is_some(),
    };
    (!is_other).then_some(parameter)
}
