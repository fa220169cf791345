//! Parsers that several settings share.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;
use url::Url;

use crate::env::EnvReader;

/// Parses a URL with the scheme `http` or `https`.
pub(super) fn http_url(value: &str) -> Option<Url> {
    let url = Url::parse(value).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// Parses an IP address, or a network in CIDR notation.
pub(super) fn network(value: &str) -> Option<IpNet> {
    value.parse().ok().or_else(|| value.parse::<IpAddr>().map(IpNet::from).ok())
}

/// Parses a number within `range`. `unit`, such as " of days", follows "a number" in the error message.
pub(super) fn number_in_range<T>(
    reader: &mut EnvReader<'_>,
    name: &'static str,
    unit: &str,
    range: RangeInclusive<T>,
) -> Option<T>
where
    T: FromStr + PartialOrd + Display,
{
    let expected = format!("a number{unit} from {} to {}", range.start(), range.end());
    reader.optional(name, &expected, |value| {
        value.parse().ok().filter(|number| range.contains(number))
    })
}
