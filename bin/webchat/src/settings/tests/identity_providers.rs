//! Tests of the settings of identity providers.

use super::*;

const PROVIDER: [(&str, &str); 5] = [
    URL,
    ("AUTH", "required"),
    ("PUBLIC_URL", "https://chat.example"),
    ("OIDC_ISSUER", "https://login.example"),
    ("OIDC_CLIENT_ID", "webchat"),
];

fn errors(sources: &SettingsSources) -> Vec<String> {
    match Settings::read(sources) {
        Ok(_) => Vec::new(),
        Err(error) => error.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn settings_of_providers_that_are_not_listed_are_refused() {
    let variables = [
        ("OIDC_PROVIDERS", "entra-id"),
        ("OIDC_ENTRA_ID_ISSUER", "https://entra.example"),
        ("OIDC_ENTRA_ID_CLIENT_ID", "webchat"),
        ("OIDC_GOOGLE_CLIENT_SECRET", "secret"),
        ("OIDC_MY_DEX_ALLOWED_DOMAINS", "a.example"),
        ("OIDC_EMPTY_NAME", " "),
    ];
    let mut sources: SettingsSources = PROVIDER.into_iter().chain(variables).collect();
    let text = "[oidc.entra-id]\nname = 'Entra'\n[oidc.keycloak]\nname = 'Keycloak'";
    sources.file = with_file(text).file;

    insta::assert_snapshot!(errors(&sources).join("\n"), @"
    OIDC_GOOGLE_CLIENT_SECRET in the environment (not in OIDC_PROVIDERS): add google to OIDC_PROVIDERS, or remove this setting
    OIDC_MY_DEX_ALLOWED_DOMAINS in the environment (not in OIDC_PROVIDERS): add my-dex to OIDC_PROVIDERS, or remove this setting
    [oidc.keycloak] in webchat.toml (not in OIDC_PROVIDERS): add keycloak to OIDC_PROVIDERS, or remove this setting
    ");
}

#[test]
fn an_invalid_issuer_is_named() {
    let mut settings = read(&PROVIDER).unwrap();
    assert!(settings.single_sign_on().is_ok());

    settings.oidc.issuer = Some("no URL".to_owned());

    let error = settings.single_sign_on().err().unwrap();
    assert_eq!(
        error.to_string(),
        "the identity provider sso can't be used: check OIDC_ISSUER and PUBLIC_URL"
    );
}
