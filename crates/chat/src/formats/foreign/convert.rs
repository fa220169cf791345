//! Converts a parsed conversation. Its branches become message versions.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;
use webchat_domain::{
    Context, Conversation, ConversationId, MessageId, MessageStatus, NewMessage, Summary,
    SummaryAuthor, Timestamp, Title,
};
use webchat_persistence::StoredMessage;

use super::conversation::{ForeignConversation, Node};
use super::message::CREATION_TIMES;
use super::tree::{OrderedNode, Tree};
use crate::formats::imported_conversation::{ImportedConversation, MAX_BYTES, title_of};
use crate::formats::{ids, values};

/// The time by which the clock of another server may be ahead. A later time is an error.
const MAX_CLOCK_SKEW: Duration = Duration::from_hours(24);

/// Converts a conversation. Returns the reason for the user if it can't be imported.
pub(in crate::formats) fn convert(
    mut source: ForeignConversation,
    now: Timestamp,
) -> Result<ImportedConversation, String> {
    if !source.has_messages {
        return Err(if source.fields.is_empty() {
            "it is not a conversation".to_owned()
        } else {
            "it has no messages".to_owned()
        });
    }
    let mut nodes = std::mem::take(&mut source.nodes);
    if !source.has_text {
        if let Some((sentence, _)) = source.left_out.sentences().next() {
            return Err(sentence);
        }
        if source.has_message_without_text {
            return Err("no text was found in its messages".to_owned());
        }
        if source.summary.is_empty() && source.id().is_none() {
            return Err("it has no messages".to_owned());
        }
    }
    let latest = now.plus(MAX_CLOCK_SKEW);
    for node in &mut nodes {
        node.created_at = node.created_at.filter(|time| *time <= latest);
    }
    let time = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| values::time(source.field(&[name])?).filter(|at| *at <= latest))
    };
    let id = conversation_id(&source, &nodes);
    let first_message_at = nodes.iter().filter_map(|node| node.created_at).min();
    let created_at = time(&CREATION_TIMES);
    let created_at = created_at.or(first_message_at).unwrap_or(now);
    let tree = Tree::new(&nodes);
    let ordered = tree.order(&nodes, created_at);
    let current = ["current_node", "currentId", "current_leaf_message_uuid"];
    let current = source.field(&current).and_then(values::id);
    let visible = tree.visible(current.as_deref(), &ordered);
    let messages = into_messages(id, &ordered, &visible, &mut nodes)?;
    let updated = messages.last().map_or(created_at, |last| last.message.created_at);
    let is_archived = source.field(&["is_archived", "archived"]) == Some(&Value::Bool(true));
    let named = source.field(&["title", "name"]).and_then(values::text);
    let title = named.as_deref().and_then(values::title).or_else(|| title_of(&messages));
    Ok(ImportedConversation {
        user_id: None,
        conversation: Conversation {
            conversation_id: id,
            title,
            created_at,
            updated_at: time(&["update_time", "updated_at", "updatedAt"]).unwrap_or(updated),
            message_count: 0,
            total_tokens: 0,
            archived: is_archived,
        },
        last_position: messages.last().map_or(0, |last| last.message.position),
        context: Context { summary: summary_of(&source.summary, created_at), ..Context::default() },
        messages,
        left_out: source.left_out,
    })
}

impl ForeignConversation {
    /// Returns the conversation's id in the file.
    pub(in crate::formats) fn id(&self) -> Option<Box<str>> {
        let names =
            ["conversation_id", "conversationId", "chatId", "sessionId", "uuid", "id", "_id"];
        names.iter().find_map(|name| values::id(self.fields.get(*name)?))
    }

    /// Returns the conversation's title.
    pub(in crate::formats) fn title(&self) -> Option<Title> {
        values::title(&self.field(&["title", "name"]).and_then(values::text)?)
    }
}

fn summary_of(texts: &[String], created_at: Timestamp) -> Option<Summary> {
    (!texts.is_empty()).then(|| Summary {
        text: texts.join("\n\n"),
        token_count: 0,
        through: 0,
        message_count: 0,
        created_at,
        author: SummaryAuthor::Import,
    })
}

/// Returns the id in the file, or one that is derived from the content, so that a second import of the file finds the
/// conversation.
fn conversation_id(source: &ForeignConversation, nodes: &[Node]) -> ConversationId {
    let content = || {
        let title = source.title().map(String::from).unwrap_or_default();
        let mut content = format!("content:{title}");
        for text in nodes.iter().filter_map(|node| node.text.as_ref()) {
            // Writing to a string can't fail.
            let _ = write!(content, ":{:?}:{}:{}", text.role, text.content.len(), text.content);
        }
        content
    };
    let id = source.id().map_or_else(content, String::from);
    ids::parse_or_derive(&id).into()
}

fn into_messages(
    id: ConversationId,
    ordered: &[OrderedNode],
    visible: &HashSet<usize>,
    nodes: &mut [Node],
) -> Result<Vec<StoredMessage>, String> {
    let ids: Vec<MessageId> = nodes.iter().map(message_id).collect();
    let mut messages = Vec::with_capacity(ordered.len());
    for (position, node) in (1..).zip(ordered) {
        let parent_id = node.parent.and_then(|parent| ids.get(parent).copied());
        let own_id = ids.get(node.index).copied();
        let text = nodes.get_mut(node.index).and_then(|node| node.text.take());
        let (Some(own_id), Some(text)) = (own_id, text) else { continue };
        if text.content.len() > MAX_BYTES {
            return Err(format!("its message {position} is longer than 4 MiB"));
        }
        let new = NewMessage {
            message_id: own_id,
            status: text.status,
            ..NewMessage::new(text.role, text.content, 0, node.created_at)
        };
        let message = new.into_message(id, position, parent_id);
        let active = visible.contains(&node.index);
        messages.push(StoredMessage { message, client_message_id: None, active });
    }
    Ok(messages)
}

/// Returns the id of a node's message. An answer that was still being written when the file was exported gets another
/// id than the complete answer of a later export, which becomes another version.
fn message_id(node: &Node) -> MessageId {
    let status = node.text.as_ref().map(|text| text.status);
    match status {
        Some(MessageStatus::Interrupted) => {
            ids::parse_or_derive(&format!("{}:unfinished", node.id))
        }
        _ => ids::parse_or_derive(&node.id),
    }
    .into()
}
