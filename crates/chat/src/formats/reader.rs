//! Reads import files of all formats. Only one conversation is in memory at a time, and its size is bounded.

use std::io::{self, BufReader, Read};

use serde::Deserializer;
use serde::de::{self, DeserializeSeed};
use serde_json::de::IoRead;
use serde_path_to_error::Track;
use webchat_domain::Timestamp;

use super::chatgpt::ChatGptConversation;
use super::detection::{Format, detect_format};
use super::imported_conversation::ImportedConversation;
use super::json::ConversationRecord;
use super::json_array_reader::JsonArrayReader;
use super::read_error::{ReadError, parse_error};
use super::string_guard::StringGuard;
use super::{chatgpt, flask, json, limits};

/// A callback that receives each conversation. An error says why the conversation can't be imported, and stops the
/// reader.
pub(crate) type OnConversation<'a> = dyn FnMut(ImportedConversation) -> Result<(), String> + 'a;

/// Passes each conversation of the file to `on_conversation`, and returns their number. Missing times are set to
/// `now`.
pub(crate) fn read(
    mut file: impl Read + io::Seek,
    now: Timestamp,
    on_conversation: &mut OnConversation<'_>,
) -> Result<u64, ReadError> {
    file.rewind().map_err(ReadError::Io)?;
    let format = detect_format(&mut file)?;
    file.rewind().map_err(ReadError::Io)?;
    let mut count = 0;
    match format {
        Format::Webchat => parse(file, &mut count, |json, count| {
            let mut on_element = |record: ConversationRecord| on_conversation(record.try_into()?);
            json.deserialize_map(json::FileVisitor(JsonArrayReader {
                on_element: &mut on_element,
                count,
            }))
        }),
        Format::ChatGpt => parse(file, &mut count, |json, count| {
            let mut on_element =
                |source: ChatGptConversation| on_conversation(chatgpt::convert(source, now)?);
            JsonArrayReader { on_element: &mut on_element, count }.deserialize(json)
        }),
        Format::Flask => parse(file, &mut count, |json, count| {
            let messages = limits::messages(json)?;
            if let Some(imported) = flask::convert(messages, now).map_err(de::Error::custom)? {
                on_conversation(imported).map_err(de::Error::custom)?;
                *count += 1;
            }
            Ok(())
        }),
    }?;
    Ok(count)
}

type Json<R> = serde_json::Deserializer<IoRead<BufReader<StringGuard<R>>>>;
type Tracked<'a, 'b, R> = serde_path_to_error::Deserializer<'a, 'b, &'a mut Json<R>>;

fn parse<R: Read>(
    file: R,
    count: &mut u64,
    parser: impl FnOnce(Tracked<'_, '_, R>, &mut u64) -> Result<(), serde_json::Error>,
) -> Result<(), ReadError> {
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(StringGuard::new(file)));
    let mut track = Track::new();
    let parsed = parser(serde_path_to_error::Deserializer::new(&mut json, &mut track), count);
    let path = track.path();
    parsed.and_then(|()| json.end()).map_err(|error| parse_error(error, &path, *count))
}
