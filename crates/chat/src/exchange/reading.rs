//! Reading a file of conversations, one at a time: only the one that is read is in memory.

use std::fmt;
use std::io::{self, BufReader, Read};

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::de::IoRead;
use serde_path_to_error::{Path, Track};
use thiserror::Error;
use webchat_domain::Timestamp;

use super::chatgpt::ChatGptConversation;
use super::each::Each;
use super::flask::FlaskMessage;
use super::json::ConversationRecord;
use super::{Brought, chatgpt, flask, json};

/// What a file is, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Webchat,
    ChatGpt,
    Flask,
}

/// Where a file can't be understood, and why. The text is for whoever brought it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct InvalidImportFile {
    /// The conversation, from 1; `None` before the first one, and where they are not what is wrong.
    pub conversation: Option<u64>,
    /// The place within the JSON: `conversations[1].messages[3].role`; empty where there is none.
    pub path: String,
    /// The line, from 1; 0 where nothing could be read.
    pub line: usize,
    /// The byte within the line.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
}

/// Why a file was not read to its end.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Broken(#[from] InvalidImportFile),
    #[error("the file can't be read")]
    Io(#[source] io::Error),
}

/// Takes what was read; `Err` says why it can't be, and ends the reading there.
pub(crate) type Take<'a> = dyn FnMut(Brought) -> Result<(), String> + 'a;

/// Hands each conversation of the file to `take`: how many they were. Times that a file does not have
/// are `now`.
pub(crate) fn read(
    mut file: impl Read + io::Seek,
    now: Timestamp,
    take: &mut Take<'_>,
) -> Result<u64, ReadError> {
    file.rewind().map_err(ReadError::Io)?;
    let format = recognise(&mut file)?;
    file.rewind().map_err(ReadError::Io)?;
    let mut taken = 0;
    match format {
        Format::Webchat => parse(file, &mut taken, |json, taken| {
            let mut take = |record: ConversationRecord| take(record.try_into()?);
            json.deserialize_map(json::FileVisitor(Each { take: &mut take, taken }))
        }),
        Format::ChatGpt => parse(file, &mut taken, |json, taken| {
            let mut take = |one: ChatGptConversation| take(chatgpt::brought(&one, now)?);
            Each { take: &mut take, taken }.deserialize(json)
        }),
        Format::Flask => parse(file, &mut taken, |json, taken| {
            let messages = Vec::<FlaskMessage>::deserialize(json)?;
            if let Some(brought) = flask::brought(messages, now).map_err(de::Error::custom)? {
                take(brought).map_err(de::Error::custom)?;
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
    parsed.and_then(|()| json.end()).map_err(|error| broken(error, &path, *taken))
}

fn broken(error: serde_json::Error, path: &Path, taken: u64) -> ReadError {
    if error.is_io() {
        return ReadError::Io(error.into());
    }
    let path = path.to_string();
    let (line, column) = (error.line(), error.column());
    let is_in_a_conversation = path.contains('[');
    // serde_json says the place within its text as well, which is said apart here.
    let text = error.to_string();
    let place = format!(" at line {line} column {column}");
    InvalidImportFile {
        conversation: is_in_a_conversation.then_some(taken + 1),
        path: if path == "." { String::new() } else { path },
        line,
        column,
        problem: text.strip_suffix(&place).unwrap_or(&text).to_owned(),
    }
    .into()
}

/// By its first conversation, or by the first message of the only one.
fn recognise(file: &mut impl Read) -> Result<Format, ReadError> {
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
    // That the rest is not read is an error here, which says nothing.
    let looked = json.deserialize_seq(FirstElement(&mut format));
    match (format, looked) {
        (Some(format), _) => Ok(format),
        (None, Err(error)) => Err(broken(error, &Track::new().path(), 0)),
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
            // Of no element, either form.
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

    /// The members may stand in any order.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut each = Some(self.0);
        let (mut is_ours, mut has_version) = (false, false);
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                "format" => is_ours = members.next_value::<String>()? == json::FORMAT,
                "version" => {
                    json::check_version(members.next_value()?).map_err(de::Error::custom)?;
                    has_version = true;
                }
                "conversations" => match each.take() {
                    Some(each) => members.next_value_seed(each)?,
                    None => return Err(de::Error::duplicate_field("conversations")),
                },
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !is_ours {
            return Err(de::Error::custom(UNKNOWN));
        }
        if !has_version {
            return Err(de::Error::missing_field("version"));
        }
        if each.is_some() {
            return Err(de::Error::missing_field("conversations"));
        }
        Ok(())
    }
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
