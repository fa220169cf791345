//! Finds the title in the model's answer.

use serde_json::Value;
use webchat_domain::Title;

/// The maximum number of characters in a generated title. A longer text is an answer, not a title.
const MAX_TITLE_CHARS: usize = 60;

/// What models write before a title, followed by a colon.
const LABELS: [&str; 14] = [
    "title",
    "chat title",
    "conversation title",
    "titel",
    "titre",
    "título",
    "titulo",
    "titolo",
    "tytuł",
    "заголовок",
    "标题",
    "標題",
    "タイトル",
    "제목",
];

/// Tokens at the end of an answer, which some upstreams pass on as text.
const END_TOKENS: [&str; 7] =
    ["<|im_end|>", "<|eot_id|>", "<|end|>", "<|endoftext|>", "<end_of_turn>", "<eos>", "</s>"];

/// What models write before an item of a list.
const BULLETS: [&str; 6] = ["- ", "– ", "• ", "+ ", "1. ", "1) "];

/// What models write if they have no title.
const NO_TITLES: [&str; 7] = ["null", "none", "nil", "n/a", "undefined", "untitled", "no title"];

/// How refusals begin.
const REFUSALS: [&str; 10] = [
    "i'm sorry",
    "i am sorry",
    "sorry, i",
    "sorry, but",
    "as an ai",
    "es tut mir leid",
    "je suis désolé",
    "lo siento",
    "抱歉",
    "很抱歉",
];

/// Returns the title in the model's answer: the first line with text, without the punctuation that models
/// put around it, or the title in JSON. Returns `None` if there is no title, or if it is too long.
pub(super) fn parse_title(text: &str) -> Option<Title> {
    let is_text =
        |line: &&str| !line.is_empty() && !line.starts_with("```") && !is_single_tag(line);
    let mut lines = text.lines().map(str::trim).filter(is_text);
    let first = lines.next()?;
    let title = match title_in_json(text) {
        Some(title) => without_decoration(&title).to_owned(),
        None if first.starts_with('{') => return None,
        None => {
            let title = without_decoration(first);
            // Otherwise, the first line is an introduction.
            let is_title = !first.ends_with([':', '：']) && !is_label(title);
            let line = if is_title { first } else { lines.next().unwrap_or(first) };
            without_decoration(line).to_owned()
        }
    };
    if title.chars().count() > MAX_TITLE_CHARS || is_label(&title) || is_refusal(&title) {
        return None;
    }
    Title::try_from(title).ok()
}

/// Returns the field `title` of a JSON object, or the first title of a list; an empty one if JSON has none.
fn title_in_json(text: &str) -> Option<String> {
    let start = text.find(['{', '['])?;
    // Nothing but a fence may precede it.
    if text.get(..start)?.lines().any(|line| !line.trim().is_empty() && !line.starts_with("```")) {
        return None;
    }
    let end = text.rfind(['}', ']'])?;
    let mut json: &Value = &serde_json::from_str(text.get(start..=end)?).ok()?;
    json = json.get(0).unwrap_or(json);
    Some(json.get("title").unwrap_or(json).as_str().unwrap_or_default().to_owned())
}

/// Returns whether the line is only a tag, such as `<title>`.
fn is_single_tag(line: &str) -> bool {
    let name = line.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    name.is_some_and(|name| !name.contains(['<', '>', ' ']))
}

/// Removes what models put around a title, in any order.
fn without_decoration(text: &str) -> &str {
    let mut title = text;
    loop {
        let mut inner = without_label(without_tag(without_marks(title)));
        for token in END_TOKENS {
            inner = inner.strip_suffix(token).unwrap_or(inner);
        }
        for bullet in BULLETS {
            inner = inner.strip_prefix(bullet).unwrap_or(inner);
        }
        if inner.len() == title.len() {
            return title;
        }
        title = inner;
    }
}

/// Removes quotation marks and the marks of Markdown, headings only at the beginning: a title may end with `C#`.
fn without_marks(title: &str) -> &str {
    let is_around = |c: char| c.is_whitespace() || "\"'`*_“”„‘’«»「」『』《》".contains(c);
    let title = title.trim_start_matches(|c| is_around(c) || c == '#');
    title.trim_end_matches(|c| is_around(c) || ".:。：".contains(c))
}

/// Removes a tag around the title, as in `<b>…</b>`.
fn without_tag(title: &str) -> &str {
    let inner = || {
        let (name, rest) = title.strip_prefix('<')?.split_once('>')?;
        rest.strip_suffix('>')?.strip_suffix(name)?.strip_suffix("</")
    };
    inner().unwrap_or(title)
}

/// Removes a label, as in `Title: …` and `**Title**: …`.
fn without_label(title: &str) -> &str {
    match title.split_once([':', '：']) {
        Some((label, rest)) if is_label(without_marks(label)) => rest,
        _ => title,
    }
}

fn is_label(text: &str) -> bool {
    LABELS.contains(&text.to_lowercase().as_str())
}

/// Returns whether the model says that it has no title.
fn is_refusal(title: &str) -> bool {
    let title = title.to_lowercase().replace('’', "'");
    let starts_with = |starts: &[&str]| starts.iter().any(|start| title.starts_with(start));
    // People say this too, but not to help.
    let is_unable = starts_with(&["i can't", "i cannot", "i'm unable", "i am unable"])
        && ["title", "assist", "help", "provide", "generate", "comply"]
            .iter()
            .any(|word| title.contains(word));
    NO_TITLES.contains(&title.as_str()) || starts_with(&REFUSALS) || is_unable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_found_in_whatever_models_put_around_it() {
        for text in [
            "Spider legs",
            "\"Spider legs\".\n",
            "Title: Spider legs",
            "Titel: Spider legs",
            "Titre : « Spider legs »",
            "TÍTULO: Spider legs",
            "标题：Spider legs。",
            "**Title:** Spider legs",
            "**Title**: Spider legs",
            "**Title: Spider legs**",
            "# Title: \"Spider legs\"",
            "\"Title: Spider legs\"",
            "## Spider legs",
            "<title>Spider legs</title>",
            "<title>\nSpider legs\n</title>",
            "**<b>Spider legs</b>**",
            "Spider legs<|im_end|>",
            "\"Spider legs\"</s>",
            "- Spider legs",
            "1. **Spider legs**\n2. Legs of spiders",
            "Here are some titles:\n\n- \"Spider legs\"\n- Legs",
            "**Title:**\n\nSpider legs",
            "[\"Spider legs\"]",
            "[\"Spider legs\", \"Legs\"]",
            "{ \"title\": \"Spider legs\" }",
            "```json\n[{\"title\": \"Title: Spider legs\"}]\n```",
        ] {
            let title = parse_title(text).map(String::from);
            assert_eq!(title.as_deref(), Some("Spider legs"), "{text}");
        }
    }

    #[test]
    fn what_belongs_to_a_title_remains() {
        for text in [
            "Lists in C#",
            ".NET: an overview",
            "[Rust] Lifetimes",
            "<div> or <span>",
            "The title: what it needs",
            "I can't sleep",
            "None of these",
            "2001: A Space Odyssey",
        ] {
            assert_eq!(parse_title(text).map(String::from).as_deref(), Some(text));
        }
    }

    #[test]
    fn an_answer_that_is_no_title_is_refused() {
        for text in [
            "null",
            "N/A",
            "\"None\"",
            "Title: null",
            "{\"title\": null}",
            "[]",
            "I'm sorry, but I can't help with that.",
            "I’m sorry, I can’t assist.",
            "I cannot provide a title for this.",
            "Es tut mir leid, das geht nicht.",
            "很抱歉,我无法回答",
            "Title:",
            "***",
            "",
        ] {
            assert_eq!(parse_title(text), None, "{text}");
        }
    }
}
