//! The context of a conversation in the file.

use serde_json::Value;
use webchat_domain::{
    Context, FewShotExample, ModelId, ModelParameters, Summary, SummaryAuthor, SystemPrompt,
    Timestamp,
};

use super::message::{id, time, value};
use crate::formats::imported_conversation::{MAX_BYTES, context_bytes};
use crate::formats::left_out::{LeftOutParts, Part};
use crate::formats::{ids, values};

const INVALID: &str = "not valid";

/// Reads a context, and leaves out each of its parts that is invalid.
pub(super) struct ContextReader<'a> {
    /// When the conversation was created, for parts without a time.
    pub(super) created_at: Timestamp,
    /// The position of the last message.
    pub(super) last_position: u64,
    pub(super) left_out: &'a mut LeftOutParts,
}

impl ContextReader<'_> {
    pub(super) fn read(mut self, context: &Value) -> Context {
        if !context.is_object() && !context.is_null() {
            self.left_out.add(Part::Context, INVALID);
        }
        let read = Context {
            system_prompt: self.system_prompt(member(context, "system_prompt")),
            parameters: self.parameters(member(context, "parameters")),
            reply_tokens: self.reply_tokens(member(context, "reply_tokens")),
            model: self.model(member(context, "model")),
            examples: self.examples(member(context, "examples")),
            summary: self.summary(member(context, "summary")),
        };
        if context_bytes(&read) <= MAX_BYTES {
            return read;
        }
        self.left_out.add(Part::Context, "together longer than 4 MiB");
        Context { parameters: read.parameters, ..Context::default() }
    }

    fn system_prompt(&mut self, prompt: &Value) -> Option<SystemPrompt> {
        let text = text(prompt, "text").or_else(|| values::text(prompt));
        if text.is_none() && !prompt.is_null() {
            self.left_out.add(Part::SystemPrompt, INVALID);
        }
        Some(SystemPrompt {
            text: text?,
            token_count: values::token_count(member(prompt, "token_count")),
        })
    }

    fn parameters(&mut self, parameters: &Value) -> ModelParameters {
        let mut read = ModelParameters::default();
        if !parameters.is_object() && !parameters.is_null() {
            self.left_out.add(Part::Parameter, INVALID);
        }
        for (name, parameter) in parameters.as_object().into_iter().flatten() {
            let single = serde_json::json!({ name: parameter });
            match value::<ModelParameters>(&single) {
                Some(parameter) => read = read.or(parameter),
                None => self.left_out.add(Part::Parameter, INVALID),
            }
        }
        read
    }

    fn reply_tokens(&mut self, tokens: &Value) -> Option<u32> {
        let read = values::whole_number(tokens).and_then(|tokens| tokens.try_into().ok());
        let read = read.filter(|tokens| *tokens > 0);
        if read.is_none() && !tokens.is_null() {
            self.left_out.add(Part::Parameter, INVALID);
        }
        read
    }

    fn model(&mut self, model: &Value) -> Option<ModelId> {
        let read = value(model);
        if read.is_none() && !model.is_null() {
            self.left_out.add(Part::Parameter, INVALID);
        }
        read
    }

    fn examples(&mut self, examples: &Value) -> Vec<FewShotExample> {
        if !examples.is_array() && !examples.is_null() {
            self.left_out.add(Part::Example, INVALID);
        }
        let examples = examples.as_array().into_iter().flatten();
        examples.filter_map(|example| self.example(example)).collect()
    }

    fn example(&mut self, example: &Value) -> Option<FewShotExample> {
        let texts = text(example, "user_prompt").zip(text(example, "assistant_response"));
        let Some((user_prompt, assistant_response)) = texts else {
            self.left_out.add(Part::Example, INVALID);
            return None;
        };
        let derive = || ids::parse_or_derive(&format!("{user_prompt}:{assistant_response}"));
        Some(FewShotExample {
            example_id: id(member(example, "example_id")).unwrap_or_else(derive).into(),
            user_prompt,
            assistant_response,
            prompt_tokens: values::token_count(member(example, "prompt_tokens")),
            response_tokens: values::token_count(member(example, "response_tokens")),
            created_at: time(member(example, "created_at")).unwrap_or(self.created_at),
        })
    }

    fn summary(&mut self, summary: &Value) -> Option<Summary> {
        if summary.is_null() {
            return None;
        }
        let number = |name| values::whole_number(member(summary, name));
        // A summary that covers other messages than the file says would hide messages from the model.
        let covered = number("through").zip(number("message_count"));
        let covered =
            covered.filter(|(through, messages)| *through.max(messages) <= self.last_position);
        let Some((text, (through, message_count))) = text(summary, "text").zip(covered) else {
            self.left_out.add(Part::Summary, "not valid for these messages");
            return None;
        };
        Some(Summary {
            text,
            token_count: values::token_count(member(summary, "token_count")),
            through,
            message_count,
            created_at: time(member(summary, "created_at")).unwrap_or(self.created_at),
            author: value(member(summary, "author")).unwrap_or(SummaryAuthor::Import),
        })
    }
}

fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn text(part: &Value, name: &str) -> Option<String> {
    values::text(member(part, name))
}
