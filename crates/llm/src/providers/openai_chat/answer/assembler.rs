//! Assembles the answer from its chunks.

use std::collections::VecDeque;
use std::mem;

use webchat_domain::FinishReason;

use super::chunk::{Choice, Chunk, Piece};
use super::finish::Ending;
use crate::json::text_decoder::TextDecoder;
use crate::providers::openai_chat::reported_model::ReportedModel;
use crate::{Delta, ModelError};

/// The deltas of an answer, and what is known about it so far.
pub(super) struct Assembler {
    model: ReportedModel,
    deltas: VecDeque<Delta>,
    decoder: TextDecoder,
    /// The text so far, to find what a repeated message adds to it.
    text: String,
    /// Whether the text so far is more than white space.
    has_text: bool,
    finish_reason: Option<FinishReason>,
    /// Whether [`Assembler::end`] was called.
    has_ended: bool,
    /// The number of pieces of text or reasoning.
    pieces: usize,
    /// The number of messages that were sent instead of deltas.
    messages: u32,
    received: Received,
}

/// What was received besides text.
#[derive(Default)]
struct Received {
    delta: bool,
    reasoning: bool,
    refusal: bool,
}

/// What a chunk means for the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is no part of the answer.
    None,
    /// It is a part of the answer, possibly without text.
    Chunk,
    /// The upstream has broken the answer off.
    BrokenOff,
}

impl Assembler {
    pub(super) fn new(model: ReportedModel) -> Self {
        Self {
            model,
            deltas: VecDeque::new(),
            decoder: TextDecoder::default(),
            text: String::new(),
            has_text: false,
            finish_reason: None,
            has_ended: false,
            pieces: 0,
            messages: 0,
            received: Received::default(),
        }
    }

    pub(super) fn next(&mut self) -> Option<Delta> {
        self.deltas.pop_front()
    }

    /// Returns whether there is text so far, other than white space.
    pub(super) fn has_text(&self) -> bool {
        self.has_text
    }

    /// Returns the number of pieces of text or reasoning so far.
    pub(super) fn pieces(&self) -> usize {
        self.pieces
    }

    /// Returns whether the finish reason was received.
    pub(super) fn has_finish_reason(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Returns whether the answer is one message, which needs no finish reason to be complete.
    pub(super) fn is_complete_message(&self) -> bool {
        self.messages == 1 && !self.received.delta
    }

    pub(super) fn add(&mut self, chunk: &Chunk<'_>) -> Progress {
        if let Some(name) = chunk.model() {
            self.model.set(&name);
        }
        let progress = chunk.choice().map_or(Progress::None, |choice| self.add_choice(choice));
        self.add_filtered(chunk.filtered_categories());
        self.deltas.extend(chunk.usage().map(Delta::Usage));
        progress
    }

    fn add_choice(&mut self, choice: &Choice<'_>) -> Progress {
        let delta = choice.delta();
        if delta.is_empty() {
            self.add_message(&choice.message());
        } else {
            self.received.delta = true;
            self.add_delta(&delta);
        }
        self.add_filtered(choice.filtered_categories());
        match choice.ending() {
            None => Progress::Chunk,
            Some(Ending::BrokenOff) => Progress::BrokenOff,
            Some(Ending::Finished(reason)) => {
                self.finish(reason);
                Progress::Chunk
            }
        }
    }

    /// A filter that runs beside the model reports what it finds in chunks of its own, whose finish reason may be
    /// missing.
    fn add_filtered(&mut self, categories: Vec<String>) {
        if !categories.is_empty() {
            tracing::info!(filtered = ?categories, "answer filtered by provider");
            self.deltas.push_back(Delta::Filtered(categories));
            self.finish(FinishReason::ContentFilter);
        }
    }

    fn decode(&mut self, pieces: &[Piece<'_>], decoder: &mut TextDecoder) -> String {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Reasoning => {
                    self.received.reasoning = true;
                    self.pieces = self.pieces.saturating_add(1);
                }
                Piece::Text(string) => text.push_str(&decoder.decode(string)),
                // What the model says instead of an answer is shown, too.
                Piece::Refusal(string) => {
                    self.received.refusal = true;
                    text.push_str(&decoder.decode(string));
                }
            }
        }
        text
    }

    fn add_delta(&mut self, pieces: &[Piece<'_>]) {
        let mut decoder = mem::take(&mut self.decoder);
        let text = self.decode(pieces, &mut decoder);
        self.decoder = decoder;
        self.push_text(text);
    }

    /// Adds a message: what it adds to the text so far if it repeats that, or all of it. Beside deltas, a
    /// message can only repeat.
    fn add_message(&mut self, pieces: &[Piece<'_>]) {
        let mut decoder = TextDecoder::default();
        let message = self.decode(pieces, &mut decoder);
        if !message.is_empty() {
            self.messages = self.messages.saturating_add(1);
        }
        match message.strip_prefix(self.text.as_str()) {
            Some(added) => {
                if !self.received.delta {
                    self.decoder = decoder;
                }
                self.push_text(added.to_owned());
            }
            None if self.received.delta => {}
            None => self.add_delta(pieces),
        }
    }

    /// Adds text. White space at the beginning waits for the first other character, because alone it is no answer.
    fn push_text(&mut self, text: String) {
        self.pieces = self.pieces.saturating_add(usize::from(!text.is_empty()));
        self.text.push_str(&text);
        let had_text = self.has_text;
        self.has_text |= !text.trim().is_empty();
        let added = if had_text { text } else { self.text.clone() };
        if self.has_text && !added.is_empty() {
            self.deltas.push_back(Delta::Text(added));
        }
    }

    /// Ends the answer. Of several reasons the first counts, but a content filter may find something later.
    pub(super) fn finish(&mut self, reason: FinishReason) {
        if self.finish_reason.is_none() || reason == FinishReason::ContentFilter {
            self.finish_reason = Some(reason);
        }
        let rest = self.decoder.finish();
        self.push_text(rest.to_owned());
    }

    /// Returns the last delta, and then nothing.
    ///
    /// # Errors
    /// When what the model sent is no answer.
    pub(super) fn end(&mut self) -> Result<Option<Delta>, ModelError> {
        if mem::replace(&mut self.has_ended, true) {
            return Ok(None);
        }
        let reason = self.finish_reason.unwrap_or(FinishReason::Stop);
        self.problem(reason).map_or(Ok(Some(Delta::Finished(reason))), Err)
    }

    /// Returns why what was received is no answer, if it isn't.
    fn problem(&self, reason: FinishReason) -> Option<ModelError> {
        if reason == FinishReason::ContentFilter {
            return None;
        }
        if self.received.refusal {
            return Some(ModelError::Refused("the model refused to answer".into()));
        }
        if self.has_text {
            return None;
        }
        let is_cut_off = reason == FinishReason::Length;
        let cause = match (is_cut_off, self.received.reasoning) {
            (true, _) => "the answer reached its maximum length before its first text",
            (false, true) => "the answer has only reasoning",
            (false, false) => "the answer is empty",
        };
        Some(ModelError::EmptyAnswer { is_cut_off, cause: cause.into() })
    }
}
