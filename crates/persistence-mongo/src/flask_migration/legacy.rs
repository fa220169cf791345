//! Parses the Flask application's documents.

use std::ops::RangeInclusive;

use mongodb::bson::raw::{RawBsonRef, RawDocument};
use mongodb::bson::{Bson, DateTime, RawDocumentBuf};
use uuid::Uuid;
use webchat_domain::{ConversationId, Role, Timestamp, UserId};
use webchat_persistence::rules::{
    ForeignAuthor, foreign_author, foreign_time, foreign_time_of_number,
};

use super::ids;
use super::skip_reason::{MAX_CONTENT_BYTES, SkipReason};
use crate::documents::{is_current, is_flask_document};

/// The user id that the Flask application stored for users without a session.
const ANONYMOUS: &str = "anonymous";

/// The dates that the API can represent: those of the years 0 to 9999, in milliseconds.
const DATES: RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// A conversation of the Flask application.
pub(super) struct LegacyConversation {
    pub(super) conversation_id: ConversationId,
    /// The id as it is stored in the document. It may be a UUID in another form, no UUID, a number, or missing.
    pub(super) stored_id: Bson,
    pub(super) user_id: UserId,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) summary: Option<String>,
    pub(super) messages: Vec<LegacyMessage>,
    /// The reasons for messages that are left out.
    pub(super) left_out: Vec<SkipReason>,
}

/// A message of a [`LegacyConversation`].
pub(super) struct LegacyMessage {
    pub(super) role: Role,
    /// Whether the role was mapped from one that Webchat does not have.
    pub(super) is_role_mapped: bool,
    pub(super) content: String,
}

/// The counts that a conversation adds to a report.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    pub(super) messages: u64,
    pub(super) role_mapped_messages: u64,
    pub(super) has_summary: bool,
}

impl LegacyConversation {
    pub(super) fn parse(document: &RawDocument) -> Result<Self, SkipReason> {
        if is_current(document) {
            return Err(SkipReason::ModifiedAfterMigration);
        }
        if !is_flask_document(document) {
            return Err(SkipReason::Foreign);
        }
        let stored_id = value(document, "conversation_id")?;
        let is_missing = matches!(stored_id, Bson::Null | Bson::Undefined);
        if !is_missing && id_text(&stored_id).is_none() {
            return Err(SkipReason::InvalidConversationId);
        }
        let own_id = value(document, "_id")?;
        // A document without an id is the only one of its conversation.
        let id = id_text(&stored_id).or_else(|| Some(format!("document {}", id_text(&own_id)?)));
        let id = id.ok_or(SkipReason::NoConversationId)?;
        let user_id = user_id(&value(document, "user_id")?)?;
        let (created_at, updated_at) = times(document)?;
        let History { summary, messages, left_out } = history(document)?;
        Ok(Self {
            conversation_id: ids::conversation_id(&id),
            stored_id,
            user_id: ids::user_id(&user_id),
            created_at,
            updated_at,
            summary,
            messages,
            left_out,
        })
    }

    pub(super) fn counts(&self) -> Counts {
        let mapped = self.messages.iter().filter(|message| message.is_role_mapped);
        Counts {
            messages: number(self.messages.len()),
            role_mapped_messages: number(mapped.count()),
            has_summary: self.summary.is_some(),
        }
    }
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Returns the user id as text. A wrong guess would show the conversation to another user.
pub(super) fn user_id(stored: &Bson) -> Result<String, SkipReason> {
    match stored {
        Bson::Null | Bson::Undefined => Ok(ANONYMOUS.to_owned()),
        stored => id_text(stored).ok_or(SkipReason::InvalidUserId),
    }
}

/// Returns the document's `_id`, or null if the document is so damaged that it can't be read.
pub(super) fn document_id(document: &RawDocumentBuf) -> Bson {
    let id = document.get("_id").ok().flatten();
    id.and_then(|id| Bson::try_from(id).ok()).unwrap_or(Bson::Null)
}

fn times(document: &RawDocument) -> Result<(Timestamp, Timestamp), SkipReason> {
    let created_at = date(document, "created_at")?;
    let updated_at = date(document, "updated_at")?;
    let inserted_at = match field(document, "_id")? {
        Some(RawBsonRef::ObjectId(id)) => Some(timestamp(id.timestamp())),
        _ => None,
    };
    let created_at = created_at.or(updated_at).or(inserted_at).ok_or(SkipReason::NoTime)?;
    Ok((created_at, updated_at.unwrap_or(created_at)))
}

#[derive(Default)]
struct History {
    summary: Option<String>,
    messages: Vec<LegacyMessage>,
    left_out: Vec<SkipReason>,
}

fn history(document: &RawDocument) -> Result<History, SkipReason> {
    let entries = match field(document, "conversation_history")? {
        Some(RawBsonRef::Array(entries)) => Some(entries),
        Some(RawBsonRef::Null) | None => None,
        Some(_) => return Err(SkipReason::InvalidHistory),
    };
    let mut summary = Vec::new();
    let mut history = History::default();
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        let (author, content) = match parse_entry(index, entry.map_err(unreadable)?) {
            Ok(Some(message)) => message,
            Ok(None) => continue,
            Err(reason @ (SkipReason::UnknownRole(_) | SkipReason::InvalidEntry(_))) => {
                history.left_out.push(reason);
                continue;
            }
            Err(reason) => return Err(reason),
        };
        let messages = &mut history.messages;
        match author {
            ForeignAuthor::System if messages.is_empty() => summary.push(content),
            ForeignAuthor::System => {
                messages.push(LegacyMessage::new(Role::Assistant, true, content));
            }
            ForeignAuthor::Native(role) => messages.push(LegacyMessage::new(role, false, content)),
            ForeignAuthor::Mapped(role) => messages.push(LegacyMessage::new(role, true, content)),
        }
    }
    let is_empty = history.messages.is_empty() && summary.is_empty();
    if is_empty && (has_text(document)? || !history.left_out.is_empty()) {
        return Err(history.left_out.pop().unwrap_or(SkipReason::TextWithoutHistory));
    }
    history.summary = join_summary(&summary)?;
    Ok(history)
}

/// Returns `None` for an entry without a text, for example one that only calls a tool.
fn parse_entry(
    index: usize,
    entry: RawBsonRef<'_>,
) -> Result<Option<(ForeignAuthor, String)>, SkipReason> {
    let entry = match entry {
        RawBsonRef::Document(entry) => entry,
        RawBsonRef::Null => return Ok(None),
        _ => return Err(SkipReason::InvalidEntry(index)),
    };
    let content = value(entry, "content")?;
    let Some(content) = content_text(&content) else { return Ok(None) };
    let role = text(entry, "role")?.and_then(foreign_author);
    let role = role.ok_or(SkipReason::UnknownRole(index))?;
    let bytes = content.len();
    if bytes > MAX_CONTENT_BYTES {
        return Err(SkipReason::ContentTooLong { index, bytes });
    }
    Ok(Some((role, content)))
}

/// Returns the text of a content, which may be a list of parts.
fn content_text(content: &Bson) -> Option<String> {
    match content {
        Bson::Array(parts) => {
            let texts: Vec<String> = parts.iter().filter_map(content_text).collect();
            (!texts.is_empty()).then(|| texts.join("\n\n"))
        }
        Bson::Document(part) => {
            ["text", "content"].iter().find_map(|name| content_text(part.get(name)?))
        }
        Bson::Boolean(is_true) => Some(is_true.to_string()),
        Bson::ObjectId(_) | Bson::Binary(_) => None,
        other => id_text(other),
    }
}

/// Returns the text of an id, which may be a string, a number, an `ObjectId` or a binary UUID.
pub(super) fn id_text(id: &Bson) -> Option<String> {
    match id {
        Bson::String(text) => Some(text.clone()),
        Bson::Int32(number) => Some(number.to_string()),
        Bson::Int64(number) => Some(number.to_string()),
        Bson::Double(number) if number.is_finite() => Some(number.to_string()),
        Bson::Decimal128(number) => Some(number.to_string()),
        Bson::ObjectId(id) => Some(id.to_hex()),
        Bson::Binary(binary) => Uuid::from_slice(&binary.bytes).ok().map(|id| id.to_string()),
        _ => None,
    }
}

/// Joins the system messages at the beginning into one text.
fn join_summary(summary: &[String]) -> Result<Option<String>, SkipReason> {
    let summary = summary.join("\n\n");
    let bytes = summary.len();
    if bytes > MAX_CONTENT_BYTES {
        return Err(SkipReason::SummaryTooLong { bytes });
    }
    Ok(Some(summary).filter(|summary| !summary.trim().is_empty()))
}

fn has_text(document: &RawDocument) -> Result<bool, SkipReason> {
    Ok(text(document, "conversation_text")?.is_some_and(|text| !text.trim().is_empty()))
}

fn field<'a>(document: &'a RawDocument, name: &str) -> Result<Option<RawBsonRef<'a>>, SkipReason> {
    document.get(name).map_err(unreadable)
}

fn text<'a>(document: &'a RawDocument, name: &str) -> Result<Option<&'a str>, SkipReason> {
    Ok(field(document, name)?.and_then(RawBsonRef::as_str))
}

fn value(document: &RawDocument, name: &str) -> Result<Bson, SkipReason> {
    let value = field(document, name)?.map(Bson::try_from).transpose().map_err(unreadable)?;
    Ok(value.unwrap_or(Bson::Null))
}

/// Reads a date, which may be a string or a number. Returns `None` for anything else, and for dates that the API can't
/// represent: another date of the document replaces them.
fn date(document: &RawDocument, name: &'static str) -> Result<Option<Timestamp>, SkipReason> {
    let date = time(&value(document, name)?);
    Ok(date.filter(|date| DATES.contains(&date.unix_millis())))
}

fn time(value: &Bson) -> Option<Timestamp> {
    match value {
        Bson::DateTime(date) => Some(timestamp(*date)),
        Bson::Timestamp(date) => foreign_time_of_number(date.time.into()),
        // Extended JSON that was stored without being converted.
        Bson::Document(date) => time(date.get("$date").or_else(|| date.get("$numberLong"))?),
        other => foreign_time(&id_text(other)?),
    }
}

fn timestamp(date: DateTime) -> Timestamp {
    Timestamp::from_unix_millis(date.timestamp_millis())
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn unreadable(error: mongodb::bson::error::Error) -> SkipReason {
    SkipReason::Unreadable(error.to_string())
}

impl LegacyMessage {
    fn new(role: Role, is_role_mapped: bool, content: String) -> Self {
        Self { role, is_role_mapped, content }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    fn skip_reason(history: &[(&str, usize)]) -> Option<SkipReason> {
        let entry =
            |(role, length): &(&str, usize)| doc! { "role": role, "content": "x".repeat(*length) };
        let entries: Vec<_> = history.iter().map(entry).collect();
        let document = doc! {
            "conversation_id": "c0000000-0000-4000-8000-000000000001",
            "created_at": DateTime::from_millis(0),
            "conversation_history": entries,
        };
        LegacyConversation::parse(&RawDocumentBuf::try_from(&document).unwrap()).err()
    }

    #[test]
    fn texts_that_are_too_long_are_named() {
        let message = skip_reason(&[("user", 1), ("user", MAX_CONTENT_BYTES + 1)]);
        let summary = skip_reason(&[("system", MAX_CONTENT_BYTES), ("system", 1), ("user", 1)]);

        let bytes = MAX_CONTENT_BYTES + 1;
        assert_eq!(message, Some(SkipReason::ContentTooLong { index: 1, bytes }));
        let bytes = MAX_CONTENT_BYTES + "\n\n".len() + 1;
        assert_eq!(summary, Some(SkipReason::SummaryTooLong { bytes }));
        let texts = [message, summary].map(|reason| reason.unwrap().to_string());
        assert!(texts[0].contains("conversation_history[1]"), "{texts:?}");
        assert!(texts[1].contains("its summary"), "{texts:?}");
    }
}
