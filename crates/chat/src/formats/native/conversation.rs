//! A parsed conversation. Each message is converted as soon as it is parsed.

use std::collections::BTreeMap;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess};
use serde_json::Value;
use webchat_domain::Title;

use super::message::ParsedMessage;
use crate::formats::input::{Any, PickAll, Shape};
use crate::formats::left_out::{LeftOutParts, Part};
use crate::formats::limits::ConversationSize;
use crate::formats::values;

/// The keys of a conversation's JSON object that are used, except for its messages.
const FIELDS: [&str; 8] = [
    "conversation_id",
    "user_id",
    "title",
    "created_at",
    "updated_at",
    "archived",
    "last_position",
    "context",
];

/// A conversation of Webchat.
#[derive(Default)]
pub(in crate::formats) struct NativeConversation {
    fields: BTreeMap<String, Value>,
    /// `None` if it has no list of messages.
    pub(super) messages: Option<Vec<ParsedMessage>>,
    pub(super) left_out: LeftOutParts,
    size: ConversationSize,
}

impl NativeConversation {
    /// Returns the value of the field, or null.
    pub(super) fn field(&self, name: &str) -> &Value {
        self.fields.get(name).unwrap_or(&Value::Null)
    }

    /// Returns whether the element is an object of any kind with a known key.
    pub(super) fn is_conversation(&self) -> bool {
        !self.fields.is_empty()
    }

    /// Returns the conversation's id in the file.
    pub(in crate::formats) fn id(&self) -> Option<Box<str>> {
        values::id(self.field("conversation_id"))
    }

    /// Returns the title, shortened if it is too long.
    pub(in crate::formats) fn title(&self) -> Option<Title> {
        values::title(&values::text(self.field("title"))?)
    }

    fn add(&mut self, value: &Value) -> Result<(), String> {
        match ParsedMessage::parse(value) {
            Ok(message) => {
                self.size.add(message.bytes())?;
                self.messages.get_or_insert_default().push(message);
            }
            Err(reason) => {
                self.size.add(0)?;
                self.left_out.add(Part::Message, reason);
            }
        }
        Ok(())
    }
}

/// Parses a conversation into a [`NativeConversation`], which keeps what was read even if the rest is invalid.
pub(in crate::formats) struct NativeConversationSeed<'a>(
    pub(in crate::formats) &'a mut NativeConversation,
);

impl<'de> DeserializeSeed<'de> for NativeConversationSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        Any(self).deserialize(deserializer)
    }
}

impl Shape for NativeConversationSeed<'_> {
    type Output = ();

    fn map<'de, A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == "messages" {
                members.next_value_seed(Any(Messages(self.0)))?;
            } else if FIELDS.contains(&name.as_str()) {
                let value = members.next_value_seed(PickAll)?;
                self.0.fields.insert(name, value);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Messages<'a>(&'a mut NativeConversation);

impl Shape for Messages<'_> {
    type Output = ();

    fn seq<'de, A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.0.messages.get_or_insert_default();
        while let Some(value) = elements.next_element_seed(PickAll)? {
            self.0.add(&value).map_err(de::Error::custom)?;
        }
        Ok(())
    }
}
