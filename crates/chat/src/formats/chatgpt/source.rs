//! Parses a conversation, and keeps only the data to import.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use webchat_domain::Timestamp;

use super::message::{NodeMessage, NodeText};
use crate::formats::limits::{ConversationSize, ForeignId};

#[derive(Deserialize)]
pub(in crate::formats) struct ChatGptConversation {
    pub(super) conversation_id: Option<ForeignId>,
    /// The id in older files.
    pub(super) id: Option<ForeignId>,
    pub(super) title: Option<String>,
    pub(super) create_time: Option<f64>,
    pub(super) update_time: Option<f64>,
    pub(super) mapping: Nodes,
    pub(super) current_node: Option<ForeignId>,
}

/// The nodes of a conversation. The texts are stored separately, so that they can be moved while the tree is
/// borrowed.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) tree: BTreeMap<Box<str>, Node>,
    pub(super) texts: Vec<Option<NodeText>>,
}

pub(super) struct Node {
    pub(super) parent: Option<Box<str>>,
    pub(super) created_at: Option<Timestamp>,
    /// The index of its text in [`Nodes::texts`], if it has one.
    pub(super) text: Option<usize>,
}

#[derive(Deserialize)]
struct SourceNode {
    message: Option<NodeMessage>,
    parent: Option<ForeignId>,
}

impl Nodes {
    fn insert(&mut self, id: Box<str>, node: SourceNode) {
        let created_at = node.message.as_ref().and_then(NodeMessage::created_at);
        let text = node.message.and_then(NodeMessage::into_text).map(|text| {
            self.texts.push(Some(text));
            self.texts.len() - 1
        });
        let parent = node.parent.map(|parent| parent.0);
        self.tree.insert(id, Node { parent, created_at, text });
    }
}

impl SourceNode {
    fn text_bytes(&self) -> usize {
        let message = self.message.as_ref().map_or(0, NodeMessage::text_bytes);
        message + self.parent.as_ref().map_or(0, |parent| parent.0.len())
    }
}

impl<'de> Deserialize<'de> for Nodes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NodesVisitor)
    }
}

struct NodesVisitor;

impl<'de> Visitor<'de> for NodesVisitor {
    type Value = Nodes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the nodes of a conversation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Nodes, A::Error> {
        let (mut nodes, mut size) = (Nodes::default(), ConversationSize::default());
        while let Some((ForeignId(id), node)) = members.next_entry::<ForeignId, SourceNode>()? {
            size.add(id.len() + node.text_bytes()).map_err(de::Error::custom)?;
            nodes.insert(id, node);
        }
        Ok(nodes)
    }
}
