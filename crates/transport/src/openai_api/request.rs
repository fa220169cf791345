//! The body of a request for a completion.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use webchat_chat::CompletionRequest;
use webchat_domain::{Integer, ModelParameters};

use super::error::OpenAiError;
use super::fields::{Fields, parse};
use super::messages::parse_messages;

/// The maximum number of texts at which an answer ends.
const MAX_STOPS: usize = 4;

/// The maximum length of a text at which an answer ends, in bytes.
const MAX_STOP_BYTES: usize = 1_024;

/// A request for a completion.
pub(super) struct CompletionBody {
    pub(super) model: String,
    pub(super) completion: CompletionRequest,
    pub(super) stream: bool,
    /// Whether the stream ends with the number of tokens.
    pub(super) include_usage: bool,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl CompletionBody {
    /// Parses the body. Unknown fields are ignored.
    ///
    /// # Errors
    /// If a field is invalid, or would change the meaning of the answer and can't be passed on to the model.
    pub(super) fn parse(body: Map<String, Value>) -> Result<Self, OpenAiError> {
        refuse_unsupported(&body)?;
        let mut fields = Fields(body);
        let model = fields.require("model")?;
        let messages = parse_messages(fields.require("messages")?)?;
        let parameters = ModelParameters {
            temperature: fields.take("temperature")?,
            top_p: fields.take("top_p")?,
            presence_penalty: fields.take("presence_penalty")?,
            frequency_penalty: fields.take("frequency_penalty")?,
            seed: fields.take("seed")?.map(|Integer(seed)| seed),
            reasoning_effort: fields.take("reasoning_effort")?,
        };
        let max_tokens = match max_tokens(&mut fields, "max_completion_tokens")? {
            None => max_tokens(&mut fields, "max_tokens")?,
            tokens => tokens,
        };
        let stop = stop(fields.take("stop")?)?;
        let stream = fields.take("stream")?.unwrap_or_default();
        let options: Option<StreamOptions> = fields.take("stream_options")?;
        let include_usage = options.and_then(|options| options.include_usage).unwrap_or_default();
        let completion = CompletionRequest { messages, parameters, max_tokens, stop };
        Ok(Self { model, completion, stream, include_usage })
    }
}

fn max_tokens(fields: &mut Fields, name: &str) -> Result<Option<u32>, OpenAiError> {
    let tokens = fields.take(name)?.map(|Integer(tokens): Integer<u32>| tokens);
    if tokens == Some(0) {
        return Err(OpenAiError::invalid(name, "expected an integer, 1 or more"));
    }
    Ok(tokens)
}

fn stop(stop: Option<Value>) -> Result<Vec<String>, OpenAiError> {
    let texts = match stop {
        None => Vec::new(),
        Some(Value::String(text)) => vec![text],
        Some(texts) => parse("stop", texts)?,
    };
    let is_valid = |text: &String| (1..=MAX_STOP_BYTES).contains(&text.len());
    if texts.len() > MAX_STOPS || !texts.iter().all(is_valid) {
        let reason =
            format!("expected at most {MAX_STOPS} texts of 1 to {MAX_STOP_BYTES} bytes each");
        return Err(OpenAiError::invalid("stop", reason));
    }
    Ok(texts)
}

/// Fields that change the meaning of the answer and can't be passed on, with the values that change nothing.
fn refuse_unsupported(body: &Map<String, Value>) -> Result<(), OpenAiError> {
    let unsupported = [
        ("n", vec![json!(1)], "each request gets one answer"),
        ("tools", vec![json!([])], "tools are not available"),
        ("tool_choice", vec![json!("none"), json!("auto")], "tools are not available"),
        ("functions", vec![json!([])], "tools are not available"),
        ("function_call", vec![json!("none"), json!("auto")], "tools are not available"),
        ("web_search_options", Vec::new(), "tools are not available"),
        ("logprobs", vec![json!(false)], "probabilities are not available"),
        ("top_logprobs", vec![json!(0)], "probabilities are not available"),
        ("logit_bias", vec![json!({})], "it can't be passed on to the model"),
        ("response_format", vec![json!({"type": "text"})], "answers are texts"),
        ("modalities", vec![json!(["text"])], "answers are texts"),
        ("audio", Vec::new(), "answers are texts"),
    ];
    for (name, harmless, reason) in unsupported {
        let value = body.get(name).filter(|value| !value.is_null());
        if value.is_some_and(|value| !harmless.contains(value)) {
            return Err(OpenAiError::unsupported(name, reason));
        }
    }
    Ok(())
}
