//! The `.env` file, and the variables that it can set.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::{env, fs, io, str};

use super::error::{DOTENV, InvalidSetting};
use super::sections::{provider_in, settings};

/// The variable that contains the path of the configuration file.
pub(super) const CONFIG_FILE: &str = "CONFIG_FILE";

pub(super) type Variables = BTreeMap<String, String>;

/// Reads the `.env` file in the current directory or the nearest of its parents that has one.
pub(super) fn read() -> (Variables, Vec<InvalidSetting>) {
    match find().and_then(|path| path.map(fs::read_to_string).transpose()) {
        Ok(text) => parse(&text.unwrap_or_default()),
        Err(error) => (Variables::new(), vec![unreadable(&error)]),
    }
}

fn find() -> io::Result<Option<PathBuf>> {
    for directory in env::current_dir()?.ancestors() {
        let path = directory.join(DOTENV);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => return Ok(Some(path)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

/// Returns the variables of all valid lines, and the errors of the others.
pub(super) fn parse(text: &str) -> (Variables, Vec<InvalidSetting>) {
    let (mut variables, mut errors) = (Variables::new(), Vec::new());
    let read = Cell::new(0);
    let lines = text.split_inclusive('\n');
    let mut entries = dotenvy::from_read_iter(LineReader { lines, line: &[], read: &read });
    loop {
        let lines_before = read.get();
        match entries.next() {
            Some(Ok((name, value))) => _ = variables.insert(name, value),
            Some(Err(_)) => errors.push(invalid_line(text, lines_before)),
            None => return (variables, errors),
        }
    }
}

/// Whether a setting is read from the variable with this name.
pub(super) fn is_known_variable(name: &str) -> bool {
    name == CONFIG_FILE
        || settings().any(|setting| setting.has_variable(name))
        || provider_in(name).is_some()
}

/// Describes the first line with a value after this number of lines. The library's error is not used, because it
/// contains the value, which may be a secret. For the same reason, only the names of known variables are shown.
fn invalid_line(text: &str, lines_before: usize) -> InvalidSetting {
    let has_value = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let mut lines = text.lines().enumerate().skip(lines_before);
    let invalid = lines.find(|(_, line)| has_value(line));
    let detail = match invalid {
        Some((index, _)) => format!("line {}", index + 1),
        None => "invalid".to_owned(),
    };
    let before_equals = invalid.and_then(|(_, line)| line.split_once('=')).map(|(name, _)| name);
    let name = before_equals.and_then(|name| name.split_whitespace().last());
    let hint = "expected NAME=value; quote values that contain spaces".to_owned();
    match name.filter(|name| is_known_variable(name)) {
        Some(name) => {
            InvalidSetting { name: name.to_owned(), source: Some(DOTENV.to_owned()), detail, hint }
        }
        None => InvalidSetting { name: DOTENV.to_owned(), source: None, detail, hint },
    }
}

fn unreadable(error: &io::Error) -> InvalidSetting {
    InvalidSetting {
        name: DOTENV.to_owned(),
        source: None,
        detail: error.to_string(),
        hint: "expected a readable file".to_owned(),
    }
}

/// Returns at most one line per read, and counts the lines. The parser reads on only when it needs the next line, so
/// the count is the number of the line that it has parsed last.
struct LineReader<'a> {
    lines: str::SplitInclusive<'a, char>,
    /// The rest of the current line.
    line: &'a [u8],
    read: &'a Cell<usize>,
}

impl Read for LineReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.line.is_empty() {
            let Some(line) = self.lines.next() else { return Ok(0) };
            self.line = line.as_bytes();
            self.read.set(self.read.get() + 1);
        }
        self.line.read(buffer)
    }
}
