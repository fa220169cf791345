//! The reasoning in the texts of answers: of those that were stored with it, and between marks that the reader of
//! answers does not recognise because their beginning is missing.

use webchat_domain::REASONING_MARKS;

/// What begins the channels of OpenAI's open models, and the channel of the answer:
/// <https://cookbook.openai.com/articles/openai-harmony>.
const CHANNEL_MARKS: [&str; 2] = ["<|channel|>", "<|start|>"];
const FINAL_CHANNEL: &str = "<|channel|>final<|message|>";
const END_MARKS: [&str; 2] = ["<|return|>", "<|end|>"];

/// Returns the text without the reasoning at its beginning, trimmed. Returns an empty text if it is nothing but
/// reasoning, such as one that was cut off.
pub(crate) fn without_reasoning(text: &str) -> &str {
    let mut text = text.trim();
    while let Some((_, end)) =
        REASONING_MARKS.into_iter().find(|(begin, _)| starts_with(text, begin))
    {
        text = after(text, end).unwrap_or_default().trim_start();
    }
    text = after_unopened_reasoning(text).unwrap_or(text);
    if CHANNEL_MARKS.into_iter().any(|mark| text.starts_with(mark)) {
        text = text.rsplit_once(FINAL_CHANNEL).map_or("", |(_, answer)| answer);
        text = END_MARKS.into_iter().fold(text, |text, mark| text.trim_end_matches(mark));
    }
    text.trim()
}

/// Returns what follows the end of reasoning whose beginning is missing, because the chat template of the model
/// contains it. Such an end is a line of its own; elsewhere, the text may be about it.
fn after_unopened_reasoning(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        if REASONING_MARKS.into_iter().any(|(_, end)| line.trim().eq_ignore_ascii_case(end)) {
            return Some(after);
        }
        rest = after;
    }
    None
}

fn starts_with(text: &str, mark: &str) -> bool {
    text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
}

/// Returns what follows the first `mark`.
fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    // Lower case in ASCII does not change the offsets.
    let at = text.to_ascii_lowercase().find(mark)?;
    text.get(at + mark.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reasoning_at_the_beginning_is_removed() {
        for (text, expected) in [
            ("Spider legs", "Spider legs"),
            ("<think>\nA title about legs.\n</think>\n\nSpider legs", "Spider legs"),
            ("<think>\n\n</think>\n\nSpider legs", "Spider legs"),
            ("<Think>a</Think> <thinking>b</thinking>Spider legs", "Spider legs"),
            ("[THINK]a[/THINK]Spider legs", "Spider legs"),
            ("◁think▷a◁/think▷Spider legs", "Spider legs"),
            ("Legs, then.\n</think>\n\nSpider legs", "Spider legs"),
            ("<think>\nOkay, the user wants a title for", ""),
            ("<think>", ""),
            ("<|channel|>analysis<|message|>We need to produce a title", ""),
            (
                "<|channel|>analysis<|message|>Legs.<|end|><|start|>assistant<|channel|>final\
                 <|message|>Spider legs<|return|>",
                "Spider legs",
            ),
            ("The tags <think> and </think>", "The tags <think> and </think>"),
        ] {
            assert_eq!(without_reasoning(text), expected, "{text}");
        }
    }
}
