//! Removes what other applications mark up for their own display from answers, or makes it readable.

use std::ops::Range;
use std::sync::LazyLock;

use pulldown_cmark::{Event, Parser, Tag};
use regex::{Captures, Regex};

use super::chatgpt_markup;
use crate::formats::markdown;

/// Replaces a mark.
type Replace = fn(&Captures<'_>) -> String;

/// A pattern that is not replaced within code.
struct Mark {
    pattern: Regex,
    replace: Replace,
}

/// The marks: first those that enclose Markdown, then those within it.
static MARKS: LazyLock<Vec<Mark>> = LazyLock::new(|| {
    compile(&[
        (r"(?s)<antThinking>.*?</antThinking>\s*", |_| String::new()),
        (r"(?sm)^:::thinking\s.*?\n:::[ \t]*\n*", |_| String::new()),
        (
            r#"(?s)<details type="(?:reasoning|tool_calls|code_interpreter)"[^>]*>.*?</details>\s*"#,
            |_| String::new(),
        ),
        (r"(?s)<antArtifact\b([^>]*=[^>]*)>\s*(.*?)\s*(?:</antArtifact>|\z)", artifact),
        (
            r"(?sm)^:::(?:artifact|writing)(\{[^}\n]{0,1000}\})?[ \t]*\n(.*?)(?:^:::[ \t]*(?:\n|\z)|\z)",
            document,
        ),
        // Citations of ChatGPT without their private-use characters, and of DeepSeek.
        (r"[ \t]?\b(?:file)?cite(?:turn\d+[a-z]+\d+)+", |_| String::new()),
        (
            r"[ \t]?:(?:contentReference|antCitation|oaicite)(?:\[[^\]\n]{0,200}\])?(?:\{[^}\n]{0,200}\})?",
            |_| String::new(),
        ),
        (r"[ \t]?【\d[\d:]*†(?:source|[LS]\d+(?:-[LS]?\d+)?|source[^】\n]*)】", |_| {
            String::new()
        }),
        (r"【\d[\d:]*†([^】\n†]+)(?:†[^】\n]*)?】", |found| {
            format!("[{}]", group(found, 1))
        }),
        (r"[ \t]?(?:\[citation:\d+\])+", |_| String::new()),
        // Links to files that only ChatGPT has.
        (r"!?\[([^\]\n]*)\]\(sandbox:(?:[^()\n]|\([^()\n]*\))*\)", |found| {
            group(found, 1).to_owned()
        }),
        (r"\bsandbox:/(?:mnt/data/)?", |_| String::new()),
        // Single marks of ChatGPT, with the source that follows them.
        (r"[\x{E200}-\x{E20F}](?:turn\d+[a-z]+\d+)?", |_| String::new()),
    ])
});

fn compile(marks: &[(&str, Replace)]) -> Vec<Mark> {
    let compile = |(pattern, replace): &(&str, Replace)| {
        Some(Mark { pattern: Regex::new(pattern).ok()?, replace: *replace })
    };
    marks.iter().filter_map(compile).collect()
}

/// Returns an answer without marks. The words of a user, and code, are never changed.
pub(super) fn clean(answer: &str) -> String {
    let mut text = chatgpt_markup::make_readable(without_reasoning(answer));
    for mark in MARKS.iter() {
        if mark.pattern.is_match(&text) {
            let code = code_ranges(&text);
            let replaced = mark.pattern.replace_all(&text, |found: &Captures<'_>| {
                let whole = found.get_match();
                if is_within(&code, whole.start()) {
                    return whole.as_str().to_owned();
                }
                (mark.replace)(found)
            });
            text = replaced.into_owned();
        }
    }
    text
}

/// Returns the answer without the reasoning at its beginning. If a sentence continues after the end tag, the answer is
/// about the tags.
fn without_reasoning(answer: &str) -> &str {
    let mut rest = answer.trim_start();
    for (begin, end) in [("<think>", "</think>"), ("<thinking>", "</thinking>")] {
        while let Some((reasoning, after)) =
            rest.strip_prefix(begin).and_then(|rest| rest.split_once(end))
        {
            let line = after.lines().next().unwrap_or_default();
            let continues = line.starts_with(' ') && !line.trim().is_empty();
            if continues && !reasoning.contains('\n') && !reasoning.trim().is_empty() {
                return answer;
            }
            rest = after.trim_start();
        }
    }
    if rest.len() == answer.trim_start().len() { answer } else { rest }
}

/// Returns the ranges of code blocks and code spans, in their order.
fn code_ranges(text: &str) -> Vec<Range<usize>> {
    let is_code =
        |event: &Event<'_>| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_)));
    let events = Parser::new(text).into_offset_iter();
    events.filter(|(event, _)| is_code(event)).map(|(_, range)| range).collect()
}

fn is_within(ranges: &[Range<usize>], position: usize) -> bool {
    let next = ranges.partition_point(|range| range.end <= position);
    ranges.get(next).is_some_and(|range| range.contains(&position))
}

/// Returns the content of an artifact of Claude, as a code block if it has a language.
fn artifact(found: &Captures<'_>) -> String {
    match attribute(group(found, 1), "language") {
        Some(language) => markdown::block(language, group(found, 2)),
        None => format!("\n{}\n", group(found, 2)),
    }
}

/// Returns the content of a document that is shown beside the conversation, and the subject if it is an email.
fn document(found: &Captures<'_>) -> String {
    match attribute(group(found, 1), "subject") {
        Some(subject) => format!("Subject: {subject}\n\n{}", group(found, 2)),
        None => group(found, 2).to_owned(),
    }
}

fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = attributes.split_once(&format!("{name}=\""))?;
    value.split_once('"').map(|(value, _)| value).filter(|value| !value.is_empty())
}

fn group<'a>(found: &Captures<'a>, number: usize) -> &'a str {
    found.get(number).map_or("", |group| group.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_readable_or_are_removed() {
        for (text, expected) in [
            ("Deep citeturn0search1turn0search2.", "Deep."),
            ("Deep【12†source】, see 【4:0†lake.pdf】", "Deep, see [lake.pdf]"),
            ("Deep :contentReference[oaicite:0]{index=0}.", "Deep."),
            ("Deep [citation:1][citation:12].", "Deep."),
            (
                "[The table](sandbox:/mnt/data/a.csv) in sandbox:/mnt/data/b.csv",
                "The table in b.csv",
            ),
            ("在 sandbox:/mnt/data/报告.csv，包含收入/支出", "在 报告.csv，包含收入/支出"),
            ("\"sandbox:/mnt/data/a.csv\",\"sandbox:/b.csv\"", "\"a.csv\",\"b.csv\""),
            ("Deep\u{E202}turn0search0.", "Deep."),
            ("<think></think>Yes.", "Yes."),
            ("<thinking>\nHm\n</thinking>Yes.", "Yes."),
            ("[`a.csv`](sandbox:/mnt/data/a.csv)", "`a.csv`"),
            ("<details type=\"reasoning\" done=\"true\">\n> Hm\n</details>\nYes.", "Yes."),
            ("Done <details type=\"tool_calls\">x</details>now.", "Done now."),
            ("<think>Hm</think>\n\nYes.", "Yes."),
            (":::thinking\nHm\n:::\nYes.", "Yes."),
            (
                "<antArtifact identifier=\"a\" language=\"python\" title=\"T\">\nprint(2)\n</antArtifact>",
                "```python\nprint(2)\n```",
            ),
            ("<antArtifact identifier=\"a\">Deep</antArtifact>", "\nDeep\n"),
            (
                ":::writing{variant=\"email\" subject=\"Hello\"}\nDear Ann\n:::\nShall I send it?",
                "Subject: Hello\n\nDear Ann\nShall I send it?",
            ),
            (":::artifact{identifier=\"a\"}\n```html\n<p>\n```\n:::", "```html\n<p>\n```\n"),
        ] {
            assert_eq!(clean(text), expected, "{text}");
        }
        assert_eq!(MARKS.len(), 13, "a pattern is invalid");
    }

    #[test]
    fn code_and_texts_about_marks_are_kept() {
        for text in [
            "Use `re.sub(r\"<think>.*?</think>\", \"\", text)`.",
            "```python\nopen(\"sandbox:/mnt/data/a.csv\")\n```",
            "<think> and </think> are tags that models write.",
            "```\nsymbol = \"\u{E20F} \"\n```",
            "A model writes <think>, then it writes </think>.",
            "```md\n:::note\nDeep\n:::\n```",
            ":::{.callout-note}\nDeep\n:::\n",
            "It prints `:contentReference[oaicite:0]` and `citeturn0search1`.",
            "`print(\"<antArtifact>\")` or <antArtifact>.",
            "    cite = 【12†source】",
        ] {
            assert_eq!(clean(text), text);
        }
    }
}
