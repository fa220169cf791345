//! The entries of a conversation's stream.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use thiserror::Error;
use webchat_domain::{ConversationId, Event};
use webchat_persistence::StoreError;

/// An entry of a stream: its id and its fields.
pub(crate) type Entry = (String, HashMap<String, String>);

/// The error of an entry that is not a valid event.
#[derive(Debug, Error)]
#[error("invalid entry in the turn log: {0} is missing")]
struct InvalidEntry(&'static str);

/// Parses an entry of a conversation's stream.
pub(crate) fn event_of(
    id: ConversationId,
    (entry_id, fields): &Entry,
) -> Result<Arc<Event>, StoreError> {
    let seq = entry_id.strip_suffix("-0").and_then(|seq| seq.parse().ok());
    let seq = seq.ok_or_else(|| StoreError::fault(InvalidEntry("sequence number")))?;
    let field = |name| fields.get(name).ok_or_else(|| StoreError::fault(InvalidEntry(name)));
    event(id, seq, field("event")?, field("data")?)
}

/// Parses an event strictly, by its wire format.
pub(crate) fn event(
    id: ConversationId,
    seq: u64,
    name: &str,
    data: &str,
) -> Result<Arc<Event>, StoreError> {
    let mut data: Map<String, Value> = serde_json::from_str(data).map_err(StoreError::fault)?;
    data.insert("conversation_id".to_owned(), json!(id));
    data.insert("seq".to_owned(), json!(seq));
    let wire = json!({"event": name, "data": data});
    serde_json::from_value(wire).map(Arc::new).map_err(StoreError::fault)
}
