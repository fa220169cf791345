//! The settings of the model.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use url::Url;
use webchat_domain::{Penalty, Probability, ReasoningEffort, Temperature};
use webchat_llm::{Auth, TokensField};

use super::super::declaration::section;
use super::super::kind::{Kind, http_url};

pub(in crate::settings) const MODEL_URL: Kind = Kind::url(
    "the full chat-completions URL, such as \
     https://NAME.openai.azure.com/openai/deployments/NAME/chat/completions?api-version=VERSION \
     or http://127.0.0.1:11434/v1/chat/completions; `make run` starts a small local model",
);
pub(in crate::settings) const AUTH_METHODS: Kind =
    Kind::Choice(&["auto", "api-key", "bearer", "entra", "none"]);
pub(in crate::settings) const TOKENS_FIELDS: Kind =
    Kind::Choice(&["auto", "max_tokens", "max_completion_tokens"]);
pub(in crate::settings) const EFFORTS: Kind =
    Kind::Choice(&["none", "minimal", "low", "medium", "high", "xhigh"]);
pub(in crate::settings) const PENALTY: Kind = Kind::Number { min: -2.0, max: 2.0 };
const TIMEOUT: Kind = Kind::integer("seconds", 1, 3600);
/// A proxy URL is secret, as it may contain a password. It is checked only if it is used, because other programs use
/// these variables as well.
const PROXY: Kind = Kind::secret("a URL such as http://proxy.example.org:3128", |_| true);

section! {
    ModelSettings: [model], "Model" {
        /// Required, unless webchat.toml has [[models]]: the full chat-completions URL of any OpenAI-compatible
        /// provider, or that of the Responses API of OpenAI or Azure, which ends in /responses. The name is historical.
        /// (`make run` supplies a small model if it is unset.)
        ///   Azure OpenAI: https://NAME.openai.azure.com/openai/deployments/NAME/chat/completions?api-version=VERSION
        ///                 or, with MODEL, https://NAME.openai.azure.com/openai/v1/chat/completions
        ///   OpenAI:       https://api.openai.com/v1/chat/completions
        ///   Ollama:       http://127.0.0.1:11434/v1/chat/completions
        AZURE_API_URL => url: Option<RedactedUrl>, MODEL_URL;

        /// The API key of the model.
        API_KEY => api_key: Option<SecretString>, Kind::secret("a string", |_| true);

        /// How to send the API key: api-key (Azure), bearer (others), none, or auto, which recognises Azure by the URL.
        /// With entra, there is no key: tokens of Microsoft Entra ID are used, with the settings below.
        LLM_AUTH => auth: Auth = "auto", AUTH_METHODS;

        /// The name of the model. The URL of an Azure deployment works without it, but contains only the name of the
        /// deployment, which is chosen freely: without MODEL, set MAX_TOKENS.
        MODEL => name: Option<String>, Kind::TEXT;

        /// The request field that limits the length of an answer: max_tokens, max_completion_tokens, or auto, which
        /// starts with max_tokens and switches if the model rejects it.
        LLM_TOKENS_FIELD => tokens_field: TokensField = "auto", TOKENS_FIELDS;

        /// Sampling parameters: temperature (0 to 2), top-p (0 to 1), penalties (-2 to 2), seed (any integer) and
        /// reasoning effort (none, minimal, low, medium, high or xhigh). For unset ones, the model's defaults apply.
        /// Not every model accepts all of them: reasoning models accept an effort, but usually no temperature.
        LLM_TEMPERATURE => temperature: Option<Temperature>, Kind::Number { min: 0.0, max: 2.0 };
        LLM_TOP_P => top_p: Option<Probability>, Kind::Number { min: 0.0, max: 1.0 };
        LLM_PRESENCE_PENALTY => presence_penalty: Option<Penalty>, PENALTY;
        LLM_FREQUENCY_PENALTY => frequency_penalty: Option<Penalty>, PENALTY;
        LLM_SEED => seed: Option<i64>, Kind::Integer { unit: "", min: i64::MIN, max: i64::MAX };
        LLM_REASONING_EFFORT => reasoning_effort: Option<ReasoningEffort>, EFFORTS;

        /// Timeouts in seconds: to connect, until the first chunk of an answer, and between two chunks. A model on a
        /// slow machine needs a long time to read a long conversation before its first chunk.
        LLM_CONNECT_TIMEOUT_S => connect_timeout_s: u64 = "10", TIMEOUT;
        LLM_FIRST_DELTA_TIMEOUT_S => first_delta_timeout_s: u64 = "120", TIMEOUT;
        LLM_IDLE_TIMEOUT_S => idle_timeout_s: u64 = "60", TIMEOUT;

        /// The maximum time for an answer in seconds, including summaries that are created before it. After this time,
        /// the answer is stopped; the text received so far is kept and can be continued.
        LLM_MAX_TURN_S => max_turn_s: u64 = "600", Kind::integer("seconds", 1, 86_400);

        /// The proxy for requests to the model, unless the model runs on this machine: HTTPS_PROXY or HTTP_PROXY
        /// depending on the model's URL, otherwise ALL_PROXY. Use http://, https:// or socks5://, with
        /// user:password@ if the proxy requires it. NO_PROXY lists hosts to connect to directly.
        HTTPS_PROXY => https_proxy: Option<SecretString>, PROXY;
        HTTP_PROXY => http_proxy: Option<SecretString>, PROXY;
        ALL_PROXY => all_proxy: Option<SecretString>, PROXY;
        NO_PROXY => no_proxy: Option<String>, Kind::TEXT;

        /// The context window of the model in tokens, not the API's max_tokens: see REPLY_TOKENS. If MAX_TOKENS is
        /// unset, the context window is that of MODEL if it is a known model (gpt-4o, o3 …), otherwise 128000.
        MAX_TOKENS => max_tokens: Option<u32>, Kind::integer("tokens", 1, u32::MAX);

        /// The maximum length of an answer in tokens. This part of the context window is reserved for it. If
        /// REPLY_TOKENS is unset, the model's own maximum applies, and a quarter of the context window is reserved.
        /// Set it if the model never ends some answers, or its server cuts answers off early by default.
        REPLY_TOKENS => reply_tokens: Option<u32>, Kind::integer("tokens", 1, u32::MAX);

        /// The system prompt of conversations that don't set their own.
        SYSTEM_PROMPT => system_prompt: Option<String>, Kind::TEXT;

        /// Whether to ask the model for a title after the first answer. If not, or if the model returns none, the
        /// title is the first words of the conversation.
        AUTO_TITLES => auto_titles: bool = "on", Kind::Switch;
    }
}

/// A URL that may contain credentials, which `Debug` hides.
#[derive(Clone)]
pub struct RedactedUrl(pub Url);

/// Shows only the host.
impl fmt::Debug for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedactedUrl").field(&self.0.host_str()).finish()
    }
}

impl<'de> Deserialize<'de> for RedactedUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        http_url(&text).map(Self).ok_or_else(|| serde::de::Error::custom("not an http(s) URL"))
    }
}

/// Parses the URL of a proxy. The scheme defaults to `http`.
pub(crate) fn proxy_url(text: &str) -> Option<Url> {
    let with_scheme = if text.contains("://") { text } else { &format!("http://{text}") };
    Url::parse(with_scheme).ok().filter(Url::has_host)
}
