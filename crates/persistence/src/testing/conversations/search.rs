//! Contract tests of full-text search.
#![expect(missing_docs, reason = "the test names describe the contract")]

use webchat_domain::{ConversationId, SearchQuery, TurnId, UserId};

use super::harness::{
    Store, append, append_text, create_conversation, edit, renaming, search, turn_append,
};
use crate::AnswerUpdate;
use crate::search::SNIPPET_SOURCE_BYTES;
use crate::search::cases::SEARCH_CASES;
use crate::testing::fixtures::{final_state, moment, reasoning, unwrap_stored};

pub async fn a_search_stems_words_ranks_messages_and_returns_snippets(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
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

pub async fn a_search_finds_words_of_many_languages_and_programs(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    for case in SEARCH_CASES {
        append_text(store, user_id, id, case.text).await;
    }
    let mut wrong = Vec::new();

    for (position, case) in (1..).zip(SEARCH_CASES) {
        for (queries, is_found) in [(case.found_by, true), (case.not_found_by, false)] {
            for query in queries {
                let hits = store.search(user_id, &SearchQuery::parse(query), 100).await.unwrap();
                if hits.iter().any(|hit| hit.position == position) != is_found {
                    wrong.push((case.text, query, is_found));
                }
            }
        }
    }

    assert!(wrong.is_empty(), "{wrong:#?}");
}

pub async fn a_search_marks_what_it_found(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    for text in ["今天上海的天气很好", "an e-mail from the office", "call HttpServer::new()"]
    {
        append_text(store, user_id, id, text).await;
    }
    let marked = async |query: &str| -> Vec<String> {
        let hits = store.search(user_id, &SearchQuery::parse(query), 10).await.unwrap();
        let parts = hits.into_iter().flat_map(|hit| hit.snippet);
        parts.filter(|part| part.matched).map(|part| part.text).collect()
    };

    assert_eq!(marked("天气很 上海").await, ["上海", "天气很"]);
    assert_eq!(marked("email offi").await, ["e-mail", "office"]);
    assert_eq!(marked("server").await, ["HttpServer"]);
}

pub async fn a_search_can_accept_any_of_its_words(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    for text in ["the moon", "a neap tide", "a neap tide and the moon", "the sun"] {
        append_text(store, user_id, id, text).await;
    }
    let query = SearchQuery { any_word: true, ..SearchQuery::parse("moon neap") };

    let hits = store.search(user_id, &query, 10).await.unwrap();

    let positions: Vec<_> = hits.iter().map(|hit| hit.position).collect();
    assert_eq!(positions.len(), 3);
    assert_eq!(positions[0], 3, "the message with both words comes first");
}

pub async fn a_search_finds_titles(store: &Store) {
    let (user_id, other) = (UserId::generate(), UserId::generate());
    let mut ids = Vec::new();
    for (at, text) in (1..).zip(["Tides of the sea", "Spring tide", "The moon"]) {
        let id = ConversationId::generate();
        store.create(user_id, id, moment(at)).await.unwrap();
        edit(store, user_id, id, renaming(text)).await;
        ids.push(id);
    }
    let foreign = create_conversation(store, other).await;
    edit(store, other, foreign, renaming("tide")).await;
    let titles = async |query: &str, limit: u32| -> Vec<_> {
        let hits = store.search_titles(user_id, &SearchQuery::parse(query), limit).await.unwrap();
        hits.into_iter().map(|hit| hit.conversation_id).collect()
    };

    assert_eq!(titles("tide", 10).await, [ids[1], ids[0]], "the last updated one comes first");
    assert_eq!(titles("tide", 1).await, [ids[1]]);
    assert_eq!(titles("tide sea", 10).await, [ids[0]]);
    assert_eq!(titles("tide -spring", 10).await, [ids[0]]);
    assert_eq!(titles("storm", 10).await, []);
    let hit = &store.search_titles(user_id, &SearchQuery::parse("spr"), 10).await.unwrap()[0];
    assert_eq!(hit.updated_at, moment(2));
    let parts: Vec<_> = hit.title.iter().map(|part| (part.text.as_str(), part.matched)).collect();
    assert_eq!(parts, [("Spring", true), (" tide", false)]);
    store.delete(user_id, ids[1]).await.unwrap();
    assert_eq!(titles("tide", 10).await, [ids[0]]);
}

pub async fn a_search_respects_phrases_and_exclusions(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
    for text in ["spring tide", "the tide in spring", "a neap tide", "the moon"] {
        append_text(store, user_id, id, text).await;
    }

    assert_eq!(search(store, user_id, "\"spring tide\"").await, ["spring tide"]);
    assert_eq!(search(store, user_id, "tide -spring").await, ["a neap tide"]);
    assert_eq!(search(store, user_id, "moon neap").await, Vec::<String>::new());
    assert_eq!(search(store, user_id, "tide \"a neap\"").await, ["a neap tide"]);
}

pub async fn a_search_finds_each_conversation_once_by_its_best_message(store: &Store) {
    let user_id = UserId::generate();
    let (weak, strong) =
        (create_conversation(store, user_id).await, create_conversation(store, user_id).await);
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
    let id = create_conversation(store, user_id).await;
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
    let id = create_conversation(store, user_id).await;
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
    let (own, others) =
        (create_conversation(store, user_id).await, create_conversation(store, other).await);
    for text in ["a neap tide", "a spring tide and the moon"] {
        append_text(store, user_id, own, text).await;
    }
    let query = SearchQuery { any_word: true, ..SearchQuery::parse("neap tide") };

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
    let id = create_conversation(store, user_id).await;
    let answer =
        unwrap_stored(append(store, user_id, id, turn_append(TurnId::generate(), "why?")).await)
            .1
            .remove(1);
    let partial =
        AnswerUpdate { lease_until: Some(moment(9)), ..final_state(&answer, "moonlight") };
    let end = AnswerUpdate {
        reasoning: Some(reasoning("starlight")),
        ..final_state(&answer, "sunlight")
    };

    store.save_answer(id, partial, moment(1)).await.unwrap();
    assert_eq!(search(store, user_id, "moonlight").await, ["moonlight"]);
    store.save_answer(id, end, moment(1)).await.unwrap();

    assert_eq!(search(store, user_id, "moonlight").await, Vec::<String>::new());
    assert_eq!(search(store, user_id, "sunlight").await, ["sunlight"]);
    assert_eq!(search(store, user_id, "starlight").await, Vec::<String>::new());
}

pub async fn no_query_text_is_an_error(store: &Store) {
    let user_id = UserId::generate();
    let id = create_conversation(store, user_id).await;
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
