//! An object whose fields are parsed only when they are needed.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of an object as unparsed JSON, so that a field with an unexpected value spoils no other. If a
/// name occurs twice, its last value counts.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Object<'a>(#[serde(borrow)] BTreeMap<Name<'a>, &'a RawValue>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Borrow<str> for Name<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'a> Object<'a> {
    /// Parses an object.
    ///
    /// # Errors
    /// When the text is no object, or no JSON.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Returns the field's value, unless it is missing or `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied().filter(|value| value.get() != "null")
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
    Object::parse(value.get()).ok()
}

/// Returns the values of a list. A value that is no list is returned as the only one.
pub(crate) fn list(value: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(value.get()).unwrap_or_else(|_| vec![value])
}

/// Returns whether the value is a string.
pub(crate) fn is_text(value: &RawValue) -> bool {
    value.get().starts_with('"')
}
