//! Converts a parsed conversation. Its branches become message versions.

use std::collections::{BTreeMap, HashMap, HashSet};

use webchat_domain::{
    Context, Conversation, ConversationId, MessageId, NewMessage, Timestamp, Title,
};
use webchat_persistence::StoredMessage;

use super::message::{NodeText, timestamp};
use super::source::{ChatGptConversation, Node, Nodes};
use crate::formats::ids;
use crate::formats::imported_conversation::{ImportedConversation, MAX_BYTES, title_of};

type Tree = BTreeMap<Box<str>, Node>;

/// A node in the order of import. Its time is never earlier than its parent's.
struct OrderedNode<'a> {
    id: &'a str,
    created_at: Timestamp,
    /// The index of its text in [`Nodes::texts`].
    text: Option<usize>,
    /// The id of the nearest imported ancestor.
    parent: Option<&'a str>,
}

pub(in crate::formats) fn convert(
    source: ChatGptConversation,
    now: Timestamp,
) -> Result<ImportedConversation, String> {
    let Nodes { tree, texts } = source.mapping;
    let source_id =
        source.conversation_id.or(source.id).ok_or("it has neither conversation_id nor id")?;
    let id = ConversationId::from(ids::parse_or_derive(&source_id.0));
    let first_message_at = tree.values().filter_map(|node| node.created_at).min();
    let created_at = source.create_time.and_then(timestamp).or(first_message_at).unwrap_or(now);
    let ordered = order(&tree, created_at)?;
    let current = source.current_node.as_ref().map(|node| &*node.0);
    let visible = visible(&tree, current, &ordered);
    let messages = into_messages(id, ordered, &visible, texts)?;
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
fn order(tree: &Tree, created_at: Timestamp) -> Result<Vec<OrderedNode<'_>>, String> {
    let mut children: HashMap<Option<&str>, Vec<&str>> = HashMap::new();
    for (id, node) in tree {
        // A node whose parent is missing is a root.
        let parent = node.parent.as_deref().filter(|parent| tree.contains_key(*parent));
        children.entry(parent).or_default().push(id);
    }
    let mut ordered = Vec::with_capacity(tree.len());
    let mut stack: Vec<(&str, Timestamp, Option<&str>)> = Vec::new();
    let roots = children.get(&None).into_iter().flatten().rev();
    stack.extend(roots.map(|id| (*id, created_at, None)));
    while let Some((id, min_time, parent)) = stack.pop() {
        let Some(node) = tree.get(id) else { continue };
        let created_at = node.created_at.map_or(min_time, |time| time.max(min_time));
        let next_parent = if node.text.is_some() { Some(id) } else { parent };
        ordered.push(OrderedNode { id, created_at, text: node.text, parent });
        let next = children.get(&Some(id)).into_iter().flatten().rev();
        stack.extend(next.map(|child| (*child, created_at, next_parent)));
    }
    if ordered.len() < tree.len() {
        return Err("its messages form a cycle".to_owned());
    }
    ordered.retain(|node| node.text.is_some());
    // The sort is stable, so that a node without a time stays after its parent.
    ordered.sort_by_key(|node| node.created_at);
    Ok(ordered)
}

/// Returns the ids of the nodes on the path to the current node, or to the newest node if the file names no current
/// one.
fn visible<'a>(
    tree: &'a Tree,
    current: Option<&'a str>,
    ordered: &[OrderedNode<'a>],
) -> HashSet<&'a str> {
    let current = current.filter(|id| tree.contains_key(*id));
    let mut next = current.or_else(|| ordered.last().map(|last| last.id));
    let mut path = HashSet::new();
    while let Some((id, node)) = next.and_then(|id| tree.get_key_value(id)) {
        path.insert(&**id);
        next = node.parent.as_deref();
    }
    path
}

fn into_messages(
    id: ConversationId,
    ordered: Vec<OrderedNode<'_>>,
    visible: &HashSet<&str>,
    mut texts: Vec<Option<NodeText>>,
) -> Result<Vec<StoredMessage>, String> {
    (1..)
        .zip(ordered)
        .map(|(position, node)| {
            let active = visible.contains(node.id);
            let text = node.text.and_then(|index| texts.get_mut(index)?.take());
            into_stored(id, position, &node, text.ok_or("a message has no text")?, active)
        })
        .collect()
}

fn into_stored(
    conversation_id: ConversationId,
    position: u64,
    node: &OrderedNode<'_>,
    text: NodeText,
    active: bool,
) -> Result<StoredMessage, String> {
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
