use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::{
    ClientMessageId, ConversationId, FileProgress, FinishReason, JobId, Ledger, MessageId,
    MessageStatus, Timestamp, Title, TurnId,
};

/// Something that happened in a conversation, as all its subscribers are told.
///
/// Its JSON is the wire form, `{"event": …, "data": {"conversation_id", "seq", …}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it happened.
    pub conversation_id: ConversationId,
    /// Its number in the conversation: only rises, never used twice.
    pub seq: u64,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EventBody {
    /// A question is stored, and its answer begins.
    MessageAccepted(MessageAccepted),
    /// The next part of the answer.
    ResponseChunk(ResponseChunk),
    /// Why the turn fails; `response_end` follows.
    Error(TurnFailed),
    /// The answer is stored.
    ResponseEnd(ResponseEnd),
    /// What the turn used; its last event.
    TokenUsage(TokenUsage),
    /// How far the analysis of a file is.
    FileProgress(FileProgress),
    /// The conversation itself changed.
    ConversationUpdated(ConversationChange),
}

/// A question is stored, and its answer begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAccepted {
    /// The question's id.
    pub message_id: MessageId,
    /// The question's place in the conversation.
    pub position: u64,
    /// The turn that makes the answer.
    pub turn_id: TurnId,
    /// The name its sender gave it.
    pub client_message_id: Option<ClientMessageId>,
    /// The id the answer has.
    pub answer_id: MessageId,
    /// The question.
    pub content: String,
    /// Tokens of the question.
    pub token_count: u32,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// The next part of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseChunk {
    /// Text to append.
    pub chunk: String,
    /// The turn it belongs to.
    pub turn_id: TurnId,
}

/// Why a turn fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnFailed {
    /// For people: what they can do.
    pub message: String,
    /// For programs: stable.
    pub code: String,
    /// The turn that fails.
    pub turn_id: TurnId,
}

/// The answer is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseEnd {
    /// The answer's id.
    pub message_id: MessageId,
    /// The turn that ended.
    pub turn_id: TurnId,
    /// The answer's place in the conversation.
    pub position: u64,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// What became of the answer.
    pub status: MessageStatus,
    /// Tokens of the answer.
    pub token_count: u32,
}

/// What a turn used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// The turn that ended.
    pub turn_id: TurnId,
    /// The tokens sent to the model and those of its answer.
    pub total_tokens_used: u32,
    /// What was sent.
    pub ledger: Ledger,
}

/// How a conversation itself changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ConversationChange {
    /// It has another title.
    Title {
        /// The new one.
        title: Title,
    },
    /// Its owner has put it away, or taken it out again.
    Archived {
        /// Whether it is away now.
        archived: bool,
    },
    /// Its examples are others.
    FewShot,
    /// Older messages are covered by a new summary.
    Compacted {
        /// The position of the last message that it covers.
        summary_through: u64,
    },
    /// What goes to the model beside its messages was changed by its owner.
    Context,
    /// Other versions of some of its messages are visible.
    Branch,
    /// The analysis of a file became part of it.
    File {
        /// The job that made it.
        job_id: JobId,
    },
    /// It was emptied.
    Reset,
    /// It is gone.
    Deleted,
}

impl EventBody {
    /// The event's name on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::MessageAccepted(_) => "message_accepted",
            Self::ResponseChunk(_) => "response_chunk",
            Self::Error(_) => "error",
            Self::ResponseEnd(_) => "response_end",
            Self::TokenUsage(_) => "token_usage",
            Self::FileProgress(_) => "file_progress",
            Self::ConversationUpdated(_) => "conversation_updated",
        }
    }
}

impl Event {
    /// What is said of it on the wire beside its name.
    #[must_use]
    pub fn data(&self) -> EventData<'_> {
        let Self { conversation_id, seq, body } = self;
        EventData { conversation_id: *conversation_id, seq: *seq, body }
    }
}

/// See [`Event::data`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct EventData<'a> {
    conversation_id: ConversationId,
    seq: u64,
    #[serde(flatten)]
    body: &'a EventBody,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("Event", 2)?;
        event.serialize_field("event", self.body.name())?;
        event.serialize_field("data", &self.data())?;
        event.end()
    }
}

/// Each part has the type it should, and nothing is taken on trust; parts that a newer server added
/// are passed over.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            event: String,
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            conversation_id: ConversationId,
            seq: u64,
            #[serde(flatten)]
            body: Map<String, Value>,
        }

        let Wire { event, data: Data { conversation_id, seq, body } } =
            Wire::deserialize(deserializer)?;
        let body = EventBody::from_wire(&event, body).map_err(de::Error::custom)?;
        Ok(Self { conversation_id, seq, body })
    }
}

impl EventBody {
    fn from_wire(name: &str, body: Map<String, Value>) -> serde_json::Result<Self> {
        fn read<T: DeserializeOwned>(body: Map<String, Value>) -> serde_json::Result<T> {
            serde_json::from_value(Value::Object(body))
        }
        match name {
            "message_accepted" => read(body).map(Self::MessageAccepted),
            "response_chunk" => read(body).map(Self::ResponseChunk),
            "error" => read(body).map(Self::Error),
            "response_end" => read(body).map(Self::ResponseEnd),
            "token_usage" => read(body).map(Self::TokenUsage),
            "file_progress" => read(body).map(Self::FileProgress),
            "conversation_updated" => read(body).map(Self::ConversationUpdated),
            _ => Err(de::Error::custom(format_args!("there is no event '{name}'"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_its_wire_form() {
        let conversation_id = ConversationId::generate();
        let turn_id = TurnId::generate();
        let chunk = Event {
            conversation_id,
            seq: 3,
            body: EventBody::ResponseChunk(ResponseChunk { chunk: "tides".to_owned(), turn_id }),
        };
        let deleted = Event {
            conversation_id,
            seq: 4,
            body: EventBody::ConversationUpdated(ConversationChange::Deleted),
        };

        assert_eq!(
            serde_json::to_value(&chunk).unwrap(),
            json!({"event": "response_chunk", "data": {
                "conversation_id": conversation_id, "seq": 3, "chunk": "tides", "turn_id": turn_id,
            }})
        );
        for event in [&chunk, &deleted] {
            let wire = serde_json::to_string(event).unwrap();
            assert_eq!(&serde_json::from_str::<Event>(&wire).unwrap(), event);
        }
        assert_eq!(
            serde_json::to_value(&deleted).unwrap(),
            json!({"event": "conversation_updated", "data": {
                "conversation_id": conversation_id, "seq": 4, "change": "deleted",
            }})
        );
    }
}
