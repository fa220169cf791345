//! An object whose fields are parsed only when they are needed.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The fields of an object as unparsed JSON, so that a field with an unexpected value spoils no other. If a
/// name occurs twice, its last value counts.
///
/// Objects in answers have few fields, so a list is faster than a map.
#[derive(Debug)]
pub(crate) struct Object<'a>(Vec<(Name<'a>, &'a RawValue)>);

#[derive(Debug, Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor(PhantomData))
    }
}

struct FieldsVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for FieldsVisitor<'a> {
    type Value = Object<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'a>, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Object(fields))
    }
}

impl<'a> Object<'a> {
    /// Parses an object.
    ///
    /// # Errors
    /// When the text is not JSON, or not an object.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Returns the field's value, unless it is missing or `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().rev().find(|(field, _)| field.0 == name)?;
        Some(*value).filter(|value| value.get() != "null")
    }

    /// Returns the field's value if it is an object.
    pub(crate) fn object(&self, name: &str) -> Option<Object<'a>> {
        self.get(name).and_then(object)
    }

    /// Returns the field's value if it is a string with text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let text: String = serde_json::from_str(self.get(name)?.get()).ok()?;
        Some(text).filter(|text| !text.is_empty())
    }

    /// Returns the field's value if it is a number of this range: neither negative nor a fraction.
    pub(crate) fn count(&self, name: &str) -> Option<u32> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }
}

/// Returns the value if it is an object.
pub(crate) fn object(value: &RawValue) -> Option<Object<'_>> {
    value.get().starts_with('{').then(|| Object::parse(value.get()).ok())?
}

/// Returns the values of a list. A value that is no list is returned as the only one.
pub(crate) fn list(value: &RawValue) -> Vec<&RawValue> {
    let items = value.get().starts_with('[').then(|| serde_json::from_str(value.get()).ok());
    items.flatten().unwrap_or_else(|| vec![value])
}

/// Returns whether the value is a string.
pub(crate) fn is_text(value: &RawValue) -> bool {
    value.get().starts_with('"')
}
