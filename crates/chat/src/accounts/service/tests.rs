mod refusals;

use std::time::Duration;

use webchat_domain::{AccessMethod, AuditEntry, Network};
use webchat_persistence::AuditFilter;

use super::sessions::MAX_SESSIONS;
use super::*;
use crate::testing::TestChat;

const CLI: Actor = Actor::COMMAND_LINE;

const PASSWORD: &str = "three tides a day";

fn password(text: &str) -> Password {
    Password::try_from(text.to_owned()).unwrap()
}

fn attempt(name: &str, text: &str, address: &str) -> SignInAttempt {
    SignInAttempt {
        name: name.to_owned(),
        password: password(text),
        network: Network::of(address.parse().unwrap()),
        device: None,
        user_agent: "Firefox on Linux".to_owned(),
        adopted: None,
        actor: Actor { address: Some(address.parse().unwrap()), ..Actor::ANONYMOUS },
    }
}

async fn add(test: &TestChat, name: &str, role: AccountRole) -> Account {
    let name = name.parse().unwrap();
    test.chat.accounts.add(name, role, Some(password(PASSWORD)), false, &CLI).await.unwrap()
}

async fn sign_in(
    test: &TestChat,
    name: &str,
    secret: &str,
) -> Result<(Session, Account), ChatError> {
    test.chat.accounts.sign_in(attempt(name, secret, "192.0.2.1")).await
}

fn code<T: std::fmt::Debug>(result: Result<T, ChatError>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn a_user_signs_in_and_out() {
    let test = TestChat::new().await;
    let alice = add(&test, "alice", AccountRole::User).await;

    let (session, account) = sign_in(&test, " Alice ", PASSWORD).await.unwrap();
    let found = test.chat.sessions.find_session(session.session_id).await.unwrap();
    let signed_in = test.chat.accounts.find(session.user_id).await.unwrap();
    test.chat.accounts.sign_out(&session, &CLI).await.unwrap();

    assert_eq!((session.user_id, account.user_id), (alice.user_id, alice.user_id));
    assert_eq!(account.signed_in_at, Some(test.chat.sessions.now()));
    assert_eq!(found, Some(session.clone()));
    assert_eq!(signed_in, Some(account));
    assert_eq!(test.chat.sessions.find_session(session.session_id).await.unwrap(), None);
}

#[tokio::test]
async fn wrong_names_and_passwords_get_the_same_error() {
    let test = TestChat::new().await;
    add(&test, "alice", AccountRole::User).await;

    for (name, text) in
        [("alice", "another password"), ("bob", PASSWORD), ("a b", PASSWORD), ("", PASSWORD)]
    {
        assert_eq!(code(sign_in(&test, name, text).await), "wrong_credentials", "{name}");
    }
}

#[tokio::test]
async fn failed_attempts_delay_further_ones_but_not_those_of_other_networks() {
    let test = TestChat::new().await;
    add(&test, "alice", AccountRole::User).await;

    for _ in 0..5 {
        assert_eq!(code(sign_in(&test, "alice", "another password").await), "wrong_credentials");
    }
    let sixth = sign_in(&test, "alice", PASSWORD).await;
    let elsewhere =
        test.chat.accounts.sign_in(attempt("alice", PASSWORD, "198.51.100.1")).await.unwrap();
    test.clock.advance(Duration::from_secs(1));
    let later = sign_in(&test, "alice", PASSWORD).await.unwrap();

    assert_eq!(code(sixth), "rate_limited");
    assert_eq!(elsewhere.1.user_id, later.1.user_id);
}

#[tokio::test]
async fn many_names_from_one_network_are_delayed() {
    let test = TestChat::new().await;
    add(&test, "alice", AccountRole::User).await;

    for number in 0..30 {
        let failed = sign_in(&test, &format!("user{number}"), "another password").await;
        assert_eq!(code(failed), "wrong_credentials");
    }

    assert_eq!(code(sign_in(&test, "alice", PASSWORD).await), "rate_limited");
}

#[tokio::test]
async fn a_disabled_account_has_no_sessions_and_gets_none() {
    let test = TestChat::new().await;
    let alice = add(&test, "alice", AccountRole::User).await;
    let (session, _) = sign_in(&test, "alice", PASSWORD).await.unwrap();

    test.chat.accounts.disable(alice.user_id, &CLI).await.unwrap();

    assert_eq!(test.chat.sessions.find_session(session.session_id).await.unwrap(), None);
    assert!(!test.chat.accounts.accepts(&session).await.unwrap());
    assert_eq!(code(sign_in(&test, "alice", PASSWORD).await), "account_disabled");
    assert_eq!(code(sign_in(&test, "alice", "another password").await), "wrong_credentials");
    test.chat.accounts.enable(alice.user_id, &CLI).await.unwrap();
    sign_in(&test, "alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_changed_password_ends_the_sessions_before() {
    let test = TestChat::new().await;
    add(&test, "alice", AccountRole::User).await;
    let (old, _) = sign_in(&test, "alice", PASSWORD).await.unwrap();
    let change = async |current: &str, new: &str| {
        let attempt = attempt("alice", current, "192.0.2.1");
        test.chat.accounts.change_password(attempt, password(new)).await
    };

    assert_eq!(code(change("another password", "four tides a day").await), "wrong_credentials");
    assert_eq!(code(change(PASSWORD, "tides").await), "weak_password");
    assert_eq!(code(change(PASSWORD, "passwordpassword").await), "weak_password");
    let (new, _) = change(PASSWORD, "four tides a day").await.unwrap();

    let sessions = test.chat.accounts.sessions(new.user_id).await.unwrap();
    let ids: Vec<_> = sessions.iter().map(|stored| stored.session.session_id).collect();
    assert_eq!(ids, [new.session_id]);
    assert_eq!(test.chat.sessions.find_session(old.session_id).await.unwrap(), None);
    assert_eq!(code(sign_in(&test, "alice", PASSWORD).await), "wrong_credentials");
    sign_in(&test, "alice", "four tides a day").await.unwrap();
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let test = TestChat::new().await;
    let root = add(&test, "root", AccountRole::Admin).await;
    let alice = add(&test, "alice", AccountRole::User).await;
    let accounts = &test.chat.accounts;

    assert_eq!(code(accounts.disable(root.user_id, &CLI).await), "last_admin");
    assert_eq!(code(accounts.set_role(root.user_id, AccountRole::User, &CLI).await), "last_admin");
    accounts.set_role(alice.user_id, AccountRole::Admin, &CLI).await.unwrap();
    accounts.disable(root.user_id, &CLI).await.unwrap();

    assert_eq!(code(accounts.disable(alice.user_id, &CLI).await), "last_admin");
    assert_eq!(code(accounts.disable(UserId::generate(), &CLI).await), "account_not_found");
}

#[tokio::test]
async fn a_reset_password_must_be_changed() {
    let test = TestChat::new().await;
    let alice = add(&test, "alice", AccountRole::User).await;

    test.chat.accounts.reset_password(&alice, password("five tides a day"), &CLI).await.unwrap();
    let refused = sign_in(&test, "alice", "five tides a day").await;
    let attempt = attempt("alice", "five tides a day", "192.0.2.1");
    test.chat.accounts.change_password(attempt, password("six tides a day")).await.unwrap();

    assert_eq!(code(refused), "password_change_required");
    sign_in(&test, "alice", "six tides a day").await.unwrap();
}

#[tokio::test]
async fn a_refused_change_of_the_password_changes_nothing() {
    let test = TestChat::new().await;
    let alice = add(&test, "alice", AccountRole::User).await;
    let browser = test.start_session().await;
    let attempt =
        SignInAttempt { adopted: Some(browser.clone()), ..attempt("alice", PASSWORD, "192.0.2.1") };

    let refused = test.chat.accounts.change_password(attempt, password("webchat webchat")).await;

    assert_eq!(code(refused), "weak_password");
    assert_eq!(test.chat.accounts.find(alice.user_id).await.unwrap(), Some(alice));
    let session = test.chat.sessions.find_session(browser.session_id).await.unwrap();
    assert_eq!(session, Some(browser), "the anonymous session has ended");
    sign_in(&test, "alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let test = TestChat::new().await;
    add(&test, "alice", AccountRole::User).await;
    let name = "ALICE".parse().unwrap();

    let password = Some(password(PASSWORD));
    let again = test.chat.accounts.add(name, AccountRole::User, password, false, &CLI).await;

    assert_eq!(code(again), "name_taken");
}

#[tokio::test]
async fn the_first_sign_in_takes_the_conversations_of_the_browser_along() {
    let test = TestChat::new().await;
    add(&test, "alice", AccountRole::User).await;
    let browser = test.start_session().await;
    let other = test.start_session().await;
    let sign_in = async |anonymous: &Session| {
        let adopted = Some(anonymous.clone());
        let attempt = SignInAttempt { adopted, ..attempt("alice", PASSWORD, "192.0.2.1") };
        test.chat.accounts.sign_in(attempt).await.unwrap().0
    };

    let first = sign_in(&browser).await;
    let second = sign_in(&other).await;

    assert_eq!((first.user_id, second.user_id), (browser.user_id, browser.user_id));
    let find = async |session: &Session| {
        test.chat.sessions.find_session(session.session_id).await.unwrap()
    };
    assert_eq!(find(&browser).await, None, "the anonymous session still gives access");
    assert_eq!(find(&other).await, Some(other.clone()));
    assert!(test.chat.accounts.accepts(&first).await.unwrap());
    assert!(!test.chat.accounts.accepts(&browser).await.unwrap());
    assert!(test.chat.accounts.accepts(&other).await.unwrap());
}

#[tokio::test]
async fn a_user_must_sign_in_again_after_some_time() {
    let lifetime = Duration::from_hours(100);
    let test = TestChat::with_settings(|settings| settings.sign_in_idle_ttl = 2 * lifetime).await;
    let alice = add(&test, "alice", AccountRole::User).await;
    let (session, _) = sign_in(&test, "alice", PASSWORD).await.unwrap();

    test.clock.advance(lifetime.saturating_sub(Duration::from_millis(1)));
    assert!(test.chat.accounts.accepts(&session).await.unwrap());
    let listed = test.chat.accounts.sessions(alice.user_id).await.unwrap();
    assert_eq!(
        listed.first().unwrap().expires_at,
        test.chat.sessions.now().plus(Duration::from_millis(1))
    );
    test.clock.advance(Duration::from_millis(1));

    assert!(!test.chat.accounts.accepts(&session).await.unwrap());
    assert!(test.chat.accounts.sessions(alice.user_id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_password_can_be_a_long_text_in_any_script() {
    let test = TestChat::new().await;
    add(&test, "alice", AccountRole::User).await;
    for password in ["潮の満ち干は月がおこす、一日に二度ずつ。", &"two tides a day, ".repeat(8)]
    {
        let account = test.chat.accounts.find_by_name("alice".parse().unwrap()).await.unwrap();
        let new = Password::try_from(password.to_owned()).unwrap();
        test.chat.accounts.reset_password(&account, new, &CLI).await.unwrap();

        let signed_in = sign_in(&test, "alice", password).await;
        let shortened: String = password.chars().take(password.chars().count() - 1).collect();
        let with_another = sign_in(&test, "alice", &shortened).await;

        assert_eq!(code(signed_in), "password_change_required", "{password}");
        assert_eq!(code(with_another), "wrong_credentials", "{password}");
    }
}

#[tokio::test]
async fn a_user_who_does_not_use_the_session_is_signed_out() {
    let idle = Duration::from_hours(48);
    let test = TestChat::with_settings(|settings| settings.sign_in_idle_ttl = idle).await;
    add(&test, "alice", AccountRole::User).await;
    let (session, _) = sign_in(&test, "alice", PASSWORD).await.unwrap();
    let find = || test.chat.sessions.find_session(session.session_id);

    test.clock.advance(idle.saturating_sub(Duration::from_millis(1)));
    test.chat.sessions.extend_session(&session).await;
    test.clock.advance(idle.saturating_sub(Duration::from_millis(1)));
    assert_eq!(find().await.unwrap(), Some(session.clone()));

    test.clock.advance(Duration::from_millis(1));
    assert_eq!(find().await.unwrap(), None);
}

#[tokio::test]
async fn the_oldest_of_too_many_sessions_ends() {
    let test = TestChat::new().await;
    let alice = add(&test, "alice", AccountRole::User).await;
    let (oldest, _) = sign_in(&test, "alice", PASSWORD).await.unwrap();
    for _ in 0..MAX_SESSIONS {
        test.clock.advance(Duration::from_millis(1));
        let account = test.chat.accounts.find(alice.user_id).await.unwrap().unwrap();
        let start = test.chat.accounts.start_session(&account, String::new(), None, &CLI);
        start.await.unwrap();
    }

    let sessions = test.chat.accounts.sessions(alice.user_id).await.unwrap();

    assert_eq!(sessions.len(), MAX_SESSIONS);
    assert!(sessions.iter().all(|stored| stored.session.session_id != oldest.session_id));
}

/// Returns the actions of all entries, with their results, the names of their subjects and how their actors are known.
async fn recorded(test: &TestChat) -> Vec<String> {
    let mut entries = test.chat.audit.list(AuditFilter::default(), None, 100).await.unwrap();
    entries.reverse();
    let describe = |entry: AuditEntry| {
        let NewAuditEntry { action, result, actor, subject, .. } = entry.content;
        let subject = subject.and_then(|subject| subject.name);
        let subject = subject.map_or("-".to_owned(), |name| name.to_string());
        let actor_name = actor.name.map_or("-".to_owned(), |name| name.to_string());
        let [kind, result, via]: [&str; 3] =
            [action.kind().into(), result.into(), actor.via.into()];
        format!("{kind} {result} {subject} by {actor_name} {via}")
    };
    entries.into_iter().map(describe).collect()
}

#[tokio::test]
async fn what_happens_to_accounts_is_recorded() {
    let test = TestChat::new().await;
    let accounts = &test.chat.accounts;
    let root = add(&test, "root", AccountRole::Admin).await;
    let browser = test.start_session().await;
    let by_root = Actor { user_id: Some(root.user_id), via: AccessMethod::Session, ..CLI };

    sign_in(&test, "root", "another password").await.unwrap_err();
    sign_in(&test, "four tides a day", "another password").await.unwrap_err();
    let new = SignInAttempt { adopted: Some(browser), ..attempt("alice", PASSWORD, "192.0.2.1") };
    let (session, alice) = accounts.sign_up("alice".parse().unwrap(), new).await.unwrap();
    let change = accounts
        .change_password(attempt("alice", PASSWORD, "192.0.2.1"), password("four tides a day"));
    change.await.unwrap();
    let user = Actor { user_id: Some(alice.user_id), via: AccessMethod::Session, ..CLI };
    accounts.end_sessions(alice.user_id, None, &user).await.unwrap();
    accounts.sign_out(&session, &user).await.unwrap();
    accounts.disable(root.user_id, &by_root).await.unwrap_err();
    accounts.set_role(alice.user_id, AccountRole::Auditor, &by_root).await.unwrap();
    accounts.disable(alice.user_id, &by_root).await.unwrap();
    sign_in(&test, "alice", "four tides a day").await.unwrap_err();
    accounts.enable(alice.user_id, &by_root).await.unwrap();

    let expected = [
        "account_added done root by - command_line",
        "sign_in_failed refused root by - anonymous",
        "sign_in_failed refused - by - anonymous",
        "account_added done alice by - anonymous",
        "user_adopted done alice by alice session",
        "sign_in done alice by alice session",
        "password_changed done alice by alice session",
        "sign_in done alice by alice session",
        "sessions_ended done alice by alice session",
        "sign_out done alice by alice session",
        "account_disabled refused root by root session",
        "role_changed done alice by root session",
        "account_disabled done alice by root session",
        "sign_in_failed refused alice by - anonymous",
        "account_enabled done alice by root session",
    ];
    assert_eq!(recorded(&test).await, expected);
}
