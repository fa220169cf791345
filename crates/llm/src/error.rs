use std::time::Duration;

use thiserror::Error;

/// What lies under a [`ModelError`], for the log. It holds neither the key nor anything that was
/// said, by the user or by the model.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no answer, by what can be done about it. The text is for the user; the cause, for
/// the log, is the error's source.
#[derive(Debug, Error)]
pub enum ModelError {
    /// No connection, no sign of life in time, or so many failures one after the other that the
    /// upstream is let alone for a while.
    #[error("The model can't be reached right now. Please try again {}.", when(*retry_after))]
    Unreachable {
        /// How long to wait, where it is known.
        retry_after: Option<Duration>,
        /// For the log.
        #[source]
        cause: Cause,
    },
    /// The key is wrong, may not use the model, or has nothing left to spend.
    #[error("The model refuses this server's key. Please tell whoever runs this server.")]
    KeyRefused(#[source] Cause),
    /// There is no such model, deployment or path.
    #[error("The model does not exist at its address. Please tell whoever runs this server.")]
    NotFound(#[source] Cause),
    /// Too many requests or tokens.
    #[error("The model is busy. Please try again {}.", when(*retry_after))]
    RateLimited {
        /// How long to wait, where the model says.
        retry_after: Option<Duration>,
        /// For the log.
        #[source]
        cause: Cause,
    },
    /// The model counts more tokens than fit into its window.
    #[error(
        "This conversation is too long for the model. Please start a new one, or send a shorter \
         message."
    )]
    ContextTooLong(#[source] Cause),
    /// The provider's filter refuses the request.
    #[error(
        "The model's provider filtered this request{}. Please word it differently.",
        in_brackets(filtered)
    )]
    ContentFilter {
        /// What it was filtered for, as the provider calls it: `hate`, `self_harm`, `jailbreak`, …
        /// Empty where the provider does not say.
        filtered: Vec<String>,
        /// For the log.
        #[source]
        cause: Cause,
    },
    /// The model can't be told to choose its words so.
    #[error("The model does not take this {parameter}. Please change it, or do without.")]
    ParameterRefused {
        /// The field of [`ModelParameters`](webchat_domain::ModelParameters).
        parameter: &'static str,
        /// For the log.
        #[source]
        cause: Cause,
    },
    /// Everything else, also an answer that broke off.
    #[error("The model failed to answer. Please try again.")]
    Failed(#[source] Cause),
}

impl ModelError {
    /// The stable name that programs see.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "model_unreachable",
            Self::KeyRefused(_) => "model_key_refused",
            Self::NotFound(_) => "model_not_found",
            Self::RateLimited { .. } => "model_rate_limited",
            Self::ContextTooLong(_) => "model_context_too_long",
            Self::ContentFilter { .. } => "model_content_filter",
            Self::ParameterRefused { .. } => "model_parameter_refused",
            Self::Failed(_) => "model_failed",
        }
    }

    /// How long the upstream asks to be let alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { retry_after, .. } | Self::RateLimited { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// The whole chain of causes, for the log.
    pub(crate) fn causes(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }
}

fn when(retry_after: Option<Duration>) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    let wait = retry_after.unwrap_or_default();
    // Rounded up: who comes too early is refused again.
    let seconds = wait.as_secs().saturating_add((wait.subsec_nanos() > 0).into());
    match seconds {
        0..=1 => "in a moment".to_owned(),
        2..=120 => format!("in {seconds} seconds"),
        121..=7200 => format!("in {} minutes", seconds.div_ceil(MINUTE)),
        _ => format!("in {} hours", seconds.div_ceil(HOUR)),
    }
}

/// What is told of an answer that the provider's filter ended.
#[must_use]
pub fn filtered_answer(categories: &[String]) -> String {
    format!("The model's provider filtered this answer{}.", in_brackets(categories))
}

fn in_brackets(categories: &[String]) -> String {
    if categories.is_empty() {
        return String::new();
    }
    format!(" ({})", categories.join(", ").replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_says_how_long_to_wait_where_it_is_known() {
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

    #[test]
    fn a_filtered_request_says_what_it_was_filtered_for_where_it_is_known() {
        let said = |filtered: &[&str]| {
            let filtered = filtered.iter().map(ToString::to_string).collect();
            ModelError::ContentFilter { filtered, cause: "400".into() }.to_string()
        };

        assert_eq!(
            said(&["hate", "self_harm"]),
            "The model's provider filtered this request (hate, self harm). Please word it \
             differently."
        );
        assert_eq!(
            said(&[]),
            "The model's provider filtered this request. Please word it differently."
        );
    }
}
