//! Derives Webchat's ids from those of the Flask application. The derivation is deterministic, so that a second migration
//! changes nothing.

use uuid::{Uuid, uuid};
use webchat_domain::{ConversationId, MessageId, UserId};

/// The namespace of all derived UUIDs. It must never change: it is documented for operators, and databases contain ids
/// that are derived from it.
const NAMESPACE: Uuid = uuid!("8eb8e842-8847-4687-8bf3-213d22d6b541");

/// Parses a UUID in any form. Derives a UUID of version 5 from any other text.
pub(super) fn conversation_id(stored: &str) -> ConversationId {
    Uuid::try_parse(stored).unwrap_or_else(|_| derived("conversation", stored)).into()
}

/// Returns the user whose id in the Flask application was this text: parses a UUID in any form, and derives a UUID of
/// version 5 from any other text.
#[must_use]
pub fn user_id(stored: &str) -> UserId {
    Uuid::try_parse(stored).unwrap_or_else(|_| derived("user", stored)).into()
}

pub(super) fn message_id(conversation: ConversationId, position: u64) -> MessageId {
    derived("message", &format!("{conversation}:{position}")).into()
}

fn derived(kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{kind}:{name}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_in_any_form_keeps_its_value() {
        let id = "6f1f7a52-3f0e-4c1a-9d57-0a8f1a0f7f11";
        let forms = [id.to_owned(), id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}")];

        for form in forms {
            assert_eq!(conversation_id(&form).to_string(), id, "{form}");
            assert_eq!(user_id(&form).to_string(), id, "{form}");
        }
    }

    /// The expected values are those of Python's `uuid.uuid5`, with which operators can look up a converted id.
    #[test]
    fn any_other_text_becomes_the_documented_uuid() {
        assert_eq!(user_id("alice").to_string(), "44df4921-e98f-5006-9561-9d87f029c0a5");
        assert_eq!(conversation_id("alice").to_string(), "5ae7cad4-3478-51ab-8e53-52b43cb97c53");
        let conversation = conversation_id("6f1f7a52-3f0e-4c1a-9d57-0a8f1a0f7f11");
        assert_eq!(message_id(conversation, 2).to_string(), "dae763a0-5eb9-5e4d-a807-f3fba6ddcc02");
    }
}
