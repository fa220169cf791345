use std::fmt;

use serde::de::{self, DeserializeSeed, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads a list, each of whose elements is taken as soon as it is read.
pub(super) struct Each<'a, T> {
    pub(super) take: &'a mut dyn FnMut(T) -> Result<(), String>,
    pub(super) taken: &'a mut u64,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Each<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of conversations")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(One(&mut self))?.is_some() {}
        Ok(())
    }
}

/// An element of a list. What takes it fails within it, so that the place of the error is its own.
struct One<'a, 'b, T>(&'a mut Each<'b, T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for One<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let element = T::deserialize(deserializer)?;
        (self.0.take)(element).map_err(de::Error::custom)?;
        *self.0.taken += 1;
        Ok(())
    }
}
