//! Reads an import file of any format, one conversation at a time: no other is in memory.

use std::fmt;
use std::io::{self, BufReader, Read};

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::de::IoRead;
use serde_path_to_error::{Path, Track};
use thiserror::Error;
use webchat_domain::Timestamp;

use super::chatgpt::ChatGptConversation;
use super::flask::FlaskMessage;
use super::imported::ImportedConversation;
use super::invalid_file::InvalidImportFile;
use super::json::ConversationRecord;
use super::json_array_reader::JsonArrayReader;
use super::{chatgpt, flask, json};

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Webchat,
    ChatGpt,
    Flask,
}

/// Why a file could not be read.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Invalid(#[from] InvalidImportFile),
    #[error("the file can't be read")]
    Io(#[source] io::Error),
}

/// Receives each conversation. An error says why it can't be imported, and ends the reading.
pub(crate) type Take<'a> = dyn FnMut(ImportedConversation) -> Result<(), String> + 'a;

/// Passes each conversation of the file to `take`, and returns how many there are. `now` replaces times that
/// the file doesn't have.
pub(crate) fn read(
    mut file: impl Read + io::Seek,
    now: Timestamp,
    take: &mut Take<'_>,
) -> Result<u64, ReadError> {
    file.rewind().map_err(ReadError::Io)?;
    let format = detect_format(&mut file)?;
    file.rewind().map_err(ReadError::Io)?;
    let mut taken = 0;
    match format {
        Format::Webchat => parse(file, &mut taken, |json, taken| {
            let mut take = |record: ConversationRecord| take(record.try_into()?);
            json.deserialize_map(json::FileVisitor(JsonArrayReader { take: &mut take, taken }))
        }),
        Format::ChatGpt => parse(file, &mut taken, |json, taken| {
            let mut take = |one: ChatGptConversation| take(chatgpt::convert(&one, now)?);
            JsonArrayReader { take: &mut take, taken }.deserialize(json)
        }),
        Format::Flask => parse(file, &mut taken, |json, taken| {
            let messages = Vec::<FlaskMessage>::deserialize(json)?;
            if let Some(imported) = flask::convert(messages, now).map_err(de::Error::custom)? {
                take(imported).map_err(de::Error::custom)?;
                *taken += 1;
            }
            Ok(())
        }),
    }?;
    Ok(taken)
}

type Json<R> = serde_json::Deserializer<IoRead<BufReader<R>>>;
type Tracked<'a, 'b, R> = serde_path_to_error::Deserializer<'a, 'b, &'a mut Json<R>>;

fn parse<R: Read>(
    file: R,
    taken: &mut u64,
    parser: impl FnOnce(Tracked<'_, '_, R>, &mut u64) -> Result<(), serde_json::Error>,
) -> Result<(), ReadError> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(file));
    let mut track = Track::new();
    let parsed = parser(serde_path_to_error::Deserializer::new(&mut json, &mut track), taken);
    let path = track.path();
    parsed.and_then(|()| json.end()).map_err(|error| invalid(error, &path, *taken))
}

fn invalid(error: serde_json::Error, path: &Path, taken: u64) -> ReadError {
    if error.is_io() {
        return ReadError::Io(error.into());
    }
    let path = path.to_string();
    let (line, column) = (error.line(), error.column());
    let is_in_a_conversation = path.contains('[');
    // serde_json repeats the position at the end of its text.
    let text = error.to_string();
    let position = format!(" at line {line} column {column}");
    InvalidImportFile {
        conversation: is_in_a_conversation.then_some(taken + 1),
        path: if path == "." { String::new() } else { path },
        line,
        column,
        problem: text.strip_suffix(&position).unwrap_or(&text).to_owned(),
    }
    .into()
}

/// Looks at the first conversation, or at the first message of the only one.
fn detect_format(file: &mut impl Read) -> Result<Format, ReadError> {
    let mut file = BufReader::new(file);
    let mut first = [0; 2];
    loop {
        if file.read(&mut first[..1]).map_err(ReadError::Io)? == 0 {
            return Err(unknown("the file is empty"));
        }
        match first[0] {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'{' => return Ok(Format::Webchat),
            b'[' => break,
            b'P' => {
                return Err(unknown("this is no JSON; if it is a ZIP archive, unpack it first"));
            }
            _ => return Err(unknown("this is no JSON")),
        }
    }
    let mut format = None;
    let rest = (&b"["[..]).chain(file);
    let mut json = serde_json::Deserializer::from_reader(rest);
    // Leaving the rest unread is an error of serde_json's, which is ignored.
    let read = json.deserialize_seq(FirstElement(&mut format));
    match (format, read) {
        (Some(format), _) => Ok(format),
        (None, Err(error)) => Err(invalid(error, &Track::new().path(), 0)),
        (None, Ok(())) => Err(unknown(UNKNOWN)),
    }
}

const UNKNOWN: &str = "these are neither conversations of Webchat's nor of ChatGPT's, nor the messages \
     of one";

fn unknown(problem: &str) -> ReadError {
    InvalidImportFile {
        conversation: None,
        path: String::new(),
        line: 0,
        column: 0,
        problem: problem.to_owned(),
    }
    .into()
}

struct FirstElement<'a>(&'a mut Option<Format>);

#[derive(Deserialize)]
struct Features {
    mapping: Option<IgnoredAny>,
    role: Option<IgnoredAny>,
}

impl<'de> Visitor<'de> for FirstElement<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("conversations, or messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        *self.0 = match elements.next_element::<Features>()? {
            Some(Features { mapping: Some(_), .. }) => Some(Format::ChatGpt),
            Some(Features { role: None, .. }) => None,
            // An empty list is valid in either format.
            Some(Features { role: Some(_), .. }) | None => Some(Format::Flask),
        };
        Ok(())
    }
}

impl<'de> Visitor<'de> for json::FileVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file of Webchat's")
    }

    /// Members may come in any order.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut array = Some(self.0);
        let (mut is_webchat, mut has_version) = (false, false);
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                "format" => is_webchat = members.next_value::<String>()? == json::FORMAT,
                "version" => {
                    json::check_version(members.next_value()?).map_err(de::Error::custom)?;
                    has_version = true;
                }
                "conversations" => match array.take() {
                    Some(array) => members.next_value_seed(array)?,
                    None => return Err(de::Error::duplicate_field("conversations")),
                },
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !is_webchat {
            return Err(de::Error::custom(UNKNOWN));
        }
        if !has_version {
            return Err(de::Error::missing_field("version"));
        }
        if array.is_some() {
            return Err(de::Error::missing_field("conversations"));
        }
        Ok(())
    }
}
