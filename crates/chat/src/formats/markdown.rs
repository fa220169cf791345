//! The Markdown format, for reading. It contains only the visible path.

use webchat_domain::{Message, MessageStatus, Role, Timestamp, Title};
use webchat_persistence::StoredConversation;

/// Returns the title and the system prompt.
pub(crate) fn header(stored: &StoredConversation) -> String {
    let title = stored.conversation.title.as_ref().map_or("Conversation", Title::as_str);
    let mut header = format!("# {}\n", escaped(title));
    if let Some(prompt) = &stored.context.system_prompt {
        header.push_str(&section(
            "System prompt",
            stored.conversation.created_at,
            None,
            &prompt.text,
        ));
    }
    header
}

/// Returns a message, below a horizontal rule.
pub(crate) fn message(message: &Message) -> String {
    let speaker = match message.role {
        Role::User => "User",
        Role::Assistant => "Assistant",
    };
    let note = match message.status {
        MessageStatus::Complete => None,
        MessageStatus::Stopped => Some("stopped"),
        MessageStatus::Interrupted => Some("interrupted"),
        MessageStatus::Failed => Some("failed"),
        MessageStatus::Truncated => Some("truncated"),
    };
    section(speaker, message.created_at, note, &message.content)
}

fn section(speaker: &str, at: Timestamp, note: Option<&str>, content: &str) -> String {
    let note = note.map(|note| format!(", {note}")).unwrap_or_default();
    let content = with_closed_fence(content.trim_end());
    format!("\n---\n\n**{speaker}**, {}{note}\n\n{content}\n", at.readable())
}

/// Escapes markup in a heading.
fn escaped(title: &str) -> String {
    let mut escaped = String::with_capacity(title.len());
    for character in title.chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '&') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Closes a code fence that is still open at the end, as in a truncated answer. Otherwise everything after it would
/// be rendered as code.
fn with_closed_fence(content: &str) -> String {
    match open_fence(content) {
        Some(Fence { mark, length }) => {
            format!("{content}\n{}", String::from(mark).repeat(length))
        }
        None => content.to_owned(),
    }
}

/// Returns a code block. Its fence is longer than any fence in the code.
pub(crate) fn block(language: &str, code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{code}\n{fence}")
}

/// A code fence: a run of backticks or tildes.
#[derive(Clone, Copy)]
struct Fence {
    mark: char,
    length: usize,
}

/// Returns the fence that is open at the end, according to
/// <https://spec.commonmark.org/0.31.2/#fenced-code-blocks>. Lists need no special case: a fence in a list ends
/// with the list, and the next exported line ends the list.
fn open_fence(content: &str) -> Option<Fence> {
    let mut open: Option<Fence> = None;
    for line in content.lines() {
        let Some((fence, rest)) = fence_of(line) else { continue };
        match open {
            None if fence.mark == '~' || !rest.contains('`') => open = Some(fence),
            Some(opening)
                if opening.mark == fence.mark
                    && fence.length >= opening.length
                    && rest.trim().is_empty() =>
            {
                open = None;
            }
            _ => {}
        }
    }
    open
}

/// Returns the fence at the beginning of a line, and the rest of the line.
fn fence_of(line: &str) -> Option<(Fence, &str)> {
    let text = line.trim_start_matches(' ');
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let rest = text.trim_start_matches(mark);
    let length = text.len() - rest.len();
    (line.len() - text.len() <= 3 && length >= 3).then_some((Fence { mark, length }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_fence_is_closed_and_other_content_is_unchanged() {
        for complete in [
            "no code",
            "```rust\nlet a = 1;\n```",
            "~~~\n```\n~~~",
            "````\n```\nstill code\n````",
            "``` a ` b\nno fence",
            "    ```\n    indented code",
            "``two``",
        ] {
            assert_eq!(with_closed_fence(complete), complete);
        }
        for (truncated, fence) in [
            ("```rust\nlet a", "```"),
            ("```\na\n```\n\n~~~~\nb\n~~~", "~~~~"),
            ("````\n```", "````"),
            ("```\na\n``` not a closing fence", "```"),
            ("   ```\na\n    ```", "```"),
        ] {
            assert_eq!(with_closed_fence(truncated), format!("{truncated}\n{fence}"));
        }
    }

    #[test]
    fn a_code_block_has_a_longer_fence_than_the_code() {
        assert_eq!(block("python", "print(1)"), "```python\nprint(1)\n```");
        assert_eq!(block("", "```\na\n```"), "````\n```\na\n```\n````");
    }
}
