//! Recognises files that contain no conversations to import, by their first bytes.

/// Returns the problem of a file that is not JSON, for the user. `beginning` is the decoded beginning of the file.
pub(in crate::formats) fn problem(beginning: &[u8]) -> String {
    let text = String::from_utf8_lossy(beginning);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_any = |signatures: &[&[u8]]| signatures.iter().any(|it| beginning.starts_with(it));
    let kind = if text.is_empty() {
        return "the file is empty".to_owned();
    } else if is_any(&[b"%PDF"]) {
        "a PDF document"
    } else if is_any(&[b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF"]) {
        "an image or a recording"
    } else if is_any(&[b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ"]) {
        "an archive that is not a ZIP archive; unpack it first"
    } else if is_any(&[b"SQLite format 3"]) {
        "a database"
    } else if is_python(beginning) {
        "a Python value and not JSON; write it with json.dump"
    } else if text.starts_with('<') {
        "an HTML page, like the chat.html of a ChatGPT export"
    } else if text.starts_with("# ") && text.contains("\n---\n") {
        "a Markdown export, which is only for reading"
    } else if text.lines().next().is_some_and(|line| line.contains(',') || line.contains('\t')) {
        "a table or a text, and not JSON"
    } else {
        "not JSON"
    };
    format!("this is {kind}. {WHAT_TO_UPLOAD}")
}

/// Returns whether the file begins with a list or a dictionary in the notation of Python.
pub(in crate::formats) fn is_python(beginning: &[u8]) -> bool {
    let inner = beginning.trim_ascii_start();
    let is_opening = |byte: &u8| matches!(byte, b'[' | b'{' | b' ' | b'\n' | b'\r' | b'\t');
    let first = inner.iter().position(|byte| !is_opening(byte));
    first.is_some_and(|first| first > 0 && inner.get(first) == Some(&b'\''))
}

/// The advice for the user of a wrong file.
pub(in crate::formats) const WHAT_TO_UPLOAD: &str = "Choose the JSON export of Webchat, or the ZIP archive or conversations.json of a ChatGPT or Claude export, \
     or a JSON export of Open WebUI, LibreChat, DeepSeek or Qwen";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_wrong_files_are_named() {
        for (beginning, expected) in [
            (&b"%PDF-1.7"[..], "this is a PDF document. Choose the JSON"),
            (b"\x89PNG\r\n", "an image"),
            (b"<!doctype html>", "an HTML page"),
            (b"# Tides\n\n---\n\n**User**, 2026", "a Markdown export"),
            (b"title,created\na,b", "a table"),
            (b"\x1f\x8b\x08", "an archive that is not a ZIP"),
            (b" \n", "the file is empty"),
            (b"[{'title': 'Tides'}]", "a Python value"),
            (b"hello", "this is not JSON. "),
        ] {
            let problem = problem(beginning);
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
