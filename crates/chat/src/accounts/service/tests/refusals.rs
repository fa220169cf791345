//! Who is refused although the password is right.

use webchat_domain::{DeviceId, KnownDevice};

use super::*;

#[tokio::test]
async fn a_device_is_known_to_an_account_until_its_password_changes() {
    let test = TestChat::new().await;
    let (alice, bob) =
        (add(&test, "alice", AccountRole::User).await, add(&test, "bob", AccountRole::User).await);
    for _ in 0..5 {
        assert_eq!(code(sign_in(&test, "alice", "another password").await), "wrong_credentials");
    }
    let sign_in_on = async |device| {
        let attempt = attempt("alice", PASSWORD, "192.0.2.1");
        test.chat.accounts.sign_in(SignInAttempt { device: Some(device), ..attempt }).await
    };

    let known = KnownDevice::new(DeviceId::generate(), &alice);
    let of_bob = KnownDevice::new(DeviceId::generate(), &bob);
    let on_that_of_bob = sign_in_on(of_bob).await;
    sign_in_on(known).await.unwrap();
    let reset =
        test.chat.accounts.reset_password(&alice, password("seven tides a week"), &CLI).await;
    let after_the_reset = sign_in_on(known).await;

    assert_eq!(code(on_that_of_bob), "rate_limited");
    reset.unwrap();
    assert_eq!(code(after_the_reset), "rate_limited");
}

#[tokio::test]
async fn an_administrator_whose_right_was_withdrawn_adds_nobody_and_resets_no_password() {
    let test = TestChat::new().await;
    let (ada, bob) =
        (add(&test, "ada", AccountRole::Admin).await, add(&test, "bob", AccountRole::User).await);
    add(&test, "otto", AccountRole::Admin).await;
    let actor = Actor { via: AccessMethod::Session, ..Actor::ANONYMOUS };
    let actor = actor.signed_in(ada.user_id, ada.name.clone());
    // As if it happened while the password is hashed.
    test.chat.accounts.disable(ada.user_id, &CLI).await.unwrap();

    let name = "backdoor".parse().unwrap();
    let secret = Some(password(PASSWORD));
    let added = test.chat.accounts.add(name, AccountRole::Admin, secret, false, &actor).await;
    let reset = test.chat.accounts.reset_password(&bob, password("seven tides a week"), &actor);

    assert_eq!(code(added), "authentication_required");
    assert_eq!(code(reset.await), "authentication_required");
}

#[tokio::test]
async fn visitors_can_not_choose_a_name_that_looks_like_another_one() {
    let test = TestChat::new().await;
    let attempt = |name| attempt(name, PASSWORD, "192.0.2.1");
    let sign_up = async |name: &'static str| {
        test.chat.accounts.sign_up(name.parse().unwrap(), attempt(name)).await
    };

    sign_up("admin").await.unwrap();
    assert_eq!(code(sign_up("аdmin").await), "ambiguous_name", "with a Cyrillic letter");
}
