use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, Accept, Header, Quality};
use actix_web::mime::{self, Mime};

use crate::error::api_error::ApiError;

/// Of what there is, by its media types, what the client likes best; without an `Accept`, the first.
///
/// # Errors
/// [`ApiError::NotAcceptable`] when it takes none of them.
pub(crate) fn preferred<'a>(
    request: &HttpRequest,
    offered: &[&'a str],
) -> Result<&'a str, ApiError> {
    let refused = || ApiError::NotAcceptable(offered.join(" or "));
    let first = offered.first().copied();
    if !request.headers().contains_key(ACCEPT) {
        return first.ok_or_else(refused);
    }
    let Ok(Accept(accepted)) = Accept::parse(request) else { return first.ok_or_else(refused) };
    let taken = accepted.into_iter().filter(|one| one.quality > Quality::ZERO).collect();
    let mut ranked = Accept(taken).ranked().into_iter();
    let best = ranked.find_map(|range| offered.iter().find(|one| covers(&range, one)).copied());
    best.ok_or_else(refused)
}

fn covers(range: &Mime, offered: &str) -> bool {
    let Ok(offered) = Mime::from_str(offered) else { return false };
    let fits = |wanted: mime::Name<'_>, there| wanted == mime::STAR || wanted == there;
    fits(range.type_(), offered.type_()) && fits(range.subtype(), offered.subtype())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const OFFERED: [&str; 2] = ["application/json", "text/event-stream"];

    fn choice(accept: &str) -> Option<&'static str> {
        let request = TestRequest::default().insert_header((ACCEPT, accept)).to_http_request();
        preferred(&request, &OFFERED).ok()
    }

    #[test]
    fn what_a_client_likes_best_is_chosen_and_the_first_where_it_does_not_say() {
        let silent = TestRequest::default().to_http_request();
        assert_eq!(preferred(&silent, &OFFERED).ok(), Some(OFFERED[0]));
        for (accept, chosen) in [
            ("*/*", 0),
            ("application/*", 0),
            ("application/json; charset=utf-8", 0),
            ("text/event-stream", 1),
            ("text/*, image/png", 1),
            ("application/json;q=0.5, text/event-stream", 1),
            ("text/event-stream;q=0, */*;q=0.1", 0),
        ] {
            assert_eq!(choice(accept), Some(OFFERED[chosen]), "{accept}");
        }
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for accept in ["text/html", "image/*, application/xml", "application/json;q=0"] {
            assert_eq!(choice(accept), None, "{accept}");
        }
    }
}
