//! Parses JSON of any shape, and keeps only the members that an import uses.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::formats::limits::too_much_text;

/// The maximum memory of the members of one message that are kept.
const MAX_BYTES: usize = 48 * 1024 * 1024;

/// The memory that a value takes in addition to its text.
const OVERHEAD_BYTES: usize = 48;

/// The members that are kept.
const KEPT: [&str; 79] = [
    "id",
    "uuid",
    "messageId",
    "parent",
    "parentId",
    "parentMessageId",
    "parent_id",
    "parent_message_uuid",
    "children",
    "childrenIds",
    "message",
    "author",
    "role",
    "name",
    "sender",
    "from",
    "isCreatedByUser",
    "content",
    "content_type",
    "parts",
    "text",
    "value",
    "type",
    "language",
    "result",
    "recipient",
    "channel",
    "weight",
    "status",
    "metadata",
    "end_turn",
    "is_visually_hidden_from_conversation",
    "finish_details",
    "finishDetails",
    "create_time",
    "created_at",
    "createdAt",
    "timestamp",
    "update_time",
    "updated_at",
    "updatedAt",
    "attachments",
    "files",
    "file_name",
    "fileName",
    "extracted_content",
    "unfinished",
    "done",
    "error",
    "$date",
    "$numberLong",
    "$numberInt",
    "input_text",
    "output_text",
    "url",
    "domain",
    "title",
    "transcript",
    "fragments",
    "content_list",
    "inserted_at",
    "file",
    "data",
    "filename",
    "_id",
    "message_id",
    "chatId",
    "chat_id",
    "conversationId",
    "conversation_id",
    "sessionId",
    "session_id",
    "contentChunks",
    "phase",
    "input",
    "file_text",
    "path",
    "mimeType",
    "mime_type",
];

/// The result of parsing a value of any type. Values of types that it does not expect are skipped.
pub(in crate::formats) trait Shape: Sized {
    type Output: Default;

    /// Parses an object.
    fn map<'de, A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Output, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Output::default())
    }

    /// Parses a list.
    fn seq<'de, A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Output, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Output::default())
    }

    /// Converts a value that is neither an object nor a list.
    fn scalar<E: de::Error>(self, _: Value) -> Result<Self::Output, E> {
        Ok(Self::Output::default())
    }
}

/// Parses a value of any type.
pub(in crate::formats) struct Any<S>(pub(in crate::formats) S);

impl<'de, S: Shape> DeserializeSeed<'de> for Any<S> {
    type Value = S::Output;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Output, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Shape> Visitor<'de> for Any<S> {
    type Value = S::Output;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<S::Output, E> {
        self.0.scalar(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<S::Output, E> {
        self.0.scalar(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<S::Output, E> {
        self.0.scalar(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<S::Output, E> {
        self.0.scalar(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<S::Output, E> {
        self.0.scalar(value.into())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<S::Output, E> {
        self.0.scalar(value.into())
    }

    fn visit_unit<E: de::Error>(self) -> Result<S::Output, E> {
        self.0.scalar(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<S::Output, A::Error> {
        self.0.seq(elements)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<S::Output, A::Error> {
        self.0.map(members)
    }
}

/// Parses a value, and keeps only the members for which `keeps` returns true.
struct Pick<'a> {
    remaining: &'a mut usize,
    keeps: fn(&str) -> bool,
}

impl<'a> Pick<'a> {
    /// Parses a value that may still take this many bytes.
    fn within(remaining: &'a mut usize, keeps: fn(&str) -> bool) -> Any<Self> {
        Any(Self { remaining, keeps })
    }

    fn take(&mut self, bytes: usize) -> Result<(), String> {
        let remaining = self.remaining.checked_sub(bytes + OVERHEAD_BYTES);
        *self.remaining = remaining.ok_or_else(too_much_text)?;
        Ok(())
    }
}

/// Parses one message, and keeps only the members in [`KEPT`].
pub(in crate::formats) struct PickMessage;

impl<'de> DeserializeSeed<'de> for PickMessage {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Pick::within(&mut { MAX_BYTES }, |name| KEPT.contains(&name)).deserialize(deserializer)
    }
}

/// Parses a value of bounded size, and keeps all of its members.
pub(in crate::formats) struct PickAll;

impl<'de> DeserializeSeed<'de> for PickAll {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Pick::within(&mut { MAX_BYTES }, |_| true).deserialize(deserializer)
    }
}

impl Shape for Pick<'_> {
    type Output = Value;

    fn map<'de, A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        self.take(0).map_err(de::Error::custom)?;
        let mut kept = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if (self.keeps)(&name) {
                let value = members.next_value_seed(Pick::within(self.remaining, self.keeps))?;
                kept.insert(name, value);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(kept.into())
    }

    fn seq<'de, A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Value, A::Error> {
        self.take(0).map_err(de::Error::custom)?;
        let mut kept = Vec::new();
        while let Some(value) =
            elements.next_element_seed(Pick::within(self.remaining, self.keeps))?
        {
            kept.push(value);
        }
        Ok(kept.into())
    }

    fn scalar<E: de::Error>(mut self, value: Value) -> Result<Value, E> {
        self.take(value.as_str().map_or(0, str::len)).map_err(E::custom)?;
        Ok(value)
    }
}
