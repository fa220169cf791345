//! ChatGPT's inline markup, for example citations, delimited by private-use characters.

use serde_json::Value;

/// The characters that enclose an element, and separate its parts.
const BEGIN: char = '\u{E200}';
const END: char = '\u{E201}';
const SEPARATOR: char = '\u{E202}';

/// Returns the text with the readable parts of its elements.
pub(super) fn make_readable(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut pieces = text.split(BEGIN);
    cleaned.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        if !is_element(piece) {
            cleaned.push(BEGIN);
            cleaned.push_str(piece);
            continue;
        }
        let (element, after) = piece.split_once(END).unwrap_or_else(|| split_unclosed(piece));
        let readable = to_readable(element);
        if readable.is_empty() && cleaned.ends_with(' ') {
            cleaned.pop();
        }
        cleaned.push_str(&readable);
        cleaned.push_str(after);
    }
    cleaned
}

/// Whether the text after [`BEGIN`] is an element, which begins with the name of its kind and a separator. Icon fonts use
/// the same characters.
fn is_element(piece: &str) -> bool {
    let name = piece.split(SEPARATOR).next().unwrap_or_default();
    !name.is_empty()
        && name.len() < piece.len()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Splits an element that has no end. Its parts contain no space.
fn split_unclosed(element: &str) -> (&str, &str) {
    element.split_at(element.find(char::is_whitespace).unwrap_or(element.len()))
}

/// Returns the readable part of an element: a link in Markdown, a title, a name or a text; empty if there is none.
fn to_readable(element: &str) -> String {
    let mut parts = element.split(SEPARATOR);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("url"), Some(label), Some(url)) if url.starts_with("http") => {
            format!("[{label}]({url})")
        }
        (Some("url" | "video" | "navlist"), Some(label), _) => label.to_owned(),
        (_, Some(data), _) => serde_json::from_str(data).map(label_of).unwrap_or_default(),
        _ => String::new(),
    }
}

/// Returns the label in an element's data: `[kind or reference, label, …]`, a list or an object of such lists, or an
/// object with a string `content`.
fn label_of(data: Value) -> String {
    match data {
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.get(1).and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        Value::Array(list) => join_labels(list),
        Value::Object(mut members) => match members.remove("content") {
            Some(Value::String(text)) => text,
            _ => join_labels(
                members.into_iter().filter(|(name, _)| name != "query").map(|(_, it)| it),
            ),
        },
        _ => String::new(),
    }
}

fn join_labels(data: impl IntoIterator<Item = Value>) -> String {
    let labels = data.into_iter().map(label_of).filter(|label| !label.is_empty());
    labels.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_become_readable_or_are_removed() {
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
            ("a=\"\u{E200}\" b=\"\u{E201}\"", "a=\"\u{E200}\" b=\"\u{E201}\""),
        ] {
            assert_eq!(make_readable(text), expected, "{text}");
        }
    }
}
