use std::time::Duration;

use thiserror::Error;

/// What lies under a [`ModelError`], for the log. It holds neither the key nor anything that was
/// said, by the user or by the model.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no answer, by what can be done about it. The text is for the user; the cause, for
/// the log, is the error's source.
#[derive(Debug, Error)]
pub enum ModelError {
    /// No connection, or no sign of life in time.
    #[error("The model can't be reached right now. Please try again in a moment.")]
    Unreachable(#[source] Cause),
    /// The key is wrong, or may not use the model.
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
    #[error("The model's provider filtered this request. Please word it differently.")]
    ContentFilter(#[source] Cause),
    /// Everything else, also an answer that broke off.
    #[error("The model failed to answer. Please try again.")]
    Failed(#[source] Cause),
}

impl ModelError {
    /// The stable name that programs see.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "model_unreachable",
            Self::KeyRefused(_) => "model_key_refused",
            Self::NotFound(_) => "model_not_found",
            Self::RateLimited { .. } => "model_rate_limited",
            Self::ContextTooLong(_) => "model_context_too_long",
            Self::ContentFilter(_) => "model_content_filter",
            Self::Failed(_) => "model_failed",
        }
    }
}

fn when(retry_after: Option<Duration>) -> String {
    match retry_after.map(|wait| wait.as_secs_f64().ceil()) {
        Some(seconds) if seconds > 1.0 => format!("in {seconds} seconds"),
        _ => "in a moment".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_says_how_long_to_wait_where_it_is_known() {
        for (wait, sentence) in [
            (
                Some(Duration::from_millis(6200)),
                "The model is busy. Please try again in 7 seconds.",
            ),
            (Some(Duration::ZERO), "The model is busy. Please try again in a moment."),
            (None, "The model is busy. Please try again in a moment."),
        ] {
            let error = ModelError::RateLimited { retry_after: wait, cause: "429".into() };

            assert_eq!(error.to_string(), sentence);
        }
    }
}
