//! The description of a request's body, for the OpenAPI document.

use serde::Deserialize;
use utoipa::ToSchema;
use webchat_domain::ReasoningEffort;

/// A request for a completion. Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "used for the OpenAPI document only: the fields are read one by one")]
pub(super) struct ChatCompletionRequest {
    /// An id from the list of models, or `default`.
    model: String,
    /// Oldest first.
    #[schema(min_items = 1, max_items = 2048)]
    messages: Vec<ChatCompletionMessage>,
    /// Whether the answer is streamed.
    stream: Option<bool>,
    stream_options: Option<ChatCompletionStreamOptions>,
    /// The maximum length of the answer, which is at most that of the server.
    #[schema(minimum = 1)]
    max_completion_tokens: Option<u32>,
    /// The former name of `max_completion_tokens`.
    #[schema(minimum = 1)]
    max_tokens: Option<u32>,
    /// Texts at which the answer ends.
    stop: Option<StopTexts>,
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    #[schema(minimum = -2, maximum = 2)]
    presence_penalty: Option<f64>,
    #[schema(minimum = -2, maximum = 2)]
    frequency_penalty: Option<f64>,
    seed: Option<i64>,
    reasoning_effort: Option<ReasoningEffort>,
}

#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "used for the OpenAPI document only")]
struct ChatCompletionMessage {
    role: ChatCompletionRole,
    content: ChatCompletionContent,
}

/// The role of a message's author. `developer` is another name for `system`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ChatCompletionRole {
    System,
    Developer,
    User,
    Assistant,
}

#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "used for the OpenAPI document only")]
enum ChatCompletionContent {
    Text(String),
    Parts(Vec<TextPart>),
}

#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "used for the OpenAPI document only")]
struct TextPart {
    #[schema(pattern = "^text$")]
    r#type: String,
    text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "used for the OpenAPI document only")]
enum StopTexts {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "used for the OpenAPI document only")]
struct ChatCompletionStreamOptions {
    /// Whether the last chunk has the number of tokens.
    include_usage: Option<bool>,
}
