//! Splits files into parts, and computes the maximum lengths of parts and their analyses.

use tokio_util::sync::CancellationToken;
use webchat_domain::FileJob;
use webchat_tokens::{TokenCounter, chunks};

use crate::models::registry::Model;
use crate::settings::FileSettings;

/// The tokens that are reserved in the model's window for everything but the analysed text and the answer: the prompt,
/// the file's name, and the overhead of the chat format. They leave room for a long name, so that every request fits.
const REQUEST_OVERHEAD: u32 = 320;

/// The estimated overhead of a request that analyses a part: all tokens except the part and the answer, for a file name
/// of the usual length. Token budgets are checked with it.
const PART_OVERHEAD: u32 = 128;

/// The bytes of a token of the user's instructions, for an estimate that is rather too high in most languages.
const BYTES_PER_TOKEN: usize = 3;

/// The lower bound of the following limits, even if the window is smaller.
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
pub(super) fn estimated_tokens(job: &FileJob) -> u64 {
    let instructions = job.instructions.as_ref().map_or(0, |text| text.as_str().len());
    let instruction_tokens = u64::try_from(instructions / BYTES_PER_TOKEN).unwrap_or(u64::MAX);
    let overhead = u64::from(PART_OVERHEAD).saturating_add(instruction_tokens);
    u64::from(job.token_count).saturating_add(u64::from(job.part_count).saturating_mul(overhead))
}

/// Returns the maximum number of tokens of a part: the configured size, if it fits into the model's window.
pub(super) fn max_part_tokens(files: &FileSettings, model: &Model) -> u32 {
    files.part_tokens.min(max_text_tokens_per_request(model, 0)).max(MIN_TOKENS)
}

/// Returns the maximum number of tokens of the user's instructions in one request. They leave at least half of the
/// space to the text.
pub(super) fn max_instruction_tokens(model: &Model) -> u32 {
    let max = max_text_tokens_per_request(model, 0);
    (max / 2).min(max.saturating_sub(MIN_TOKENS))
}

/// Returns the maximum number of tokens of the text in one request, next to the user's instructions.
pub(super) fn max_text_tokens_per_request(model: &Model, instruction_tokens: u32) -> u32 {
    let reserved = model.reserved_tokens().saturating_add(REQUEST_OVERHEAD);
    let reserved = reserved.saturating_add(instruction_tokens);
    model.window_tokens.saturating_sub(reserved).max(MIN_TOKENS)
}

/// Returns the maximum number of tokens of an analysis that is combined with others, of one or of several parts.
/// Several analyses must fit into one request; otherwise they could not be combined.
pub(super) fn max_partial_analysis_tokens(
    files: &FileSettings,
    model: &Model,
    instruction_tokens: u32,
) -> u32 {
    let max_text = max_text_tokens_per_request(model, instruction_tokens);
    let max = (max_text / 4).min(max_part_tokens(files, model) / 2);
    model.reserved_tokens().min(max).max(MIN_TOKENS / 4)
}
