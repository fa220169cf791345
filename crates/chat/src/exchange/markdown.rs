//! Markdown, for people to read: what is said on the visible path.

use webchat_domain::{Message, MessageStatus, Role, Timestamp, Title};
use webchat_persistence::StoredConversation;

/// The heading.
pub(crate) fn head(stored: &StoredConversation) -> String {
    let title = stored.conversation.title.as_ref().map_or("Conversation", Title::as_str);
    let mut head = format!("# {}\n", escaped(title));
    if let Some(prompt) = &stored.context.system_prompt {
        head.push_str(&said("System prompt", stored.conversation.created_at, None, &prompt.text));
    }
    head
}

/// A message, below a line.
pub(crate) fn message(message: &Message) -> String {
    let speaker = match message.role {
        Role::User => "User",
        Role::Assistant => "Assistant",
    };
    let became = match message.status {
        MessageStatus::Complete => None,
        MessageStatus::Stopped => Some("stopped"),
        MessageStatus::Interrupted => Some("interrupted"),
        MessageStatus::Failed => Some("failed"),
        MessageStatus::Truncated => Some("truncated"),
    };
    said(speaker, message.created_at, became, &message.content)
}

fn said(speaker: &str, at: Timestamp, became: Option<&str>, content: &str) -> String {
    let became = became.map(|became| format!(", {became}")).unwrap_or_default();
    let content = with_closed_fence(content.trim_end());
    format!("\n---\n\n**{speaker}**, {}{became}\n\n{content}\n", at.readable())
}

/// What would be markup in a heading is text.
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

/// A fence that is still open at the end, as that of an answer which was cut off, would make code of
/// all that follows.
fn with_closed_fence(content: &str) -> String {
    match open_fence(content) {
        Some(Fence { mark, length }) => {
            format!("{content}\n{}", String::from(mark).repeat(length))
        }
        None => content.to_owned(),
    }
}

/// Code as a block, whatever it holds.
pub(crate) fn block(language: &str, code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{code}\n{fence}")
}

#[derive(Clone, Copy)]
struct Fence {
    mark: char,
    length: usize,
}

/// By <https://spec.commonmark.org/0.31.2/#fenced-code-blocks>. One in a list ends with the list, which
/// our next line does.
fn open_fence(content: &str) -> Option<Fence> {
    let mut open: Option<Fence> = None;
    for line in content.lines() {
        let Some((fence, rest)) = fence_of(line) else { continue };
        match open {
            None if fence.mark == '~' || !rest.contains('`') => open = Some(fence),
            Some(opened)
                if opened.mark == fence.mark
                    && fence.length >= opened.length
                    && rest.trim().is_empty() =>
            {
                open = None;
            }
            _ => {}
        }
    }
    open
}

/// The fence that the line begins with, and what follows it.
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
    fn a_fence_that_is_left_open_is_closed_and_others_stay_as_they_are() {
        for whole in [
            "no code",
            "```rust\nlet a = 1;\n```",
            "~~~\n```\n~~~",
            "````\n```\nstill code\n````",
            "``` a ` b\nno fence",
            "    ```\n    indented code",
            "``two``",
        ] {
            assert_eq!(with_closed_fence(whole), whole);
        }
        for (cut, fence) in [
            ("```rust\nlet a", "```"),
            ("```\na\n```\n\n~~~~\nb\n~~~", "~~~~"),
            ("````\n```", "````"),
            ("```\na\n``` not a closing fence", "```"),
            ("   ```\na\n    ```", "```"),
        ] {
            assert_eq!(with_closed_fence(cut), format!("{cut}\n{fence}"));
        }
    }

    #[test]
    fn a_block_holds_code_with_fences_of_its_own() {
        assert_eq!(block("python", "print(1)"), "```python\nprint(1)\n```");
        assert_eq!(block("", "```\na\n```"), "````\n```\na\n```\n````");
    }
}
