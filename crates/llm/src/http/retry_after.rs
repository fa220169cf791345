//! The delay that an upstream asks for before the next attempt.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use webchat_domain::{Clock, SystemClock, Timestamp};

/// Larger numbers are Unix times, in seconds or in milliseconds: those from 2001 on.
const MIN_UNIX_SECONDS: i64 = 1_000_000_000;
const MIN_UNIX_MILLIS: i64 = 1_000 * MIN_UNIX_SECONDS;

/// Returns the delay that the upstream asks for: from `retry-after-ms` (Azure), from `retry-after`, or
/// from the time until its rate limit resets (OpenAI and compatible servers).
pub(crate) fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let retry_after_ms = || parse_duration(&format!("{}ms", text(headers, "retry-after-ms")?));
    retry_after_ms().or_else(|| retry_after_header(headers)).or_else(|| {
        // These headers come with every answer. Only a 429 makes them a reason to wait.
        (status == StatusCode::TOO_MANY_REQUESTS).then(|| rate_limit_reset(headers)).flatten()
    })
}

/// Parses `retry-after`: seconds or a date, see
/// <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>.
fn retry_after_header(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER.as_str())?;
    let delay_until_date = || {
        let date = httpdate::parse_http_date(value).ok()?;
        Some(response_time(headers).until(timestamp(date)?))
    };
    parse_duration(value).or_else(delay_until_date)
}

/// Returns the time until the exhausted limit resets, see
/// <https://platform.openai.com/docs/guides/rate-limits>. An exhausted limit of requests has none
/// remaining; an exhausted limit of tokens may have some left, but too few.
///
/// Each provider has other names: `x-ratelimit-reset-tokens`, `anthropic-ratelimit-tokens-reset`, `ratelimit-reset`.
fn rate_limit_reset(headers: &HeaderMap) -> Option<Duration> {
    let names = headers.keys().map(HeaderName::as_str);
    let names = names.filter(|name| name.contains("ratelimit") && name.contains("reset"));
    let now = response_time(headers);
    let resets = names.filter_map(|name| Some((name, delay_until(text(headers, name)?, now)?)));
    let resets: Vec<_> = resets.collect();
    let is_exhausted = |name: &str| text(headers, &name.replace("reset", "remaining")) == Some("0");
    let exhausted = resets.iter().filter(|(name, _)| is_exhausted(name));
    let tokens = resets.iter().filter(|(name, _)| name.contains("token"));
    let longest = exhausted.map(|(_, delay)| *delay).max();
    longest
        .or_else(|| tokens.map(|(_, delay)| *delay).min())
        .or_else(|| resets.iter().map(|(_, delay)| *delay).min())
        .or_else(|| combined_reset(headers))
}

/// Returns the time until the reset in `ratelimit`, as in `"default";r=0;t=30` and `limit=10, remaining=0, reset=30`,
/// see <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>.
fn combined_reset(headers: &HeaderMap) -> Option<Duration> {
    let mut fields = text(headers, "ratelimit")?.split([',', ';']).map(str::trim);
    fields.find_map(|field| {
        parse_duration(field.strip_prefix("t=").or_else(|| field.strip_prefix("reset="))?)
    })
}

/// Returns the time until the reset: a duration, a time, or a Unix time in seconds or milliseconds.
pub(crate) fn delay_until(reset: &str, now: Timestamp) -> Option<Duration> {
    let number = reset.split('.').next().and_then(|number| number.parse::<i64>().ok());
    let time = match number {
        Some(seconds @ MIN_UNIX_SECONDS..MIN_UNIX_MILLIS) => Some(seconds.saturating_mul(1_000)),
        Some(millis @ MIN_UNIX_MILLIS..) => Some(millis),
        _ => None,
    };
    let time = time.map(Timestamp::from_unix_millis);
    match time.or_else(|| serde_json::from_value(reset.into()).ok()) {
        Some(time) => Some(now.until(time)),
        None => parse_duration(reset),
    }
}

/// Returns the time of the response: by the upstream's clock if it sends the time, so that a wrong clock does no
/// harm.
fn response_time(headers: &HeaderMap) -> Timestamp {
    let date = text(headers, DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
    date.and_then(timestamp).unwrap_or_else(|| SystemClock.now())
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    let millis = time.duration_since(UNIX_EPOCH).ok()?.as_millis();
    i64::try_from(millis).ok().map(Timestamp::from_unix_millis)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Parses a duration in the format of Go, such as `6m0s`, `1.5s` and `250ms`, or with the names of units, such as
/// `1minute30seconds`. A bare number means seconds.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = None;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, tail) = split_at_first(rest, |c| !(c.is_ascii_digit() || c == '.'));
        let (unit, tail) = split_at_first(tail, |c| c.is_ascii_digit());
        let unit = match unit {
            "ms" | "millisecond" | "milliseconds" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" | "" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86400.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()?;
        total = Some(total.unwrap_or(Duration::ZERO).checked_add(part)?);
        rest = tail;
    }
    total
}

fn split_at_first(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the delay in milliseconds.
    fn delay(status: u16, headers: &[(&str, &str)]) -> Option<u128> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        retry_after(StatusCode::from_u16(status).unwrap(), &headers).map(|delay| delay.as_millis())
    }

    #[test]
    fn the_delay_is_read_from_each_form_of_header() {
        let date = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");
        for (headers, expected) in [
            (vec![("retry-after-ms", "1500")], Some(1500)),
            (vec![("retry-after", "7")], Some(7000)),
            (vec![("retry-after", "0.25")], Some(250)),
            (vec![("retry-after", "2"), ("retry-after-ms", "1234")], Some(1234)),
            (vec![date, ("retry-after", "Wed, 21 Oct 2026 07:29:30 GMT")], Some(90_000)),
            (vec![date, ("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT")], Some(0)),
            (vec![("retry-after", "-7")], None),
            (vec![("retry-after", "NaN")], None),
            (vec![("retry-after", "")], None),
            (vec![("retry-after", "9".repeat(400).as_str())], None),
            (vec![("x-other", "7")], None),
        ] {
            assert_eq!(delay(503, &headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn the_delay_is_that_of_the_exhausted_limit() {
        const REQUESTS: (&str, &str) = ("x-ratelimit-reset-requests", "2m59.56s");
        const TOKENS: (&str, &str) = ("x-ratelimit-reset-tokens", "7.66s");
        const NO_REQUESTS: (&str, &str) = ("x-ratelimit-remaining-requests", "0");
        const NO_TOKENS: (&str, &str) = ("x-ratelimit-remaining-tokens", "0");
        for (headers, expected) in [
            (vec![REQUESTS, TOKENS], Some(7660)),
            (vec![REQUESTS, TOKENS, NO_REQUESTS], Some(179_560)),
            (vec![REQUESTS, TOKENS, NO_TOKENS], Some(7660)),
            (vec![REQUESTS, TOKENS, NO_TOKENS, NO_REQUESTS], Some(179_560)),
            (vec![REQUESTS], Some(179_560)),
            (vec![REQUESTS, ("retry-after", "3")], Some(3000)),
        ] {
            assert_eq!(delay(429, &headers), expected, "{headers:?}");
        }
        assert_eq!(delay(500, &[REQUESTS, TOKENS, NO_REQUESTS]), None);
    }

    #[test]
    fn the_reset_is_found_under_each_name_and_in_each_form() {
        const DATE: (&str, &str) = ("date", "Sun, 29 Nov 2026 20:00:00 GMT");
        for (headers, expected) in [
            (vec![("x-ratelimit-reset", "300")], Some(300_000)),
            (vec![("ratelimit-reset", "300")], Some(300_000)),
            (vec![("ratelimit", "\"default\";r=0;t=300")], Some(300_000)),
            (vec![("ratelimit", "limit=10, remaining=0, reset=300")], Some(300_000)),
            (vec![DATE, ("x-ratelimit-reset", "1795982700")], Some(300_000)),
            (vec![DATE, ("x-ratelimit-reset", "1795982700000")], Some(300_000)),
            (vec![DATE, ("x-ratelimit-reset", "1795982000")], Some(0)),
            (
                vec![DATE, ("anthropic-ratelimit-tokens-reset", "2026-11-29T20:05:00Z")],
                Some(300_000),
            ),
            (
                vec![
                    ("x-ratelimit-reset-tokens-minute", "11.5"),
                    ("x-ratelimit-reset-requests-day", "300"),
                    ("x-ratelimit-remaining-requests-day", "0"),
                ],
                Some(300_000),
            ),
            (
                vec![
                    ("x-ratelimit-reset-tokens-minute", "11.5"),
                    ("x-ratelimit-reset-tokens-day", "300"),
                ],
                Some(11_500),
            ),
            (vec![("x-ratelimit-reset", "soon")], None),
        ] {
            assert_eq!(delay(429, &headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn without_the_upstream_s_time_ours_counts() {
        let later = SystemClock.now().plus(Duration::from_mins(5));
        let millis = u64::try_from(later.unix_millis()).unwrap();
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(millis));
        for (name, value) in [
            ("x-ratelimit-reset", millis.to_string()),
            ("x-ratelimit-reset", (millis / 1_000).to_string()),
            ("retry-after", date),
        ] {
            let delay = delay(429, &[(name, &value)]).unwrap();
            assert!((240_000..=300_000).contains(&delay), "{name}: {value}");
        }
    }

    #[test]
    fn durations_need_known_units() {
        for (text, expected) in [
            ("6m0s", Some(360_000)),
            ("1h2m3s", Some(3_723_000)),
            ("1d", Some(86_400_000)),
            ("12ms", Some(12)),
            ("1minute30seconds", Some(90_000)),
            ("2hours5mins", Some(7_500_000)),
            ("60", Some(60_000)),
            ("s", None),
            ("1.2.3s", None),
            ("1 fortnight", None),
            ("1é", None),
        ] {
            assert_eq!(
                parse_duration(text).map(|duration| duration.as_millis()),
                expected,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[0-9.hms é]{0,40}|\\PC{0,20}") {
            let _ = parse_duration(&text);
        }
    }
}
