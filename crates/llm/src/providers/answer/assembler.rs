//! Assembles the answer from its chunks.

use std::collections::VecDeque;
use std::mem;

use serde_json::value::RawValue;
use webchat_domain::FinishReason;

use super::chunk::{Chunk, PartIndex, Piece, PieceKind, reasoning_strings};
use super::finish::Ending;
use super::think_splitter::{Split, ThinkSplitter};
use crate::content_filter::FilteredCategory;
use crate::json::text_decoder::TextDecoder;
use crate::providers::content_filter::Findings;
use crate::providers::reported_model::ReportedModel;
use crate::{Delta, ModelError};

/// The deltas of an answer, and what is known about it so far.
pub(super) struct Assembler {
    model: ReportedModel,
    deltas: VecDeque<Delta>,
    decoders: Decoders,
    /// What was received so far, to find what a repeated message adds to it. The text may begin with reasoning.
    so_far: Decoded,
    splitter: ThinkSplitter,
    /// Whether there is text so far, other than white space and reasoning.
    has_text: bool,
    /// Whether there is reasoning so far, other than white space.
    has_reasoning: bool,
    /// White space at the end of the reasoning, which is dropped unless more reasoning follows.
    reasoning_space: String,
    finish_reason: Option<FinishReason>,
    /// What the content filter has found so far.
    findings: Findings,
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

/// What a chunk says.
#[derive(Default)]
struct Decoded {
    reasoning: String,
    text: String,
}

#[derive(Default)]
struct Decoders {
    reasoning: PartsDecoder,
    text: PartsDecoder,
}

/// Decodes a text that consists of parts, which are paragraphs.
#[derive(Default)]
struct PartsDecoder {
    decoder: TextDecoder,
    /// The part of the last text.
    part: Option<PartIndex>,
}

impl PartsDecoder {
    /// Adds the text of a string to `text`, after a blank line if another part begins with it.
    fn decode(&mut self, string: &RawValue, part: PartIndex, text: &mut String) {
        let decoded = self.decoder.decode(string);
        if !decoded.is_empty() {
            if self.part.replace(part).is_some_and(|last| last != part) {
                text.push_str("\n\n");
            }
            text.push_str(&decoded);
        }
    }
}

/// What a chunk means for the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is no part of the answer.
    None,
    /// It is a part of the answer, possibly without text.
    Part,
    /// The upstream has broken the answer off.
    BrokenOff,
}

impl Assembler {
    pub(super) fn new(model: ReportedModel) -> Self {
        Self {
            model,
            deltas: VecDeque::new(),
            decoders: Decoders::default(),
            so_far: Decoded::default(),
            splitter: ThinkSplitter::default(),
            has_text: false,
            has_reasoning: false,
            reasoning_space: String::new(),
            finish_reason: None,
            findings: Findings::default(),
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

    pub(super) fn add(&mut self, chunk: Chunk<'_>) -> Progress {
        if let Some(name) = chunk.model {
            self.model.set(&name);
        }
        if !chunk.delta.is_empty() {
            self.received.delta = true;
            self.add_delta(&chunk.delta);
        } else if !chunk.message.is_empty() {
            self.add_message(&chunk.message);
        }
        self.add_filtered(chunk.filtered);
        if let Some(Ending::Finished(reason)) = chunk.ending {
            self.finish(reason);
        }
        self.deltas.extend(chunk.usage.map(Delta::Usage));
        match chunk.ending {
            Some(Ending::BrokenOff) => Progress::BrokenOff,
            _ if chunk.is_part => Progress::Part,
            _ => Progress::None,
        }
    }

    /// A filter that runs beside the model reports what it finds in chunks of its own, whose finish reason may be
    /// missing.
    fn add_filtered(&mut self, categories: Vec<FilteredCategory>) {
        if !categories.is_empty() {
            for category in categories {
                self.findings.insert(category);
            }
            self.finish(FinishReason::ContentFilter);
        }
    }

    fn decode(&mut self, pieces: &[Piece<'_>], decoders: &mut Decoders) -> Decoded {
        let mut decoded = Decoded::default();
        for piece in pieces {
            match piece.kind {
                PieceKind::Reasoning => {
                    self.received.reasoning = true;
                    self.pieces = self.pieces.saturating_add(1);
                    for string in reasoning_strings(piece.value) {
                        decoders.reasoning.decode(string, piece.part, &mut decoded.reasoning);
                    }
                }
                PieceKind::Text => {
                    decoders.text.decode(piece.value, piece.part, &mut decoded.text);
                }
                // What the model says instead of an answer is shown, too.
                PieceKind::Refusal => {
                    self.received.refusal = true;
                    decoders.text.decode(piece.value, piece.part, &mut decoded.text);
                }
            }
        }
        decoded
    }

    fn add_delta(&mut self, pieces: &[Piece<'_>]) {
        let mut decoders = mem::take(&mut self.decoders);
        let Decoded { reasoning, text } = self.decode(pieces, &mut decoders);
        self.decoders = decoders;
        self.push(&reasoning, &text);
    }

    /// Adds a message: what it adds to the text so far if it repeats that, or all of it. Beside deltas, a
    /// message can only repeat.
    fn add_message(&mut self, pieces: &[Piece<'_>]) {
        let mut decoders = Decoders::default();
        let message = self.decode(pieces, &mut decoders);
        if !message.text.is_empty() {
            self.messages = self.messages.saturating_add(1);
        }
        let added = |so_far: &str, message: &str| match message.strip_prefix(so_far) {
            Some(added) => added.to_owned(),
            None if self.received.delta => String::new(),
            None => message.to_owned(),
        };
        let reasoning = added(&self.so_far.reasoning, &message.reasoning);
        let text = added(&self.so_far.text, &message.text);
        if !self.received.delta {
            self.decoders = decoders;
        }
        self.push(&reasoning, &text);
    }

    /// Adds reasoning, and text that may begin with reasoning.
    fn push(&mut self, reasoning: &str, text: &str) {
        self.so_far.reasoning.push_str(reasoning);
        self.push_reasoning(reasoning);
        self.pieces = self.pieces.saturating_add(usize::from(!text.is_empty()));
        self.so_far.text.push_str(text);
        let split = self.splitter.push(text);
        self.push_split(split);
    }

    fn push_split(&mut self, Split { reasoning, text }: Split) {
        self.push_reasoning(&reasoning);
        // White space before the first other character separates the text from the reasoning.
        let is_after_reasoning = self.has_reasoning && !self.has_text;
        let text = if is_after_reasoning { text.trim_start().to_owned() } else { text };
        // Alone, white space is no answer.
        self.has_text |= !text.trim().is_empty();
        if self.has_text && !text.is_empty() {
            self.deltas.push_back(Delta::Text(text));
        }
    }

    /// Adds reasoning, without the white space around all of it.
    fn push_reasoning(&mut self, text: &str) {
        self.reasoning_space.push_str(text);
        if text.trim().is_empty() {
            return;
        }
        let end = self.reasoning_space.trim_end().len();
        let space = self.reasoning_space.split_off(end);
        let mut reasoning = mem::replace(&mut self.reasoning_space, space);
        if !self.has_reasoning {
            let start = reasoning.len() - reasoning.trim_start().len();
            reasoning.drain(..start);
        }
        self.has_reasoning = true;
        self.received.reasoning = true;
        self.deltas.push_back(Delta::Reasoning(reasoning));
    }

    /// Ends the answer. Of several reasons the first counts, but a content filter may find something later.
    pub(super) fn finish(&mut self, reason: FinishReason) {
        if self.finish_reason.is_none() || reason == FinishReason::ContentFilter {
            self.finish_reason = Some(reason);
        }
        let Decoders { reasoning, text } = &mut self.decoders;
        let (reasoning, text) = (reasoning.decoder.finish(), text.decoder.finish());
        self.push(reasoning, text);
    }

    /// Returns the last deltas, and then nothing.
    ///
    /// # Errors
    /// When what the model sent is no answer.
    pub(super) fn end(&mut self) -> Result<Option<Delta>, ModelError> {
        let rest = self.splitter.finish();
        self.push_split(rest);
        if let Some(delta) = self.next() {
            return Ok(Some(delta));
        }
        let found = mem::take(&mut self.findings).into_categories();
        if !found.is_empty() {
            let names: Vec<_> = found.iter().map(|category| &category.name).collect();
            tracing::info!(filtered = ?names, "answer filtered by provider");
            return Ok(Some(Delta::Filtered(found)));
        }
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
