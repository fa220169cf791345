//! The text and the reasoning of an answer while they are being generated.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use webchat_domain::{Message, Reasoning, append_reasoning, reasoning_millis};

/// An answer is saved early once it has grown by this many bytes, or by a quarter of its saved length if that is
/// more. This keeps the total cost of saving a long answer linear in its length.
const MIN_GROWTH_BYTES: usize = 4 * 1024;
const GROWTH_DIVISOR: usize = 4;

/// Separates the reasoning of a continuation from that of the turns before.
const SEPARATOR: &str = "\n\n";

/// The text and the reasoning of an answer. The stream appends to them while autosave reads them.
pub(super) struct Draft {
    text: Mutex<Text>,
    has_grown: Notify,
}

struct Text {
    content: String,
    thoughts: Thoughts,
    saved_len: usize,
}

/// The reasoning so far.
struct Thoughts {
    /// That of the turns before.
    before: Option<Reasoning>,
    text: String,
    /// The time without that since `since`.
    duration: Duration,
    /// When the model began to reason, until it sends text.
    since: Option<Instant>,
    /// Whether this turn has added reasoning.
    has_grown: bool,
    /// The tokens of this turn's reasoning, if the model has reported them.
    reported_tokens: Option<u32>,
}

/// The state of an answer to save.
pub(super) struct Snapshot {
    pub(super) content: String,
    pub(super) reasoning: Option<Reasoning>,
    /// Whether the model has not reported the tokens of the reasoning.
    pub(super) needs_token_count: bool,
}

/// What was appended to the reasoning.
pub(super) struct AppendedReasoning {
    pub(super) chunk: String,
    pub(super) duration_ms: u32,
}

impl Draft {
    /// Starts with the saved answer.
    pub(super) fn new(answer: &Message) -> Self {
        let before = answer.reasoning.clone();
        let millis = before.as_ref().map_or(0, |before| before.duration_ms);
        let thoughts = Thoughts {
            text: before.as_ref().map(|before| before.text.clone()).unwrap_or_default(),
            before,
            duration: Duration::from_millis(millis.into()),
            since: None,
            has_grown: false,
            reported_tokens: None,
        };
        let saved_len = answer.text_bytes();
        let text = Text { content: answer.content.clone(), thoughts, saved_len };
        Self { text: Mutex::new(text), has_grown: Notify::new() }
    }

    pub(super) fn push(&self, chunk: &str) {
        let mut text = self.lock();
        text.thoughts.pause();
        text.content.push_str(chunk);
        self.notify_if_grown(&text);
    }

    /// Appends reasoning. Returns what was appended, or `None` if its bound is reached.
    pub(super) fn push_reasoning(&self, chunk: &str) -> Option<AppendedReasoning> {
        let mut text = self.lock();
        let appended = text.thoughts.push(chunk);
        self.notify_if_grown(&text);
        appended
    }

    /// Records the tokens of this turn's reasoning that the model has reported.
    pub(super) fn report_reasoning_tokens(&self, tokens: u32) {
        self.lock().thoughts.reported_tokens = Some(tokens);
    }

    /// Waits until the answer has grown enough since the last [`Draft::snapshot`] to be saved early.
    pub(super) async fn has_grown(&self) {
        self.has_grown.notified().await;
    }

    /// Returns the current state to save it.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut text = self.lock();
        text.saved_len = text.len();
        let thoughts = &text.thoughts;
        Snapshot {
            content: text.content.clone(),
            reasoning: thoughts.reasoning(),
            needs_token_count: thoughts.has_grown && thoughts.reported_tokens.is_none(),
        }
    }

    fn notify_if_grown(&self, text: &Text) {
        let growth = text.len().saturating_sub(text.saved_len);
        if growth >= MIN_GROWTH_BYTES.max(text.saved_len / GROWTH_DIVISOR) {
            self.has_grown.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Text> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Text {
    fn len(&self) -> usize {
        self.content.len() + self.thoughts.text.len()
    }
}

impl Thoughts {
    fn push(&mut self, chunk: &str) -> Option<AppendedReasoning> {
        self.since.get_or_insert_with(Instant::now);
        let is_first = !std::mem::replace(&mut self.has_grown, true);
        let separator = if is_first && self.before.is_some() { SEPARATOR } else { "" };
        let appended = append_reasoning(&mut self.text, &[separator, chunk].concat()).to_owned();
        let duration_ms = self.duration_ms();
        (!appended.is_empty()).then_some(AppendedReasoning { chunk: appended, duration_ms })
    }

    /// Ends the time of the reasoning until there is more.
    fn pause(&mut self) {
        let since = self.since.take();
        self.duration += since.map(|since| since.elapsed()).unwrap_or_default();
    }

    fn duration_ms(&self) -> u32 {
        let current = self.since.map(|since| since.elapsed()).unwrap_or_default();
        reasoning_millis(self.duration + current)
    }

    fn reasoning(&self) -> Option<Reasoning> {
        if !self.has_grown {
            return self.before.clone();
        }
        let before = self.before.as_ref().map_or(0, |before| before.tokens);
        let tokens = before.saturating_add(self.reported_tokens.unwrap_or_default());
        Some(Reasoning { text: self.text.clone(), duration_ms: self.duration_ms(), tokens })
    }
}
