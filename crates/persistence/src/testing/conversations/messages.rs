//! Contract tests of reading messages.
#![expect(missing_docs, reason = "the test names describe the contract")]

use webchat_domain::{TurnId, UserId};

use super::harness::{Store, append, append_text, create_conversation, texts, turn_append};
use crate::rules;
use crate::testing::fixtures::{contents, moment, unwrap_stored};

pub async fn messages_are_paged_backwards_from_the_newest(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    for number in 1..=5 {
        append_text(store, user_id, id, &number.to_string()).await;
    }

    let newest = store.messages(user_id, id, None, 2).await.unwrap().unwrap();
    let before = store.messages(user_id, id, Some(newest[0].position), 2).await.unwrap().unwrap();
    let oldest = store.messages(user_id, id, Some(before[0].position), 2).await.unwrap().unwrap();
    let none = store.messages(user_id, id, Some(1), 2).await.unwrap().unwrap();

    assert_eq!(contents(&newest), ["4", "5"]);
    assert_eq!(contents(&before), ["2", "3"]);
    assert_eq!(contents(&oldest), ["1"]);
    assert_eq!(contents(&none), Vec::<&str>::new());
}

pub async fn a_page_of_long_messages_contains_fewer_messages(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let half = "x".repeat(rules::MAX_PAGE_BYTES / 2);
    let long = "y".repeat(rules::MAX_PAGE_BYTES);
    for text in [&half, &half, "short", &half, &long] {
        append_text(store, user_id, id, text).await;
    }
    let page = async |before| {
        let messages = store.messages(user_id, id, before, 9).await.unwrap().unwrap();
        messages.iter().map(|message| message.position).collect::<Vec<_>>()
    };

    assert_eq!(page(None).await, [5]);
    assert_eq!(page(Some(5)).await, [2, 3, 4]);
    assert_eq!(page(Some(2)).await, [1]);
}

pub async fn a_message_is_found_by_its_id(store: &Store) {
    let user_id = UserId::generate();
    let (id, other_id) =
        (create_conversation(store, user_id).await, create_conversation(store, user_id).await);
    let messages =
        unwrap_stored(append(store, user_id, id, turn_append(TurnId::generate(), "why?")).await).1;
    let find = async |who, id| store.message(who, id, messages[1].message_id).await.unwrap();

    assert_eq!(find(user_id, id).await.as_ref(), Some(&messages[1]));
    assert_eq!(find(UserId::generate(), id).await, None);
    assert_eq!(find(user_id, other_id).await, None);
    store.reset(user_id, id, moment(1)).await.unwrap();
    assert_eq!(find(user_id, id).await, None);
}

pub async fn every_text_is_returned_unchanged(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let all_planes: String = (0..=0x0010_FFFF).step_by(97).filter_map(char::from_u32).collect();
    let hostile = [
        "nul \0 within",
        "\u{301}a lone combining mark first",
        "e\u{301} is not \u{e9}",
        "\u{202e}right to left\u{202c}, \u{feff} and 👩‍👩‍👧‍👦",
        "'; DROP TABLE messages; --",
        "{\"$gt\": \"\"} $where [1] a.b",
        "\r\n\t \u{85}\u{2028}",
        all_planes.as_str(),
    ];

    for text in hostile {
        append_text(store, user_id, id, text).await;
    }

    assert_eq!(texts(store, user_id, id).await, hostile);
}

pub async fn a_message_of_one_megabyte_is_returned_unchanged(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    let text = "tides and moons \u{1f319} ".repeat(1_000_000 / 21);

    append_text(store, user_id, id, &text).await;

    assert_eq!(texts(store, user_id, id).await, [text]);
}
