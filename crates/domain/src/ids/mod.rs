//! Ids: those that the server generates, and those that clients choose.

mod client_ids;
mod model_id;
mod uuids;

pub use client_ids::{
    ClientMessageId, IdempotencyKey, InvalidClientMessageId, InvalidIdempotencyKey,
};
pub use model_id::{InvalidModelId, ModelId};
pub use uuids::{
    ApiKeyId, ConversationId, DeviceId, ErasureId, EventId, ExampleId, ImportId, InstanceId,
    InvalidId, JobId, MessageId, PublicSessionId, RunId, SessionId, TurnId, UserId,
};
