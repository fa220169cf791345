//! Uploaded files and their analysis.

mod instructions;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::instructions::{FileInstructions, InvalidFileInstructions};
use crate::{ConversationId, JobId, MessageId, Problem, Timestamp};

/// The analysis of a file that a user uploaded to a conversation, and its progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileJob {
    /// The job's id.
    pub job_id: JobId,
    /// The conversation that the file belongs to.
    pub conversation_id: ConversationId,
    /// The file's name.
    pub file_name: FileName,
    /// The file's size in bytes.
    pub size_bytes: u64,
    /// The file's length in tokens.
    pub token_count: u32,
    /// The status of the analysis.
    pub status: JobStatus,
    /// The number of analysed parts.
    #[serde(rename = "done")]
    pub parts_done: u32,
    /// The total number of parts.
    #[serde(rename = "of")]
    pub part_count: u32,
    /// The reason why the analysis failed, if it failed.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub error: Option<Problem>,
    /// When the file was uploaded.
    pub created_at: Timestamp,
    /// The answer with the newest analysis, once it is complete.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub message_id: Option<MessageId>,
    /// The question to that answer. Absent if there is no answer, or if an older version of the server completed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub question_id: Option<MessageId>,
    /// What the user asked for when the file was last analysed, also if that analysis is running, failed or was
    /// cancelled. Absent if the user asked for the default analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub instructions: Option<FileInstructions>,
}

/// The status of a file's analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum JobStatus {
    /// The analysis is running or waiting.
    Running,
    /// The analysis was appended to the conversation.
    Complete,
    /// The analysis failed. The results of its parts are kept for a retry.
    Failed,
    /// The user cancelled the analysis. Nothing is kept.
    Cancelled,
}

/// The progress of a file's analysis, as published to subscribers.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProgress {
    /// The job's id.
    pub job_id: JobId,
    /// The file's name.
    pub file_name: FileName,
    /// The number of analysed parts.
    #[serde(rename = "done")]
    pub parts_done: u32,
    /// The total number of parts.
    #[serde(rename = "of")]
    pub part_count: u32,
    /// The status of the analysis.
    pub status: JobStatus,
    /// The reason why the analysis failed, if it failed.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub error: Option<Problem>,
}

impl From<&FileJob> for FileProgress {
    fn from(job: &FileJob) -> Self {
        Self {
            job_id: job.job_id,
            file_name: job.file_name.clone(),
            parts_done: job.parts_done,
            part_count: job.part_count,
            status: job.status,
            error: job.error.clone(),
        }
    }
}

/// A file's display name: 1 to 100 visible characters, and not a path on any operating system. Any string from a
/// client is converted into a valid name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String))]
pub struct FileName(String);

impl FileName {
    /// The maximum number of characters of a name.
    pub const MAX_CHARS: usize = 100;

    /// Returns the name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part after the last dot, in lower case. It is empty if there is no dot.
    #[must_use]
    pub fn extension(&self) -> String {
        self.0.rsplit_once('.').map_or_else(String::new, |(_, after)| after.to_lowercase())
    }
}

impl From<String> for FileName {
    fn from(path: String) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let allowed: String =
            name.chars().map(normalize_space).filter(|c| !is_forbidden(*c)).collect();
        let visible = allowed.trim_end_matches(is_padding);
        let (stem, extension) = match visible.rsplit_once('.') {
            Some((stem, extension)) if extension.chars().count() <= MAX_EXTENSION_CHARS => {
                (stem, format!(".{extension}"))
            }
            _ => (visible, String::new()),
        };
        let max_stem = Self::MAX_CHARS - extension.chars().count();
        let stem: String = stem.trim_matches(is_padding).chars().take(max_stem - 1).collect();
        let stem = stem.trim_end_matches(is_padding);
        let stem = if stem.is_empty() { "file" } else { stem };
        let prefix = if is_device(stem) { "_" } else { "" };
        Self(format!("{prefix}{stem}{extension}"))
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The maximum number of characters of an extension. A longer text after the last dot belongs to the
/// stem.
const MAX_EXTENSION_CHARS: usize = 16;

fn normalize_space(character: char) -> char {
    if character.is_whitespace() { ' ' } else { character }
}

fn is_padding(character: char) -> bool {
    matches!(character, '.' | ' ')
}

/// Returns whether the character is forbidden in a name: control characters, invisible characters and
/// those that change the direction of the text (Unicode's category Cf), and those that Windows forbids.
fn is_forbidden(character: char) -> bool {
    character.is_control()
        || "<>:\"|?*".contains(character)
        || matches!(
            character,
            '\u{ad}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff0}'..='\u{fffd}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Returns whether Windows treats a file of this name as a device, regardless of its extension.
fn is_device(stem: &str) -> bool {
    let name = stem.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let numbered = |device| {
        name.strip_prefix(device).is_some_and(|number| {
            let mut digits = number.chars();
            matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    matches!(name.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_name(text: &str) -> String {
        FileName::from(text.to_owned()).into()
    }

    #[test]
    fn an_ordinary_name_is_unchanged() {
        for name in ["notes.txt", "Gezeiten & Mond (2).md", "潮汐.json", "README", "v1.2.txt"] {
            assert_eq!(file_name(name), name);
        }
    }

    #[test]
    fn any_text_becomes_a_name_that_is_not_a_path() {
        for (given, name) in [
            ("../../etc/passwd", "passwd"),
            (r"C:\Users\me\notes.txt", "notes.txt"),
            (r"..\..\notes.txt", "notes.txt"),
            ("/", "file"),
            ("..", "file"),
            ("", "file"),
            (".txt", "file.txt"),
            ("...notes.txt. .", "notes.txt"),
            ("notes\0.txt", "notes.txt"),
            ("a\r\nb\tc.txt", "a  b c.txt"),
            ("invoice\u{202e}txt.exe", "invoicetxt.exe"),
            ("no\u{200b}tes\u{feff}.txt", "notes.txt"),
            ("NUL.txt", "_NUL.txt"),
            ("com1", "_com1"),
            ("con.tar.md", "_con.tar.md"),
            ("console.txt", "console.txt"),
            ("notes.txt:stream", "notes.txtstream"),
        ] {
            assert_eq!(file_name(given), name, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_is_truncated_before_its_extension() {
        let long = file_name(&format!("{}.txt", "潮".repeat(300)));
        let no_extension = file_name(&"x.".repeat(150));

        assert_eq!(long.chars().count(), 99);
        assert!(long.ends_with("潮.txt"));
        assert!(no_extension.chars().count() <= FileName::MAX_CHARS);
    }

    #[test]
    fn conversion_is_idempotent() {
        for given in [&"x. ".repeat(99), "NUL", "a .b", &format!("NUL{}.txt", "x".repeat(99))] {
            let once = file_name(given);
            assert_eq!(file_name(&once), once, "{given:?}");
        }
    }

    #[test]
    fn an_extension_is_in_lower_case() {
        for (name, extension) in [("Notes.TXT", "txt"), ("a.b.md", "md"), ("notes", "")] {
            assert_eq!(FileName::from(name.to_owned()).extension(), extension);
        }
    }
}
