//! Alternating roles in a request. Some models have chat templates that require the roles `user` and `assistant` to
//! alternate, starting with `user`.

use webchat_llm::{ChatMessage, ChatRole};
use webchat_tokens::FILLER;

/// The separator between the texts of messages that are merged.
const SEPARATOR: &str = "\n\n";

/// Makes the roles alternate. Merges consecutive messages with the same role: for example, two questions, if the answer
/// to the first one failed without text. If the first message is an answer, because its question is no longer sent,
/// inserts [`FILLER`] as a message of the user before it.
pub(super) fn alternate(messages: impl IntoIterator<Item = ChatMessage>) -> Vec<ChatMessage> {
    let mut alternating: Vec<ChatMessage> = Vec::new();
    for message in messages {
        match alternating.last_mut() {
            Some(last) if last.role == message.role => {
                last.content.push_str(SEPARATOR);
                last.content.push_str(&message.content);
            }
            None if message.role == ChatRole::Assistant => {
                let content = FILLER.to_owned();
                alternating.extend([ChatMessage { role: ChatRole::User, content }, message]);
            }
            _ => alternating.push(message),
        }
    }
    alternating
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_alternate_and_begin_with_the_user() {
        let user = |content: &str| (ChatRole::User, content.to_owned());
        let assistant = |content: &str| (ChatRole::Assistant, content.to_owned());
        for (messages, expected) in [
            (
                vec![user("a"), assistant("b"), user("c")],
                vec![user("a"), assistant("b"), user("c")],
            ),
            (vec![user("a"), user("b"), user("c")], vec![user("a\n\nb\n\nc")]),
            (
                vec![assistant("a"), assistant("b"), user("c")],
                vec![user(FILLER), assistant("a\n\nb"), user("c")],
            ),
            (Vec::new(), Vec::new()),
        ] {
            let messages =
                messages.into_iter().map(|(role, content)| ChatMessage { role, content });

            let alternating = alternate(messages).into_iter();

            let alternating: Vec<_> =
                alternating.map(|message| (message.role, message.content)).collect();
            assert_eq!(alternating, expected);
        }
    }
}
