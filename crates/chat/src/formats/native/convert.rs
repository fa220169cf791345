//! Converts a parsed conversation, and completes what is missing.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;
use webchat_domain::{Conversation, ConversationId, Message, MessageId, Timestamp};
use webchat_persistence::StoredMessage;

use super::context::ContextReader;
use super::conversation::NativeConversation;
use super::message::{Parent, ParsedMessage, time, value};
use crate::formats::ids;
use crate::formats::imported_conversation::ImportedConversation;
use crate::formats::left_out::{LeftOutParts, Part};
use crate::formats::values;

/// The highest position that is kept. It leaves room for the positions of [`MAX_MESSAGES`] more messages below 2⁵³, up
/// to which JSON numbers are exact in all languages.
///
/// [`MAX_MESSAGES`]: crate::formats::limits::MAX_MESSAGES
const MAX_POSITION: u64 = (1 << 53) - 1_000_000;

/// Converts a conversation. If it can't be imported, returns the reason, which the user sees.
pub(in crate::formats) fn convert(
    mut source: NativeConversation,
    now: Timestamp,
) -> Result<ImportedConversation, String> {
    let Some(parsed) = source.messages.take() else {
        let is_conversation = source.is_conversation();
        let reason =
            if is_conversation { "it has no messages" } else { "it is not a conversation" };
        return Err(reason.to_owned());
    };
    let first_message_at = parsed.iter().find_map(|message| message.created_at);
    let created_at = time(source.field("created_at")).or(first_message_at).unwrap_or(now);
    let id = conversation_id(&source, &parsed);
    let messages = Messages::new(id, created_at).convert(parsed, &mut source.left_out);
    if let Some((sentence, _)) = source.left_out.sentences().next().filter(|_| messages.is_empty())
    {
        return Err(sentence);
    }
    let last_message = messages.last().map(|stored| &stored.message);
    let last_message_at = last_message.map_or(created_at, |last| last.created_at);
    let given = values::whole_number(source.field("last_position"));
    let given = given.filter(|given| *given <= MAX_POSITION).unwrap_or_default();
    let last_position = given.max(last_message.map_or(0, |last| last.position));
    let mut left_out = std::mem::take(&mut source.left_out);
    let reader = ContextReader { created_at, last_position, left_out: &mut left_out };
    let context = reader.read(source.field("context"));
    Ok(ImportedConversation {
        user_id: value(source.field("user_id")),
        conversation: Conversation {
            conversation_id: id,
            title: source.title(),
            created_at,
            updated_at: time(source.field("updated_at")).unwrap_or(last_message_at),
            message_count: 0,
            total_tokens: 0,
            archived: source.field("archived").as_bool().unwrap_or_default(),
        },
        last_position,
        context,
        messages,
        left_out,
    })
}

/// Returns the id in the file, or one that is derived from the first message, so that a second import of the file finds
/// the conversation.
fn conversation_id(source: &NativeConversation, messages: &[ParsedMessage]) -> ConversationId {
    let id = source.id().map_or_else(
        || {
            let first = messages.first();
            let id = first.and_then(|first| first.id).unwrap_or_default();
            let title = source.title().map(String::from).unwrap_or_default();
            format!("first message:{id}:{title}:{}", first.map_or("", |first| &first.content))
        },
        String::from,
    );
    ids::parse_or_derive(&id).into()
}

/// Converts the messages of one conversation in their order.
struct Messages {
    conversation_id: ConversationId,
    created_at: Timestamp,
    converted: Vec<StoredMessage>,
    indexes: HashMap<Uuid, usize>,
    last_visible: Option<MessageId>,
    client_message_ids: HashSet<String>,
}

impl Messages {
    fn new(conversation_id: ConversationId, created_at: Timestamp) -> Self {
        Self {
            conversation_id,
            created_at,
            converted: Vec::new(),
            indexes: HashMap::new(),
            last_visible: None,
            client_message_ids: HashSet::new(),
        }
    }

    fn convert(
        mut self,
        mut parsed: Vec<ParsedMessage>,
        left_out: &mut LeftOutParts,
    ) -> Vec<StoredMessage> {
        let mut previous = 0;
        for message in &mut parsed {
            // A message without a position follows the one before it in the file.
            previous = *message.position.get_or_insert(previous);
        }
        parsed.sort_by_key(|message| message.position);
        for message in parsed {
            if self.is_repetition(&message) {
                left_out.add(Part::Message, "repeated in the file");
            } else {
                self.push(message);
            }
        }
        self.converted
    }

    fn is_repetition(&self, message: &ParsedMessage) -> bool {
        let index = message.id.and_then(|id| self.indexes.get(&id));
        let same = index.and_then(|index| self.converted.get(*index));
        same.is_some_and(|same| same.message.content == message.content)
    }

    fn push(&mut self, parsed: ParsedMessage) {
        let index = self.converted.len();
        let last = self.converted.last().map(|stored| &stored.message);
        let next_position = last.map_or(0, |last| last.position) + 1;
        let given = parsed.position.filter(|given| *given <= MAX_POSITION);
        let created_at = parsed.created_at.or(last.map(|last| last.created_at));
        let derive = || ids::parse_or_derive(&format!("{}:{index}", self.conversation_id));
        let id = parsed.id.filter(|id| !self.indexes.contains_key(id)).unwrap_or_else(derive);
        let message = Message {
            message_id: id.into(),
            conversation_id: self.conversation_id,
            position: given.unwrap_or_default().max(next_position),
            parent_id: self.parent(parsed.parent),
            turn_id: parsed.turn_id,
            role: parsed.role,
            content: parsed.content,
            reasoning: parsed.reasoning,
            token_count: parsed.token_count,
            status: parsed.status,
            error: parsed.error,
            created_at: created_at.unwrap_or(self.created_at),
            ended_at: parsed.ended_at,
            model: parsed.model,
        };
        let client_message_id = parsed
            .client_message_id
            .filter(|id| self.client_message_ids.insert(id.as_str().to_owned()));
        self.indexes.insert(id, index);
        if parsed.active {
            self.last_visible = Some(id.into());
        }
        self.converted.push(StoredMessage { message, client_message_id, active: parsed.active });
    }

    /// Returns the parent, which is an earlier message. If it is unknown, returns the preceding visible message.
    fn parent(&self, parent: Parent) -> Option<MessageId> {
        match parent {
            Parent::None => None,
            Parent::Id(id) if self.indexes.contains_key(&id) => Some(id.into()),
            Parent::Id(_) | Parent::Unknown => self.last_visible,
        }
    }
}
