//! A message of the file.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;
use webchat_domain::{
    ClientMessageId, MessageStatus, ModelId, Problem, Reasoning, Role, Timestamp, TurnId,
};
use webchat_persistence::rules::{ForeignAuthor, foreign_author};

use crate::formats::imported_conversation::MAX_BYTES;
use crate::formats::{foreign, ids, values};

/// The valid timestamps in Unix milliseconds: the years 0 to 9999, which RFC 3339 can represent.
const VALID_UNIX_MILLIS: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// A message as the file contains it. Optional fields are `None` if they are missing or invalid; others get their
/// default.
pub(super) struct ParsedMessage {
    pub(super) id: Option<Uuid>,
    pub(super) position: Option<u64>,
    pub(super) parent: Parent,
    pub(super) turn_id: Option<TurnId>,
    pub(super) client_message_id: Option<ClientMessageId>,
    pub(super) role: Role,
    pub(super) content: String,
    pub(super) reasoning: Option<Reasoning>,
    pub(super) token_count: u32,
    pub(super) status: MessageStatus,
    pub(super) error: Option<Problem>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) model: Option<ModelId>,
    pub(super) active: bool,
}

/// What the file says about a message's parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// The message begins the conversation.
    None,
    Id(Uuid),
    /// The file doesn't say, or its value is invalid.
    Unknown,
}

impl ParsedMessage {
    /// Parses a message. Returns the reason if it can't be imported.
    pub(super) fn parse(message: &Value) -> Result<Self, &'static str> {
        let field = |name: &str| message.get(name).unwrap_or(&Value::Null);
        if !message.is_object() {
            return Err("not a message");
        }
        let role = values::text(field("role")).ok_or("the role is missing")?;
        let Some(ForeignAuthor::Native(role) | ForeignAuthor::Mapped(role)) = foreign_author(&role)
        else {
            return Err("the role is neither `user` nor `assistant`");
        };
        let content = foreign::text_of(message);
        if content.len() > MAX_BYTES {
            return Err("longer than 4 MiB");
        }
        Ok(Self {
            id: id(field("message_id")),
            position: values::whole_number(field("position")),
            parent: match (message.get("parent_id"), id(field("parent_id"))) {
                (_, Some(parent)) => Parent::Id(parent),
                (Some(Value::Null), None) => Parent::None,
                _ => Parent::Unknown,
            },
            turn_id: value(field("turn_id")),
            client_message_id: value(field("client_message_id")),
            role,
            content,
            reasoning: reasoning(field("reasoning")),
            token_count: values::token_count(field("token_count")),
            status: value(field("status")).unwrap_or(MessageStatus::Complete),
            error: value(field("error")),
            created_at: time(field("created_at")),
            ended_at: time(field("ended_at")),
            model: value(field("model")),
            active: field("active").as_bool().unwrap_or(true),
        })
    }

    /// Returns the total size of its texts in bytes.
    pub(super) fn bytes(&self) -> usize {
        let error = self.error.as_ref();
        let reasoning = self.reasoning.as_ref().map_or(0, |reasoning| reasoning.text.len());
        let error = error.map_or(0, |error| error.message.len() + error.code.len());
        self.content.len() + reasoning + error
    }
}

/// Returns the reasoning, if it has a text.
fn reasoning(value: &Value) -> Option<Reasoning> {
    let text = values::text(value.get("text")?).filter(|text| !text.trim().is_empty())?;
    let number = |name| value.get(name).map(values::token_count).unwrap_or_default();
    let (duration_ms, tokens) = (number("duration_ms"), number("tokens"));
    Some(Reasoning { text, duration_ms, tokens }.bounded())
}

/// Returns the value, or `None` if it has an unexpected type.
pub(super) fn value<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

/// Parses a timestamp. Returns `None` if it is missing, invalid, or outside of the years 0 to 9999.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    let exact = Timestamp::deserialize(value).ok();
    let exact = exact.filter(|time| VALID_UNIX_MILLIS.contains(&time.unix_millis()));
    exact.or_else(|| values::time(value))
}

/// Parses a UUID. Derives one from any other id.
pub(super) fn id(value: &Value) -> Option<Uuid> {
    values::id(value).map(|id| ids::parse_or_derive(&id))
}
