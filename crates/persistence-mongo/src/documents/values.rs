//! Conversions of times and numbers to BSON.

use mongodb::bson::DateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_with::{DeserializeAs, SerializeAs};
use webchat_domain::Timestamp;

/// Serialises a [`Timestamp`] as a BSON date.
pub(crate) struct Date;

impl SerializeAs<Timestamp> for Date {
    fn serialize_as<S: Serializer>(
        timestamp: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        date(*timestamp).serialize(serializer)
    }
}

impl<'de> DeserializeAs<'de, Timestamp> for Date {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let date = DateTime::deserialize(deserializer)?;
        Ok(Timestamp::from_unix_millis(date.timestamp_millis()))
    }
}

pub(crate) fn date(timestamp: Timestamp) -> DateTime {
    DateTime::from_millis(timestamp.unix_millis())
}

/// Converts an unsigned number to a BSON long, which is signed. Larger numbers become `i64::MAX`.
pub(crate) fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
