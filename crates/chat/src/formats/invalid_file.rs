//! The error of an invalid import file.

use std::fmt;

use thiserror::Error;

/// The reason why a file can't be imported, and its position. The text is shown to the user.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct InvalidImportFile {
    /// The number of the conversation in the file, from 1. `None` if the problem is outside the conversations.
    pub conversation: Option<u64>,
    /// The path within the JSON, like `conversations[1].messages[3].role`. Empty if the problem has no path.
    pub path: String,
    /// The line, from 1. 0 if the file could not be parsed at all.
    pub line: usize,
    /// The byte within the line, from 1. 0 if the file could not be parsed at all.
    pub column: usize,
    /// The problem.
    pub problem: String,
}

impl fmt::Display for InvalidImportFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nothing was imported: ")?;
        if let Some(number) = self.conversation {
            write!(f, "conversation {number} is broken, ")?;
        }
        if !self.path.is_empty() {
            write!(f, "at {}, ", self.path)?;
        }
        if self.line > 0 {
            write!(f, "in line {}, column {}: ", self.line, self.column)?;
        }
        write!(f, "{}.", self.problem)
    }
}
