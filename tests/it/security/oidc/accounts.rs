//! The accounts of users who sign in with an identity provider.

use rusqlite::Connection;
use serde_json::{Value, json};
use webchat::UserCommand;
use webchat_domain::{AccountRole, ConversationId};
use webchat_persistence_mongo::flask_user_id;
use webchat_tests::Browser;
use webchat_tests::identity_provider::IdentityProvider;

use super::server::{OidcServer, sign_in};
use crate::security::account_server::{
    PASSWORD, account, add, manage, sign_in as password_sign_in,
};

async fn role(browser: &Browser) -> Value {
    browser.get("/api/v1/me").await.json()["account"]["role"].clone()
}

#[tokio::test]
async fn names_are_made_valid_and_unique() {
    let dir = tempfile::tempdir().unwrap();
    add(&[("DATA_DIR", dir.path().to_str().unwrap())], "alice").await;
    let provider = IdentityProvider::start();
    let server = OidcServer::start_in(dir, provider, &[]).await;
    let marks = format!("a{}", "\u{301}".repeat(10_000));
    for (subject, claims, expected) in [
        ("1", json!({"preferred_username": "alice"}), "alice-2"),
        ("2", json!({"preferred_username": "Alice"}), "alice-3"),
        ("3", json!({"email": "Bob@Example.org"}), "bob"),
        ("4", json!({"name": "Carol  Ann"}), "carol.ann"),
        ("5", json!({"preferred_username": marks, "name": "x"}), "a"),
        ("6", json!({"name": "🦀"}), "user"),
        ("7", json!({}), "user-2"),
    ] {
        let mut claims = claims;
        claims["sub"] = json!(subject);
        let browser = server.signed_in_as(&claims).await;
        assert_eq!(account(&browser).await, expected, "{subject}");
        let again = server.signed_in_as(&json!({"sub": subject, "name": "renamed"})).await;
        assert_eq!(account(&again).await, expected, "the account keeps its name");
    }
    let long = server.signed_in_as(&json!({"sub": "8", "name": "x".repeat(10_000)})).await;
    assert!(account(&long).await.as_str().unwrap().len() <= 64);
}

#[tokio::test]
async fn groups_give_a_role_and_take_only_that_back() {
    let settings = [("OIDC_ADMIN_GROUPS", "admins"), ("OIDC_AUDITOR_GROUPS", "revision")];
    let server = OidcServer::start(&settings).await;
    let others = (0..2_000).map(|number| format!("group-{number}"));
    let groups: Vec<_> = others.chain(["admins".to_owned()]).collect();
    let with = |subject: &str, groups: &Value| json!({"sub": subject, "name": format!("user{subject}"), "groups": groups});

    // Another administrator, so that the last one can be demoted.
    server.signed_in_as(&with("0", &json!(["admins"]))).await;
    let alice = server.signed_in_as(&with("1", &json!(groups))).await;
    assert_eq!(role(&alice).await, "admin");
    let demoted = server.signed_in_as(&with("1", &json!(["staff"]))).await;
    assert_eq!((role(&demoted).await, account(&alice).await), (json!("user"), json!(null)));
    let promoted = server.signed_in_as(&with("1", &json!("admins"))).await;
    assert_eq!(role(&promoted).await, "admin");
    let auditor = server.signed_in_as(&with("1", &json!(["revision"]))).await;
    assert_eq!(role(&auditor).await, "auditor");
    let without = server.signed_in_as(&with("1", &json!(null))).await;
    assert_eq!(role(&without).await, "user");

    let overage = json!({
        "sub": "1", "name": "user1", "groups": null,
        "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x"}},
    });
    let overage = server.signed_in_as(&overage).await;
    assert_eq!(role(&overage).await, "user");
    assert!(server.process.log().contains("too many groups"), "{}", server.process.log());
}

#[tokio::test]
async fn a_role_that_was_given_by_hand_stays() {
    let dir = tempfile::tempdir().unwrap();
    let provider = IdentityProvider::start();
    let settings = [("OIDC_ADMIN_GROUPS", "admins")];
    let mut server = OidcServer::start_in(dir, provider.clone(), &settings).await;
    let claims = json!({"name": "alice", "groups": ["staff"]});
    server.signed_in_as(&claims).await;
    server.process.terminate().await;
    assert!(server.process.wait_for_exit().await);

    let stores = [("DATA_DIR", server.dir.path().to_str().unwrap())];
    manage(&stores, UserCommand::SetRole("alice".parse().unwrap(), AccountRole::Admin)).await;
    let server = OidcServer::start_in(server.dir, provider, &settings).await;

    for claims in [claims, json!({"name": "alice"}), json!({"name": "alice", "groups": ["admins"]})]
    {
        let browser = server.signed_in_as(&claims).await;
        assert_eq!(role(&browser).await, "admin", "{claims}");
    }
    let still = server.signed_in_as(&json!({"name": "alice", "groups": []})).await;
    assert_eq!(role(&still).await, "admin");
}

#[tokio::test]
async fn only_a_verified_address_of_a_trusted_provider_gives_access_to_an_account() {
    let dir = tempfile::tempdir().unwrap();
    let stores = [("DATA_DIR", dir.path().to_str().unwrap())];
    add(&stores, "alice@example.org").await;
    add(&stores, "bob@example.org").await;
    manage(&stores, UserCommand::Disable("bob@example.org".parse().unwrap())).await;
    let provider = IdentityProvider::start();
    let settings = [("OIDC_TRUST_EMAIL", "on"), ("OIDC_ALLOWED_DOMAINS", "example.org")];
    let server = OidcServer::start_in(dir, provider, &settings).await;
    let claims = |subject: &str, email: &str, verified: bool| json!({"sub": subject, "email": email, "email_verified": verified});

    server.provider.sign_in_as(&claims("1", "alice@example.org", false));
    let unverified = sign_in(&server.browser()).await;
    assert_eq!(unverified.as_deref(), Some("sign_in_not_allowed"));
    server.provider.sign_in_as(&claims("2", "carol@evil.example", true));
    let foreign = sign_in(&server.browser()).await;
    assert_eq!(foreign.as_deref(), Some("sign_in_not_allowed"));
    let alice = server.signed_in_as(&claims("3", "Alice@Example.org", true)).await;
    let me = alice.get("/api/v1/me").await.json();
    assert_eq!(me["account"]["name"], "alice@example.org");
    assert_eq!(me["account"]["has_password"], true);
    // Somebody else gets the address later.
    let successor = server.signed_in_as(&claims("4", "alice@example.org", true)).await;
    assert_eq!(account(&successor).await, "alice@example.org-2");
    server.provider.sign_in_as(&claims("5", "bob@example.org", true));
    let disabled = sign_in(&server.browser()).await;
    assert_eq!(disabled.as_deref(), Some("account_disabled"));
}

#[tokio::test]
async fn an_untrusted_provider_gives_access_to_no_existing_account() {
    let dir = tempfile::tempdir().unwrap();
    add(&[("DATA_DIR", dir.path().to_str().unwrap())], "alice@example.org").await;
    let provider = IdentityProvider::start();
    let server = OidcServer::start_in(dir, provider, &[]).await;

    let claims = json!({"email": "alice@example.org", "email_verified": true});
    let browser = server.signed_in_as(&claims).await;

    assert_eq!(account(&browser).await, "alice");
}

#[tokio::test]
async fn an_account_that_somebody_has_used_is_not_shared_with_the_owner_of_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let stores = [("DATA_DIR", dir.path().to_str().unwrap())];
    add(&stores, "ceo@example.org").await;
    let provider = IdentityProvider::start();
    let settings = [("OIDC_TRUST_EMAIL", "on"), ("OIDC_ADMIN_GROUPS", "admins")];
    let server = OidcServer::start_in(dir, provider, &settings).await;
    let impostor = server.browser();
    assert_eq!(password_sign_in(&impostor, "ceo@example.org", PASSWORD).await.status, 200);
    let verified = |name: &str| json!({"sub": name, "email": name, "email_verified": true, "groups": ["admins"]});
    let unverified =
        json!({"sub": "mallory", "preferred_username": "boss@example.org", "groups": []});

    let mallory = server.signed_in_as(&unverified).await;
    let boss = server.signed_in_as(&verified("boss@example.org")).await;
    let ceo = server.signed_in_as(&verified("ceo@example.org")).await;

    assert_eq!((account(&mallory).await, role(&mallory).await), (json!("boss"), json!("user")));
    let of_boss = (account(&boss).await, role(&boss).await);
    assert_eq!(of_boss, (json!("boss@example.org"), json!("admin")));
    assert_eq!(account(&ceo).await, "ceo@example.org-2");
    assert_eq!(role(&impostor).await, "user");
}

#[tokio::test]
async fn the_last_administrator_keeps_the_role_only_as_long_as_there_is_no_other() {
    let server = OidcServer::start(&[("OIDC_ADMIN_GROUPS", "admins")]).await;
    let with = |subject: &str, groups: Value| json!({"sub": subject, "name": format!("user{subject}"), "groups": groups});

    server.signed_in_as(&with("1", json!(["admins"]))).await;
    let last = server.signed_in_as(&with("1", json!([]))).await;
    assert_eq!(role(&last).await, "admin");
    server.signed_in_as(&with("2", json!(["admins"]))).await;
    let former = server.signed_in_as(&with("1", json!([]))).await;

    assert_eq!(role(&former).await, "user");
}

/// Stores a conversation of the user whose id in the Flask application was this one. Returns its id.
fn store_conversation_of(server: &OidcServer, legacy_id: &str) -> String {
    let id = ConversationId::generate();
    let database = Connection::open(server.dir.path().join("webchat.db")).unwrap();
    database
        .execute(
            "INSERT INTO conversations (conversation_id, user_id, created_at, updated_at)
             VALUES (?1, ?2, 0, 0)",
            [id.to_simple(), flask_user_id(legacy_id).to_simple()],
        )
        .unwrap();
    id.to_string()
}

#[tokio::test]
async fn a_user_of_the_flask_application_gets_the_conversations_at_the_first_sign_in() {
    let settings = [("LEGACY_USER_CLAIM", "employee")];
    let server = OidcServer::start(&settings).await;
    let of_alice = store_conversation_of(&server, "alice");
    let of_nobody = store_conversation_of(&server, "anonymous");
    let status = async |browser: &Browser, id: &str| {
        browser.get(&format!("/api/v1/conversations/{id}")).await.status.as_u16()
    };
    let claims = |subject: &str, legacy: &str| json!({"sub": subject, "employee": legacy});

    let anonymous = server.signed_in_as(&claims("1", "anonymous")).await;
    let other = server.signed_in_as(&claims("2", "carol")).await;
    let alice = server.signed_in_as(&claims("3", "alice")).await;
    let impostor = server.signed_in_as(&claims("4", "alice")).await;
    let late = server.signed_in_as(&claims("2", "alice")).await;

    assert_eq!(status(&alice, &of_alice).await, 200);
    assert_eq!(status(&anonymous, &of_nobody).await, 404);
    for browser in [&anonymous, &other, &impostor, &late] {
        assert_eq!(status(browser, &of_alice).await, 404);
    }
}
