//! The limits of a conversation in an import file. They are checked while the file is parsed, so that memory is
//! bounded by the largest accepted conversation.

/// The maximum number of messages of a conversation, or of nodes of a ChatGPT conversation.
pub(super) const MAX_MESSAGES: usize = 100_000;

/// The maximum total size of the texts and ids of a conversation's messages, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 32 * 1024 * 1024;

/// Counts the messages of one conversation.
#[derive(Default)]
pub(super) struct ConversationSize {
    messages: usize,
    text_bytes: usize,
}

impl ConversationSize {
    /// Returns the size of the texts and ids that were counted, in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Counts a message. Returns an error for the user if the conversation is too large.
    pub(super) fn add(&mut self, text_bytes: usize) -> Result<(), String> {
        self.messages += 1;
        self.text_bytes = self.text_bytes.saturating_add(text_bytes);
        if self.messages > MAX_MESSAGES {
            return Err(format!(
                "it has more than {MAX_MESSAGES} messages; split it into several conversations"
            ));
        }
        if self.text_bytes > MAX_TEXT_BYTES {
            return Err(too_much_text());
        }
        Ok(())
    }
}

/// Returns the error for the user of a conversation with more than [`MAX_TEXT_BYTES`].
pub(super) fn too_much_text() -> String {
    let megabytes = MAX_TEXT_BYTES / (1024 * 1024);
    format!(
        "its messages have more than {megabytes} MiB of text; split it into several conversations"
    )
}
