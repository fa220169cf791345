//! Timestamps and clocks.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// RFC 3339 with exactly three fractional digits, so that timestamps sort chronologically as strings.
const WIRE_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

const COMPACT_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]_[hour][minute][second]");

const READABLE_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute] UTC");

const MILLIS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;

/// A point in time in milliseconds, a precision that every store preserves. The wire format is RFC 3339 in UTC,
/// always with milliseconds.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, examples("2026-01-02T03:04:05.678Z")))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Returns the time `millis` milliseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Returns the time `duration` later, or the latest possible time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns the time `duration` earlier, or the earliest possible time.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns the day in UTC.
    #[must_use]
    pub const fn day(self) -> UtcDay {
        UtcDay(self.0.div_euclid(MILLIS_PER_DAY))
    }

    /// Returns the duration from this time until `other`, or zero if `other` is earlier.
    #[must_use]
    pub fn until(self, other: Self) -> Duration {
        Duration::from_millis(other.0.saturating_sub(self.0).try_into().unwrap_or(0))
    }

    /// Formats the time as `YYYYMMDD_HHMMSS` in UTC, for file names.
    #[must_use]
    pub fn compact(self) -> String {
        let moment = OffsetDateTime::from_unix_timestamp(self.0 / 1_000).ok();
        moment.and_then(|moment| moment.format(COMPACT_FORMAT).ok()).unwrap_or_default()
    }

    /// Formats the time as `YYYY-MM-DD HH:MM UTC`, for display.
    #[must_use]
    pub fn readable(self) -> String {
        let moment = OffsetDateTime::from_unix_timestamp(self.0 / 1_000).ok();
        moment.and_then(|moment| moment.format(READABLE_FORMAT).ok()).unwrap_or_default()
    }

    fn to_wire(self) -> Option<String> {
        let nanos = i128::from(self.0) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(WIRE_FORMAT).ok()
    }
}

/// A day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDay(i64);

impl UtcDay {
    /// Returns the number of days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Returns the day that is `days` days earlier.
    #[must_use]
    pub fn minus_days(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days.into()))
    }

    /// Returns the time at which the day ends.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        Timestamp(self.0.saturating_add(1).saturating_mul(MILLIS_PER_DAY))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text =
            self.to_wire().ok_or_else(|| ser::Error::custom("the year is not within 0 to 9999"))?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = OffsetDateTime::parse(&text, &Rfc3339).map_err(de::Error::custom)?;
        let millis = moment.unix_timestamp_nanos() / 1_000_000;
        let time = i64::try_from(millis).map(Self).map_err(de::Error::custom)?;
        // The offset may lead to another year.
        let is_valid = time.to_wire().is_some();
        is_valid
            .then_some(time)
            .ok_or_else(|| de::Error::custom("the year is not within 0 to 9999"))
    }
}

/// The source of the current time.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// The system clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let nanos = OffsetDateTime::now_utc().unix_timestamp_nanos();
        Timestamp(i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX))
    }
}

/// A clock for tests that only moves when it is advanced.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Creates a clock that shows `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.unix_millis()))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.0.store(self.now().plus(duration).unix_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_round_trips_as_rfc_3339_in_utc() {
        let moment = Timestamp::from_unix_millis(1_767_323_045_678);

        let json = serde_json::to_string(&moment).unwrap();

        assert_eq!(json, r#""2026-01-02T03:04:05.678Z""#);
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), moment);
    }

    #[test]
    fn timestamps_sort_as_text() {
        let text = |millis| serde_json::to_string(&Timestamp::from_unix_millis(millis)).unwrap();

        assert!(text(1_767_323_045_000) < text(1_767_323_045_100));
        assert!(text(1_767_323_045_100) < text(1_767_323_045_101));
    }
}
