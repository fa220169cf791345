//! The `conversations.json` of ChatGPT's export. A conversation is a tree of nodes, of which some hold a message; the
//! user sees the path to `current_node`.
//!
//! Carried over is what a person said and what the model answered, as text. What is left out: messages
//! of the system and of tools, what the model wrote to tools or to itself, what is hidden, and what has
//! no text. What follows one of these then follows the message before it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use webchat_domain::{
    Context, Conversation, ConversationId, Message, MessageId, MessageStatus, Role, Timestamp,
    Title,
};
use webchat_persistence::StoredMessage;

use super::{Brought, MOST_BYTES, ids, markdown, title_of};

/// The last second of the year 9999.
const LAST_SECOND: f64 = 253_402_300_799.0;

#[derive(Deserialize)]
pub(crate) struct ChatGptConversation {
    conversation_id: Option<String>,
    /// The same, in older files.
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

/// A node with its time, which is never before that of the node it follows.
struct Placed<'a> {
    name: &'a str,
    at: Timestamp,
    said: Option<Said>,
    /// The nearest message before it that is carried over.
    parent: Option<&'a str>,
}

struct Said {
    role: Role,
    content: String,
    status: MessageStatus,
}

/// The conversation, with its branches as versions of messages.
pub(crate) fn brought(source: &ChatGptConversation, now: Timestamp) -> Result<Brought, String> {
    let names = [&source.conversation_id, &source.id];
    let name = names.into_iter().flatten().next().ok_or("it has neither conversation_id nor id")?;
    let id = ConversationId::from(ids::of_text(name));
    let earliest = source.mapping.values().filter_map(Node::time).min();
    let started = source.create_time.and_then(moment).or(earliest).unwrap_or(now);
    let placed = place(&source.mapping, started)?;
    let visible = visible(source, &placed);
    let messages: Vec<StoredMessage> = (1..)
        .zip(placed)
        .map(|(position, one)| {
            let active = visible.contains(one.name);
            stored(id, position, one, active)
        })
        .collect::<Result<_, _>>()?;
    let updated = messages.last().map_or(started, |last| last.message.created_at);
    let title = source.title.as_deref().and_then(title).or_else(|| title_of(&messages));
    Ok(Brought {
        user_id: None,
        is_ours: false,
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

/// The messages that are carried over, by their times, each behind the one that it follows.
fn place(mapping: &BTreeMap<String, Node>, started: Timestamp) -> Result<Vec<Placed<'_>>, String> {
    let mut followers: HashMap<Option<&str>, Vec<&str>> = HashMap::new();
    for (name, node) in mapping {
        // A node that follows nothing that is there begins a branch of its own.
        let parent = node.parent.as_deref().filter(|parent| mapping.contains_key(*parent));
        followers.entry(parent).or_default().push(name);
    }
    let mut placed = Vec::with_capacity(mapping.len());
    let mut to_place: Vec<(&str, Timestamp, Option<&str>)> = Vec::new();
    let first = followers.get(&None).into_iter().flatten().rev();
    to_place.extend(first.map(|name| (*name, started, None)));
    while let Some((name, not_before, parent)) = to_place.pop() {
        let Some(node) = mapping.get(name) else { continue };
        let at = node.time().map_or(not_before, |at| at.max(not_before));
        let said = node.message.as_ref().and_then(NodeMessage::said);
        let next_parent = if said.is_some() { Some(name) } else { parent };
        placed.push(Placed { name, at, said, parent });
        let next = followers.get(&Some(name)).into_iter().flatten().rev();
        to_place.extend(next.map(|follower| (*follower, at, next_parent)));
    }
    if placed.len() < mapping.len() {
        return Err("its messages follow each other in a circle".to_owned());
    }
    placed.retain(|one| one.said.is_some());
    // Stable: what has no time of its own stays behind what it follows.
    placed.sort_by_key(|one| one.at);
    Ok(placed)
}

/// The nodes of the path to the current one; to the newest, if there is none.
fn visible<'a>(source: &'a ChatGptConversation, placed: &[Placed<'a>]) -> HashSet<&'a str> {
    let current = source.current_node.as_deref().filter(|name| source.mapping.contains_key(*name));
    let mut next = current.or_else(|| placed.last().map(|last| last.name));
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
    placed: Placed<'_>,
    active: bool,
) -> Result<StoredMessage, String> {
    let said = placed.said.ok_or("a message says nothing")?;
    if said.content.len() > MOST_BYTES {
        return Err(format!("the message {} is longer than 4 MiB", placed.name));
    }
    let message = Message {
        message_id: message_id(placed.name),
        conversation_id,
        position,
        parent_id: placed.parent.map(message_id),
        turn_id: None,
        role: said.role,
        content: said.content,
        token_count: 0,
        status: said.status,
        error: None,
        created_at: placed.at,
    };
    Ok(StoredMessage { message, client_message_id: None, active })
}

fn message_id(name: &str) -> MessageId {
    ids::of_text(name).into()
}

/// One that is too long is cut.
fn title(text: &str) -> Option<Title> {
    Title::try_from(text.to_owned()).ok().or_else(|| Title::from_first_words(text))
}

impl Node {
    fn time(&self) -> Option<Timestamp> {
        self.message.as_ref()?.create_time.and_then(moment)
    }
}

impl NodeMessage {
    /// What is carried over; `None`: nothing.
    fn said(&self) -> Option<Said> {
        let role = match self.author.role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => return None,
        };
        let is_for_the_user = self.recipient.as_deref().is_none_or(|to| to == "all");
        let content =
            self.content.as_ref().filter(|_| is_for_the_user && !self.is_hidden())?.text();
        let status = self.status();
        (!content.trim().is_empty()).then_some(Said { role, content, status })
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
            // Thoughts, instructions, what tools put out: nothing that was said.
            Some(_) => String::new(),
        }
    }
}

/// Texts, and what was heard. A picture is not in the file: that there was one is said.
fn part(part: &Value) -> Option<String> {
    let text = part.as_str().or_else(|| part.get("text").and_then(Value::as_str));
    let is_picture =
        || part.get("content_type").and_then(Value::as_str) == Some("image_asset_pointer");
    text.filter(|text| !text.is_empty())
        .map(ToOwned::to_owned)
        .or_else(|| is_picture().then(|| "[image]".to_owned()))
}

/// A time that can't be one is none.
fn moment(seconds: f64) -> Option<Timestamp> {
    if !(0.0..=LAST_SECOND).contains(&seconds) {
        return None;
    }
    let millis = Duration::try_from_secs_f64(seconds).ok()?.as_millis();
    Some(Timestamp::from_unix_millis(i64::try_from(millis).ok()?))
}
