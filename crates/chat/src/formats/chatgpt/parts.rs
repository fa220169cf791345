//! The parts of a message: texts, speech transcripts, and image pointers.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::formats::imported_conversation::MAX_BYTES;

/// The joined texts of all parts. Other parts take no memory. A text stops growing once it exceeds [`MAX_BYTES`],
/// because it will be rejected.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) text: String,
}

/// One part.
#[derive(Default)]
enum Part {
    Text(String),
    /// An image, which becomes a placeholder because the file does not contain it.
    Image,
    #[default]
    Other,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum PartField {
    Text,
    ContentType,
    #[serde(other)]
    Other,
}

impl Parts {
    fn push(&mut self, text: &str) {
        if text.is_empty() || self.text.len() > MAX_BYTES {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(text);
    }
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PartsVisitor)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Parts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of parts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Parts, A::Error> {
        let mut parts = Parts::default();
        while let Some(part) = elements.next_element::<Part>()? {
            match part {
                Part::Text(text) => parts.push(&text),
                Part::Image => parts.push("[image]"),
                Part::Other => {}
            }
        }
        Ok(parts)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a message")
    }

    fn visit_str<E>(self, text: &str) -> Result<Part, E> {
        Ok(Part::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_unit<E>(self) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Part, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Part::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Part, A::Error> {
        let (mut text, mut is_image) = (None, false);
        while let Some(field) = members.next_key::<PartField>()? {
            let value = match field {
                PartField::Other => {
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
                PartField::Text | PartField::ContentType => members.next_value::<Part>()?,
            };
            match (field, value) {
                (PartField::Text, Part::Text(value)) => text = Some(value),
                (PartField::ContentType, Part::Text(kind)) => {
                    is_image = kind == "image_asset_pointer";
                }
                _ => {}
            }
        }
        Ok(match text.filter(|text| !text.is_empty()) {
            Some(text) => Part::Text(text),
            None if is_image => Part::Image,
            None => Part::Other,
        })
    }
}
