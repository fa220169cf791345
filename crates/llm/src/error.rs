//! The errors of a model, in words for the user.

use std::time::Duration;

use thiserror::Error;
use webchat_domain::error_chain;

use crate::content_filter::{FilteredCategory, refused_request_message};

/// The underlying cause of a [`ModelError`], for the log. It contains neither the key nor any text of
/// the user or the model.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no answer. Each variant requires something else of the user, which the message says. The
/// error's source is the cause, for the log.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The model can't be reached, timed out, or its circuit breaker is open.
    #[error("The model can't be reached right now. Please try again {}.", when(*retry_after))]
    Unreachable {
        /// How long to wait, if known.
        retry_after: Option<Duration>,
        /// The cause, for the log.
        #[source]
        cause: Cause,
    },
    /// The key is wrong or has no access to the model, or the account has no credit left or is suspended.
    #[error("The model rejects this server's key. Please contact your administrator.")]
    AccountRefused(#[source] Cause),
    /// The upstream, or a firewall in front of it, does not serve this server's address or region.
    #[error(
        "The model's provider does not accept requests from this server. Please contact your \
         administrator."
    )]
    AccessDenied(#[source] Cause),
    /// The model, its deployment or the path does not exist.
    #[error("The model was not found at its address. Please contact your administrator.")]
    NotFound(#[source] Cause),
    /// The limit of requests or tokens is reached.
    #[error("The model is busy. Please try again {}.", when(*retry_after))]
    RateLimited {
        /// How long to wait, if the model says so.
        retry_after: Option<Duration>,
        /// The cause, for the log.
        #[source]
        cause: Cause,
    },
    /// The request has more tokens than the model's context window.
    #[error(
        "This conversation is too long for the model. Please start a new one, or send a shorter \
         message."
    )]
    ContextTooLong(#[source] Cause),
    /// The provider's content filter rejected the request.
    #[error("{}", refused_request_message(categories))]
    ContentFilter {
        /// What it found. Empty if the provider does not say it.
        categories: Vec<FilteredCategory>,
        /// The cause, for the log.
        #[source]
        cause: Cause,
    },
    /// The model rejects the value of a sampling parameter.
    #[error("The model does not accept this {parameter}. Please change or remove it.")]
    ParameterRefused {
        /// The field of [`ModelParameters`](webchat_domain::ModelParameters).
        parameter: &'static str,
        /// The cause, for the log.
        #[source]
        cause: Cause,
    },
    /// The upstream sent more bytes than any answer of the requested length has.
    #[error("The answer was too long and was cut off.")]
    AnswerTooLong(#[source] Cause),
    /// The answer has no text.
    #[error("{}", empty_answer_message(*is_cut_off))]
    EmptyAnswer {
        /// Whether the answer reached its maximum length before its first text, as the reasoning of some
        /// models does.
        is_cut_off: bool,
        /// The cause, for the log.
        #[source]
        cause: Cause,
    },
    /// The model says that it refuses to answer.
    #[error("The model refused to answer. Please rephrase your question.")]
    Refused(#[source] Cause),
    /// Any other failure, including an interrupted answer.
    #[error("The model failed to answer. Please try again.")]
    Failed(#[source] Cause),
}

impl ModelError {
    /// Returns the stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "model_unreachable",
            Self::AccountRefused(_) => "model_key_refused",
            Self::AccessDenied(_) => "model_access_denied",
            Self::NotFound(_) => "model_not_found",
            Self::RateLimited { .. } => "model_rate_limited",
            Self::ContextTooLong(_) => "model_context_too_long",
            Self::ContentFilter { .. } => "model_content_filter",
            Self::ParameterRefused { .. } => "model_parameter_refused",
            Self::AnswerTooLong(_) => "answer_too_long",
            Self::EmptyAnswer { .. } => "model_empty_answer",
            Self::Refused(_) => "model_refused",
            Self::Failed(_) => "model_failed",
        }
    }

    /// Returns how long the upstream asks to wait, if it does.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { retry_after, .. } | Self::RateLimited { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// Returns the chain of causes, for the log.
    pub(crate) fn causes(&self) -> String {
        std::error::Error::source(self).map(error_chain).unwrap_or_default()
    }
}

/// Returns when to try again, as the end of a sentence: `in 7 seconds`.
fn when(retry_after: Option<Duration>) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    let wait = retry_after.unwrap_or_default();
    // Rounded up, because a request that comes too early is rejected again.
    let seconds = wait.as_secs().saturating_add((wait.subsec_nanos() > 0).into());
    match seconds {
        0..=1 => "in a moment".to_owned(),
        2..=120 => format!("in {seconds} seconds"),
        121..=7200 => format!("in {} minutes", seconds.div_ceil(MINUTE)),
        _ => format!("in {} hours", seconds.div_ceil(HOUR)),
    }
}

fn empty_answer_message(is_cut_off: bool) -> &'static str {
    if is_cut_off {
        "The model used up the length of its answer before it wrote any text. Please ask for less, or \
         contact your administrator."
    } else {
        "The model sent an empty answer. Please try again."
    }
}

/// Why an [`HttpChatModel`](crate::HttpChatModel) can't be built from its settings.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The model has no deployment.
    #[error("the model has no deployment")]
    NoDeployment,
    /// The address is neither `http` nor `https`.
    #[error("the model's address must start with http:// or https://")]
    Url,
    /// The key has characters that are not allowed in an HTTP header.
    #[error("the model's key has characters that can't be sent, such as a line break")]
    Key,
    /// The credential of Entra ID has an invalid address or header.
    #[error(
        "the credential of Entra ID is invalid: check AZURE_AUTHORITY_HOST and IDENTITY_ENDPOINT"
    )]
    Credential,
    /// The proxy's address has an unknown scheme.
    #[error("the proxy's address must start with http://, https:// or socks5://")]
    Proxy,
    /// TLS can't be set up.
    #[error("TLS can't be set up: does this machine have root certificates?")]
    Tls(#[source] Cause),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_says_how_long_to_wait_if_known() {
        for (wait, sentence) in [
            (None, "in a moment"),
            (Some(Duration::ZERO), "in a moment"),
            (Some(Duration::from_millis(6200)), "in 7 seconds"),
            (Some(Duration::from_mins(2)), "in 120 seconds"),
            (Some(Duration::from_secs(121)), "in 3 minutes"),
            (Some(Duration::from_secs(7201)), "in 3 hours"),
            (Some(Duration::MAX), "in 5124095576030432 hours"),
        ] {
            let error = ModelError::RateLimited { retry_after: wait, cause: "429".into() };

            let expected = format!("The model is busy. Please try again {sentence}.");
            assert_eq!(error.to_string(), expected);
        }
    }
}
