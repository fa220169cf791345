//! Splits files into parts, and computes the maximum lengths of parts and their analyses.

use tokio_util::sync::CancellationToken;
use webchat_tokens::{TokenCounter, chunks};

use crate::settings::Settings;

/// The tokens of a request that belong neither to the analysed text nor to the answer: the prompt, the file's name,
/// and the overhead of the chat format.
const REQUEST_OVERHEAD: u32 = 320;

/// The tokens of a request for the analysis of a part, without those of the part and the answer.
const PART_OVERHEAD: u32 = 128;

/// The minimum number of tokens of the text in one request, even if the window is smaller.
const MIN_TOKENS: u32 = 64;

/// A file's text, split into parts.
pub(super) struct FileParts {
    pub(super) text: String,
    pub(super) token_count: u32,
    /// The byte offset at which each part ends.
    pub(super) ends: Vec<u64>,
}

/// Splits a file's text into parts of at most `max_tokens`. Blocks for up to a second per megabyte. Returns `None`
/// if splitting is cancelled.
pub(super) fn split(
    text: String,
    max_tokens: u32,
    counter: TokenCounter,
    cancelled: &CancellationToken,
) -> Option<FileParts> {
    let mut parts = chunks(&text, max_tokens, counter);
    let (mut ends, mut end) = (Vec::new(), 0_u64);
    for part in parts.by_ref() {
        if cancelled.is_cancelled() {
            return None;
        }
        end += u64::try_from(part.len()).unwrap_or(u64::MAX);
        ends.push(end);
    }
    Some(FileParts { ends, token_count: parts.token_count(), text })
}

/// Estimates the number of tokens that are sent to the model for all parts of a file.
pub(super) fn estimated_tokens(token_count: u32, part_count: u32) -> u64 {
    u64::from(token_count) + u64::from(part_count) * u64::from(PART_OVERHEAD)
}

/// Returns the maximum number of tokens of a part: the configured size, if it fits into the model's window.
pub(super) fn max_part_tokens(settings: &Settings) -> u32 {
    settings.files.part_tokens.min(max_request_tokens(settings)).max(MIN_TOKENS)
}

/// Returns the maximum number of tokens of the text in one request.
pub(super) fn max_request_tokens(settings: &Settings) -> u32 {
    let reserved = settings.reply_tokens.saturating_add(REQUEST_OVERHEAD);
    settings.window_tokens.saturating_sub(reserved).max(MIN_TOKENS)
}

/// Returns the maximum number of tokens of a part's analysis. Several analyses must fit into one request; otherwise
/// they could not be combined.
pub(super) fn max_partial_analysis_tokens(settings: &Settings) -> u32 {
    let max = (max_request_tokens(settings) / 4).min(max_part_tokens(settings) / 2);
    settings.reply_tokens.min(max).max(MIN_TOKENS / 4)
}
