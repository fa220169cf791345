//! What the model is told by the server itself, and in which form it gets a conversation.

use webchat_domain::{Context, Message, Role, SystemPrompt};
use webchat_llm::{ChatMessage, ChatRole};
use webchat_tokens::{Plan, SUMMARY_HEADING};

pub(crate) const SUMMARISE: &str = "You keep the memory of a conversation between a user and an \
    assistant. Summarise what is given to you, so that the assistant can go on without the original: \
    facts, names, numbers, decisions, what the user wants, and what is still open. Keep what the \
    summary so far says, where it still holds. Write in the language of the conversation. Answer \
    with the summary and nothing else.";

pub(crate) const ENTITLE: &str = "Give the following conversation a title of two to six words, in \
    the language of the conversation. Answer with the title and nothing else: no quotation marks, no \
    full stop.";

pub(crate) const CONTINUE: &str = "Your last answer broke off. Go on with it exactly where it ends, \
    also in the middle of a word. Repeat nothing of it, and say nothing about going on.";

/// The planned messages, with what goes before them: one system message, as some models take no
/// second one, then the examples.
pub(crate) fn messages(
    system: Option<&SystemPrompt>,
    context: &Context,
    plan: Plan,
) -> Vec<ChatMessage> {
    let summary = context.summary.as_ref().filter(|_| plan.with_summary);
    let system = context.system_prompt.as_ref().or(system).map(|prompt| prompt.text.clone());
    let summary = summary.map(|summary| format!("{SUMMARY_HEADING}\n{}", summary.text));
    let first: Vec<String> = system.into_iter().chain(summary).collect();
    let first = (!first.is_empty()).then(|| said(ChatRole::System, first.join("\n\n")));
    let examples = context.examples.iter().flat_map(|example| {
        [
            said(ChatRole::User, example.user_prompt.clone()),
            said(ChatRole::Assistant, example.assistant_response.clone()),
        ]
    });
    let history = plan.messages.into_iter().map(|message| {
        let role = match message.role {
            Role::User => ChatRole::User,
            Role::Assistant => ChatRole::Assistant,
        };
        said(role, message.content)
    });
    first.into_iter().chain(examples).chain(history).collect()
}

pub(crate) fn said(role: ChatRole, content: String) -> ChatMessage {
    ChatMessage { role, content }
}

/// A message as a line of a transcript.
pub(crate) fn line(message: &Message) -> String {
    let speaker = match message.role {
        Role::User => "User",
        Role::Assistant => "Assistant",
    };
    format!("{speaker}: {}\n\n", message.content)
}
