//! The API of an upstream.

use url::Url;

/// An API with which a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Chat,
    Responses,
}

impl Api {
    /// Returns the API at this address, by the last segment of its path.
    pub(super) fn at(url: &Url) -> Self {
        let last = url.path_segments().and_then(|mut segments| segments.rfind(|s| !s.is_empty()));
        if last.is_some_and(|segment| segment.eq_ignore_ascii_case("responses")) {
            Self::Responses
        } else {
            Self::Chat
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_ends_in_responses_is_that_of_the_responses_api() {
        for (url, expected) in [
            ("https://a.openai.azure.com/openai/v1/responses", Api::Responses),
            ("https://a.openai.azure.com/openai/responses?api-version=2025-04-01", Api::Responses),
            ("https://gateway.example/v1/responses/", Api::Responses),
            ("https://api.openai.com/v1/chat/completions", Api::Chat),
            ("https://responses.example/responses/v1/chat/completions", Api::Chat),
            ("http://127.0.0.1:8080", Api::Chat),
        ] {
            assert_eq!(Api::at(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
