//! Contract tests of full-text search.
#![expect(missing_docs, reason = "the test names describe the contract")]

use webchat_domain::{SearchQuery, TurnId, UserId};

use super::harness::{Store, append, append_text, final_state, search, start, turn_append};
use crate::AnswerUpdate;
use crate::search::SNIPPET_SOURCE_BYTES;
use crate::testing::fixtures::{moment, unwrap_stored};

pub async fn a_search_stems_words_ranks_messages_and_returns_snippets(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let filler = "and many other things of little weight are said here ".repeat(20);
    append_text(store, user_id, id, &format!("{filler} where the tide is mentioned once {filler}"))
        .await;
    append_text(store, user_id, id, "Tides, tides: the moon makes the tides.").await;
    append_text(store, user_id, id, "Nothing of the kind.").await;

    let hits = store.search(user_id, &SearchQuery::parse("TIDE"), 10).await.unwrap();

    assert_eq!(hits.iter().map(|hit| hit.position).collect::<Vec<_>>(), [2, 1]);
    assert!(hits[0].score > hits[1].score);
    let matches: Vec<_> = hits[1].snippet.iter().filter(|part| part.matched).collect();
    assert_eq!(matches.len(), 1);
    assert_eq!(matches[0].text, "tide");
    let snippet: String = hits[1].snippet.iter().map(|part| part.text.as_str()).collect();
    assert!(snippet.contains("where the tide is mentioned once"), "{snippet}");
    assert!(snippet.len() < 400, "the snippet is too long: {snippet}");
    assert_eq!(store.search(user_id, &SearchQuery::parse("tide"), 1).await.unwrap().len(), 1);
}

pub async fn a_search_respects_phrases_and_exclusions(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    for text in ["spring tide", "the tide in spring", "a neap tide", "the moon"] {
        append_text(store, user_id, id, text).await;
    }

    assert_eq!(search(store, user_id, "\"spring tide\"").await, ["spring tide"]);
    assert_eq!(search(store, user_id, "tide -spring").await, ["a neap tide"]);
    assert_eq!(search(store, user_id, "moon neap").await.len(), 2);
    assert_eq!(search(store, user_id, "moon neap \"a neap\"").await, ["a neap tide"]);
}

pub async fn a_search_finds_each_conversation_once_by_its_best_message(store: &Store) {
    let user_id = UserId::generate();
    let (weak, strong) = (start(store, user_id).await, start(store, user_id).await);
    let filler = "and many other things of little weight ".repeat(20);
    append_text(store, user_id, weak, &format!("{filler} a tide {filler}")).await;
    append_text(store, user_id, strong, &format!("{filler} one tide {filler}")).await;
    append_text(store, user_id, strong, "tides, tides").await;
    let query = SearchQuery::parse("tide");

    let found = store.search_conversations(user_id, &query, 10).await.unwrap();
    let limited = store.search_conversations(user_id, &query, 1).await.unwrap();
    let by_other = store.search_conversations(UserId::generate(), &query, 10).await.unwrap();

    assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [strong, weak]);
    assert!(found[0].1 > found[1].1);
    assert_eq!(limited, found[..1]);
    assert_eq!(by_other, []);
}

pub async fn the_snippet_of_a_long_text_shows_an_early_match_or_the_beginning(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let filler = "and many other things are said here ".repeat(SNIPPET_SOURCE_BYTES / 16);
    append_text(store, user_id, id, &format!("It begins here {filler} the tide")).await;
    append_text(store, user_id, id, &format!("It starts with the moon {filler}")).await;

    let late = search(store, user_id, "tide").await;
    let early = search(store, user_id, "moon").await;

    assert!(late[0].starts_with("It begins here and many") && late[0].ends_with('…'), "{late:?}");
    assert!(early[0].starts_with("It starts with the moon"), "{early:?}");
    assert!(late[0].len() < 400 && early[0].len() < 400, "{late:?} {early:?}");
}

pub async fn a_search_ignores_repeated_terms(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    for _ in 0..3 {
        append_text(store, user_id, id, &"the moon and the tide of a sea ".repeat(1_500)).await;
    }

    let once = store.search(user_id, &SearchQuery::parse("tide"), 10).await.unwrap();
    let repeated = SearchQuery::parse(&"tide ".repeat(1_000));
    let repeated = store.search(user_id, &repeated, 10).await.unwrap();

    assert_eq!(once.len(), 3);
    assert_eq!(repeated, once);
}

pub async fn a_search_scores_only_the_messages_of_its_user(store: &Store) {
    let (user_id, other) = (UserId::generate(), UserId::generate());
    let (own, others) = (start(store, user_id).await, start(store, other).await);
    for text in ["a neap tide", "a spring tide and the moon"] {
        append_text(store, user_id, own, text).await;
    }
    let query = SearchQuery::parse("neap tide");

    let alone = store.search(user_id, &query, 10).await.unwrap();
    for _ in 0..5 {
        append_text(store, other, others, "a neap, and nothing else of the kind").await;
    }
    let among_others = store.search(user_id, &query, 10).await.unwrap();

    assert_eq!(alone.iter().map(|hit| hit.position).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(among_others, alone);
}

pub async fn a_search_sees_changes_immediately(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let answer =
        unwrap_stored(append(store, user_id, id, turn_append(TurnId::generate(), "why?")).await)
            .1
            .remove(1);
    let partial =
        AnswerUpdate { lease_until: Some(moment(9)), ..final_state(&answer, "moonlight") };

    store.save_answer(id, partial, moment(1)).await.unwrap();
    assert_eq!(search(store, user_id, "moonlight").await, ["moonlight"]);
    store.save_answer(id, final_state(&answer, "sunlight"), moment(1)).await.unwrap();

    assert_eq!(search(store, user_id, "moonlight").await, Vec::<String>::new());
    assert_eq!(search(store, user_id, "sunlight").await, ["sunlight"]);
}

pub async fn no_query_text_is_an_error(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    append_text(store, user_id, id, "tides").await;

    for text in [
        "",
        "\"",
        "-",
        "*",
        "tid*",
        "a AND",
        "OR",
        "NOT x",
        "NEAR(a b)",
        "content:x",
        "{user_id}:x",
        "user_id : y",
        "(",
        "^a",
        "a\0b",
        "'; --",
        "$where",
        "\"\"\"",
        "²",
        "\u{301}",
        "a+b",
        "-\"",
    ] {
        let result = store.search(user_id, &SearchQuery::parse(text), 10).await;
        assert!(result.is_ok(), "{text:?}: {result:?}");
    }
}
