//! Detects the format of an import file by its first element.

use std::fmt;
use std::io::{BufReader, Read};

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_path_to_error::Track;

use super::read_error::{ReadError, UNKNOWN_FORMAT, parse_error, unreadable};
use super::string_guard::StringGuard;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Webchat,
    ChatGpt,
    Flask,
}

/// Detects the format by the first conversation, or by the first message if the file contains a single
/// conversation.
pub(super) fn detect_format(file: &mut impl Read) -> Result<Format, ReadError> {
    let mut file = BufReader::new(file);
    let mut first = [0; 2];
    loop {
        if file.read(&mut first[..1]).map_err(ReadError::Io)? == 0 {
            return Err(unreadable("the file is empty"));
        }
        match first[0] {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'{' => return Ok(Format::Webchat),
            b'[' => break,
            b'P' => {
                return Err(unreadable(
                    "this is not JSON; if it is a ZIP archive, unpack it first",
                ));
            }
            _ => return Err(unreadable("this is not JSON")),
        }
    }
    let mut format = None;
    let rest = (&b"["[..]).chain(file);
    let mut json = serde_json::Deserializer::from_reader(StringGuard::new(rest));
    // serde_json fails because the remaining elements are not read; that error is ignored.
    let read = json.deserialize_seq(FirstElement(&mut format));
    match (format, read) {
        (Some(format), _) => Ok(format),
        (None, Err(error)) => Err(parse_error(error, &Track::new().path(), 0)),
        (None, Ok(())) => Err(unreadable(UNKNOWN_FORMAT)),
    }
}

/// Detects the format by the first element of an array.
struct FirstElement<'a>(&'a mut Option<Format>);

/// The fields that distinguish the formats.
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
            // An empty list is valid in both formats.
            Some(Features { role: Some(_), .. }) | None => Some(Format::Flask),
        };
        Ok(())
    }
}
