//! Checks that involve several settings.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::merged::Merged;
use super::sections::{AppEnv, proxy_url, settings};
use super::wiring::window_tokens;

/// Random keys have more distinct characters. A key with fewer, such as `aaaa…`, was typed by hand.
const MIN_DISTINCT_CHARS: usize = 8;

pub(super) fn check(merged: &mut Merged) {
    check_model_url(merged);
    check_tokens(merged);
    check_proxy(merged);
    check_secret_key(merged);
    check_auth(merged);
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
fn reject(merged: &mut Merged, variable: &str, expected: Option<&str>) {
    for setting in settings().filter(|setting| setting.variable == variable) {
        let default = setting.kind.expected(false);
        merged.reject(setting, expected.unwrap_or(&default));
    }
}
