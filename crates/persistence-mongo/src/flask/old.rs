//! Reading what the Flask application wrote.

use std::ops::RangeInclusive;

use mongodb::bson::raw::{RawBsonRef, RawDocument};
use mongodb::bson::{Bson, DateTime, RawDocumentBuf};
use webchat_domain::{ConversationId, Role, Timestamp, UserId};

use super::ids;
use super::report::{MAX_CONTENT, Reason};

/// The dates that have a form on the wire: those of the years 0 to 9999.
const DATES: RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// A conversation of the Flask application.
pub(super) struct OldConversation {
    pub(super) conversation_id: ConversationId,
    /// The id as it is written there, which may not be its usual form, nor a UUID.
    pub(super) written_id: String,
    pub(super) user_id: UserId,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) summary: Option<String>,
    pub(super) messages: Vec<OldMessage>,
}

pub(super) struct OldMessage {
    pub(super) role: Role,
    /// Whether its role was none of ours.
    pub(super) is_recast: bool,
    pub(super) content: String,
}

/// What of a conversation is counted in a report.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    pub(super) messages: u64,
    pub(super) recast_messages: u64,
    pub(super) has_summary: bool,
}

/// Who speaks in an entry of the history.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    /// What a summary stood under, at the beginning. Later on, the application itself.
    System,
    Ours(Role),
    /// Somebody who speaks for the user or the assistant.
    Recast(Role),
}

impl OldConversation {
    pub(super) fn read(document: &RawDocument) -> Result<Self, Reason> {
        if field(document, "schema")?.is_some() {
            return Err(Reason::WrittenAgain);
        }
        let written_id = text(document, "conversation_id")?.ok_or(Reason::NoConversationId)?;
        let user_id = text(document, "user_id")?.ok_or(Reason::NoUserId)?;
        let (created_at, updated_at) = times(document)?;
        let (summary, messages) = history(document)?;
        Ok(Self {
            conversation_id: ids::conversation_id(written_id),
            written_id: written_id.to_owned(),
            user_id: ids::user_id(user_id),
            created_at,
            updated_at,
            summary,
            messages,
        })
    }

    pub(super) fn counts(&self) -> Counts {
        let recast = self.messages.iter().filter(|message| message.is_recast);
        Counts {
            messages: number(self.messages.len()),
            recast_messages: number(recast.count()),
            has_summary: self.summary.is_some(),
        }
    }
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// What names the document, whatever is wrong with it.
pub(super) fn document_id(document: &RawDocumentBuf) -> Bson {
    let id = document.get("_id").ok().flatten();
    id.and_then(|id| Bson::try_from(id).ok()).unwrap_or(Bson::Null)
}

fn times(document: &RawDocument) -> Result<(Timestamp, Timestamp), Reason> {
    let created_at = date(document, "created_at")?;
    let updated_at = date(document, "updated_at")?;
    let inserted_at = match field(document, "_id")? {
        Some(RawBsonRef::ObjectId(id)) => Some(timestamp(id.timestamp())),
        _ => None,
    };
    let created_at = created_at.or(updated_at).or(inserted_at).ok_or(Reason::NoTime)?;
    Ok((created_at, updated_at.unwrap_or(created_at)))
}

fn history(document: &RawDocument) -> Result<(Option<String>, Vec<OldMessage>), Reason> {
    let entries = match field(document, "conversation_history")? {
        Some(RawBsonRef::Array(entries)) => Some(entries),
        Some(RawBsonRef::Null) | None => None,
        Some(_) => return Err(Reason::HistoryIsNoList),
    };
    let mut summary = Vec::new();
    let mut messages = Vec::new();
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        let entry = entry.map_err(unreadable)?.as_document();
        let entry = entry.ok_or(Reason::EntryIsNoDocument(index))?;
        let (speaker, content) = read_entry(index, entry)?;
        match speaker {
            Speaker::System if messages.is_empty() => summary.push(content),
            Speaker::System => messages.push(OldMessage::new(Role::Assistant, true, content)),
            Speaker::Ours(role) => messages.push(OldMessage::new(role, false, content)),
            Speaker::Recast(role) => messages.push(OldMessage::new(role, true, content)),
        }
    }
    if messages.is_empty() && summary.is_empty() && has_text(document)? {
        return Err(Reason::TextWithoutHistory);
    }
    Ok((joined(&summary)?, messages))
}

fn read_entry(index: usize, entry: &RawDocument) -> Result<(Speaker, &str), Reason> {
    let role = text(entry, "role")?.and_then(speaker).ok_or(Reason::UnknownRole(index))?;
    let content = text(entry, "content")?.ok_or(Reason::ContentIsNoText(index))?;
    check_length(index, content.len())?;
    Ok((role, content))
}

/// Whoever can't be told from the role is not guessed.
fn speaker(role: &str) -> Option<Speaker> {
    Some(match role.trim().to_ascii_lowercase().as_str() {
        "user" => Speaker::Ours(Role::User),
        "assistant" => Speaker::Ours(Role::Assistant),
        "system" => Speaker::System,
        "human" => Speaker::Recast(Role::User),
        "ai" | "bot" | "developer" | "function" | "model" | "tool" => {
            Speaker::Recast(Role::Assistant)
        }
        _ => return None,
    })
}

fn check_length(index: usize, bytes: usize) -> Result<(), Reason> {
    if bytes > MAX_CONTENT { Err(Reason::ContentTooLong { index, bytes }) } else { Ok(()) }
}

/// What stood at the beginning as system messages, as one text.
fn joined(summary: &[&str]) -> Result<Option<String>, Reason> {
    let summary = summary.join("\n\n");
    check_length(0, summary.len())?;
    Ok(Some(summary).filter(|summary| !summary.trim().is_empty()))
}

fn has_text(document: &RawDocument) -> Result<bool, Reason> {
    Ok(text(document, "conversation_text")?.is_some_and(|text| !text.trim().is_empty()))
}

fn field<'a>(document: &'a RawDocument, name: &str) -> Result<Option<RawBsonRef<'a>>, Reason> {
    document.get(name).map_err(unreadable)
}

fn text<'a>(document: &'a RawDocument, name: &str) -> Result<Option<&'a str>, Reason> {
    Ok(field(document, name)?.and_then(RawBsonRef::as_str))
}

fn date(document: &RawDocument, name: &'static str) -> Result<Option<Timestamp>, Reason> {
    match field(document, name)? {
        None | Some(RawBsonRef::Null) => Ok(None),
        Some(RawBsonRef::DateTime(date)) if DATES.contains(&date.timestamp_millis()) => {
            Ok(Some(timestamp(date)))
        }
        Some(_) => Err(Reason::NoDate(name)),
    }
}

fn timestamp(date: DateTime) -> Timestamp {
    Timestamp::from_unix_millis(date.timestamp_millis())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn unreadable(error: mongodb::bson::error::Error) -> Reason {
    Reason::Unreadable(error.to_string())
}

impl OldMessage {
    fn new(role: Role, is_recast: bool, content: &str) -> Self {
        Self { role, is_recast, content: content.to_owned() }
    }
}
