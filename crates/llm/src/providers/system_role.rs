//! Requests to upstreams that take no system message.

use std::borrow::Cow;

use super::capabilities::Capabilities;
use crate::{ChatMessage, ChatRole};

/// Returns the messages as this upstream takes them.
pub(super) fn messages_for(
    capabilities: Capabilities,
    messages: &[ChatMessage],
) -> Cow<'_, [ChatMessage]> {
    if capabilities.system_role {
        Cow::Borrowed(messages)
    } else {
        Cow::Owned(without_system_role(messages))
    }
}

/// Puts the texts of system messages before the first message of the user.
fn without_system_role(messages: &[ChatMessage]) -> Vec<ChatMessage> {
    let (system, mut others): (Vec<_>, Vec<_>) =
        messages.iter().cloned().partition(|message| message.role == ChatRole::System);
    let mut texts: Vec<_> = system.into_iter().map(|message| message.content).collect();
    match others.first_mut() {
        Some(first) if first.role == ChatRole::User => {
            texts.push(std::mem::take(&mut first.content));
            first.content = texts.join("\n\n");
        }
        _ if texts.is_empty() => {}
        _ => others.insert(0, ChatMessage { role: ChatRole::User, content: texts.join("\n\n") }),
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_of_the_user_begins_with_the_instructions() {
        let message = |role, content: &str| ChatMessage { role, content: content.to_owned() };
        let system = message(ChatRole::System, "Be brief.");
        let answer = message(ChatRole::Assistant, "Hello.");
        let question = message(ChatRole::User, "Why?");

        let usual = without_system_role(&[system.clone(), question.clone(), answer.clone()]);
        let unusual = without_system_role(&[system, answer.clone(), question]);

        assert_eq!(usual, [message(ChatRole::User, "Be brief.\n\nWhy?"), answer]);
        assert_eq!(unusual[0], message(ChatRole::User, "Be brief."));
        assert_eq!(unusual.len(), 3);
    }
}
