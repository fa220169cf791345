//! The errors of the endpoints, and what to do about them.
//!
//! Sources: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>; for virtual machines,
//! `how-to-use-vm-token` (see [`super::managed_identity`]) and `docs/imds_retry_based_on_errors.md` of MSAL for .NET.

use std::fmt::Write;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use super::endpoint::EndpointResponse;
use crate::TokenError;

/// The interval between requests while the service of a virtual machine is being updated, which it reports with 410.
const UPDATE_INTERVAL: Duration = Duration::from_secs(10);

/// What to do about the most frequent error codes of Entra ID.
const ADVICE: [(&[u64], &str); 8] = [
    (&[7_000_215], "AZURE_CLIENT_SECRET is wrong: set the value of the secret, not its id"),
    (&[7_000_222], "AZURE_CLIENT_SECRET has expired: add a new one to the application"),
    (&[700_016], "there is no application AZURE_CLIENT_ID in the tenant AZURE_TENANT_ID"),
    (&[90_002, 900_023], "there is no tenant AZURE_TENANT_ID"),
    (
        &[70_021, 700_211, 700_212, 700_213],
        "the identity AZURE_CLIENT_ID has no federated credential for the issuer, subject and audience of the \
         token in AZURE_FEDERATED_TOKEN_FILE",
    ),
    (&[700_024], "the assertion has expired: check the clock, and that the token file is renewed"),
    (&[700_027], "the certificate does not belong to the application AZURE_CLIENT_ID"),
    (&[500_011, 70_011, 1_002_012], "LLM_ENTRA_SCOPE is wrong, or unknown in the tenant"),
];

/// Returns the error of Entra ID's token endpoint at this host.
pub(super) fn application_error(response: &EndpointResponse, host: &str) -> TokenError {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let codes = error_codes(&body);
    let mut text = format!("{host} refused the request: status {}", response.status.as_u16());
    write_label(&mut text, &body);
    for code in &codes {
        let _ = write!(text, ", AADSTS{code}");
    }
    let advice = ADVICE.iter().find(|(known, _)| codes.iter().any(|code| known.contains(code)));
    if let Some((_, advice)) = advice {
        let _ = write!(text, ": {advice}");
    }
    if is_temporary(response.status) {
        return TokenError::Unavailable { reason: text, retry_after: response.retry_after };
    }
    TokenError::Refused(text)
}

/// Returns the error of the endpoint of a managed identity at this host.
pub(super) fn managed_identity_error(response: &EndpointResponse, host: &str) -> TokenError {
    let status = response.status;
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let mut text = format!("{host} refused the request: status {}", status.as_u16());
    write_label(&mut text, &body);
    if matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) {
        text += ": assign the identity to this machine or app; for a user-assigned one, AZURE_CLIENT_ID must be its \
                 client id";
    }
    // Virtual machines also respond with 404 while their service is being updated.
    let is_updating = status == StatusCode::GONE;
    if is_temporary(status) || is_updating || status == StatusCode::NOT_FOUND {
        let retry_after = response.retry_after.or(is_updating.then_some(UPDATE_INTERVAL));
        return TokenError::Unavailable { reason: text, retry_after };
    }
    TokenError::Refused(text)
}

fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// Adds the name of the error. Its description is dropped, because it could quote anything.
fn write_label(text: &mut String, body: &Value) {
    let is_label = |label: &&str| {
        label.len() <= 48 && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if let Some(label) = body.get("error").and_then(Value::as_str).filter(is_label) {
        let _ = write!(text, ", {label}");
    }
}

/// Returns the numbers of the error, at most three: from `error_codes`, or from the description, as in
/// `AADSTS7000215: Invalid client secret`.
fn error_codes(body: &Value) -> Vec<u64> {
    let codes = body.get("error_codes").and_then(Value::as_array);
    let mut codes: Vec<u64> = codes.into_iter().flatten().filter_map(Value::as_u64).collect();
    let description = body.get("error_description").and_then(Value::as_str);
    if let Some((_, rest)) = description.and_then(|text| text.split_once("AADSTS"))
        && codes.is_empty()
    {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
        codes.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
    }
    codes.truncate(3);
    codes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn response(status: u16, body: &Value) -> EndpointResponse {
        EndpointResponse {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            body: body.to_string().into_bytes(),
        }
    }

    #[test]
    fn a_refusal_has_its_code_and_advice_but_no_description() {
        for (body, expected) in [
            (
                json!({"error": "invalid_client", "error_codes": [7_000_215],
                    "error_description": "AADSTS7000215: Invalid client secret s3cret"}),
                "login refused the request: status 401, invalid_client, AADSTS7000215: \
                 AZURE_CLIENT_SECRET is wrong: set the value of the secret, not its id",
            ),
            (
                json!({"error": "invalid_request", "error_description": "AADSTS90002: s3cret"}),
                "login refused the request: status 401, invalid_request, AADSTS90002: there is no \
                 tenant AZURE_TENANT_ID",
            ),
            (
                json!({"error": "s3cret s3cret", "error_codes": [1, "s3cret"]}),
                "login refused the request: status 401, AADSTS1",
            ),
            (json!("s3cret"), "login refused the request: status 401"),
        ] {
            let error = application_error(&response(401, &body), "login");

            assert_eq!(error, TokenError::Refused(expected.to_owned()));
        }
    }

    #[test]
    fn errors_are_temporary_by_their_status() {
        let not_found =
            json!({"error": "invalid_request", "error_description": "Identity not found"});
        for (status, of_application, of_machine) in [
            (400, false, false),
            (401, false, false),
            (404, false, true),
            (408, true, true),
            (410, false, true),
            (429, true, true),
            (500, true, true),
            (504, true, true),
        ] {
            let response = response(status, &not_found);
            let is_temporary = |error: &TokenError| matches!(error, TokenError::Unavailable { .. });
            let application = application_error(&response, "login");
            let machine = managed_identity_error(&response, "imds");

            assert_eq!(is_temporary(&application), of_application, "{status} {application}");
            assert_eq!(is_temporary(&machine), of_machine, "{status} {machine}");
        }
    }

    #[test]
    fn an_update_of_the_service_is_waited_for() {
        let error = managed_identity_error(&response(410, &json!({})), "imds");

        let TokenError::Unavailable { retry_after, .. } = error else { panic!("{error:?}") };
        assert_eq!(retry_after, Some(UPDATE_INTERVAL));
    }
}
