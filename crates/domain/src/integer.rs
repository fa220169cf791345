//! Integers as clients write them.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use thiserror::Error;

/// An integer that may be written as a number without a fraction, such as `3.0` and `3e0`. In JSON, these are the same
/// number, and the encoders of Lua, R, Swift and other languages write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer<T>(pub T);

/// The error for a number that is not an integer or out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected {0}")]
pub struct InvalidInteger(&'static str);

/// Deserializes a field that is an [`Integer`], for `deserialize_with`.
///
/// # Errors
/// When the value is not an integer, or out of range.
pub fn deserialize_integer<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i128>,
{
    Integer::deserialize(deserializer).map(|Integer(number)| number)
}

/// Deserializes a field that is an [`Integer`] or null, for `default` and `deserialize_with`.
///
/// # Errors
/// When the value is not an integer, or out of range.
pub fn deserialize_optional_integer<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i128>,
{
    let number: Option<Integer<T>> = Option::deserialize(deserializer)?;
    Ok(number.map(|Integer(number)| number))
}

impl<'de, T: TryFrom<i128>> Deserialize<'de> for Integer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntegerVisitor(PhantomData))
    }
}

impl<T: TryFrom<i128>> FromStr for Integer<T> {
    type Err = InvalidInteger;

    fn from_str(text: &str) -> Result<Self, InvalidInteger> {
        let number = text.parse().ok().or_else(|| integer_of(text.parse().ok()?));
        let number = number.and_then(|number: i128| T::try_from(number).ok());
        number.map(Self).ok_or(InvalidInteger(expected::<T>()))
    }
}

struct IntegerVisitor<T>(PhantomData<T>);

impl<T: TryFrom<i128>> Visitor<'_> for IntegerVisitor<T> {
    type Value = Integer<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(expected::<T>())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Integer<T>, E> {
        let integer = T::try_from(number.into()).map(Integer);
        integer.map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Integer<T>, E> {
        let integer = T::try_from(number.into()).map(Integer);
        integer.map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Integer<T>, E> {
        let integer = integer_of(number).and_then(|number| T::try_from(number).ok());
        integer.map(Integer).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }
}

/// 2^53: up to this magnitude, an `f64` represents each integer exactly. A larger number may have been rounded.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns the integer that equals the number, if there is one.
fn integer_of(number: f64) -> Option<i128> {
    let is_integer = number.fract() == 0.0 && number.abs() <= MAX_EXACT;
    is_integer.then(|| format!("{number:.0}").parse().ok()).flatten()
}

fn expected<T: TryFrom<i128>>() -> &'static str {
    if T::try_from(-1).is_ok() { "an integer" } else { "an integer, 0 or more" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_without_a_fraction_within_the_range_are_integers() {
        for (text, unsigned, signed) in [
            ("3", Some(3), Some(3)),
            ("3.0", Some(3), Some(3)),
            ("3e0", Some(3), Some(3)),
            ("30E-1", Some(3), Some(3)),
            ("-0.0", Some(0), Some(0)),
            ("-3.0", None, Some(-3)),
            ("18446744073709551615", Some(u64::MAX), None),
            ("18446744073709551616", None, None),
            ("-9223372036854775808", None, Some(i64::MIN)),
            ("9007199254740992.0", Some(1 << 53), Some(1 << 53)),
            ("-9223372036854775809", None, None),
            ("1e18", None, None),
            ("3.5", None, None),
            ("1e300", None, None),
        ] {
            let json = |text| serde_json::from_str(text).ok().map(|Integer(number)| number);
            assert_eq!(json(text), unsigned, "{text}");
            assert_eq!(text.parse().ok().map(|Integer(number)| number), unsigned, "{text}");
            let json = |text| serde_json::from_str(text).ok().map(|Integer(number)| number);
            assert_eq!(json(text), signed, "{text}");
        }
        for text in ["", "x", "NaN", "inf", "0x3", "3.0.0"] {
            assert!(text.parse::<Integer<u64>>().is_err(), "{text}");
        }
        for json in ["\"3\"", "null", "true", "[3]"] {
            assert!(serde_json::from_str::<Integer<u64>>(json).is_err(), "{json}");
        }
    }
}
