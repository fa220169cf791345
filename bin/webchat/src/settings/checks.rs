//! Checks that involve several settings.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::kind::http_url;
use super::merged::Merged;
use super::sections::{AppEnv, proxy_url, settings};
use super::wiring::{DEFAULT_PROVIDER_ID, window_tokens};

/// Random keys have more distinct characters. A key with fewer, such as `aaaa…`, was typed by hand.
const MIN_DISTINCT_CHARS: usize = 8;

/// Checks the settings. `has_models` says whether the configuration file has models of its own.
pub(super) fn check(merged: &mut Merged, has_models: bool) {
    if !has_models {
        check_model_url(merged);
    }
    check_tokens(merged);
    check_proxy(merged);
    check_secret_key(merged);
    check_auth(merged);
    check_https(merged);
    check_auth_header(merged);
    check_sign_in(merged);
    check_identity_providers(merged);
    check_metrics(merged);
    check_traces(merged);
}

fn check_model_url(merged: &mut Merged) {
    if merged.get::<String>("AZURE_API_URL").is_none() {
        reject(merged, "AZURE_API_URL", None);
    }
}

fn check_tokens(merged: &mut Merged) {
    let model: Option<String> = merged.get("MODEL");
    let window = window_tokens(merged.get("MAX_TOKENS"), model.as_deref());
    if merged.get::<u32>("REPLY_TOKENS").is_some_and(|reply| reply >= window) {
        reject(merged, "REPLY_TOKENS", Some("a number of tokens less than MAX_TOKENS"));
    }
}

/// Checks only the proxy that is used for the model's URL.
fn check_proxy(merged: &mut Merged) {
    let Some(url) = merged.get::<String>("AZURE_API_URL") else { return };
    let for_scheme = if url.starts_with("https:") { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    for variable in [for_scheme, "ALL_PROXY"] {
        if let Some(proxy) = merged.get::<String>(variable) {
            if proxy_url(&proxy).is_none() {
                reject(merged, variable, None);
            }
            return;
        }
    }
}

fn check_secret_key(merged: &mut Merged) {
    let is_production = merged.get("APP_ENV") == Some(AppEnv::Production);
    let key: String = merged.get("SECRET_KEY").unwrap_or_default();
    let distinct: BTreeSet<char> = key.chars().collect();
    if is_production && distinct.len() < MIN_DISTINCT_CHARS {
        reject(merged, "SECRET_KEY", None);
    }
}

/// In production, an operator must decide whether everybody who reaches the server may use it.
fn check_auth(merged: &mut Merged) {
    let is_production = merged.get("APP_ENV") == Some(AppEnv::Production);
    let is_local = merged.get::<IpAddr>("HOST").is_none_or(|host| host.is_loopback())
        && merged.get::<String>("PUBLIC_URL").is_none();
    if is_production && !is_local && merged.get::<String>("AUTH").is_none() {
        let expected =
            "none (everybody who reaches the server may use the model), optional or required";
        reject(merged, "AUTH", Some(expected));
    }
}

/// In production, passwords and session cookies must not be sent in clear text.
fn check_https(merged: &mut Merged) {
    let is_production = merged.get("APP_ENV") == Some(AppEnv::Production);
    let auth = merged.get::<String>("AUTH").unwrap_or_default();
    let url = merged.get::<String>("PUBLIC_URL").and_then(|url| http_url(&url));
    let is_clear_text = url.is_some_and(|url| {
        let host = url.host_str().unwrap_or_default();
        url.scheme() == "http" && host != "localhost" && !parses_as_loopback(host)
    });
    if is_production && is_clear_text && matches!(auth.as_str(), "optional" | "required") {
        reject(merged, "PUBLIC_URL", Some("an https URL, because users sign in"));
    }
}

fn parses_as_loopback(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Without the addresses of the proxies, anybody could name any user in the header.
fn check_auth_header(merged: &mut Merged) {
    let has_header = merged.get::<String>("AUTH_HEADER").is_some();
    let has_proxies =
        merged.get::<Vec<String>>("AUTH_HEADER_PROXIES").is_some_and(|list| !list.is_empty());
    if has_header && !has_proxies {
        let expected = "the addresses of the proxies that set AUTH_HEADER";
        reject(merged, "AUTH_HEADER_PROXIES", Some(expected));
    }
    let groups = merged.get::<String>("AUTH_HEADER_GROUPS").map(|name| name.to_ascii_lowercase());
    let user = merged.get::<String>("AUTH_HEADER").map(|name| name.to_ascii_lowercase());
    if groups.is_some() && (user.is_none() || groups == user) {
        reject(merged, "AUTH_HEADER_GROUPS", Some("another header than AUTH_HEADER, beside it"));
    }
}

/// Rejects settings that have no effect while nobody can sign in.
fn check_sign_in(merged: &mut Merged) {
    let auth = merged.get::<String>("AUTH").unwrap_or_default();
    let has_header = merged.get::<String>("AUTH_HEADER").is_some();
    if (has_header || merged.get("SIGN_UP") == Some(true))
        && !matches!(auth.as_str(), "optional" | "required")
    {
        reject(merged, "AUTH", Some("optional or required, because of AUTH_HEADER or SIGN_UP"));
    }
}

/// Checks what identity providers need, and that users can sign in somehow.
fn check_identity_providers(merged: &mut Merged) {
    let is_set = |merged: &Merged, variable| merged.get::<String>(variable).is_some();
    let further: Vec<String> = merged.get("OIDC_PROVIDERS").unwrap_or_default();
    let has_provider = is_set(merged, "OIDC_ISSUER") || !further.is_empty();
    if is_set(merged, "OIDC_ISSUER") != is_set(merged, "OIDC_CLIENT_ID") {
        for variable in ["OIDC_ISSUER", "OIDC_CLIENT_ID"] {
            if !is_set(merged, variable) {
                reject(merged, variable, Some("both OIDC_ISSUER and OIDC_CLIENT_ID, or neither"));
            }
        }
    }
    let distinct: BTreeSet<&String> = further.iter().collect();
    if distinct.len() < further.len() || distinct.iter().any(|id| *id == DEFAULT_PROVIDER_ID) {
        reject(merged, "OIDC_PROVIDERS", Some("different ids other than sso"));
    }
    let auth = merged.get::<String>("AUTH").unwrap_or_default();
    let can_sign_in = matches!(auth.as_str(), "optional" | "required");
    if has_provider && !can_sign_in {
        reject(
            merged,
            "AUTH",
            Some("optional or required, because of OIDC_ISSUER or OIDC_PROVIDERS"),
        );
    }
    if has_provider && !is_set(merged, "PUBLIC_URL") {
        let expected = "the URL that users open: the providers send them back there";
        reject(merged, "PUBLIC_URL", Some(expected));
    }
    let has_other_method = has_provider || is_set(merged, "AUTH_HEADER");
    if can_sign_in && !has_other_method && merged.get("PASSWORD_SIGN_IN") == Some(false) {
        let expected = "on, or an identity provider (OIDC_ISSUER) or AUTH_HEADER";
        reject(merged, "PASSWORD_SIGN_IN", Some(expected));
    }
    let count = further.len() + usize::from(is_set(merged, "OIDC_ISSUER"));
    if count != 1 && is_set(merged, "LEGACY_USER_CLAIM") {
        let expected = "no value, unless there is exactly one identity provider";
        reject(merged, "LEGACY_USER_CLAIM", Some(expected));
    }
    check_names(merged, has_provider);
    if let Some(expected) = unbounded_tenants(merged) {
        reject(merged, "OIDC_ALLOWED_TENANTS", Some(expected));
    }
}

/// Rejects combinations in which users could choose the name of an account that belongs to somebody else.
fn check_names(merged: &mut Merged, has_provider: bool) {
    let signs_up = merged.get("SIGN_UP") == Some(true);
    if signs_up && merged.get("OIDC_TRUST_EMAIL") == Some(true) {
        let expected = "off, because OIDC_TRUST_EMAIL gives accounts to the owners of addresses";
        reject(merged, "SIGN_UP", Some(expected));
    }
    if (signs_up || has_provider) && merged.get::<String>("AUTH_HEADER").is_some() {
        let expected = "no value with SIGN_UP or identity providers, whose users could have the names that it names";
        reject(merged, "AUTH_HEADER", Some(expected));
    }
}

/// Returns what is expected of the allowed tenants if the administrators of any tenant could give themselves rights.
pub(super) fn unbounded_tenants(merged: &Merged) -> Option<&'static str> {
    let list = |variable| merged.get::<Vec<String>>(variable).unwrap_or_default();
    let issuer = merged.get::<String>("OIDC_ISSUER").unwrap_or_default();
    let has_tenants = ["/common/", "/organizations/"].iter().any(|path| issuer.contains(path));
    let gives_rights = !list("OIDC_ADMIN_GROUPS").is_empty()
        || !list("OIDC_AUDITOR_GROUPS").is_empty()
        || merged.get("OIDC_TRUST_EMAIL") == Some(true)
        || merged.get::<String>("LEGACY_USER_CLAIM").is_some();
    let is_open = has_tenants && gives_rights && list("OIDC_ALLOWED_TENANTS").is_empty();
    is_open.then_some("the tenants whose administrators may give roles to users of this server")
}

/// Rejects settings that have no effect while the metrics are off.
fn check_metrics(merged: &mut Merged) {
    if merged.get("METRICS") == Some(true) {
        return;
    }
    for variable in ["METRICS_TOKEN", "METRICS_ADDR"] {
        if merged.get::<String>(variable).is_some() {
            reject(merged, variable, Some("no value, unless METRICS is on"));
        }
    }
}

/// Rejects an endpoint if the binary can't export traces: spans would be lost silently.
fn check_traces(merged: &mut Merged) {
    let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    if !cfg!(feature = "otlp") && merged.get::<String>(endpoint).is_some() {
        reject(
            merged,
            endpoint,
            Some("no value, because this Webchat was built without the feature `otlp`"),
        );
    }
}

/// Rejects a setting. `expected` defaults to the description of its kind.
pub(super) fn reject(merged: &mut Merged, variable: &str, expected: Option<&str>) {
    for setting in settings().filter(|setting| setting.variable == variable) {
        let default = setting.kind.expected(false);
        merged.reject(setting, expected.unwrap_or(&default));
    }
}
