//! The `conversations.json` of a ChatGPT export. A conversation is a tree of nodes, some of which have a
//! message; the user sees the path to `current_node`.
//!
//! Only text of the user and of the model is imported. Left out are messages of the system and of tools,
//! messages of the model to tools or to itself, and messages that are hidden or without text. Their children
//! become children of the nearest imported message.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use webchat_domain::{
    Context, Conversation, ConversationId, Message, MessageId, MessageStatus, Role, Timestamp,
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

/// A node with its time, which is never before that of its parent.
struct OrderedNode<'a> {
    name: &'a str,
    at: Timestamp,
    text: Option<NodeText>,
    /// The nearest ancestor that is imported.
    parent: Option<&'a str>,
}

struct NodeText {
    role: Role,
    content: String,
    status: MessageStatus,
}

/// Converts a conversation. Its branches become versions of messages.
pub(crate) fn convert(
    source: &ChatGptConversation,
    now: Timestamp,
) -> Result<ImportedConversation, String> {
    let names = [&source.conversation_id, &source.id];
    let name = names.into_iter().flatten().next().ok_or("it has neither conversation_id nor id")?;
    let id = ConversationId::from(ids::of_text(name));
    let earliest = source.mapping.values().filter_map(Node::time).min();
    let started = source.create_time.and_then(moment).or(earliest).unwrap_or(now);
    let ordered = order(&source.mapping, started)?;
    let visible = visible(source, &ordered);
    let messages: Vec<StoredMessage> = (1..)
        .zip(ordered)
        .map(|(position, one)| {
            let active = visible.contains(one.name);
            stored(id, position, one, active)
        })
        .collect::<Result<_, _>>()?;
    let updated = messages.last().map_or(started, |last| last.message.created_at);
    let title = source.title.as_deref().and_then(title).or_else(|| title_of(&messages));
    Ok(ImportedConversation {
        user_id: None,
        is_native: false,
        conversation: Conversation {
            conversation_id: id,
            title,
            created_at: started,
            updated_at: source.update_time.and_then(moment).unwrap_or(updated),
            message_count: 0,
            total_tokens: 0,
            archived: false,
        },
        last_position: messages.last().map_or(0, |last| last.message.position),
        context: Context::default(),
        messages,
    })
}

/// Returns the nodes to import, ordered by time, each after its parent.
fn order(
    mapping: &BTreeMap<String, Node>,
    started: Timestamp,
) -> Result<Vec<OrderedNode<'_>>, String> {
    let mut children: HashMap<Option<&str>, Vec<&str>> = HashMap::new();
    for (name, node) in mapping {
        // A node whose parent is missing starts a branch.
        let parent = node.parent.as_deref().filter(|parent| mapping.contains_key(*parent));
        children.entry(parent).or_default().push(name);
    }
    let mut ordered = Vec::with_capacity(mapping.len());
    let mut stack: Vec<(&str, Timestamp, Option<&str>)> = Vec::new();
    let first = children.get(&None).into_iter().flatten().rev();
    stack.extend(first.map(|name| (*name, started, None)));
    while let Some((name, not_before, parent)) = stack.pop() {
        let Some(node) = mapping.get(name) else { continue };
        let at = node.time().map_or(not_before, |at| at.max(not_before));
        let text = node.message.as_ref().and_then(NodeMessage::text);
        let next_parent = if text.is_some() { Some(name) } else { parent };
        ordered.push(OrderedNode { name, at, text, parent });
        let next = children.get(&Some(name)).into_iter().flatten().rev();
        stack.extend(next.map(|child| (*child, at, next_parent)));
    }
    if ordered.len() < mapping.len() {
        return Err("its messages follow each other in a circle".to_owned());
    }
    ordered.retain(|one| one.text.is_some());
    // The sort is stable: a node without a time stays after its parent.
    ordered.sort_by_key(|one| one.at);
    Ok(ordered)
}

/// Returns the nodes on the path to the current one, or to the newest if there is none.
fn visible<'a>(source: &'a ChatGptConversation, ordered: &[OrderedNode<'a>]) -> HashSet<&'a str> {
    let current = source.current_node.as_deref().filter(|name| source.mapping.contains_key(*name));
    let mut next = current.or_else(|| ordered.last().map(|last| last.name));
    let mut path = HashSet::new();
    while let Some((name, node)) = next.and_then(|name| source.mapping.get_key_value(name)) {
        path.insert(name.as_str());
        next = node.parent.as_deref();
    }
    path
}

fn stored(
    conversation_id: ConversationId,
    position: u64,
    node: OrderedNode<'_>,
    active: bool,
) -> Result<StoredMessage, String> {
    let text = node.text.ok_or("a message has no text")?;
    if text.content.len() > MAX_BYTES {
        return Err(format!("the message {} is longer than 4 MiB", node.name));
    }
    let message = Message {
        message_id: message_id(node.name),
        conversation_id,
        position,
        parent_id: node.parent.map(message_id),
        turn_id: None,
        role: text.role,
        content: text.content,
        token_count: 0,
        status: text.status,
        error: None,
        created_at: node.at,
    };
    Ok(StoredMessage { message, client_message_id: None, active })
}

fn message_id(name: &str) -> MessageId {
    ids::of_text(name).into()
}

/// Returns the title, cut if it is too long.
fn title(text: &str) -> Option<Title> {
    Title::try_from(text.to_owned()).ok().or_else(|| Title::from_first_words(text))
}

impl Node {
    fn time(&self) -> Option<Timestamp> {
        self.message.as_ref()?.create_time.and_then(moment)
    }
}

impl NodeMessage {
    /// Returns what is imported of the message, if anything is.
    fn text(&self) -> Option<NodeText> {
        let role = match self.author.role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => return None,
        };
        let is_for_the_user = self.recipient.as_deref().is_none_or(|to| to == "all");
        let content =
            self.content.as_ref().filter(|_| is_for_the_user && !self.is_hidden())?.text();
        let status = self.status();
        (!content.trim().is_empty()).then_some(NodeText { role, content, status })
    }

    fn is_hidden(&self) -> bool {
        let metadata = self.metadata.as_ref();
        metadata.and_then(|metadata| metadata.is_visually_hidden_from_conversation) == Some(true)
    }

    fn status(&self) -> MessageStatus {
        let details = self.metadata.as_ref().and_then(|one| one.finish_details.as_ref());
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
                let parts = self.parts.iter().flatten().filter_map(part);
                parts.collect::<Vec<_>>().join("\n\n")
            }
            Some("code") => {
                let language = self.language.as_deref().filter(|language| *language != "unknown");
                let code = self.text.as_deref().unwrap_or_default();
                markdown::block(language.unwrap_or_default(), code)
            }
            // Thoughts, instructions and output of tools are not part of the conversation.
            Some(_) => String::new(),
        }
    }
}

/// Returns texts and transcripts of speech. Pictures are not in the file, so a placeholder is returned.
fn part(part: &Value) -> Option<String> {
    let text = part.as_str().or_else(|| part.get("text").and_then(Value::as_str));
    let is_picture =
        || part.get("content_type").and_then(Value::as_str) == Some("image_asset_pointer");
    text.filter(|text| !text.is_empty())
        .map(ToOwned::to_owned)
        .or_else(|| is_picture().then(|| "[image]".to_owned()))
}

/// Returns `None` if the number is not a valid time.
fn moment(seconds: f64) -> Option<Timestamp> {
    if !(0.0..=LAST_SECOND).contains(&seconds) {
        return None;
    }
    let millis = Duration::try_from_secs_f64(seconds).ok()?.as_millis();
    Some(Timestamp::from_unix_millis(i64::try_from(millis).ok()?))
}
