//! Content negotiation by the `Accept` header.

use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, Accept, Header, Quality};
use actix_web::mime::{self, Mime};

use crate::error::api_error::ApiError;

/// Returns the available media type that the client prefers, or the first one if there is no `Accept` header.
///
/// # Errors
/// [`ApiError::NotAcceptable`] if the client accepts none of them.
pub(crate) fn negotiate<'a>(
    request: &HttpRequest,
    available: &[&'a str],
) -> Result<&'a str, ApiError> {
    let not_acceptable = || ApiError::NotAcceptable(available.join(" or "));
    let first = available.first().copied();
    if !request.headers().contains_key(ACCEPT) {
        return first.ok_or_else(not_acceptable);
    }
    let Ok(Accept(accepted)) = Accept::parse(request) else {
        return first.ok_or_else(not_acceptable);
    };
    let wanted = accepted.into_iter().filter(|item| item.quality > Quality::ZERO).collect();
    let mut ranked = Accept(wanted).ranked().into_iter();
    let best = ranked
        .find_map(|range| available.iter().find(|media_type| covers(&range, media_type)).copied());
    best.ok_or_else(not_acceptable)
}

fn covers(range: &Mime, media_type: &str) -> bool {
    let Ok(media_type) = Mime::from_str(media_type) else { return false };
    let matches = |wanted: mime::Name<'_>, name| wanted == mime::STAR || wanted == name;
    matches(range.type_(), media_type.type_()) && matches(range.subtype(), media_type.subtype())
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
        ] {
            assert_eq!(choice(accept), Some(AVAILABLE[chosen]), "{accept}");
        }
    }

    #[test]
    fn an_unavailable_type_is_not_acceptable() {
        for accept in ["text/html", "image/*, application/xml", "application/json;q=0"] {
            assert_eq!(choice(accept), None, "{accept}");
        }
    }
}
