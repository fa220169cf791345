use std::collections::BTreeSet;

use super::*;
use crate::{AccountRole, GroupNames, GroupSource, Timestamp, UserId};

fn content() -> NewAuditEntry {
    NewAuditEntry {
        at: Timestamp::from_unix_millis(1_767_323_045_678),
        action: AuditAction::RoleChanged { role: AccountRole::Admin },
        result: AuditResult::Done,
        actor: Actor {
            user_id: Some("018f0000-0000-7000-8000-000000000001".parse().unwrap()),
            name: Some("root".parse().unwrap()),
            via: AccessMethod::Session,
            address: Some("192.0.2.1".parse().unwrap()),
            request_id: Some("request-1".parse().unwrap()),
        },
        subject: Some(AuditSubject {
            user_id: "018f0000-0000-7000-8000-000000000002".parse().unwrap(),
            name: Some("zoë".parse().unwrap()),
        }),
    }
}

#[test]
fn the_hash_of_an_entry_is_that_of_its_json_without_the_hash() {
    let entry = AuditLink::START.next_entry(content());

    let hashed = format!(
        "{{\"number\":1,\"at\":\"2026-01-02T03:04:05.678Z\",\"action\":\"role_changed\",\
         \"details\":{{\"role\":\"admin\"}},\"result\":\"done\",\
         \"actor\":{{\"user_id\":\"018f0000-0000-7000-8000-000000000001\",\"name\":\"root\",\
         \"via\":\"session\",\"address\":\"192.0.2.1\",\"request_id\":\"request-1\"}},\
         \"subject\":{{\"user_id\":\"018f0000-0000-7000-8000-000000000002\",\"name\":\"zoë\"}},\
         \"previous_hash\":\"{}\"}}",
        "0".repeat(64),
    );
    // `printf %s '…' | sha256sum`
    let hash = "dd6fec75678d79389d4bcde9254fe63e52a8869d104f38a581e1365a8c1c7ff0";
    assert_eq!(entry.hash.to_string(), hash);
    assert_eq!(
        entry.to_json(),
        format!("{},\"hash\":\"{hash}\"}}", hashed.strip_suffix('}').unwrap())
    );
}

#[test]
fn each_changed_field_changes_the_hash() {
    let entry = AuditLink::START.next_entry(content());
    let second = entry.link().next_entry(content());
    let with = |change: fn(&mut AuditEntry)| {
        let mut changed = entry.clone();
        change(&mut changed);
        changed
    };

    let changed = [
        with(|entry| entry.number = 2),
        with(|entry| entry.content.at = Timestamp::from_unix_millis(0)),
        with(|entry| entry.content.action = AuditAction::RoleChanged { role: AccountRole::User }),
        with(|entry| entry.content.action = AuditAction::AccountEnabled),
        with(|entry| entry.content.result = AuditResult::Refused),
        with(|entry| entry.content.actor.user_id = None),
        with(|entry| entry.content.actor.name = None),
        with(|entry| entry.content.actor.via = AccessMethod::ApiKey),
        with(|entry| entry.content.actor.address = None),
        with(|entry| entry.content.actor.request_id = None),
        with(|entry| entry.content.subject = None),
        with(|entry| entry.content.subject.as_mut().unwrap().user_id = UserId::generate()),
        with(|entry| entry.content.subject.as_mut().unwrap().name = None),
        with(|entry| entry.previous_hash = entry.hash),
        with(|entry| entry.hash = AuditHash::START),
    ];

    assert!(AuditLink::START.is_followed_by(&entry));
    assert!(entry.link().is_followed_by(&second));
    assert!(!AuditLink::START.is_followed_by(&second));
    for changed in changed {
        assert!(!AuditLink::START.is_followed_by(&changed), "{changed:?}");
    }
}

#[test]
fn an_entry_is_read_from_its_json_and_its_stored_form() {
    let action = AuditAction::ConversationRead {
        conversation_id: "018f0000-0000-7000-8000-000000000003".parse().unwrap(),
        reason: "request 4711".parse().unwrap(),
    };
    let groups_changed = AuditAction::GroupsChanged {
        source: GroupSource::Provider("https://login.example".to_owned()),
        added: GroupNames::default(),
        removed: BTreeSet::from(["research".parse().unwrap()]).try_into().unwrap(),
    };
    for action in [action, groups_changed, AuditAction::SignOut] {
        let entry = AuditLink::START.next_entry(NewAuditEntry { action, ..content() });

        assert_eq!(serde_json::from_str::<AuditEntry>(&entry.to_json()).unwrap(), entry);
        let action = entry.content.action;
        let stored = AuditAction::from_stored(action.kind(), action.details().as_deref());
        assert_eq!(stored.unwrap(), action);
    }
}

#[test]
fn details_with_another_field_are_invalid() {
    let stored = AuditAction::from_stored(
        AuditActionKind::RoleChanged,
        Some(r#"{"role":"admin","said":"hello"}"#),
    );

    assert!(stored.is_err(), "{stored:?}");
}

#[test]
fn texts_are_bounded() {
    for text in ["", " ", "a\nb", "a\u{85}b", &"x".repeat(501)] {
        assert_eq!(text.parse::<AuditReason>(), Err(InvalidAuditReason), "{text:?}");
    }
    assert_eq!(" why ".parse::<AuditReason>().unwrap().as_str(), "why");
    for text in ["", "a b", "a\"b", "ä", &"x".repeat(65)] {
        assert_eq!(text.parse::<RequestId>(), Err(InvalidRequestId), "{text:?}");
    }
}
