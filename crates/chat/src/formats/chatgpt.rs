//! The format of `conversations.json` in a ChatGPT export. A conversation is a tree of nodes, some of which
//! have a message. The user sees the path to `current_node`.
//!
//! Only texts of the user and of the model are imported. The import skips messages of the system and of tools,
//! the model's messages to tools or to itself, hidden messages, and messages without text. Their children
//! become children of the nearest imported ancestor.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use webchat_domain::{
    Context, Conversation, ConversationId, MessageId, MessageStatus, NewMessage, Role, Timestamp,
    Title,
};
use webchat_persistence::StoredMessage;

use super::imported::{ImportedConversation, MAX_BYTES, title_of};
use super::{ids, markdown};

/// The last second of the year 9999.
const LAST_SECOND: f64 = 253_402_300_799.0;

#[derive(Deserialize)]
pub(crate) struct ChatGptConversation {
    conversation_id: Option<String>,
    /// The id in older files.
    id: Option<String>,
    title: Option<String>,
    create_time: Option<f64>,
    update_time: Option<f64>,
    mapping: BTreeMap<String, Node>,
    current_node: Option<String>,
}

#[derive(Deserialize)]
struct Node {
    message: Option<NodeMessage>,
    parent: Option<String>,
}

#[derive(Deserialize)]
struct NodeMessage {
    author: Author,
    create_time: Option<f64>,
    content: Option<Content>,
    status: Option<String>,
    recipient: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Author {
    role: String,
}

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "content_type")]
    kind: Option<String>,
    parts: Option<Vec<Value>>,
    text: Option<String>,
    language: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    is_visually_hidden_from_conversation: Option<bool>,
    finish_details: Option<FinishDetails>,
}

#[derive(Deserialize)]
struct FinishDetails {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// A node with its time, which is never earlier than its parent's.
struct OrderedNode<'a> {
    id: &'a str,
    created_at: Timestamp,
    text: Option<NodeText>,
    /// The id of the nearest imported ancestor.
    parent: Option<&'a str>,
}

/// The part of a message that is imported.
struct NodeText {
    role: Role,
    content: String,
    status: MessageStatus,
}

/// Converts a conversation. Its branches become message versions.
pub(crate) fn convert(
    source: &ChatGptConversation,
    now: Timestamp,
) -> Result<ImportedConversation, String> {
    let source_ids = [&source.conversation_id, &source.id];
    let source_id =
        source_ids.into_iter().flatten().next().ok_or("it has neither conversation_id nor id")?;
    let id = ConversationId::from(ids::parse_or_derive(source_id));
    let first_message_at = source.mapping.values().filter_map(Node::time).min();
    let created_at = source.create_time.and_then(timestamp).or(first_message_at).unwrap_or(now);
    let ordered = order(&source.mapping, created_at)?;
    let visible = visible(source, &ordered);
    let messages: Vec<StoredMessage> = (1..)
        .zip(ordered)
        .map(|(position, node)| {
            let active = visible.contains(node.id);
            into_stored(id, position, node, active)
        })
        .collect::<Result<_, _>>()?;
    let updated = messages.last().map_or(created_at, |last| last.message.created_at);
    let title = source.title.as_deref().and_then(title).or_else(|| title_of(&messages));
    Ok(ImportedConversation {
        user_id: None,
        is_native: false,
        conversation: Conversation {
            conversation_id: id,
            title,
            created_at,
            updated_at: source.update_time.and_then(timestamp).unwrap_or(updated),
            message_count: 0,
            total_tokens: 0,
            archived: false,
        },
        last_position: messages.last().map_or(0, |last| last.message.position),
        context: Context::default(),
        messages,
    })
}

/// Returns the nodes to import, ordered by time. Each node comes after its parent.
fn order(
    mapping: &BTreeMap<String, Node>,
    created_at: Timestamp,
) -> Result<Vec<OrderedNode<'_>>, String> {
    let mut children: HashMap<Option<&str>, Vec<&str>> = HashMap::new();
    for (id, node) in mapping {
        // A node whose parent is missing is a root.
        let parent = node.parent.as_deref().filter(|parent| mapping.contains_key(*parent));
        children.entry(parent).or_default().push(id);
    }
    let mut ordered = Vec::with_capacity(mapping.len());
    let mut stack: Vec<(&str, Timestamp, Option<&str>)> = Vec::new();
    let roots = children.get(&None).into_iter().flatten().rev();
    stack.extend(roots.map(|id| (*id, created_at, None)));
    while let Some((id, min_time, parent)) = stack.pop() {
        let Some(node) = mapping.get(id) else { continue };
        let created_at = node.time().map_or(min_time, |time| time.max(min_time));
        let text = node.message.as_ref().and_then(NodeMessage::text);
        let next_parent = if text.is_some() { Some(id) } else { parent };
        ordered.push(OrderedNode { id, created_at, text, parent });
        let next = children.get(&Some(id)).into_iter().flatten().rev();
        stack.extend(next.map(|child| (*child, created_at, next_parent)));
    }
    if ordered.len() < mapping.len() {
        return Err("its messages follow each other in a circle".to_owned());
    }
    ordered.retain(|node| node.text.is_some());
    // The sort is stable, so that a node without a time stays after its parent.
    ordered.sort_by_key(|node| node.created_at);
    Ok(ordered)
}

/// Returns the ids of the nodes on the path to the current node, or to the newest if no node is current.
fn visible<'a>(source: &'a ChatGptConversation, ordered: &[OrderedNode<'a>]) -> HashSet<&'a str> {
    let current = source.current_node.as_deref().filter(|id| source.mapping.contains_key(*id));
    let mut next = current.or_else(|| ordered.last().map(|last| last.id));
    let mut path = HashSet::new();
    while let Some((id, node)) = next.and_then(|id| source.mapping.get_key_value(id)) {
        path.insert(id.as_str());
        next = node.parent.as_deref();
    }
    path
}

fn into_stored(
    conversation_id: ConversationId,
    position: u64,
    node: OrderedNode<'_>,
    active: bool,
) -> Result<StoredMessage, String> {
    let text = node.text.ok_or("a message has no text")?;
    if text.content.len() > MAX_BYTES {
        return Err(format!("the message {} is longer than 4 MiB", node.id));
    }
    let new = NewMessage {
        message_id: message_id(node.id),
        status: text.status,
        ..NewMessage::new(text.role, text.content, 0, node.created_at)
    };
    let message = new.into_message(conversation_id, position, node.parent.map(message_id));
    Ok(StoredMessage { message, client_message_id: None, active })
}

fn message_id(node_id: &str) -> MessageId {
    ids::parse_or_derive(node_id).into()
}

/// Returns the title, shortened if it is too long.
fn title(text: &str) -> Option<Title> {
    Title::try_from(text.to_owned()).ok().or_else(|| Title::from_first_words(text))
}

impl Node {
    fn time(&self) -> Option<Timestamp> {
        self.message.as_ref()?.create_time.and_then(timestamp)
    }
}

impl NodeMessage {
    /// Returns the text to import. Returns `None` if the message is skipped.
    fn text(&self) -> Option<NodeText> {
        let role = match self.author.role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => return None,
        };
        let is_for_user = self.recipient.as_deref().is_none_or(|to| to == "all");
        let content = self.content.as_ref().filter(|_| is_for_user && !self.is_hidden())?.text();
        let status = self.status();
        (!content.trim().is_empty()).then_some(NodeText { role, content, status })
    }

    fn is_hidden(&self) -> bool {
        let metadata = self.metadata.as_ref();
        metadata.and_then(|metadata| metadata.is_visually_hidden_from_conversation) == Some(true)
    }

    fn status(&self) -> MessageStatus {
        let details = self.metadata.as_ref().and_then(|metadata| metadata.finish_details.as_ref());
        match (details.and_then(|details| details.kind.as_deref()), self.status.as_deref()) {
            (Some("max_tokens"), _) => MessageStatus::Truncated,
            (Some("interrupted"), _) => MessageStatus::Stopped,
            (_, Some("in_progress")) => MessageStatus::Interrupted,
            _ => MessageStatus::Complete,
        }
    }
}

impl Content {
    fn text(&self) -> String {
        match self.kind.as_deref() {
            None | Some("text" | "multimodal_text") => {
                let parts = self.parts.iter().flatten().filter_map(part_text);
                parts.collect::<Vec<_>>().join("\n\n")
            }
            Some("code") => {
                let language = self.language.as_deref().filter(|language| *language != "unknown");
                let code = self.text.as_deref().unwrap_or_default();
                markdown::block(language.unwrap_or_default(), code)
            }
            // Reasoning, instructions and tool output are not part of the conversation.
            Some(_) => String::new(),
        }
    }
}

/// Returns the text of a part, or a transcript of speech. The file does not contain images, so that an image
/// becomes a placeholder.
fn part_text(part: &Value) -> Option<String> {
    let text = part.as_str().or_else(|| part.get("text").and_then(Value::as_str));
    let is_image =
        || part.get("content_type").and_then(Value::as_str) == Some("image_asset_pointer");
    text.filter(|text| !text.is_empty())
        .map(ToOwned::to_owned)
        .or_else(|| is_image().then(|| "[image]".to_owned()))
}

/// Converts Unix seconds. Returns `None` if they are not in the years 1970 to 9999.
fn timestamp(seconds: f64) -> Option<Timestamp> {
    if !(0.0..=LAST_SECOND).contains(&seconds) {
        return None;
    }
    let millis = Duration::try_from_secs_f64(seconds).ok()?.as_millis();
    Some(Timestamp::from_unix_millis(i64::try_from(millis).ok()?))
}
