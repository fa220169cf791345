//! Parses the Flask application's documents.

use std::ops::RangeInclusive;

use mongodb::bson::raw::{RawBsonRef, RawDocument};
use mongodb::bson::{Bson, DateTime, RawDocumentBuf};
use webchat_domain::{ConversationId, Role, Timestamp, UserId};

use super::ids;
use super::skip_reason::{MAX_CONTENT_BYTES, SkipReason};

/// The dates that the API can represent: those of the years 0 to 9999, in milliseconds.
const DATES: RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// A conversation of the Flask application.
pub(super) struct LegacyConversation {
    pub(super) conversation_id: ConversationId,
    /// The id as it is stored in the document. It may be a UUID in another form, or no UUID.
    pub(super) stored_id: String,
    pub(super) user_id: UserId,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) summary: Option<String>,
    pub(super) messages: Vec<LegacyMessage>,
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

/// The author of an entry of the history.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Author {
    /// The author of a summary at the beginning of the history; later, the application itself.
    System,
    /// A role that Webchat has.
    Native(Role),
    /// Another role, which is mapped to the user or the assistant.
    Mapped(Role),
}

impl LegacyConversation {
    pub(super) fn parse(document: &RawDocument) -> Result<Self, SkipReason> {
        if field(document, "schema")?.is_some() {
            return Err(SkipReason::ModifiedAfterMigration);
        }
        let stored_id = text(document, "conversation_id")?.ok_or(SkipReason::NoConversationId)?;
        let user_id = text(document, "user_id")?.ok_or(SkipReason::NoUserId)?;
        let (created_at, updated_at) = times(document)?;
        let (summary, messages) = history(document)?;
        Ok(Self {
            conversation_id: ids::conversation_id(stored_id),
            stored_id: stored_id.to_owned(),
            user_id: ids::user_id(user_id),
            created_at,
            updated_at,
            summary,
            messages,
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

fn history(document: &RawDocument) -> Result<(Option<String>, Vec<LegacyMessage>), SkipReason> {
    let entries = match field(document, "conversation_history")? {
        Some(RawBsonRef::Array(entries)) => Some(entries),
        Some(RawBsonRef::Null) | None => None,
        Some(_) => return Err(SkipReason::InvalidHistory),
    };
    let mut summary = Vec::new();
    let mut messages = Vec::new();
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        let entry = entry.map_err(unreadable)?.as_document();
        let entry = entry.ok_or(SkipReason::InvalidEntry(index))?;
        let (author, content) = parse_entry(index, entry)?;
        match author {
            Author::System if messages.is_empty() => summary.push(content),
            Author::System => messages.push(LegacyMessage::new(Role::Assistant, true, content)),
            Author::Native(role) => messages.push(LegacyMessage::new(role, false, content)),
            Author::Mapped(role) => messages.push(LegacyMessage::new(role, true, content)),
        }
    }
    if messages.is_empty() && summary.is_empty() && has_text(document)? {
        return Err(SkipReason::TextWithoutHistory);
    }
    Ok((join_summary(&summary)?, messages))
}

fn parse_entry(index: usize, entry: &RawDocument) -> Result<(Author, &str), SkipReason> {
    let role = text(entry, "role")?.and_then(author).ok_or(SkipReason::UnknownRole(index))?;
    let content = text(entry, "content")?.ok_or(SkipReason::InvalidContent(index))?;
    check_length(index, content.len())?;
    Ok((role, content))
}

/// Returns `None` for an unknown role: a wrong guess would attribute the message to the wrong author.
fn author(role: &str) -> Option<Author> {
    Some(match role.trim().to_ascii_lowercase().as_str() {
        "user" => Author::Native(Role::User),
        "assistant" => Author::Native(Role::Assistant),
        "system" => Author::System,
        "human" => Author::Mapped(Role::User),
        "ai" | "bot" | "developer" | "function" | "model" | "tool" => {
            Author::Mapped(Role::Assistant)
        }
        _ => return None,
    })
}

fn check_length(index: usize, bytes: usize) -> Result<(), SkipReason> {
    if bytes > MAX_CONTENT_BYTES {
        Err(SkipReason::ContentTooLong { index, bytes })
    } else {
        Ok(())
    }
}

/// Joins the system messages at the beginning into one text.
fn join_summary(summary: &[&str]) -> Result<Option<String>, SkipReason> {
    let summary = summary.join("\n\n");
    check_length(0, summary.len())?;
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

fn date(document: &RawDocument, name: &'static str) -> Result<Option<Timestamp>, SkipReason> {
    match field(document, name)? {
        None | Some(RawBsonRef::Null) => Ok(None),
        Some(RawBsonRef::DateTime(date)) if DATES.contains(&date.timestamp_millis()) => {
            Ok(Some(timestamp(date)))
        }
        Some(_) => Err(SkipReason::InvalidDate(name)),
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
    fn new(role: Role, is_role_mapped: bool, content: &str) -> Self {
        Self { role, is_role_mapped, content: content.to_owned() }
    }
}
