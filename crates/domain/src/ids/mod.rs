//! Ids: those that the server generates, and those that clients choose.

mod client_ids;
mod uuids;

pub use client_ids::{
    ClientMessageId, IdempotencyKey, InvalidClientMessageId, InvalidIdempotencyKey,
};
pub use uuids::{
    ApiKeyId, ConversationId, DeviceId, ErasureId, EventId, ExampleId, ImportId, InstanceId,
    InvalidId, JobId, MessageId, PublicSessionId, RunId, SessionId, TurnId, UserId,
};
