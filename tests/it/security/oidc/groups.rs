//! The groups that an identity provider gives users.

use serde_json::{Value, json};
use webchat_tests::identity_provider::IdentityProvider;
use webchat_tests::{Browser, Process};

use super::server::OidcServer;
use crate::security::account_server::add;

async fn groups(browser: &Browser) -> Value {
    browser.get("/api/v1/me").await.json()["account"]["groups"].clone()
}

fn many() -> Vec<String> {
    (0..2_000).map(|number| format!("group-{number}")).collect()
}

#[tokio::test]
async fn a_provider_replaces_only_the_groups_that_it_has_given() {
    let dir = tempfile::tempdir().unwrap();
    let stores = [("DATA_DIR", dir.path().to_str().unwrap())];
    add(&stores, "alice@example.org").await;
    let by_hand = ["user", "group", "alice@example.org", "--add", "by hand", "--add", "law"];
    let by_hand = Process::run_in(dir.path(), &by_hand, &[]).await;
    assert!(by_hand.success, "{by_hand:?}");
    let settings = [("OIDC_GROUP_CLAIM", "groups"), ("OIDC_TRUST_EMAIL", "on")];
    let server = OidcServer::start_in(dir, IdentityProvider::start(), &settings).await;
    let with = |groups: &Value| json!({"email": "alice@example.org", "email_verified": true, "groups": groups});

    for (claim, expected) in [
        (json!(["law", "staff"]), json!(["by hand", "law", "staff"])),
        (json!("staff"), json!(["by hand", "law", "staff"])),
        (json!([]), json!(["by hand", "law"])),
        (json!(["staff"]), json!(["by hand", "law", "staff"])),
        (Value::Null, json!(["by hand", "law"])),
    ] {
        let browser = server.signed_in_as(&with(&claim)).await;
        assert_eq!(groups(&browser).await, expected, "{claim}");
    }
}

#[tokio::test]
async fn groups_stay_while_they_are_unknown() {
    let server = OidcServer::start(&[("OIDC_GROUP_CLAIM", "groups")]).await;
    let with = |groups: &Value| json!({"name": "alice", "groups": groups});
    let too_long = "x".repeat(101);
    server.signed_in_as(&with(&json!(["staff", too_long]))).await;

    let browser = server.signed_in_as(&with(&json!(many()))).await;
    assert_eq!(groups(&browser).await, json!(["staff"]));
    let mut overage = with(&Value::Null);
    overage["_claim_names"] = json!({"groups": "src1"});
    let browser = server.signed_in_as(&overage).await;
    assert_eq!(groups(&browser).await, json!(["staff"]));

    let log = server.process.log();
    for warning in ["OIDC_STORED_GROUPS", "too many groups for a token", "are left out"] {
        assert!(log.contains(warning), "{warning}: {log}");
    }
    assert!(!log.contains("xxxx") && !log.contains("group-7"), "{log}");
}

#[tokio::test]
async fn only_the_groups_that_are_used_are_stored() {
    let settings = [("OIDC_GROUP_CLAIM", "groups"), ("OIDC_STORED_GROUPS", "law,group-7")];
    let server = OidcServer::start(&settings).await;

    let alice = server.signed_in_as(&json!({"name": "alice", "groups": many()})).await;

    assert_eq!(groups(&alice).await, json!(["group-7"]));
}

#[tokio::test]
async fn without_the_setting_a_provider_gives_no_groups() {
    let server = OidcServer::start(&[]).await;

    let alice = server.signed_in_as(&json!({"name": "alice", "groups": ["staff"]})).await;

    assert_eq!(groups(&alice).await, json!([]));
}
