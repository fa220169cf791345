use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ConversationId, JobId, MessageId, Problem, Timestamp};

/// A file that a user gave to a conversation, and how far its analysis is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileJob {
    /// Its id.
    pub job_id: JobId,
    /// The conversation it belongs to.
    pub conversation_id: ConversationId,
    /// What the user calls it.
    pub file_name: FileName,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// Its length in tokens.
    pub token_count: u32,
    /// What became of it.
    pub status: JobStatus,
    /// How many of its parts are analysed.
    pub done: u32,
    /// How many parts it has.
    pub of: u32,
    /// Why it failed.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub error: Option<Problem>,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// The message that is the analysis, when it is complete.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub message_id: Option<MessageId>,
}

/// What became of a file's analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum JobStatus {
    /// It is being made, or waits for its turn.
    Running,
    /// It is part of the conversation.
    Complete,
    /// It could not be made. What there is of it is kept, for another try.
    Failed,
    /// The user wants no more of it. Nothing of it is kept.
    Cancelled,
}

/// The progress of a file's analysis, as subscribers see it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProgress {
    /// The job.
    pub job_id: JobId,
    /// What the user calls the file.
    pub file_name: FileName,
    /// How many of its parts are analysed.
    pub done: u32,
    /// How many parts it has.
    pub of: u32,
    /// What became of it.
    pub status: JobStatus,
    /// Why it failed.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub error: Option<Problem>,
}

impl From<&FileJob> for FileProgress {
    fn from(job: &FileJob) -> Self {
        Self {
            job_id: job.job_id,
            file_name: job.file_name.clone(),
            done: job.done,
            of: job.of,
            status: job.status,
            error: job.error.clone(),
        }
    }
}

/// A file's name, for people to read: never a path, on any system, 1 to 100 characters, and all of
/// them can be seen. Whatever a client calls a file, this is made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String))]
pub struct FileName(String);

impl FileName {
    /// The most characters of a name.
    pub const MAX_CHARS: usize = 100;

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the last dot, in small letters; empty without one.
    #[must_use]
    pub fn extension(&self) -> String {
        self.0.rsplit_once('.').map_or_else(String::new, |(_, after)| after.to_lowercase())
    }
}

impl From<String> for FileName {
    fn from(given: String) -> Self {
        let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
        let seen: String = last.chars().map(one_space).filter(|c| !is_unseen(*c)).collect();
        let visible = seen.trim_end_matches(is_padding);
        let (stem, extension) = match visible.rsplit_once('.') {
            Some((stem, extension)) if extension.chars().count() <= LONGEST_EXTENSION => {
                (stem, format!(".{extension}"))
            }
            _ => (visible, String::new()),
        };
        let room = Self::MAX_CHARS - extension.chars().count();
        let stem: String = stem.trim_matches(is_padding).chars().take(room - 1).collect();
        let stem = stem.trim_end_matches(is_padding);
        let stem = if stem.is_empty() { "file" } else { stem };
        let escape = if is_device(stem) { "_" } else { "" };
        Self(format!("{escape}{stem}{extension}"))
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

/// What is longer is no extension, but a part of the name.
const LONGEST_EXTENSION: usize = 16;

fn one_space(character: char) -> char {
    if character.is_whitespace() { ' ' } else { character }
}

fn is_padding(character: char) -> bool {
    matches!(character, '.' | ' ')
}

/// What has no place in a name: control characters, those that no one sees or that turn the direction
/// of the text (Unicode's category Cf), and those that Windows forbids.
fn is_unseen(character: char) -> bool {
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

/// Whether Windows takes a file of this name for a device, whatever its extension.
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

    fn safe(given: &str) -> String {
        FileName::from(given.to_owned()).into()
    }

    #[test]
    fn an_ordinary_name_stays_as_it_is() {
        for name in ["notes.txt", "Gezeiten & Mond (2).md", "潮汐.json", "README", "v1.2.txt"] {
            assert_eq!(safe(name), name);
        }
    }

    #[test]
    fn whatever_is_given_becomes_a_name_that_is_no_path() {
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
            assert_eq!(safe(given), name, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_before_its_extension() {
        let long = safe(&format!("{}.txt", "潮".repeat(300)));
        let no_extension = safe(&"x.".repeat(150));

        assert_eq!(long.chars().count(), 99);
        assert!(long.ends_with("潮.txt"));
        assert!(no_extension.chars().count() <= FileName::MAX_CHARS);
    }

    #[test]
    fn a_safe_name_is_safe_already() {
        for given in [&"x. ".repeat(99), "NUL", "a .b", &format!("NUL{}.txt", "x".repeat(99))] {
            let once = safe(given);
            assert_eq!(safe(&once), once, "{given:?}");
        }
    }

    #[test]
    fn an_extension_is_read_in_small_letters() {
        for (name, extension) in [("Notes.TXT", "txt"), ("a.b.md", "md"), ("notes", "")] {
            assert_eq!(FileName::from(name.to_owned()).extension(), extension);
        }
    }
}
