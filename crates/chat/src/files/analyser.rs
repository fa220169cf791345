//! Asks the model to analyse the parts of a file, and to combine the analyses into one.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use webchat_domain::{Caller, FileInstructions, FileName, UserId, error_chain};
use webchat_llm::{AnswerLimit, ModelError, filter_reasons};
use webchat_tokens::chunks;

use super::parts::{max_partial_analysis_tokens, max_text_tokens_per_request};
use crate::context::prompts::{
    ANALYSE, COMBINE, analyses_heading, part_heading, user_instructions,
};
use crate::models::background_request::BackgroundRequest;
use crate::models::registry::Model;
use crate::models::request_error::RequestError;
use crate::models::request_metrics::Purpose;
use crate::runtime::core::Core;

/// The maximum number of retries of a request, in addition to the model client's own.
const MAX_RETRIES: usize = 2;

/// The backoff before the first retry. It is multiplied by [`BACKOFF_FACTOR`] for each further retry. The model may
/// request a longer one, up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_secs(1);
const BACKOFF_FACTOR: f32 = 4.0;
const MAX_BACKOFF: Duration = Duration::from_mins(1);

/// The maximum duration of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(5);

const SEPARATOR: &str = "\n\n---\n\n";

/// Slightly more than the tokens of the separator, because joined texts may have more tokens than separate ones.
const SEPARATOR_TOKENS: u32 = 8;

/// Requests analyses of one file from the model.
pub(crate) struct FileAnalyser<'a> {
    pub(crate) core: &'a Core,
    pub(crate) model: Arc<Model>,
    /// Limits the concurrent requests.
    pub(crate) requests: &'a Semaphore,
    /// The user on whose behalf the file is analysed.
    pub(crate) user_id: UserId,
    pub(crate) file_name: &'a FileName,
    /// The number of parts of the file.
    pub(crate) part_count: u32,
    /// What the user asks for; `None` for the default analysis.
    pub(crate) instructions: Option<&'a FileInstructions>,
    /// The number of tokens that the user's instructions add to each request.
    pub(crate) instruction_tokens: u32,
}

impl FileAnalyser<'_> {
    /// Asks the model for the analysis of one part. Parts are counted from 0.
    pub(crate) async fn analyse(&self, part: u32, text: &str) -> Result<String, RequestError> {
        let limit = match self.part_count {
            1 => self.model.answer_limit(),
            _ => self.partial_limit(),
        };
        let heading = part_heading(self.file_name, part, self.part_count);
        let pieces = self.pieces(text).await?;
        if let [piece] = pieces.as_slice() {
            return self.request(ANALYSE, format!("{heading}\n\n{piece}"), limit).await;
        }
        let mut analyses = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let (content, limit) = (format!("{heading}\n\n{piece}"), self.partial_limit());
            analyses.push(self.request(ANALYSE, content, limit).await?);
        }
        self.combine(analyses, limit).await
    }

    /// Splits a part that does not fit into a request with the user's instructions. The file was split when it was
    /// uploaded, without instructions.
    async fn pieces(&self, text: &str) -> Result<Vec<String>, RequestError> {
        let max_tokens = self.max_text_tokens();
        if self.instructions.is_none()
            || self.core.count_tokens(&self.model, text).await <= max_tokens
        {
            return Ok(vec![text.to_owned()]);
        }
        let (text, counter) = (text.to_owned(), self.model.counter());
        let split = move |_: &CancellationToken| {
            Some(chunks(&text, max_tokens, counter).map(str::to_owned).collect())
        };
        let abort = self.core.lifecycle.aborting();
        Ok(self.core.text_work.run(self.user_id, &abort, split).await?)
    }

    /// Combines the analyses into one of at most `limit`, in several steps if they don't fit into one request.
    pub(crate) async fn combine(
        &self,
        analyses: Vec<String>,
        limit: AnswerLimit,
    ) -> Result<String, RequestError> {
        let mut analyses = analyses;
        while analyses.len() > 1 {
            let groups = self.group(analyses).await;
            let limit = match groups.len() {
                1 => limit,
                _ => self.partial_limit(),
            };
            analyses = Vec::with_capacity(groups.len());
            for group in groups {
                analyses.push(self.combine_group(group, limit).await?);
            }
        }
        Ok(analyses.pop().unwrap_or_default())
    }

    async fn combine_group(
        &self,
        group: Vec<String>,
        limit: AnswerLimit,
    ) -> Result<String, RequestError> {
        match <[String; 1]>::try_from(group) {
            Ok([single]) => Ok(single),
            Err(group) => {
                let heading = analyses_heading(self.file_name);
                let content = format!("{heading}\n\n{}", group.join(SEPARATOR));
                self.request(COMBINE, content, limit).await
            }
        }
    }

    /// Groups consecutive analyses so that each group fits into one request.
    async fn group(&self, analyses: Vec<String>) -> Vec<Vec<String>> {
        let max_tokens = self.max_text_tokens();
        let mut groups: Vec<Vec<String>> = Vec::new();
        let mut group_tokens = 0_u32;
        for analysis in analyses {
            let tokens = self.core.count_tokens(&self.model, &analysis).await;
            let tokens = tokens.saturating_add(SEPARATOR_TOKENS);
            group_tokens = group_tokens.saturating_add(tokens);
            match groups.last_mut() {
                Some(group) if group_tokens <= max_tokens => group.push(analysis),
                _ => {
                    groups.push(vec![analysis]);
                    group_tokens = tokens;
                }
            }
        }
        groups
    }

    /// Returns the maximum length of an analysis that is combined with others.
    fn partial_limit(&self) -> AnswerLimit {
        let (files, model) = (&self.core.settings.files, &self.model);
        AnswerLimit::Tokens(max_partial_analysis_tokens(files, model, self.instruction_tokens))
    }

    fn max_text_tokens(&self) -> u32 {
        max_text_tokens_per_request(&self.model, self.instruction_tokens)
    }

    /// Sends a request, and retries it after transient errors. `backon` sleeps on Tokio's clock, which tests can
    /// pause.
    async fn request(
        &self,
        prompt: &'static str,
        content: String,
        answer_limit: AnswerLimit,
    ) -> Result<String, RequestError> {
        let (caller, timeout) = (Caller::from(self.user_id), REQUEST_TIMEOUT);
        let instructions = match self.instructions {
            None => prompt.into(),
            Some(instructions) => format!("{prompt}{}", user_instructions(instructions)).into(),
        };
        let request = BackgroundRequest {
            model: Arc::clone(&self.model),
            caller,
            purpose: Purpose::File,
            instructions,
            content,
            answer_limit,
            timeout,
        };
        let send = || self.send(request.clone());
        let backoff = ExponentialBuilder::new()
            .with_min_delay(MIN_BACKOFF)
            .with_factor(BACKOFF_FACTOR)
            .with_max_delay(MAX_BACKOFF)
            .with_max_times(MAX_RETRIES);
        send.retry(backoff)
            .when(is_transient)
            .adjust(|error, wait| wait.map(|wait| wait.max(requested_wait(error)).min(MAX_BACKOFF)))
            .notify(|error, _| {
                tracing::info!(
                    error = error_chain(error),
                    "file analysis request failed, retrying"
                );
            })
            .await
    }

    async fn send(&self, request: BackgroundRequest) -> Result<String, RequestError> {
        // The semaphore is never closed.
        let _permit = self.requests.acquire().await.ok();
        request.send_and_truncate(self.core).await
    }
}

/// Returns whether the same request may succeed later.
fn is_transient(error: &RequestError) -> bool {
    matches!(
        error,
        RequestError::Model(
            ModelError::Unreachable { .. }
                | ModelError::RateLimited { .. }
                | ModelError::AnswerTooLong(_)
                | ModelError::EmptyAnswer { .. }
                | ModelError::Failed(_)
        )
    )
}

/// Returns whether other requests would currently fail with the same error.
pub(crate) fn affects_all_requests(error: &RequestError) -> bool {
    !matches!(
        error,
        RequestError::Model(
            ModelError::Failed(_)
                | ModelError::AnswerTooLong(_)
                | ModelError::ContentFilter { .. }
                | ModelError::ContextTooLong(_)
                | ModelError::EmptyAnswer { .. }
                | ModelError::Refused(_)
        )
    )
}

/// Returns the minimum wait that the model requested.
fn requested_wait(error: &RequestError) -> Duration {
    match error {
        RequestError::Model(
            ModelError::Unreachable { retry_after: Some(wait), .. }
            | ModelError::RateLimited { retry_after: Some(wait), .. },
        ) => *wait,
        _ => Duration::ZERO,
    }
}

/// Returns why a text of a file could not be analysed, and what the user can do: not what one can do about a
/// message.
pub(crate) fn user_message(error: &RequestError) -> String {
    let RequestError::Model(error) = error else { return error.to_string() };
    let message = match error {
        ModelError::ContextTooLong(_) => {
            "The text is too long for the model. Please contact your administrator."
        }
        ModelError::AnswerTooLong(_) | ModelError::EmptyAnswer { is_cut_off: true, .. } => {
            "The model's analysis was too long and was cut off. Please try again, or contact your \
             administrator."
        }
        ModelError::ContentFilter { categories, .. } => {
            return format!(
                "The content filter of the model's provider stopped the analysis{}. Please change the \
                 file.",
                filter_reasons(categories)
            );
        }
        ModelError::Refused(_) => "The model refused to analyse the text. Please change the file.",
        other => return other.to_string(),
    };
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_about_a_file_does_not_advise_what_helps_only_in_a_conversation() {
        let categories = Vec::new();
        for (error, advice) in [
            (ModelError::ContextTooLong("…".into()), "contact your administrator"),
            (ModelError::AnswerTooLong("…".into()), "contact your administrator"),
            (
                ModelError::EmptyAnswer { is_cut_off: true, cause: "…".into() },
                "contact your administrator",
            ),
            (ModelError::ContentFilter { categories, cause: "…".into() }, "change the file"),
            (ModelError::Refused("…".into()), "change the file"),
            (ModelError::Failed("…".into()), "try again"),
        ] {
            let message = user_message(&RequestError::Model(error));

            assert!(message.contains(advice), "{message}");
            for other in ["start a new", "ask for less", "rephrase", "message"] {
                assert!(!message.contains(other), "{message}");
            }
        }
    }
}
