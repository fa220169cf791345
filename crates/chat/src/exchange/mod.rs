//! The forms in which conversations are taken away and brought, as pure functions: nothing is read or
//! written here but what is handed in.

pub(crate) mod chatgpt;
mod each;
pub(crate) mod flask;
pub(crate) mod ids;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod reading;
#[cfg(test)]
mod tests;

use webchat_domain::{Context, Conversation, ConversationId, Role, Title, UserId};
use webchat_persistence::{StoredConversation, StoredMessage};

/// The most bytes that the text of one message, or all that goes beside the messages, may have.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// A conversation as a file holds it, with the file's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brought {
    /// Whose it was, where the file says so.
    pub(crate) user_id: Option<UserId>,
    /// Its id is one of Webchat's own: the conversation may be here still.
    pub(crate) is_ours: bool,
    /// What it counts is counted when it gets its owner.
    pub(crate) conversation: Conversation,
    pub(crate) last_position: u64,
    pub(crate) context: Context,
    pub(crate) messages: Vec<StoredMessage>,
}

impl Brought {
    /// The conversation as it is to be stored. All of its ids become `user_id`'s, always the same ones
    /// for the same owner and file: so they never meet anybody else's, nor tell of them.
    pub(crate) fn adopted_by(
        self,
        user_id: UserId,
        count_tokens: impl Fn(&str) -> u32,
    ) -> (StoredConversation, Vec<StoredMessage>) {
        let Self { mut conversation, last_position, mut context, mut messages, .. } = self;
        let id = ids::conversation(user_id, conversation.conversation_id);
        for message in &mut messages {
            adopt(message, id);
            message.message.token_count = count_tokens(&message.message.content);
        }
        count_context(&mut context, count_tokens);
        let visible =
            || messages.iter().filter(|stored| stored.active).map(|stored| &stored.message);
        conversation.conversation_id = id;
        conversation.message_count = visible().map(|_| 1).sum();
        conversation.total_tokens = visible().map(|message| u64::from(message.token_count)).sum();
        let head = visible().next_back().map(|message| message.message_id);
        let stored = StoredConversation { user_id, conversation, head, last_position, context };
        (stored, messages)
    }

    /// The ids under which `user_id` may have it already: its own, if it is theirs, and the one it gets
    /// when they import it.
    pub(crate) fn ids_of(&self, user_id: UserId) -> impl Iterator<Item = ConversationId> + use<> {
        let source = self.conversation.conversation_id;
        let own = self.is_ours.then_some(source);
        own.into_iter().chain([ids::conversation(user_id, source)])
    }
}

fn adopt(stored: &mut StoredMessage, conversation: ConversationId) {
    let message = &mut stored.message;
    message.conversation_id = conversation;
    message.message_id = ids::message(conversation, message.message_id);
    message.parent_id = message.parent_id.map(|id| ids::message(conversation, id));
    message.turn_id = message.turn_id.map(|id| ids::turn(conversation, id));
}

/// A file's own counts are not believed: what is counted too low would be sent to the model though it
/// does not fit.
fn count_context(context: &mut Context, count_tokens: impl Fn(&str) -> u32) {
    if let Some(prompt) = &mut context.system_prompt {
        prompt.token_count = count_tokens(&prompt.text);
    }
    if let Some(summary) = &mut context.summary {
        summary.token_count = count_tokens(&summary.text);
    }
    for example in &mut context.examples {
        example.prompt_tokens = count_tokens(&example.user_prompt);
        example.response_tokens = count_tokens(&example.assistant_response);
    }
}

/// The first words of the first question.
fn title_of(messages: &[StoredMessage]) -> Option<Title> {
    let question = messages.iter().find(|stored| stored.message.role == Role::User)?;
    Title::from_first_words(&question.message.content)
}
