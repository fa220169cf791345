//! What an error is about, by the words of many upstreams.

use super::error_text::ErrorText;

/// What an error is about, if not the form of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    FilteredText,
    /// The account has no credit left, or is suspended.
    Credit,
    Key,
    Model,
    /// The limit of requests or tokens.
    Quota,
    /// Where the request comes from.
    Origin,
}

/// The names of each subject, from the most to the least specific. Each one is a part of a code, a type or a
/// sentence.
const NAMES: [(Subject, &[&str]); 6] = [
    (
        Subject::FilteredText,
        &[
            "content_policy_violation",
            "contentpolicyviolation",
            "content exists risk",
            "content management policy",
            "content filtering policy",
            "content violates usage guidelines",
            "violating our usage policy",
            "our safety system",
            "invalid_prompt",
            "bio_policy",
            "data_inspection_failed",
            "datainspectionfailed",
            "sensitivecontentdetected",
            "new_sensitive",
            "flagged_input",
        ],
    ),
    (
        Subject::Credit,
        &[
            "insufficient_quota",
            "insufficient balance",
            "insufficient_balance",
            "insufficient credits",
            "balance is insufficient",
            "credit balance is too low",
            "all available credits",
            "spending limit",
            "budget has been exceeded",
            "budget_exceeded",
            "billing_hard_limit_reached",
            "billing hard limit",
            "billing_not_active",
            "check your billing details",
            "exceeded_current_quota_error",
            "organization_restricted",
            "organization has been restricted",
            "arrearage",
            "accountoverdue",
            "account is suspended",
            "account_suspended",
        ],
    ),
    (
        Subject::Origin,
        &[
            "unsupported_country",
            "country, region, or territory",
            "location is not supported",
            "not available in your region",
            "not available in your country",
            "virtual network/firewall",
            "public access is disabled",
            "ip_not_authorized",
            "request not allowed",
        ],
    ),
    (
        Subject::Key,
        &[
            "api_key_invalid",
            "api key not valid",
            "incorrect api key",
            "invalid api key",
            "custom subdomain for token authentication",
        ],
    ),
    (
        Subject::Model,
        &[
            "invalid_model",
            "unknown_model",
            "model not exist",
            "not a valid model",
            "invalid model name",
            "decommissioned",
            "model_deprecated",
            "modeldeprecated",
            "has been retired",
            "model_not_supported",
            "unsupported_api_for_model",
            "operationnotsupported",
            "not work with the specified model",
            "not a chat model",
            "not support chat",
        ],
    ),
    (Subject::Quota, &["quota", "ratelimit", "rate limit", "rate_limit"]),
];

/// Returns what the error is about.
pub(super) fn subject(error: &ErrorText) -> Option<Subject> {
    if let Some(subject) = error.labels().find_map(subject_of_number) {
        return Some(subject);
    }
    // The name of the account comes between these words.
    if error.text.contains("account ") && error.text.contains(" is suspended") {
        return Some(Subject::Credit);
    }
    NAMES.into_iter().find(|(_, names)| error.contains_any(names)).map(|(subject, _)| subject)
}

/// Returns what Zhipu means by this code.
fn subject_of_number(code: &str) -> Option<Subject> {
    match code {
        "1113" => Some(Subject::Credit),
        "1211" => Some(Subject::Model),
        "1301" => Some(Subject::FilteredText),
        _ => None,
    }
}
