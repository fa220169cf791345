//! Reads a JSON array one element at a time.

use std::fmt;

use serde::de::{self, DeserializeSeed, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads a JSON array and passes each element to `on_element` as soon as it is read.
pub(super) struct JsonArrayReader<'a, T> {
    pub(super) on_element: &'a mut dyn FnMut(T) -> Result<(), String>,
    /// The number of accepted elements.
    pub(super) count: &'a mut u64,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for JsonArrayReader<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for JsonArrayReader<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of conversations")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Element(&mut self))?.is_some() {}
        Ok(())
    }
}

/// An element of the array. It is passed on while it is being deserialized, so that an error of `on_element`
/// has the element's position.
struct Element<'a, 'b, T>(&'a mut JsonArrayReader<'b, T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Element<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let element = T::deserialize(deserializer)?;
        (self.0.on_element)(element).map_err(de::Error::custom)?;
        *self.0.count += 1;
        Ok(())
    }
}
