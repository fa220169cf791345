//! The events of a conversation, and their wire format.

use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::{
    ConversationId, FileProgress, FinishReason, JobId, Ledger, Message, MessageAccepted, MessageId,
    MessageStatus, Timestamp, Title, TurnId,
};

/// An event of a conversation, which is published to all its subscribers.
///
/// The wire format is the JSON object `{"event": …, "data": {"conversation_id", "seq", …}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The conversation that the event belongs to.
    pub conversation_id: ConversationId,
    /// The sequence number of the event in its conversation. Sequence numbers are strictly increasing and never
    /// reused.
    pub seq: u64,
    /// The kind of event and its data.
    pub body: EventBody,
}

/// The kind of an event and its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EventBody {
    /// A question is stored, and its turn begins.
    MessageAccepted(MessageAccepted),
    /// The next chunk of the reasoning before the answer.
    ReasoningChunk(ReasoningChunk),
    /// The next chunk of the answer.
    ResponseChunk(ResponseChunk),
    /// The turn failed. `response_end` follows.
    Error(TurnFailed),
    /// The answer is stored.
    ResponseEnd(ResponseEnd),
    /// The tokens that the turn used. This is the turn's last event.
    TokenUsage(TokenUsage),
    /// The progress of a file's analysis.
    FileProgress(FileProgress),
    /// The conversation itself has changed.
    ConversationUpdated(ConversationChange),
}

impl EventBody {
    /// Returns the text of a chunk of an answer or of its reasoning.
    #[must_use]
    pub fn chunk_text(&self) -> Option<&str> {
        match self {
            Self::ReasoningChunk(chunk) => Some(&chunk.chunk),
            Self::ResponseChunk(chunk) => Some(&chunk.chunk),
            _ => None,
        }
    }

    /// Returns whether both are chunks of the same kind and turn, so that they can be merged.
    #[must_use]
    pub fn is_continued_by(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::ReasoningChunk(last), Self::ReasoningChunk(next)) => {
                last.turn_id == next.turn_id
            }
            (Self::ResponseChunk(last), Self::ResponseChunk(next)) => last.turn_id == next.turn_id,
            _ => false,
        }
    }

    /// Appends the next chunk to this one, if it is [continued](Self::is_continued_by) by that. Returns whether it is.
    pub fn append(&mut self, next: &Self) -> bool {
        if !self.is_continued_by(next) {
            return false;
        }
        match (self, next) {
            (Self::ReasoningChunk(last), Self::ReasoningChunk(next)) => {
                last.chunk.push_str(&next.chunk);
                last.duration_ms = next.duration_ms;
            }
            (Self::ResponseChunk(last), Self::ResponseChunk(next)) => {
                last.chunk.push_str(&next.chunk);
            }
            _ => {}
        }
        true
    }
}

/// The next chunk of the reasoning before an answer.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasoningChunk {
    /// The text to append to the reasoning of the answer.
    pub chunk: String,
    /// How long the model has reasoned until this chunk, in milliseconds.
    pub duration_ms: u32,
    /// The turn that the chunk belongs to.
    pub turn_id: TurnId,
}

/// The next chunk of an answer.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseChunk {
    /// The text to append to the answer.
    pub chunk: String,
    /// The turn that the chunk belongs to.
    pub turn_id: TurnId,
}

/// The reason why a turn failed.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnFailed {
    /// A human-readable message that says what the user can do.
    pub message: String,
    /// A stable, machine-readable code.
    pub code: String,
    /// The turn that failed.
    pub turn_id: TurnId,
}

/// The answer is stored.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseEnd {
    /// The answer's id.
    pub message_id: MessageId,
    /// The turn that ended.
    pub turn_id: TurnId,
    /// The answer's position in the conversation.
    pub position: u64,
    /// The reason why the answer ended.
    pub finish_reason: FinishReason,
    /// The status of the answer.
    pub status: MessageStatus,
    /// The number of tokens of the answer's text.
    pub token_count: u32,
    /// How long the model has reasoned before the answer, in milliseconds. Absent without reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reasoning_ms: Option<u32>,
    /// The number of tokens of the reasoning. Absent without reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reasoning_tokens: Option<u32>,
    /// When the answer began. Only events of older servers lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub created_at: Option<Timestamp>,
    /// When the turn ended. Absent if it is unknown, and if the turn has continued an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ended_at: Option<Timestamp>,
}

impl ResponseEnd {
    /// Creates the event that announces the final state of an answer.
    #[must_use]
    pub fn new(answer: &Message, turn_id: TurnId, finish_reason: FinishReason) -> Self {
        let reasoning = answer.reasoning.as_ref();
        Self {
            message_id: answer.message_id,
            turn_id,
            position: answer.position,
            finish_reason,
            status: answer.status,
            token_count: answer.token_count,
            reasoning_ms: reasoning.map(|reasoning| reasoning.duration_ms),
            reasoning_tokens: reasoning.map(|reasoning| reasoning.tokens),
            created_at: Some(answer.created_at),
            ended_at: answer.ended_at,
        }
    }
}

/// The tokens that a turn used.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// The turn that ended.
    pub turn_id: TurnId,
    /// The number of tokens of the request, of the answer and of its reasoning.
    pub total_tokens_used: u32,
    /// The number of tokens of the request that the model's provider had cached, as far as it reports them. Only events of
    /// older servers lack it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub cached_tokens: u32,
    /// The number of tokens of the reasoning, as reported by the model, otherwise by the server's own count. Only events
    /// of older servers lack it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub reasoning_tokens: u32,
    /// The tokens that were sent to the model, by kind.
    pub ledger: Ledger,
}

/// A change of the conversation itself. New kinds of changes may be added.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ConversationChange {
    /// The title has changed.
    Title {
        /// The new title.
        title: Title,
    },
    /// The conversation was archived or unarchived.
    Archived {
        /// Whether the conversation is archived now.
        archived: bool,
    },
    /// The few-shot examples have changed.
    FewShot,
    /// A new summary replaces older messages in requests to the model.
    Compacted {
        /// The position of the last message that the summary covers.
        summary_through: u64,
    },
    /// The user changed the system prompt, the summary or the model parameters.
    Context,
    /// Other versions of some messages have become visible.
    Branch,
    /// A file's analysis was appended to the conversation.
    File {
        /// The job that analysed the file.
        job_id: JobId,
    },
    /// All messages were deleted.
    Reset,
    /// The conversation was deleted.
    Deleted,
}

impl EventBody {
    /// Returns the event's name in the wire format.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::MessageAccepted(_) => "message_accepted",
            Self::ReasoningChunk(_) => "reasoning_chunk",
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
    /// Returns the event's `data` in the wire format.
    #[must_use]
    pub fn data(&self) -> EventData<&EventBody> {
        let Self { conversation_id, seq, body } = self;
        EventData { conversation_id: *conversation_id, seq: *seq, body }
    }
}

/// The `data` of an event: its body with the conversation id and the sequence number.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, Serialize)]
pub struct EventData<B> {
    /// The conversation that the event belongs to.
    conversation_id: ConversationId,
    /// The sequence number of the event in its conversation. Sequence numbers are strictly increasing.
    seq: u64,
    #[serde(flatten)]
    body: B,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("Event", 2)?;
        event.serialize_field("event", self.body.name())?;
        event.serialize_field("data", &self.data())?;
        event.end()
    }
}

/// Validates the known fields, and ignores unknown ones, which a newer server may have added.
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
            "reasoning_chunk" => read(body).map(Self::ReasoningChunk),
            "response_chunk" => read(body).map(Self::ResponseChunk),
            "error" => read(body).map(Self::Error),
            "response_end" => read(body).map(Self::ResponseEnd),
            "token_usage" => read(body).map(Self::TokenUsage),
            "file_progress" => read(body).map(Self::FileProgress),
            "conversation_updated" => read(body).map(Self::ConversationUpdated),
            _ => Err(de::Error::custom(format_args!("unknown event '{name}'"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_round_trips_through_its_wire_format() {
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
        let reasoning = ReasoningChunk { chunk: "Hm".to_owned(), duration_ms: 9, turn_id };
        let reasoning = Event { body: EventBody::ReasoningChunk(reasoning), ..chunk.clone() };
        for event in [&chunk, &deleted, &reasoning] {
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
