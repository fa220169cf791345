//! The ids that what the Flask application wrote gets here: always the same ones, so that carrying it
//! over a second time changes nothing.

use uuid::{Uuid, uuid};
use webchat_domain::{ConversationId, MessageId, UserId};

/// Of all UUIDs that are derived here. Operators are told of it, and databases hold what it made.
const NAMESPACE: Uuid = uuid!("8eb8e842-8847-4687-8bf3-213d22d6b541");

/// The UUID that is written there, in whichever form; else one of version 5.
pub(super) fn conversation_id(written: &str) -> ConversationId {
    Uuid::try_parse(written).unwrap_or_else(|_| derived("conversation", written)).into()
}

/// The UUID that is written there, in whichever form; else one of version 5.
pub(super) fn user_id(written: &str) -> UserId {
    Uuid::try_parse(written).unwrap_or_else(|_| derived("user", written)).into()
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
    fn a_uuid_is_kept_whatever_its_form() {
        let id = "6f1f7a52-3f0e-4c1a-9d57-0a8f1a0f7f11";
        let forms = [id.to_owned(), id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}")];

        for form in forms {
            assert_eq!(conversation_id(&form).to_string(), id, "{form}");
            assert_eq!(user_id(&form).to_string(), id, "{form}");
        }
    }

    /// The numbers are those of Python's `uuid.uuid5`, by which operators can tell what became of an id.
    #[test]
    fn other_texts_become_the_uuids_that_the_manual_promises() {
        assert_eq!(user_id("alice").to_string(), "44df4921-e98f-5006-9561-9d87f029c0a5");
        assert_eq!(conversation_id("alice").to_string(), "5ae7cad4-3478-51ab-8e53-52b43cb97c53");
        let conversation = conversation_id("6f1f7a52-3f0e-4c1a-9d57-0a8f1a0f7f11");
        assert_eq!(message_id(conversation, 2).to_string(), "dae763a0-5eb9-5e4d-a807-f3fba6ddcc02");
    }
}
