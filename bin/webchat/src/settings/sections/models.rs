//! The entries of `[[models]]`.

use secrecy::SecretString;
use serde::Deserialize;
use webchat_domain::{
    GroupName, ModelId, ModelParameters, Penalty, Probability, ReasoningEffort, Temperature,
};
use webchat_llm::{Auth, TokensField};

use super::RedactedUrl;

/// A model of the configuration file.
#[derive(Clone, Debug, Deserialize)]
pub struct ModelEntry {
    /// The id, by which conversations choose it.
    pub id: ModelId,
    /// The name for users.
    pub name: Option<String>,
    /// The size of the context window in tokens.
    pub window: Option<u32>,
    /// The maximum length of an answer in tokens.
    pub reply: Option<u32>,
    /// The name of a known model with the same tokenizer.
    pub tokenizer: Option<String>,
    /// The groups whose users may use it. If there are none, everybody may.
    #[serde(default)]
    pub groups: Vec<GroupName>,
    temperature: Option<Temperature>,
    top_p: Option<Probability>,
    presence_penalty: Option<Penalty>,
    frequency_penalty: Option<Penalty>,
    seed: Option<i64>,
    reasoning_effort: Option<ReasoningEffort>,
    /// Where it runs; at least one.
    pub deployments: Vec<DeploymentEntry>,
}

/// A deployment of a model.
#[derive(Clone, Debug, Deserialize)]
pub struct DeploymentEntry {
    /// The name for operators. The default is its number.
    pub name: Option<String>,
    /// The full chat-completions URL.
    pub url: RedactedUrl,
    /// How to send the API key.
    #[serde(default)]
    pub auth: Auth,
    /// The environment variable with the API key.
    pub key_env: Option<String>,
    /// The API key, from the environment.
    #[serde(skip)]
    pub api_key: Option<SecretString>,
    /// The model's name at this deployment.
    pub model: Option<String>,
    /// The request field that limits the length of an answer.
    #[serde(default)]
    pub tokens_field: TokensField,
    /// Deployments with a lower number are asked first.
    #[serde(default = "default_order")]
    pub order: u32,
    /// The share of the requests among deployments with the same order.
    #[serde(default = "default_weight")]
    pub weight: u32,
}

fn default_order() -> u32 {
    1
}

fn default_weight() -> u32 {
    1
}

impl ModelEntry {
    /// Returns the sampling parameters.
    #[must_use]
    pub fn parameters(&self) -> ModelParameters {
        ModelParameters {
            temperature: self.temperature,
            top_p: self.top_p,
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            seed: self.seed,
            reasoning_effort: self.reasoning_effort,
        }
    }

    /// Returns the name of the model whose tokenizer and window it has, if they are not set.
    #[must_use]
    pub fn known_as(&self) -> &str {
        let deployed = self.deployments.iter().find_map(|deployment| deployment.model.as_deref());
        self.tokenizer.as_deref().or(deployed).unwrap_or_else(|| self.id.as_str())
    }
}
