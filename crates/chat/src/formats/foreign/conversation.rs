//! A parsed conversation. Each message is converted as soon as it is parsed, so that only texts are kept.

use std::collections::{BTreeMap, HashMap};

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess};
use serde_json::Value;
use uuid::Uuid;

use super::message::{self, CREATION_TIMES, MessageText, ReadOutcome};
use crate::formats::input::{Any, PickMessage, Shape};
use crate::formats::left_out::{LeftOutParts, Part};
use crate::formats::limits::ConversationSize;
use crate::formats::{ids, values};
use webchat_domain::Timestamp;

/// The keys of a conversation's JSON object whose value contains its messages.
const MESSAGES: [&str; 7] = [
    "mapping",
    "chat_messages",
    "messages",
    "messagesTree",
    "conversation",
    "conversations",
    "data",
];

/// The keys of a conversation's JSON object whose value is an object with further fields of the conversation, or the
/// list of its messages.
const NESTED: [&str; 2] = ["chat", "history"];

/// The other keys of a conversation's JSON object that are used, except for [`CREATION_TIMES`].
const FIELDS: [&str; 18] = [
    "conversation_id",
    "conversationId",
    "uuid",
    "id",
    "_id",
    "chatId",
    "sessionId",
    "is_archived",
    "archived",
    "title",
    "name",
    "update_time",
    "updated_at",
    "updatedAt",
    "current_node",
    "currentId",
    "current_leaf_message_uuid",
    "user_id",
];

/// A conversation of another application.
#[derive(Default)]
pub(in crate::formats) struct ForeignConversation {
    pub(super) fields: BTreeMap<String, Value>,
    pub(super) nodes: Vec<Node>,
    /// Whether it has a list of messages, even an empty one.
    pub(super) has_messages: bool,
    /// Whether it has a message with a text.
    pub(super) has_text: bool,
    /// Summaries of earlier messages that the file does not contain.
    pub(super) summary: Vec<String>,
    /// Whether it has a message of the user, or of an unknown form, in which no text was found.
    pub(super) has_message_without_text: bool,
    pub(super) left_out: LeftOutParts,
    pub(super) size: ConversationSize,
    /// The number of messages without an id so far, by the id that is derived from their role and text.
    occurrences: HashMap<Uuid, usize>,
}

/// A node of the tree of messages.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) id: Box<str>,
    pub(super) parent: Option<Box<str>>,
    pub(super) children: Vec<Box<str>>,
    /// Whether the file specifies its parent (possibly none) or lists its children.
    pub(super) has_links: bool,
    pub(super) created_at: Option<Timestamp>,
    pub(super) text: Option<MessageText>,
}

impl ForeignConversation {
    /// Creates an empty conversation with this id.
    pub(super) fn with_id(id: Option<Box<str>>) -> Self {
        let id = id.map(|id| ("conversation_id".to_owned(), Value::from(String::from(id))));
        Self { fields: id.into_iter().collect(), has_messages: true, ..Self::default() }
    }

    pub(super) fn add_summary(&mut self, text: String) -> Result<(), String> {
        self.size.add(text.len())?;
        self.summary.push(text);
        Ok(())
    }

    /// Returns the first of these fields that has a value.
    pub(super) fn field(&self, names: &[&str]) -> Option<&Value> {
        names.iter().filter_map(|name| self.fields.get(*name)).find(|value| !value.is_null())
    }

    /// Adds a message, and those that are nested in it.
    pub(super) fn add(
        &mut self,
        key: Option<&str>,
        value: &Value,
        parent: Option<&str>,
    ) -> Result<(), String> {
        let (parent, has_parent) = parent_of(value, parent);
        let (children, nested) = children_of(value);
        let (text, created_at) = match message::read(value) {
            ReadOutcome::Text(text, at) => (Some(text), at),
            ReadOutcome::Skipped(at) => (None, at),
            ReadOutcome::NoText(at) => {
                self.has_message_without_text = true;
                (None, at)
            }
            ReadOutcome::LeftOut(reason, at) => {
                self.left_out.add(Part::Message, reason);
                (None, at)
            }
        };
        let id = match key.map(values::bounded_id).or_else(|| id_of(value)) {
            Some(id) => id,
            None => self.derive_id(text.as_ref()),
        };
        self.has_text |= text.is_some();
        let links = children.iter().map(|child| child.len()).sum::<usize>();
        let bytes = text.as_ref().map_or(0, |text| text.content.len());
        self.size.add(id.len() + parent.as_ref().map_or(0, |id| id.len()) + links + bytes)?;
        let has_links = has_parent || !children.is_empty();
        self.nodes.push(Node { id: id.clone(), parent, children, has_links, created_at, text });
        nested.into_iter().try_for_each(|child| self.add(None, child, Some(&id)))
    }

    /// Derives an id from the text, so that importing a later export recognises the message even if others were deleted
    /// in the meantime.
    fn derive_id(&mut self, text: Option<&MessageText>) -> Box<str> {
        let Some(text) = text else { return format!("#{}", self.nodes.len()).into() };
        let content = ids::parse_or_derive(&format!("{:?}:{}", text.role, text.content));
        let occurrence = self.occurrences.entry(content).or_default();
        *occurrence += 1;
        format!("{content}#{occurrence}").into()
    }
}

fn id_of(value: &Value) -> Option<Box<str>> {
    let names = ["id", "uuid", "messageId", "message_id", "_id"];
    let own = names.into_iter().find_map(|name| values::id(value.get(name)?));
    own.or_else(|| values::id(value.get("message")?.get("id")?))
}

/// Returns the id of the parent, and whether the file contains this information.
fn parent_of(value: &Value, nested_in: Option<&str>) -> (Option<Box<str>>, bool) {
    if let Some(parent) = nested_in {
        return (Some(parent.into()), true);
    }
    let names = ["parent", "parentId", "parentMessageId", "parent_message_uuid", "parent_id"];
    let found = names.into_iter().find_map(|name| value.get(name));
    let id = found.and_then(values::id);
    // In exports of LibreChat and Claude, the first message has one of these ids as its parent.
    let is_root = id.as_deref().is_some_and(|id| {
        Uuid::try_parse(id).is_ok_and(|id| {
            id.is_nil() || id == Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000)
        })
    });
    (id.filter(|_| !is_root), found.is_some())
}

/// Returns the ids of the children, and the children that are nested.
fn children_of(value: &Value) -> (Vec<Box<str>>, Vec<&Value>) {
    let names = ["children", "childrenIds"];
    let lists = names.iter().filter_map(|name| value.get(name)?.as_array()).flatten();
    let mut nested = Vec::new();
    let mut ids = Vec::new();
    for child in lists {
        match values::id(child) {
            Some(id) => ids.push(id),
            None if child.is_object() => nested.push(child),
            None => {}
        }
    }
    (ids, nested)
}

/// Parses a conversation into a [`ForeignConversation`], which keeps what was read even if the rest is invalid.
pub(in crate::formats) struct ForeignConversationSeed<'a>(
    pub(in crate::formats) &'a mut ForeignConversation,
);

impl<'de> DeserializeSeed<'de> for ForeignConversationSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        Any(ConversationShape(self.0)).deserialize(deserializer)
    }
}

struct ConversationShape<'a>(&'a mut ForeignConversation);

impl Shape for ConversationShape<'_> {
    type Output = ();

    fn map<'de, A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if MESSAGES.contains(&name.as_str()) {
                members.next_value_seed(Any(Messages(self.0)))?;
            } else if NESTED.contains(&name.as_str()) {
                members.next_value_seed(Any(ConversationShape(self.0)))?;
            } else if FIELDS.contains(&name.as_str()) || CREATION_TIMES.contains(&name.as_str()) {
                let value = members.next_value_seed(PickMessage)?;
                let field = self.0.fields.entry(name).or_default();
                if field.is_null() {
                    *field = value;
                }
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn seq<'de, A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        Messages(self.0).seq(elements)
    }
}

struct Messages<'a>(&'a mut ForeignConversation);

impl Shape for Messages<'_> {
    type Output = ();

    fn map<'de, A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.has_messages = true;
        while let Some(id) = members.next_key::<String>()? {
            let value = members.next_value_seed(PickMessage)?;
            self.0.add(Some(&id), &value, None).map_err(de::Error::custom)?;
        }
        Ok(())
    }

    fn seq<'de, A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.0.has_messages = true;
        while let Some(value) = elements.next_element_seed(PickMessage)? {
            self.0.add(None, &value, None).map_err(de::Error::custom)?;
        }
        Ok(())
    }
}
