//! The limits of a conversation in an import file. They are checked while the file is parsed, so that memory is
//! bounded by the largest accepted conversation.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The maximum number of messages of a conversation, or of nodes of a ChatGPT conversation.
pub(super) const MAX_MESSAGES: usize = 100_000;

/// The maximum total size of the texts and ids of a conversation's messages, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 32 * 1024 * 1024;

/// The maximum size of a single id in bytes.
const MAX_ID_BYTES: usize = 1024;

/// The heap memory of a parsed message.
pub(super) trait TextSize {
    /// Returns the total size of its texts and ids in bytes.
    fn text_bytes(&self) -> usize;
}

/// Counts the messages of one conversation.
#[derive(Default)]
pub(super) struct ConversationSize {
    messages: usize,
    text_bytes: usize,
}

impl ConversationSize {
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
            let megabytes = MAX_TEXT_BYTES / (1024 * 1024);
            return Err(format!(
                "its messages have more than {megabytes} MiB of text; split it into several conversations"
            ));
        }
        Ok(())
    }
}

/// Parses the messages of a conversation.
pub(super) fn messages<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de> + TextSize,
    D: Deserializer<'de>,
{
    deserializer.deserialize_seq(MessagesVisitor(PhantomData))
}

struct MessagesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + TextSize> Visitor<'de> for MessagesVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
        let (mut messages, mut size) = (Vec::new(), ConversationSize::default());
        while let Some(message) = elements.next_element::<T>()? {
            size.add(message.text_bytes()).map_err(de::Error::custom)?;
            messages.push(message);
        }
        Ok(messages)
    }
}

/// An id of another application, with at most [`MAX_ID_BYTES`].
pub(super) struct ForeignId(pub(super) Box<str>);

impl<'de> Deserialize<'de> for ForeignId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ForeignIdVisitor)
    }
}

struct ForeignIdVisitor;

impl Visitor<'_> for ForeignIdVisitor {
    type Value = ForeignId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ForeignId, E> {
        if text.len() > MAX_ID_BYTES {
            return Err(E::custom(format!("an id is longer than {MAX_ID_BYTES} bytes")));
        }
        Ok(ForeignId(text.into()))
    }
}
