//! What [`Conversations`] promises.
#![expect(missing_docs, reason = "the name is the promise")]

use futures_util::future::join_all;
use webchat_domain::{
    ClientMessageId, Conversation, ConversationId, Message, MessageStatus, NewMessage, Role,
    SearchQuery, Title, TurnId, UserId,
};

use super::{empty_answer, moment, question};
use crate::{
    AbandonedTurn, AnswerUpdate, Append, AppendOutcome, ArchiveFilter, Conversations, Edit,
    EditOutcome, ListOrder, TurnLease,
};

type Store = dyn Conversations;

pub async fn a_new_conversation_is_empty_and_its_owners_alone(store: &Store) {
    let user_id = UserId::generate();

    let id = start(store, user_id).await;

    let found = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((found.message_count, found.total_tokens, &found.title), (0, 0, &None));
    assert_eq!((found.created_at, found.updated_at), (moment(0), moment(0)));
    assert_eq!(texts(store, user_id, id).await, Vec::<String>::new());
    assert_eq!(store.find(UserId::generate(), id).await.unwrap(), None);
}

pub async fn an_id_starts_one_conversation(store: &Store) {
    let (user_id, id) = (UserId::generate(), ConversationId::generate());

    let at_once = (0..10).map(|_| store.create(user_id, id, moment(0)));
    let started = join_all(at_once).await.into_iter().filter_map(Result::unwrap).count();
    say(store, user_id, id, "first").await;
    let again = store.create(user_id, id, moment(1)).await.unwrap();
    let by_another = store.create(UserId::generate(), id, moment(1)).await.unwrap();

    assert_eq!((started, again, by_another), (1, None, None));
    assert_eq!(texts(store, user_id, id).await, ["first"]);
}

pub async fn nobody_else_can_see_or_change_a_conversation(store: &Store) {
    let (user_id, other) = (UserId::generate(), UserId::generate());
    let id = start(store, user_id).await;
    say(store, user_id, id, "my secret").await;

    assert_eq!(store.find(other, id).await.unwrap(), None);
    assert_eq!(store.messages(other, id, None, 10).await.unwrap(), None);
    let stolen = store.edit(other, id, retitled("mine now"), moment(1)).await.unwrap();
    assert_eq!(stolen, EditOutcome::NotFound);
    assert!(!store.delete(other, id).await.unwrap());
    assert!(!store.reset(other, id, moment(1)).await.unwrap());
    assert_eq!(append(store, other, id, one("intruder")).await, AppendOutcome::NotFound);
    assert_eq!(search(store, other, "secret").await, Vec::<String>::new());
    let listed = store.list(other, ArchiveFilter::All, ListOrder::Created, None, 10).await.unwrap();
    assert_eq!(listed.items, Vec::new());
    assert_eq!(texts(store, user_id, id).await, ["my secret"]);
}

pub async fn messages_stand_in_the_order_of_appending(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;

    say(store, user_id, id, "first").await;
    let two = Append { messages: vec![question("second"), question("third")], ..Append::default() };
    append(store, user_id, id, two).await;

    let messages = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    assert_eq!(contents(&messages), ["first", "second", "third"]);
    assert_eq!(messages.iter().map(|m| m.position).collect::<Vec<_>>(), [1, 2, 3]);
    let parents: Vec<_> = messages.iter().map(|m| m.parent_id).collect();
    assert_eq!(parents, [None, Some(messages[0].message_id), Some(messages[1].message_id)]);
    let conversation = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((conversation.message_count, conversation.total_tokens), (3, 21));
}

pub async fn messages_are_paged_backwards_from_the_newest(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    for number in 1..=5 {
        say(store, user_id, id, &number.to_string()).await;
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

pub async fn conversations_are_paged_by_cursor_in_both_orders(store: &Store) {
    let user_id = UserId::generate();
    let mut ids = Vec::new();
    for number in 0..5 {
        let id = ConversationId::generate();
        // Two of them at the same moment: the cursor must tell them apart.
        store.create(user_id, id, moment(number / 2)).await.unwrap();
        ids.push(id);
    }
    edit(store, user_id, ids[0], retitled("the first, touched last"), 99).await;

    let created = all_pages(store, user_id, ArchiveFilter::All, ListOrder::Created).await;
    let updated = all_pages(store, user_id, ArchiveFilter::Active, ListOrder::Updated).await;

    ids.reverse();
    assert_eq!(created, ids);
    ids.rotate_right(1);
    assert_eq!(updated, ids);
}

pub async fn fifty_appends_at_once_take_fifty_positions(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;

    join_all((0..50).map(|number| say_number(store, user_id, id, number))).await;

    let messages = store.messages(user_id, id, None, 100).await.unwrap().unwrap();
    let positions: Vec<_> = messages.iter().map(|m| m.position).collect();
    assert_eq!(positions, (1..=50).collect::<Vec<_>>());
    let mut said: Vec<u64> = messages.iter().map(|m| m.content.parse().unwrap()).collect();
    said.sort_unstable();
    assert_eq!(said, (0..50).collect::<Vec<_>>());
    for pair in messages.windows(2) {
        assert_eq!(pair[1].parent_id, Some(pair[0].message_id));
    }
    assert_eq!(store.find(user_id, id).await.unwrap().unwrap().message_count, 50);
}

pub async fn all_messages_of_an_append_are_stored_or_none(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let known = question("known");
    let again = NewMessage { content: "again".to_owned(), ..known.clone() };
    append(store, user_id, id, Append { messages: vec![known], ..Append::default() }).await;

    let broken = Append { messages: vec![question("new"), again], ..Append::default() };
    let result = store.append(user_id, id, broken, moment(1)).await;

    assert!(result.is_err(), "a message id was used twice: {result:?}");
    assert_eq!(texts(store, user_id, id).await, ["known"]);
    assert_eq!(store.find(user_id, id).await.unwrap().unwrap().message_count, 1);
    say(store, user_id, id, "next").await;
    assert_eq!(texts(store, user_id, id).await, ["known", "next"]);
}

pub async fn a_client_message_id_counts_once(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let first = stored(append(store, user_id, id, sent("hello", "c1")).await).1;

    let again = append(store, user_id, id, sent("hello", "c1")).await;
    append(store, user_id, id, sent("hello", "c2")).await;
    let elsewhere = start(store, user_id).await;
    append(store, user_id, elsewhere, sent("hello", "c1")).await;

    assert_eq!(again, AppendOutcome::Duplicate(first), "a turn's question and its answer");
    assert_eq!(texts(store, user_id, id).await, ["hello", "", "hello", ""]);
    assert_eq!(texts(store, user_id, elsewhere).await, ["hello", ""]);
}

pub async fn a_client_message_id_sent_twice_at_once_counts_once(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;

    let outcomes = join_all((0..10).map(|_| append(store, user_id, id, sent("hello", "c1")))).await;

    let stored = outcomes.iter().filter(|outcome| matches!(outcome, AppendOutcome::Stored { .. }));
    let duplicates =
        outcomes.iter().filter(|outcome| matches!(outcome, AppendOutcome::Duplicate(_)));
    assert_eq!((stored.count(), duplicates.count()), (1, 9));
    assert_eq!(texts(store, user_id, id).await, ["hello", ""]);
}

pub async fn a_stale_append_stores_nothing(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let expecting = |position| Append { expected_position: Some(position), ..one("as I know it") };

    append(store, user_id, id, expecting(0)).await;
    let stale = append(store, user_id, id, expecting(0)).await;
    append(store, user_id, id, expecting(1)).await;

    assert_eq!(stale, AppendOutcome::Conflict { position: 1 });
    assert_eq!(texts(store, user_id, id).await.len(), 2);
}

pub async fn one_turn_runs_at_a_time(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let first = TurnId::generate();
    let answer = stored(append(store, user_id, id, turn(first, "one")).await).1.remove(1);

    let second = append(store, user_id, id, turn(TurnId::generate(), "two")).await;
    store.save_answer(id, finished(&answer, "done"), moment(1)).await.unwrap();
    let third = append(store, user_id, id, turn(TurnId::generate(), "three")).await;

    assert_eq!(second, AppendOutcome::TurnInProgress);
    assert!(matches!(third, AppendOutcome::Stored { .. }), "{third:?}");
    assert_eq!(texts(store, user_id, id).await, ["one", "done", "three", ""]);
}

pub async fn a_lapsed_turn_holds_nobody_up(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    append(store, user_id, id, turn(TurnId::generate(), "one")).await;

    let after_its_lease = moment(LEASE_MILLIS);
    let next = turn(TurnId::generate(), "two");
    let outcome = store.append(user_id, id, next, after_its_lease).await.unwrap();

    assert!(matches!(outcome, AppendOutcome::Stored { .. }), "{outcome:?}");
}

pub async fn a_lapsed_turn_is_taken_over_once_with_what_was_saved(store: &Store) {
    let user_id = UserId::generate();
    let (id, other) = (start(store, user_id).await, start(store, user_id).await);
    let (turn_id, renewed) = (TurnId::generate(), TurnId::generate());
    let answer = stored(append(store, user_id, id, turn(turn_id, "why?")).await).1.remove(1);
    let part = AnswerUpdate {
        status: MessageStatus::Interrupted,
        lease_until: Some(moment(LEASE_MILLIS)),
        ..finished(&answer, "so far")
    };
    store.save_answer(id, part, moment(1)).await.unwrap();
    let held = stored(append(store, user_id, other, turn(renewed, "why?")).await).1.remove(1);
    let part = AnswerUpdate { lease_until: Some(moment(60_000)), ..finished(&held, "more") };
    store.save_answer(other, part, moment(1)).await.unwrap();

    let early = take_over(store, LEASE_MILLIS - 1).await;
    let taken = join_all((0..8).map(|_| take_over(store, LEASE_MILLIS))).await.concat();

    assert_eq!(early, []);
    let [lapsed] = taken.as_slice() else { panic!("not one: {taken:?}") };
    assert_eq!((lapsed.user_id, lapsed.conversation_id, lapsed.turn_id), (user_id, id, turn_id));
    let saved = lapsed.answer.as_ref().unwrap();
    assert_eq!((saved.message_id, saved.position), (answer.message_id, answer.position));
    assert_eq!((saved.content.as_str(), saved.token_count), ("so far", 3));
    assert_eq!(saved.status, MessageStatus::Interrupted);
}

pub async fn a_taken_over_turn_lapses_again_or_is_ended(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let turn_id = TurnId::generate();
    append(store, user_id, id, turn(turn_id, "one")).await;
    let until = LEASE_MILLIS + HELD_MILLIS;

    assert_eq!(take_over(store, LEASE_MILLIS).await.len(), 1);
    let next = turn(TurnId::generate(), "two");
    let meanwhile =
        store.append(user_id, id, next.clone(), moment(LEASE_MILLIS + 1)).await.unwrap();
    assert_eq!(meanwhile, AppendOutcome::TurnInProgress);
    assert_eq!(take_over(store, until - 1).await, []);
    assert_eq!(take_over(store, until).await.len(), 1, "who took it over first has died");

    assert!(!store.end_turn(id, TurnId::generate()).await.unwrap(), "another one");
    assert!(store.end_turn(id, turn_id).await.unwrap());
    assert!(!store.end_turn(id, turn_id).await.unwrap());
    assert_eq!(take_over(store, until + HELD_MILLIS).await, []);
    stored(store.append(user_id, id, next, moment(LEASE_MILLIS + 1)).await.unwrap());
    assert_eq!(texts(store, user_id, id).await, ["one", "", "two", ""]);
}

pub async fn lapsed_turns_are_taken_over_some_at_a_time(store: &Store) {
    let user_id = UserId::generate();
    let mut begun = Vec::new();
    for lapses_at in [3_000, 1_000, 2_000] {
        let id = start(store, user_id).await;
        let mut turn = turn(TurnId::generate(), "why?");
        turn.turn.as_mut().unwrap().lease_until = moment(lapses_at);
        append(store, user_id, id, turn).await;
        begun.push(id);
    }

    let taken = async || {
        let taken =
            store.claim_expired_turns(moment(5_000), moment(0), moment(9_000), 2).await.unwrap();
        taken.into_iter().map(|turn| turn.conversation_id).collect::<Vec<_>>()
    };
    assert_eq!(taken().await, [begun[1], begun[2]]);
    assert_eq!(taken().await, [begun[0]]);
    assert_eq!(taken().await, []);
}

pub async fn a_turn_that_has_ended_is_taken_over_if_nobody_tells_so(store: &Store) {
    let user_id = UserId::generate();
    let (id, turn_id) = (start(store, user_id).await, TurnId::generate());
    let answer = stored(append(store, user_id, id, turn(turn_id, "why?")).await).1.remove(1);
    let told = start(store, user_id).await;
    let other = TurnId::generate();
    let answered = stored(append(store, user_id, told, turn(other, "why?")).await).1.remove(1);

    assert!(store.save_answer(told, finished(&answered, "done"), moment(1)).await.unwrap());
    assert!(store.end_turn(told, other).await.unwrap());
    assert!(store.save_answer(id, finished(&answer, "done"), moment(1)).await.unwrap());
    let alive = store.save_answer(id, finished(&answer, "done"), moment(100)).await.unwrap();
    let early = take_over(store, 99 + LEASE_MILLIS).await;
    let taken = take_over(store, 100 + LEASE_MILLIS).await;
    let ended = store.end_turn(id, turn_id).await.unwrap();

    assert!(alive && ended);
    assert_eq!(early, []);
    let [pending] = taken.as_slice() else { panic!("not one: {taken:?}") };
    assert_eq!((pending.conversation_id, pending.turn_id), (id, turn_id));
    let saved = pending.answer.as_ref().unwrap();
    assert_eq!((saved.content.as_str(), saved.status), ("done", MessageStatus::Complete));
    assert_eq!(take_over(store, 10 * LEASE_MILLIS).await, []);
}

pub async fn a_turn_that_has_ended_keeps_nobody_from_the_next(store: &Store) {
    let user_id = UserId::generate();
    let (id, turn_id) = (start(store, user_id).await, TurnId::generate());
    let answer = stored(append(store, user_id, id, turn(turn_id, "one")).await).1.remove(1);
    store.save_answer(id, finished(&answer, "done"), moment(1)).await.unwrap();

    let next = turn(TurnId::generate(), "two");
    stored(store.append(user_id, id, next, moment(2)).await.unwrap());

    assert!(!store.end_turn(id, turn_id).await.unwrap(), "it is forgotten");
    assert!(!store.save_answer(id, finished(&answer, "late"), moment(3)).await.unwrap());
    assert_eq!(take_over(store, LEASE_MILLIS - 1).await, []);
    assert_eq!(texts(store, user_id, id).await, ["one", "done", "two", ""]);
}

pub async fn the_turn_that_runs_is_known_until_it_ends_or_lapses(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let runs = async |who, now| store.running_turn(who, id, moment(now)).await.unwrap();
    let turn_id = TurnId::generate();

    let before = runs(user_id, 0).await;
    let answer = stored(append(store, user_id, id, turn(turn_id, "why?")).await).1.remove(1);
    let during = runs(user_id, LEASE_MILLIS - 1).await;
    let to_others = runs(UserId::generate(), 0).await;
    let lapsed = runs(user_id, LEASE_MILLIS).await;
    store.save_answer(id, finished(&answer, "Because."), moment(1)).await.unwrap();
    let afterwards = runs(user_id, 1).await;

    assert_eq!((before, during), (None, Some(turn_id)));
    assert_eq!((to_others, lapsed, afterwards), (None, None, None));
}

pub async fn a_message_is_found_by_its_id(store: &Store) {
    let user_id = UserId::generate();
    let (id, elsewhere) = (start(store, user_id).await, start(store, user_id).await);
    let messages = stored(append(store, user_id, id, turn(TurnId::generate(), "why?")).await).1;
    let find = async |who, id| store.message(who, id, messages[1].message_id).await.unwrap();

    assert_eq!(find(user_id, id).await.as_ref(), Some(&messages[1]));
    assert_eq!(find(UserId::generate(), id).await, None);
    assert_eq!(find(user_id, elsewhere).await, None);
    store.reset(user_id, id, moment(1)).await.unwrap();
    assert_eq!(find(user_id, id).await, None);
}

pub async fn an_answer_grows_until_its_turn_ends(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let answer =
        stored(append(store, user_id, id, turn(TurnId::generate(), "why?")).await).1.remove(1);

    let partial = AnswerUpdate { lease_until: Some(moment(9)), ..finished(&answer, "Bec") };
    assert!(store.save_answer(id, partial.clone(), moment(1)).await.unwrap());
    assert_eq!(texts(store, user_id, id).await, ["why?", "Bec"]);
    assert!(store.save_answer(id, finished(&answer, "Because."), moment(2)).await.unwrap());
    assert!(!store.save_answer(id, partial, moment(3)).await.unwrap(), "a late partial save");

    let messages = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    assert_eq!(contents(&messages), ["why?", "Because."]);
    assert_eq!((messages[1].status, messages[1].token_count), (MessageStatus::Complete, 3));
    let conversation = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((conversation.total_tokens, conversation.updated_at), (10, moment(2)));
}

pub async fn a_title_is_set_once_and_renamed_at_will(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let titled = |text| Append { title: Some(title(text)), ..one("hello") };

    append(store, user_id, id, titled("Hello")).await;
    append(store, user_id, id, titled("Another")).await;
    let first = store.find(user_id, id).await.unwrap().unwrap();
    let renamed = edit(store, user_id, id, retitled("Mine"), 5).await;

    assert_eq!(first.title, Some(title("Hello")));
    assert_eq!((renamed.title, renamed.updated_at), (Some(title("Mine")), moment(5)));
}

pub async fn a_title_is_replaced_only_where_it_is_the_expected_one(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let untitled =
        store.replace_title_if(user_id, id, title("First"), title("Wrong")).await.unwrap();
    edit(store, user_id, id, retitled("First"), 5).await;

    let other = store.replace_title_if(user_id, id, title("Else"), title("Wrong")).await.unwrap();
    let foreign =
        store.replace_title_if(UserId::generate(), id, title("First"), title("Wrong")).await;
    let replaced =
        store.replace_title_if(user_id, id, title("First"), title("Second")).await.unwrap();

    assert!(!untitled && !other && !foreign.unwrap());
    assert!(replaced);
    let found = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((found.title, found.updated_at), (Some(title("Second")), moment(5)));
}

pub async fn an_edit_is_done_only_where_all_is_as_expected(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let before = store.find(user_id, id).await.unwrap();
    let expecting = |expected| Edit { expected, ..retitled("Mine") };
    let try_edit = async |edit| store.edit(user_id, id, edit, moment(5)).await.unwrap();

    let first = try_edit(expecting(before.clone())).await;
    let again = try_edit(expecting(before.clone())).await;
    let EditOutcome::Stored(now) = first else { panic!("{first:?}") };
    let archived = edit(store, user_id, id, shelved(true), 6).await;
    let outdated = try_edit(expecting(Some(now.clone()))).await;
    let as_it_is = try_edit(expecting(Some(archived.clone()))).await;

    assert_eq!((&now.title, now.updated_at), (&Some(title("Mine")), moment(5)));
    assert_eq!((again, outdated), (EditOutcome::Conflict, EditOutcome::Conflict));
    assert_eq!(as_it_is, EditOutcome::Stored(archived));
    let gone = store.edit(UserId::generate(), id, expecting(before), moment(7)).await;
    assert_eq!(gone.unwrap(), EditOutcome::NotFound);
}

pub async fn a_conversation_is_listed_where_it_was_put(store: &Store) {
    let user_id = UserId::generate();
    let (kept, away, back) =
        (start(store, user_id).await, start(store, user_id).await, start(store, user_id).await);
    let archived = edit(store, user_id, away, shelved(true), 9).await;
    edit(store, user_id, back, shelved(true), 9).await;
    let unarchived = edit(store, user_id, back, shelved(false), 10).await;
    edit(store, user_id, kept, retitled("touched last"), 11).await;

    let listed = async |shelf| all_pages(store, user_id, shelf, ListOrder::Updated).await;
    assert_eq!(listed(ArchiveFilter::Archived).await, [away]);
    assert_eq!(listed(ArchiveFilter::Active).await, [kept, back]);
    assert_eq!(listed(ArchiveFilter::All).await.len(), 3);
    assert_eq!((archived.archived, archived.updated_at), (true, moment(0)));
    assert_eq!((unarchived.archived, unarchived.updated_at), (false, moment(0)));
    assert!(store.find(user_id, away).await.unwrap().unwrap().archived);
}

pub async fn a_turn_takes_its_conversation_out_of_the_archive(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    edit(store, user_id, id, shelved(true), 1).await;

    let imported = stored(append(store, user_id, id, one("from elsewhere")).await).0;
    let asked = stored(append(store, user_id, id, turn(TurnId::generate(), "why?")).await).0;

    assert_eq!((imported.archived, asked.archived), (true, false));
    assert!(!store.find(user_id, id).await.unwrap().unwrap().archived);
}

pub async fn a_deleted_conversation_is_gone_whole(store: &Store) {
    let user_id = UserId::generate();
    let (id, other) = (start(store, user_id).await, start(store, user_id).await);
    say(store, user_id, id, "tides").await;
    say(store, user_id, other, "moons").await;

    assert!(store.delete(user_id, id).await.unwrap());

    assert!(!store.delete(user_id, id).await.unwrap());
    assert_eq!(store.find(user_id, id).await.unwrap(), None);
    assert_eq!(store.messages(user_id, id, None, 10).await.unwrap(), None);
    assert_eq!(search(store, user_id, "tides").await, Vec::<String>::new());
    assert_eq!(texts(store, user_id, other).await, ["moons"]);
}

pub async fn a_reset_conversation_is_empty_and_its_positions_go_on(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let answer =
        stored(append(store, user_id, id, turn(TurnId::generate(), "why?")).await).1.remove(1);

    assert!(store.reset(user_id, id, moment(3)).await.unwrap());

    assert_eq!(texts(store, user_id, id).await, Vec::<String>::new());
    assert_eq!(search(store, user_id, "why").await, Vec::<String>::new());
    let conversation = store.find(user_id, id).await.unwrap().unwrap();
    assert_eq!((conversation.message_count, conversation.total_tokens), (0, 0));
    assert!(!store.save_answer(id, finished(&answer, "late"), moment(4)).await.unwrap());
    let next =
        stored(append(store, user_id, id, turn(TurnId::generate(), "again")).await).1.remove(0);
    assert_eq!((next.position, next.parent_id), (3, None));
}

pub async fn every_text_comes_back_unchanged(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
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
        say(store, user_id, id, text).await;
    }

    assert_eq!(texts(store, user_id, id).await, hostile);
}

pub async fn a_message_of_one_megabyte_comes_back_unchanged(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let text = "tides and moons \u{1f319} ".repeat(1_000_000 / 21);

    say(store, user_id, id, &text).await;

    assert_eq!(texts(store, user_id, id).await, [text]);
}

pub async fn a_search_ranks_stems_and_quotes_the_place(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let filler = "and many other things of little weight are said here ".repeat(20);
    say(store, user_id, id, &format!("{filler} where the tide is named once {filler}")).await;
    say(store, user_id, id, "Tides, tides: the moon makes the tides.").await;
    say(store, user_id, id, "Nothing of the kind.").await;

    let hits = store.search(user_id, &SearchQuery::parse("TIDE"), 10).await.unwrap();

    assert_eq!(hits.iter().map(|hit| hit.position).collect::<Vec<_>>(), [2, 1]);
    assert!(hits[0].score > hits[1].score);
    let quoted: Vec<_> = hits[1].snippet.iter().filter(|part| part.matched).collect();
    assert_eq!(quoted.len(), 1);
    assert_eq!(quoted[0].text, "tide");
    let snippet: String = hits[1].snippet.iter().map(|part| part.text.as_str()).collect();
    assert!(snippet.contains("where the tide is named once"), "{snippet}");
    assert!(snippet.len() < 400, "a snippet is short: {snippet}");
    assert_eq!(store.search(user_id, &SearchQuery::parse("tide"), 1).await.unwrap().len(), 1);
}

pub async fn a_search_minds_phrases_and_exclusions(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    for text in ["spring tide", "the tide in spring", "a neap tide", "the moon"] {
        say(store, user_id, id, text).await;
    }

    assert_eq!(search(store, user_id, "\"spring tide\"").await, ["spring tide"]);
    assert_eq!(search(store, user_id, "tide -spring").await, ["a neap tide"]);
    assert_eq!(search(store, user_id, "moon neap").await.len(), 2);
    assert_eq!(search(store, user_id, "moon neap \"a neap\"").await, ["a neap tide"]);
}

pub async fn a_search_sees_changes_at_once(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    let answer =
        stored(append(store, user_id, id, turn(TurnId::generate(), "why?")).await).1.remove(1);
    let partial = AnswerUpdate { lease_until: Some(moment(9)), ..finished(&answer, "moonlight") };

    store.save_answer(id, partial, moment(1)).await.unwrap();
    assert_eq!(search(store, user_id, "moonlight").await, ["moonlight"]);
    store.save_answer(id, finished(&answer, "sunlight"), moment(1)).await.unwrap();

    assert_eq!(search(store, user_id, "moonlight").await, Vec::<String>::new());
    assert_eq!(search(store, user_id, "sunlight").await, ["sunlight"]);
}

pub async fn no_query_is_an_error(store: &Store) {
    let user_id = UserId::generate();
    let id = start(store, user_id).await;
    say(store, user_id, id, "tides").await;

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

const LEASE_MILLIS: i64 = 10_000;

/// For how long a turn is taken over.
const HELD_MILLIS: i64 = 5_000;

/// The end of a turn is to be told within as long as it holds its conversation.
async fn take_over(store: &Store, at: i64) -> Vec<AbandonedTurn> {
    let (now, unpublished_since) = (moment(at), moment(at - LEASE_MILLIS));
    store.claim_expired_turns(now, unpublished_since, moment(at + HELD_MILLIS), 10).await.unwrap()
}

async fn start(store: &Store, user_id: UserId) -> ConversationId {
    let id = ConversationId::generate();
    store.create(user_id, id, moment(0)).await.unwrap();
    id
}

async fn append(
    store: &Store,
    user_id: UserId,
    id: ConversationId,
    append: Append,
) -> AppendOutcome {
    store.append(user_id, id, append, moment(0)).await.unwrap()
}

async fn say(store: &Store, user_id: UserId, id: ConversationId, text: &str) {
    stored(append(store, user_id, id, one(text)).await);
}

async fn say_number(store: &Store, user_id: UserId, id: ConversationId, number: u64) {
    say(store, user_id, id, &number.to_string()).await;
}

fn one(text: &str) -> Append {
    Append { messages: vec![question(text)], ..Append::default() }
}

fn turn(turn_id: TurnId, text: &str) -> Append {
    let question = NewMessage { turn_id: Some(turn_id), ..question(text) };
    Append {
        messages: vec![question, empty_answer(turn_id)],
        turn: Some(TurnLease { turn_id, lease_until: moment(LEASE_MILLIS) }),
        ..Append::default()
    }
}

/// A turn's messages under the client's name for them; they claim no turn, so that the next follows.
fn sent(text: &str, client_message_id: &str) -> Append {
    Append {
        client_message_id: ClientMessageId::try_from(client_message_id.to_owned()).ok(),
        turn: None,
        ..turn(TurnId::generate(), text)
    }
}

fn finished(answer: &Message, content: &str) -> AnswerUpdate {
    AnswerUpdate {
        message_id: answer.message_id,
        turn_id: answer.turn_id.unwrap(),
        content: content.to_owned(),
        token_count: 3,
        status: MessageStatus::Complete,
        error: None,
        lease_until: None,
    }
}

fn stored(outcome: AppendOutcome) -> (Conversation, Vec<Message>) {
    match outcome {
        AppendOutcome::Stored { conversation, messages } => (conversation, messages),
        other => panic!("not stored: {other:?}"),
    }
}

fn title(text: &str) -> Title {
    Title::try_from(text.to_owned()).unwrap()
}

fn retitled(text: &str) -> Edit {
    Edit { title: Some(title(text)), ..Edit::default() }
}

fn shelved(archived: bool) -> Edit {
    Edit { archived: Some(archived), ..Edit::default() }
}

async fn edit(
    store: &Store,
    user_id: UserId,
    id: ConversationId,
    edit: Edit,
    at: i64,
) -> Conversation {
    match store.edit(user_id, id, edit, moment(at)).await.unwrap() {
        EditOutcome::Stored(conversation) => conversation,
        other => panic!("not stored: {other:?}"),
    }
}

fn contents(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.content.as_str()).collect()
}

async fn texts(store: &Store, user_id: UserId, id: ConversationId) -> Vec<String> {
    let messages = store.messages(user_id, id, None, 100).await.unwrap().unwrap();
    messages.into_iter().map(|message| message.content).collect()
}

/// The whole texts of what is found, best first: their snippets, as they are short.
async fn search(store: &Store, user_id: UserId, text: &str) -> Vec<String> {
    let hits = store.search(user_id, &SearchQuery::parse(text), 10).await.unwrap();
    hits.iter()
        .map(|hit| {
            assert!(matches!(hit.role, Role::User | Role::Assistant));
            hit.snippet.iter().map(|part| part.text.as_str()).collect()
        })
        .collect()
}

async fn all_pages(
    store: &Store,
    user_id: UserId,
    shelf: ArchiveFilter,
    order: ListOrder,
) -> Vec<ConversationId> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(user_id, shelf, order, after, 2).await.unwrap();
        ids.extend(page.items.iter().map(|conversation| conversation.conversation_id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}
