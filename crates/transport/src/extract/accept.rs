//! Content negotiation by the `Accept` header.

use std::cmp::Reverse;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;
use actix_web::mime::{self, Mime};

use crate::error::api_error::ApiError;

/// A media range in an `Accept` header.
struct MediaRange {
    range: Mime,
    /// The quality in thousandths.
    quality: u16,
}

/// Returns the available media type that the client prefers, or the first one if there is no valid `Accept` header.
///
/// # Errors
/// [`ApiError::NotAcceptable`] if the client accepts none of them.
pub(crate) fn negotiate<'a>(
    request: &HttpRequest,
    available: &[&'a str],
) -> Result<&'a str, ApiError> {
    let values = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    let ranges: Vec<_> =
        values.flat_map(|value| value.split(',')).filter_map(MediaRange::parse).collect();
    let best = if ranges.is_empty() {
        available.first().copied()
    } else {
        let ranked = available.iter().enumerate().filter_map(|(order, media_type)| {
            let (quality, specificity, position) = rank(&ranges, media_type)?;
            (quality > 0)
                .then_some(((quality, specificity, Reverse((position, order))), *media_type))
        });
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, media_type)| media_type)
    };
    best.ok_or_else(|| ApiError::NotAcceptable(available.join(" or ")))
}

/// Returns the quality of a media type, and the specificity and position of the range that determines it: the most
/// specific one that matches (RFC 9110, section 12.5.1).
fn rank(ranges: &[MediaRange], media_type: &str) -> Option<(u16, u8, usize)> {
    let media_type = Mime::from_str(media_type).ok()?;
    let matching = ranges.iter().enumerate().filter(|(_, range)| range.covers(&media_type));
    let ranked = matching.map(|(position, range)| (range.specificity(), position, range.quality));
    let (specificity, position, quality) =
        ranked.max_by_key(|(specificity, position, _)| (*specificity, Reverse(*position)))?;
    Some((quality, specificity, position))
}

impl MediaRange {
    /// Parses a range like `text/*;q=0.5`. Returns `None` if it is invalid. Java's HTTP client sends `*` for `*/*`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let range = match parts.next()? {
            "*" => mime::STAR_STAR,
            range => range.parse().ok()?,
        };
        let quality = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
        });
        Some(Self { range, quality: quality.unwrap_or(1000) })
    }

    fn covers(&self, media_type: &Mime) -> bool {
        let matches = |wanted: mime::Name<'_>, name| wanted == mime::STAR || wanted == name;
        matches(self.range.type_(), media_type.type_())
            && matches(self.range.subtype(), media_type.subtype())
    }

    fn specificity(&self) -> u8 {
        u8::from(self.range.type_() != mime::STAR) + u8::from(self.range.subtype() != mime::STAR)
    }
}

/// Parses a quality from 0 to 1, of which three decimals count. One that is invalid is 1.
fn thousandths(quality: &str) -> u16 {
    let Some(("" | "0", decimals)) = quality.split_once('.').or(Some((quality, ""))) else {
        return 1000;
    };
    let digits = decimals.chars().chain(['0', '0', '0']).take(3);
    digits.collect::<String>().parse().unwrap_or(1000)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const AVAILABLE: [&str; 2] = ["application/json", "text/event-stream"];

    fn choice(accept: &str) -> Option<&'static str> {
        let request = TestRequest::default().insert_header((ACCEPT, accept)).to_http_request();
        negotiate(&request, &AVAILABLE).ok()
    }

    #[test]
    fn the_preferred_type_is_chosen_or_the_first_one_without_a_header() {
        let without_header = TestRequest::default().to_http_request();
        assert_eq!(negotiate(&without_header, &AVAILABLE).ok(), Some(AVAILABLE[0]));
        for (accept, chosen) in [
            ("*/*", 0),
            ("application/*", 0),
            ("application/json; charset=utf-8", 0),
            ("text/event-stream", 1),
            ("text/*, image/png", 1),
            ("application/json;q=0.5, text/event-stream", 1),
            ("text/event-stream;q=0, */*;q=0.1", 0),
            ("*/*, text/event-stream", 1),
            ("text/event-stream;q=0.1, */*;q=0.2", 0),
            // Java
            ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", 0),
            ("*", 0),
            ("APPLICATION/JSON;Q=1.0000", 0),
            ("application/json;q=.25, text/event-stream; q=0.250000", 0),
            ("application/json;q=abc", 0),
            ("", 0),
            (", ,", 0),
            ("invalid", 0),
        ] {
            assert_eq!(choice(accept), Some(AVAILABLE[chosen]), "{accept}");
        }
    }

    #[test]
    fn an_unavailable_type_is_not_acceptable() {
        for accept in [
            "text/html",
            "image/*, application/xml",
            "application/json;q=0",
            "*;q=0.000",
            "application/vnd.api+json",
        ] {
            assert_eq!(choice(accept), None, "{accept}");
        }
    }
}
