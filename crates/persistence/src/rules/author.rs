//! The authors of messages that other applications wrote.

use webchat_domain::Role;

/// The author of a message of the Flask application, or of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignAuthor {
    /// A role that Webchat has.
    Native(Role),
    /// Another role, which is mapped to the user or the assistant.
    Mapped(Role),
    /// The application itself, which writes instructions and a summary at the beginning.
    System,
}

/// Returns the author with this role, in any case. Returns `None` for an unknown role: a wrong guess would attribute the
/// message to the wrong author.
#[must_use]
pub fn foreign_author(role: &str) -> Option<ForeignAuthor> {
    Some(match role.trim().to_ascii_lowercase().as_str() {
        "user" => ForeignAuthor::Native(Role::User),
        "assistant" => ForeignAuthor::Native(Role::Assistant),
        "system" => ForeignAuthor::System,
        "human" => ForeignAuthor::Mapped(Role::User),
        "ai" | "bot" | "developer" | "function" | "model" | "tool" => {
            ForeignAuthor::Mapped(Role::Assistant)
        }
        _ => return None,
    })
}
