//! Limits of the requests that anybody can cause an identity provider to get.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::json;
use webchat_tests::identity_provider::IdentityProvider;
use webchat_tests::{Browser, Response};

use super::logout::send;
use super::server::{BEGIN, OidcServer, error_of, follow, return_from_provider, sign_in};

const LIMITED: Option<&str> = Some("rate_limited");

const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Begins a sign-in, and returns with a code that the provider has not issued.
async fn send_invalid_code(browser: &Browser) -> Option<String> {
    let begun = browser.without_redirects().get(BEGIN).await;
    let state = state_of(&begun);
    let callback = format!("/api/v1/auth/oidc/sso/callback?code=invented&state={state}");
    error_of(&browser.without_redirects().get(&callback).await)
}

fn state_of(begun: &Response) -> String {
    let url: Url = begun.header("location").parse().unwrap();
    url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
}

#[tokio::test]
async fn a_network_that_sends_invalid_codes_must_wait() {
    let server = OidcServer::start(&[]).await;
    let attacker = server.browser().with_address(ATTACKER);
    let neighbour = server.browser().with_address(ATTACKER);
    let begun = neighbour.without_redirects().get(BEGIN).await;
    let returned = return_from_provider(&neighbour, &begun).await;

    let mut failed = 0;
    while send_invalid_code(&attacker).await.as_deref() != LIMITED {
        failed += 1;
        assert!(failed < 40, "nothing is refused");
    }

    let code_requests = server.provider.script(|script| script.code_requests);
    assert_eq!((failed, code_requests), (30, 30));
    let refused = follow(&neighbour.without_redirects(), &returned).await;
    assert_eq!(error_of(&refused).as_deref(), LIMITED);
    assert_eq!(sign_in(&server.browser()).await, None);
    let log = server.process.log();
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(lines("failed to sign in with an identity provider"), 1, "{log}");
    assert_eq!(lines("sign_in_failed"), 2, "one with the causes, one security event: {log}");
    assert_eq!(lines("sign_in_limited"), 1, "{log}");
}

#[tokio::test]
async fn nothing_is_sent_to_the_provider_without_the_cookie_of_the_sign_in() {
    let server = OidcServer::start(&[]).await;
    let (browser, other) = (server.browser(), server.browser());
    let begun = browser.without_redirects().get(BEGIN).await;
    let returned = return_from_provider(&browser, &begun).await;

    let refused = follow(&other.without_redirects(), &returned).await;

    assert_eq!(error_of(&refused).as_deref(), Some("sign_in_expired"));
    assert_eq!(server.provider.script(|script| script.code_requests), 0);
}

#[tokio::test]
async fn a_network_begins_a_limited_number_of_sign_ins() {
    let server = OidcServer::start(&[]).await;
    let attacker = server.browser().with_address(ATTACKER);
    let request = async || attacker.new_user().without_redirects().get(BEGIN).await;

    let mut begun = 0;
    while !request().await.header("location").ends_with("sign_in_error=rate_limited") {
        begun += 1;
        assert!(begun < 1_000, "nothing is refused");
    }

    assert!(begun >= 300, "{begun}");
    assert_eq!(sign_in(&server.browser()).await, None);
}

#[tokio::test]
async fn a_token_with_an_unknown_key_does_not_delay_the_sign_ins_of_others() {
    let server = OidcServer::start(&[]).await;
    let browser = server.signed_in_as(&json!({"name": "alice"})).await;
    server.provider.script(|script| script.key_delay = Duration::from_secs(6));
    let claims = json!({"iss": server.provider.url(), "sub": "1", "sid": "a"});
    let foreign = IdentityProvider::start();
    foreign.rotate_key();
    let token = foreign.logout_token(&claims);

    let sending = async {
        let started_at = Instant::now();
        let response = send(&browser, &token).await;
        (response.status, started_at.elapsed())
    };
    let signing_in = async {
        // The keys are being read.
        while server.provider.script(|script| script.key_requests) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let started_at = Instant::now();
        assert_eq!(sign_in(&server.browser()).await, None);
        started_at.elapsed()
    };
    let ((status, waited), elapsed) = tokio::join!(sending, signing_in);

    assert_eq!(status, 400);
    assert!(waited > Duration::from_secs(5), "the keys were not read: {waited:?}");
    assert!(elapsed < Duration::from_secs(3), "the sign-in has waited: {elapsed:?}");
}
