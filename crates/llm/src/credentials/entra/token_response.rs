//! A token in the response of an endpoint.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use webchat_domain::Timestamp;

use crate::{AccessToken, TokenError};

/// The response of all endpoints. Entra ID sends `expires_in`, App Service `expires_on`, virtual machines both, as
/// numbers or as texts.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    /// The seconds until the token expires.
    #[serde(default)]
    expires_in: Value,
    /// The Unix time when it expires, in seconds. As in Microsoft's libraries, it has precedence, because virtual
    /// machines cache tokens.
    #[serde(default)]
    expires_on: Value,
}

/// Reads the token in the body of a successful response.
///
/// # Errors
///
/// When it has no token, or one that has expired.
pub(super) fn read_token(body: &[u8], now: Timestamp) -> Result<AccessToken, TokenError> {
    // The error of the parser could contain the token.
    let response: TokenResponse = serde_json::from_slice(body)
        .map_err(|_| TokenError::unavailable("the response has no access token"))?;
    let until =
        |seconds: i64| now.until(Timestamp::from_unix_millis(seconds.saturating_mul(1_000)));
    let lifetime = seconds(&response.expires_on).map(until).or_else(|| {
        let seconds = u64::try_from(seconds(&response.expires_in)?).ok()?;
        Some(Duration::from_secs(seconds))
    });
    let lifetime = lifetime.ok_or_else(|| {
        TokenError::unavailable("the response does not say when the token expires")
    })?;
    AccessToken::new(&response.access_token, lifetime)
}

fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

    fn lifetime(response: &Value) -> Option<u64> {
        let token = read_token(response.to_string().as_bytes(), NOW).ok()?;
        assert_eq!(token.header(), "Bearer t0ken");
        Some(token.lifetime().as_secs())
    }

    #[test]
    fn the_expiry_is_read_in_each_form() {
        for (response, expected) in [
            (json!({"access_token": "t0ken", "expires_in": 3599, "ext_expires_in": 3599}), 3599),
            (json!({"access_token": "t0ken", "expires_in": "3599"}), 3599),
            (json!({"access_token": "t0ken", "expires_on": "1800000060"}), 60),
            (json!({"access_token": "t0ken", "expires_on": 1_800_000_060}), 60),
            (json!({"access_token": "t0ken", "expires_on": "1800000060", "expires_in": "9"}), 60),
            (
                json!({"access_token": "t0ken", "expires_on": "12/01/2026 10:00", "expires_in": 9}),
                9,
            ),
        ] {
            assert_eq!(lifetime(&response), Some(expected), "{response}");
        }
    }

    #[test]
    fn a_response_without_a_usable_token_is_an_error_that_does_not_show_it() {
        for body in [
            json!({"access_token": "t0ken"}).to_string(),
            json!({"access_token": "t0ken", "expires_on": "1799999999"}).to_string(),
            json!({"access_token": "t0ken", "expires_in": -1}).to_string(),
            json!({"access_token": ["t0ken"], "expires_in": 60}).to_string(),
            json!({"access_token": "t0ken\n", "expires_in": 60}).to_string(),
            "t0ken".to_owned(),
        ] {
            let error = read_token(body.as_bytes(), NOW).unwrap_err();

            assert!(!format!("{error} {error:?}").contains("t0ken"), "{error:?}");
        }
    }
}
