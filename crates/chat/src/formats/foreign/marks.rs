//! Removes what other applications mark up for their own display, or makes it readable.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

/// ChatGPT encloses its marks, for example citations, in these private-use characters.
const BEGIN: char = '\u{E200}';
const END: char = '\u{E201}';
const SEPARATOR: char = '\u{E202}';
const MARKS: std::ops::RangeInclusive<char> = '\u{E200}'..='\u{E20F}';

/// The patterns in answers, with their replacements.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let patterns = [
        // Citations of ChatGPT without their private-use characters.
        (r"[ \t]?\b(?:file)?cite(?:turn\d+[a-z]+\d+)+", ""),
        (r"[ \t]?:(?:contentReference|antCitation|oaicite)(?:\[[^\]\n]*\])?(?:\{[^}\n]*\})?", ""),
        (r"[ \t]?【\d[\d:]*†(?:source|[LS]\d+(?:-[LS]?\d+)?|source[^】\n]*)】", ""),
        (r"【\d[\d:]*†([^】\n†]+)(?:†[^】\n]*)?】", "[$1]"),
        // Links to files that only ChatGPT has.
        (r"!?\[([^\]\n]*)\]\(sandbox:(?:[^()\n]|\([^()\n]*\))*\)", "$1"),
        (r"\bsandbox:(?:/[^/\s)\]]+)*/([^/\s)\]]+)", "$1"),
        // Reasoning of models and tool calls in texts.
        (
            r#"(?s)<details type="(?:reasoning|tool_calls|code_interpreter)"[^>]*>.*?</details>\s*"#,
            "",
        ),
        (r"(?s)<(think|thinking|antThinking)>.*?</(?:think|thinking|antThinking)>\s*", ""),
        (r"(?s):::thinking\s.*?\n:::[ \t]*\n*", ""),
        // The frames of documents that are shown beside the conversation.
        (r"(?m)^:::(?:artifact|writing)?(?:\{[^}\n]*\})?[ \t]*$\n?", ""),
        (r"</?antArtifact[^>]*>", "\n"),
    ];
    let compile = |(pattern, with)| Some((Regex::new(pattern).ok()?, with));
    patterns.into_iter().filter_map(compile).collect()
});

/// An artifact of Claude with code.
static CODE_ARTIFACT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r#"(?s)<antArtifact\b[^>]*?language="([^"]*)"[^>]*>\s*(.*?)\s*</antArtifact>"#;
    Regex::new(pattern).ok()
});

/// Returns the text without marks. `is_answer` says whether a model wrote it: a user's own words are kept.
pub(super) fn clean(text: &str, is_answer: bool) -> String {
    let mut text = without_private_marks(text);
    if !is_answer {
        return text;
    }
    if let Some(artifact) = CODE_ARTIFACT.as_ref().filter(|_| text.contains("<antArtifact")) {
        let block = |found: &Captures<'_>| {
            let group = |number| found.get(number).map_or("", |group| group.as_str());
            crate::formats::markdown::block(group(1), group(2))
        };
        text = artifact.replace_all(&text, block).into_owned();
    }
    for (pattern, replacement) in PATTERNS.iter() {
        if pattern.is_match(&text) {
            text = pattern.replace_all(&text, *replacement).into_owned();
        }
    }
    text
}

fn without_private_marks(text: &str) -> String {
    if !text.contains(|c| MARKS.contains(&c)) {
        return text.to_owned();
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, mark)) = rest.split_once(BEGIN) {
        cleaned.push_str(before);
        let (mark, after) = mark.split_once(END).unwrap_or_else(|| split_unclosed(mark));
        let readable = readable(mark);
        if readable.is_empty() && cleaned.ends_with(' ') {
            cleaned.pop();
        }
        cleaned.push_str(&readable);
        rest = after;
    }
    cleaned.push_str(rest);
    remove_sources(&mut cleaned);
    cleaned
}

/// Splits a mark that has no end. Its words contain no space.
fn split_unclosed(mark: &str) -> (&str, &str) {
    mark.split_at(mark.find(char::is_whitespace).unwrap_or(mark.len()))
}

/// Returns the readable part of a mark: the label of a link, or the name of a person, a place or a product.
fn readable(mark: &str) -> String {
    let mut parts = mark.split(SEPARATOR);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("url"), Some(label), Some(url)) if url.starts_with("http") => {
            format!("[{label}]({url})")
        }
        (Some("url" | "video" | "navlist"), Some(label), _) => label.to_owned(),
        (_, Some(data), _) => serde_json::from_str(data).map(words).unwrap_or_default(),
        _ => String::new(),
    }
}

/// Returns the readable words of a mark's data: a list of a kind or a reference and a name, or an object that contains
/// such lists or a text.
fn words(data: Value) -> String {
    match data {
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.get(1).and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        Value::Array(list) => joined(list),
        Value::Object(mut members) => match members.remove("content") {
            Some(Value::String(text)) => text,
            _ => joined(members.into_iter().filter(|(name, _)| name != "query").map(|(_, it)| it)),
        },
        _ => String::new(),
    }
}

fn joined(parts: impl IntoIterator<Item = Value>) -> String {
    let parts = parts.into_iter().map(words).filter(|words| !words.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

/// Removes single marks, with the source that follows them.
fn remove_sources(text: &mut String) {
    static SOURCE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"[\x{E200}-\x{E20F}](?:turn\d+[a-z]+\d+)?").ok());
    if let Some(source) = SOURCE.as_ref().filter(|_| text.contains(|c| MARKS.contains(&c))) {
        *text = source.replace_all(text, "").into_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_readable_or_are_removed() {
        for (text, expected) in [
            ("Deep. \u{E200}cite\u{E202}turn0search1\u{E202}turn0news2\u{E201}", "Deep."),
            ("\u{E200}filecite\u{E202}turn0file0\u{E201} Deep.", " Deep."),
            (
                "See \u{E200}url\u{E202}a page\u{E202}https://a.example\u{E201}.",
                "See [a page](https://a.example).",
            ),
            (
                "\u{E200}entity\u{E202}[\"city\",\"Bern\",\"capital\"]\u{E201} is old.",
                "Bern is old.",
            ),
            (
                "Take \u{E200}product_entity\u{E202}[\"turn0product1\",\"the red one\"]\u{E201}.",
                "Take the red one.",
            ),
            (
                "\u{E200}products\u{E202}{\"selections\":[[\"turn0product1\",\"A\"],[\"turn0product2\",\"B\"]],\"tags\":[]}\u{E201}",
                "A, B",
            ),
            ("\u{E200}genui\u{E202}{\"math_block\":{\"content\":\"E=mc^2\"}}\u{E201}", "E=mc^2"),
            ("\u{E200}image_group\u{E202}{\"query\":[\"lakes\",\"rivers\"]}\u{E201}Yes.", "Yes."),
            ("\u{E200}video\u{E202}Lakes\u{E202}turn0search1\u{E201}", "Lakes"),
            ("Deep. \u{E200}cite\u{E202}turn0search1 and wide", "Deep. and wide"),
            ("Deep\u{E202}turn0search0.", "Deep."),
            ("Deep citeturn0search1turn0search2.", "Deep."),
            ("Deep【12†source】, see 【4:0†lake.pdf】", "Deep, see [lake.pdf]"),
            ("Deep :contentReference[oaicite:0]{index=0}.", "Deep."),
            (
                "[The table](sandbox:/mnt/data/a.csv) in sandbox:/mnt/data/b.csv",
                "The table in b.csv",
            ),
            ("<details type=\"reasoning\" done=\"true\">\n> Hm\n</details>\nYes.", "Yes."),
            ("<think>Hm</think>\n\nYes.", "Yes."),
            (":::thinking\nHm\n:::\nYes.", "Yes."),
            (
                "<antArtifact identifier=\"a\" language=\"python\" title=\"T\">\nprint(2)\n</antArtifact>",
                "```python\nprint(2)\n```",
            ),
        ] {
            assert_eq!(clean(text, true), expected, "{text}");
        }
        assert_eq!(clean("What is <think> for?", false), "What is <think> for?");
        assert_eq!(PATTERNS.len(), 11, "a pattern is invalid");
    }
}
