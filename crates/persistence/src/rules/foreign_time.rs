//! The times that other applications wrote.

use std::time::Duration;

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::{Iso8601, Rfc2822};
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcDateTime};
use webchat_domain::Timestamp;

/// Numbers from this one on are milliseconds. This one is in 1973; as seconds, it would be in the year 5138.
const MIN_MILLIS: f64 = 1e11;
/// Numbers from this one on are microseconds.
const MIN_MICROS: f64 = 1e14;
/// Numbers from this one on are nanoseconds.
const MIN_NANOS: f64 = 1e17;

/// The first second of the year 10000.
const END: f64 = 253_402_300_800.0;

/// The format of JavaScript's `Date.toString`, without the name of the zone.
const JAVASCRIPT: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short] [month repr:short] [day] [year] [hour]:[minute]:[second] \
     GMT[offset_hour sign:mandatory][offset_minute]"
);

/// The format of C's `ctime`, which Python also uses.
const CTIME: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short] [month repr:short] [day padding:none] [hour]:[minute]:[second] [year]"
);

/// Reads a time in the years 1970 to 9999: digits as [`foreign_time_of_number`] does, ISO 8601, the format of HTTP and
/// mail (`Sun, 29 Nov 2026 10:00:00 GMT`), or those of JavaScript and `ctime`. A time without a zone is UTC.
#[must_use]
pub fn foreign_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return foreign_time_of_number(number);
    }
    let text = text.strip_suffix(" UTC").map_or(text.to_owned(), |time| format!("{time} +0000"));
    let time = iso_8601(&text).or_else(|| mail(&text)).or_else(|| javascript(&text));
    let time = time.or_else(|| ctime(&text))?;
    let millis = i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()?;
    (time.year() >= 1970).then_some(Timestamp::from_unix_millis(millis))
}

/// Reads Unix seconds, milliseconds, microseconds or nanoseconds in the years 1970 to 9999.
#[must_use]
pub fn foreign_time_of_number(number: f64) -> Option<Timestamp> {
    let seconds = match number {
        _ if number >= MIN_NANOS => number / 1e9,
        _ if number >= MIN_MICROS => number / 1e6,
        _ if number >= MIN_MILLIS => number / 1e3,
        seconds => seconds,
    };
    if !(0.0..END).contains(&seconds) {
        return None;
    }
    // Rounded, because a floating-point number may be slightly less than the intended millisecond.
    let micros = Duration::try_from_secs_f64(seconds).ok()?.as_micros();
    Some(Timestamp::from_unix_millis(i64::try_from((micros + 500) / 1_000).ok()?))
}

/// Parses ISO 8601, also with a space instead of `T` and before the zone.
fn iso_8601(text: &str) -> Option<UtcDateTime> {
    let text = text.replacen(' ', "T", 1).replace(' ', "").to_ascii_uppercase();
    let with_zone = OffsetDateTime::parse(&text, &Iso8601::PARSING).map(OffsetDateTime::to_utc);
    let without =
        || PrimitiveDateTime::parse(&text, &Iso8601::PARSING).map(PrimitiveDateTime::as_utc);
    let date = || Date::parse(&text, &Iso8601::PARSING).map(|date| date.midnight().as_utc());
    with_zone.or_else(|_| without()).or_else(|_| date()).ok()
}

/// Parses the format of RFC 2822, which contains the one of HTTP.
fn mail(text: &str) -> Option<UtcDateTime> {
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc2822);
    parse(text).or_else(|_| parse(&format!("{text} +0000"))).ok().map(OffsetDateTime::to_utc)
}

fn javascript(text: &str) -> Option<UtcDateTime> {
    let (time, _zone) = text.split_once(" (").unwrap_or((text, ""));
    OffsetDateTime::parse(time, JAVASCRIPT).ok().map(OffsetDateTime::to_utc)
}

fn ctime(text: &str) -> Option<UtcDateTime> {
    let words: Vec<&str> = text.split_whitespace().collect();
    PrimitiveDateTime::parse(&words.join(" "), CTIME).ok().map(PrimitiveDateTime::as_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_that_applications_write() {
        for text in [
            "1767323045",
            "1767323045.0",
            "1767323045000",
            "1767323045000000",
            "1767323045000000000",
            "2026-01-02T03:04:05Z",
            "2026-01-02t03:04:05z",
            "2026-01-02 03:04:05",
            "2026-01-02 03:04:05.000000",
            "2026-01-02 03:04:05 UTC",
            "2026-01-02T03:04:05,000Z",
            "2026-01-02T04:04:05+01:00",
            "2026-01-02T04:04:05+0100",
            "2026-01-02 04:04:05 +01",
            "20260102T030405Z",
            " Fri, 02 Jan 2026 03:04:05 GMT ",
            "Fri, 2 Jan 2026 03:04:05 GMT",
            "Fri, 02 Jan 2026 03:04:05",
            "Fri, 02 Jan 2026 03:04:05 UTC",
            "Fri, 02 Jan 2026 03:04:05 -0000",
            "Thu, 01 Jan 2026 22:04:05 -0500",
            "Thu, 01 Jan 2026 22:04:05 EST",
            "2 Jan 2026 03:04:05 +0000",
            "Fri Jan 02 2026 04:04:05 GMT+0100 (Central European Standard Time)",
            "Fri Jan  2 03:04:05 2026",
        ] {
            let millis = foreign_time(text).map(Timestamp::unix_millis);
            assert_eq!(millis, Some(1_767_323_045_000), "{text}");
        }
        for (text, expected) in [
            ("2026-01-02", 1_767_312_000_000),
            ("2026-01-02T03:04Z", 1_767_323_040_000),
            ("2026-01-02T03:04:05.678901+00:00", 1_767_323_045_678),
            ("1767323045.679", 1_767_323_045_679),
            ("1970-01-01T00:00:00Z", 0),
        ] {
            let millis = foreign_time(text).map(Timestamp::unix_millis);
            assert_eq!(millis, Some(expected), "{text}");
        }
    }

    #[test]
    fn no_other_text_is_a_time() {
        for text in [
            "",
            "soon",
            "-1",
            "NaN",
            "inf",
            "1e300",
            "0001-01-01T00:00:00Z",
            "10/11/2026",
            "Fri, 30 Feb 2026 03:04:05 GMT",
            "2026-13-01",
            "Übermorgen um 10",
        ] {
            assert_eq!(foreign_time(text), None, "{text}");
        }
    }
}
