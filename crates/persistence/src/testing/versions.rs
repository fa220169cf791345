//! What [`Conversations`] promises of messages that have several versions.
#![expect(missing_docs, reason = "the name is the promise")]

use std::collections::HashMap;

use futures_util::future::join_all;
use webchat_domain::{
    ClientMessageId, Conversation, ConversationId, Message, MessageId, MessageStatus, NewMessage,
    Problem, Role, SearchQuery, TurnId, UserId,
};

use super::contexts::full_context;
use super::{empty_answer, moment, question};
use crate::{
    AnswerUpdate, Append, AppendOutcome, ChildMessage, Contexts, ContinueAnswer, Conversations,
    Edit, SelectOutcome, TurnLease,
};

/// When the hold of each turn here lapses.
const LEASE_MILLIS: i64 = 10_000;

pub async fn a_version_takes_the_place_of_a_message_and_of_all_behind_it<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1", "q2", "a2"]).await;
    let [_, a1, q2, _] = room.messages().await.try_into().unwrap();

    let (conversation, versions) = stored(room.append(exchange_instead_of(&q2, "q3")).await);
    room.append(Append { messages: vec![question("q4")], ..Append::default() }).await;

    assert_eq!((versions[0].parent_id, versions[0].position), (Some(a1.message_id), 5));
    assert_eq!((conversation.message_count, conversation.total_tokens), (4, 4 * 7));
    assert_eq!(room.texts().await, ["q1", "a1", "q3", "a of q3", "q4"]);
    let visible = room.messages().await;
    let positions: Vec<_> = visible.iter().map(|message| message.position).collect();
    assert_eq!(positions, [1, 2, 5, 6, 7]);
    assert_eq!(visible[4].parent_id, Some(visible[3].message_id));
}

pub async fn a_version_of_the_first_message_begins_another_path<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1", "q2"]).await;
    let q1 = room.messages().await.remove(0);

    let (conversation, versions) = stored(room.append(exchange_instead_of(&q1, "q3")).await);

    assert_eq!(versions[0].parent_id, None);
    assert_eq!((conversation.message_count, conversation.total_tokens), (2, 2 * 7));
    assert_eq!(room.texts().await, ["q3", "a of q3"]);
}

pub async fn a_selected_version_is_visible_with_the_newest_that_follows<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1"]).await;
    let [q1, a1] = room.messages().await.try_into().unwrap();
    room.append(instead_of(&a1, "a1 again")).await;
    room.append(Append { messages: vec![question("q2")], ..Append::default() }).await;
    room.append(exchange_instead_of(&q1, "q3")).await;

    let selected = room.select(q1.message_id).await;
    let newest = (room.texts().await, room.conversation().await);
    let again = store.select(room.user_id, room.id, q1.message_id, moment(99)).await.unwrap();
    let after_nothing = room.conversation().await;
    room.select(a1.message_id).await;
    let older = (room.texts().await, room.conversation().await);

    assert_eq!(selected, SelectOutcome::Visible { changed: true });
    assert_eq!(newest.0, ["q1", "a1 again", "q2"]);
    assert_eq!((newest.1.message_count, newest.1.total_tokens), (3, 3 * 7));
    assert_eq!(newest.1.updated_at, moment(5));
    assert_eq!(again, SelectOutcome::Visible { changed: false });
    assert_eq!(after_nothing, newest.1);
    assert_eq!(older.0, ["q1", "a1"]);
    assert_eq!((older.1.message_count, older.1.total_tokens), (2, 2 * 7));
    let next = Append { messages: vec![question("next")], ..Append::default() };
    assert_eq!(stored(room.append(next).await).1[0].parent_id, Some(a1.message_id));
}

pub async fn a_version_of_what_is_off_the_path_brings_its_path_back<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1", "q2", "a2"]).await;
    let [q1, _, _, a2] = room.messages().await.try_into().unwrap();
    room.append(exchange_instead_of(&q1, "q3")).await;

    let (conversation, _) = stored(room.append(instead_of(&a2, "a2 again")).await);

    assert_eq!(room.texts().await, ["q1", "a1", "q2", "a2 again"]);
    assert_eq!((conversation.message_count, conversation.total_tokens), (4, 4 * 7));
}

pub async fn all_versions_are_found_oldest_first_by_their_owner_alone<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1"]).await;
    let [q1, a1] = room.messages().await.try_into().unwrap();
    let other_answer = stored(room.append(instead_of(&a1, "a2")).await).1.remove(0);
    let other_question = stored(room.append(exchange_instead_of(&q1, "q2")).await).1.remove(0);
    let (first, of_q1) = (None, Some(q1.message_id));
    let follows = |message: &Message| ChildMessage {
        message_id: message.message_id,
        parent_id: message.parent_id,
        role: message.role,
    };

    let both = store.children(room.user_id, room.id, vec![of_q1, first]).await.unwrap();
    let answers = store.children(room.user_id, room.id, vec![of_q1]).await.unwrap();
    let of_nothing = store.children(room.user_id, room.id, Vec::new()).await.unwrap();
    let strangers = store.children(UserId::generate(), room.id, vec![first]).await.unwrap();

    assert_eq!(both, [&q1, &a1, &other_answer, &other_question].map(follows));
    assert_eq!(answers, [&a1, &other_answer].map(follows));
    assert_eq!((of_nothing, strangers), (Vec::new(), Vec::new()));
    let found = store.message(room.user_id, room.id, a1.message_id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&a1), "off the path it is there too");
    for (who, place) in [(UserId::generate(), room.id), (room.user_id, ConversationId::generate())]
    {
        assert_eq!(store.message(who, place, a1.message_id).await.unwrap(), None);
    }
}

pub async fn pages_and_searches_follow_the_visible_path<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["old tide", "a1", "q2", "a2"]).await;
    let old = room.messages().await.remove(0);
    let new = stored(room.append(exchange_instead_of(&old, "new tide")).await).1.remove(0);
    room.append(Append { messages: vec![question("q3")], ..Append::default() }).await;

    let newest = store.messages(room.user_id, room.id, None, 2).await.unwrap().unwrap();
    let before = newest.first().map(|message| message.position);
    let oldest = store.messages(room.user_id, room.id, before, 2).await.unwrap().unwrap();
    let found = room.find("tide").await;
    room.select(old.message_id).await;
    let found_then = room.find("tide").await;

    assert_eq!(contents(&newest), ["a of new tide", "q3"]);
    assert_eq!(contents(&oldest), ["new tide"]);
    assert!(found.contains(&new.message_id) && !found.contains(&old.message_id), "{found:?}");
    assert_eq!(found_then, [old.message_id]);
}

pub async fn a_version_keeps_to_the_conditions_of_an_append<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1"]).await;
    let [_, a1] = room.messages().await.try_into().unwrap();
    let again = || Append { turn: Some(claim(TurnId::generate())), ..instead_of(&a1, "again") };
    let stale = Append { expected_position: Some(1), ..again() };
    let unknown = Append { version_of: Some(MessageId::generate()), ..again() };

    assert_eq!(room.append(stale).await, AppendOutcome::Conflict { position: 2 });
    assert_eq!(room.append(unknown).await, AppendOutcome::NotFound);
    let foreign = store.append(UserId::generate(), room.id, again(), moment(0)).await.unwrap();
    assert_eq!(foreign, AppendOutcome::NotFound);
    assert_eq!(room.texts().await, ["q1", "a1"]);

    let outcomes = join_all((0..10).map(|_| room.append(again()))).await;

    let stored = outcomes.iter().filter(|outcome| matches!(outcome, AppendOutcome::Stored { .. }));
    let refused = outcomes.iter().filter(|outcome| **outcome == AppendOutcome::TurnInProgress);
    assert_eq!((stored.count(), refused.count()), (1, 9));
    assert_eq!(room.texts().await, ["q1", "again"]);
}

pub async fn the_end_that_is_expected_is_that_of_the_visible_path<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1"]).await;
    let [_, a1] = room.messages().await.try_into().unwrap();
    room.append(instead_of(&a1, "again")).await;
    room.select(a1.message_id).await;
    let expecting = |position| Append {
        messages: vec![question("q2")],
        expected_position: Some(position),
        ..Append::default()
    };

    assert_eq!(room.append(expecting(3)).await, AppendOutcome::Conflict { position: 2 });
    stored(room.append(expecting(2)).await);
    store.reset(room.user_id, room.id, moment(1)).await.unwrap();
    assert_eq!(room.append(expecting(4)).await, AppendOutcome::Conflict { position: 0 });
    stored(room.append(expecting(0)).await);
}

pub async fn a_version_with_a_known_name_is_the_first_one<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &[]).await;
    let named = |append, name: &str| Append {
        client_message_id: ClientMessageId::try_from(name.to_owned()).ok(),
        ..append
    };
    let first = named(exchange("q1"), "c1");
    let [q1, a1] = stored(room.append(first.clone()).await).1.try_into().unwrap();
    let again = named(instead_of(&a1, "again"), "c2");
    let a2 = stored(room.append(again.clone()).await).1.remove(0);

    assert_eq!(room.append(again).await, AppendOutcome::Duplicate(vec![q1.clone(), a2]));
    assert_eq!(room.append(first).await, AppendOutcome::Duplicate(vec![q1, a1]));
    assert_eq!(room.texts().await, ["q1", "again"]);
}

pub async fn nothing_is_selected_while_a_turn_runs<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1"]).await;
    let [_, a1] = room.messages().await.try_into().unwrap();
    let turn = claim(TurnId::generate());
    let begun = Append {
        messages: vec![empty_answer(turn.turn_id)],
        turn: Some(turn),
        ..instead_of(&a1, "")
    };
    let answer = stored(room.append(begun).await).1.remove(0);

    let during = room.select(a1.message_id).await;
    let after_its_lease = moment(LEASE_MILLIS);
    let lapsed = store.select(room.user_id, room.id, a1.message_id, after_its_lease).await.unwrap();
    let late = AnswerUpdate { token_count: 50, ..saved(&answer, "late") };
    store.save_answer(room.id, late, after_its_lease).await.unwrap();

    assert_eq!(during, SelectOutcome::TurnInProgress);
    assert_eq!(lapsed, SelectOutcome::Visible { changed: true });
    assert_eq!(room.texts().await, ["q1", "a1"]);
    let conversation = room.conversation().await;
    assert_eq!((conversation.message_count, conversation.total_tokens), (2, 2 * 7));
    let (stranger, nothing) = (UserId::generate(), MessageId::generate());
    for (who, what) in [(stranger, answer.message_id), (room.user_id, nothing)] {
        let selected = store.select(who, room.id, what, after_its_lease).await.unwrap();
        assert_eq!(selected, SelectOutcome::NotFound);
    }
}

pub async fn a_summary_is_dropped_with_what_it_covers<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1", "q2", "a2"]).await;
    let [_, a1, q2, _] = room.messages().await.try_into().unwrap();
    let mut context = full_context();
    if let Some(summary) = &mut context.summary {
        summary.through = a1.position;
    }
    store.replace_context(room.user_id, room.id, context.clone(), 0).await.unwrap();

    room.append(exchange_instead_of(&q2, "q3")).await;
    let behind_it = store.context(room.user_id, room.id).await.unwrap().unwrap();
    room.append(instead_of(&a1, "again")).await;
    let within_it = store.context(room.user_id, room.id).await.unwrap().unwrap();

    assert_eq!(behind_it.context, context);
    assert!(behind_it.revision > 1, "who read the old path puts no summary of it in place");
    context.summary = None;
    assert_eq!(within_it.context, context);
    assert!(within_it.revision > behind_it.revision);
}

pub async fn an_answer_that_broke_off_is_taken_up_again<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1"]).await;
    let answer = room.broken_off("Bec").await;
    let (continuation, turn) = resumed(&answer, Some("c1"));
    let put_away = Edit { archived: Some(true), ..Edit::default() };
    store.edit(room.user_id, room.id, put_away, moment(0)).await.unwrap();

    let (conversation, messages) = stored(room.continue_answer(continuation.clone()).await);
    let other = room.continue_answer(resumed(&answer, None).0).await;
    let known = room.continue_answer(continuation).await;
    let update = AnswerUpdate { turn_id: turn.turn_id, ..saved(&answer, "Because.") };
    assert!(!store.save_answer(room.id, saved(&answer, "late"), moment(1)).await.unwrap());
    assert!(store.save_answer(room.id, update, moment(1)).await.unwrap());

    let taken_up = Message {
        turn_id: Some(turn.turn_id),
        status: MessageStatus::Interrupted,
        ..answer.clone()
    };
    assert_eq!(messages, std::slice::from_ref(&taken_up));
    assert_eq!((conversation.message_count, conversation.archived), (2, false));
    assert_eq!(other, AppendOutcome::TurnInProgress);
    let question = room.messages().await.remove(0);
    assert_eq!(known, AppendOutcome::Duplicate(vec![question, taken_up]));
    assert_eq!(room.texts().await, ["q1", "Because."]);
    assert_eq!(room.conversation().await.total_tokens, 7 + 3);
}

pub async fn why_an_answer_failed_is_kept_until_it_is_taken_up_again<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1"]).await;
    let (continuation, turn) = resumed(&room.broken_off("Bec").await, None);
    let answer = stored(room.continue_answer(continuation).await).1.remove(0);
    let message = "The model failed. Please try again.".to_owned();
    let error = Problem { message, code: "model_failed".to_owned() };
    let failed = AnswerUpdate {
        status: MessageStatus::Failed,
        error: Some(error.clone()),
        ..saved(&answer, "Because")
    };
    assert_eq!(answer.turn_id, Some(turn.turn_id));

    assert!(store.save_answer(room.id, failed, moment(1)).await.unwrap());
    let known = room.messages().await.remove(1);
    let taken_up = stored(room.continue_answer(resumed(&known, None).0).await).1.remove(0);
    let again = room.messages().await.remove(1);

    assert_eq!((known.status, known.error), (MessageStatus::Failed, Some(error)));
    assert_eq!((taken_up.status, taken_up.error), (MessageStatus::Interrupted, None));
    assert_eq!((again.status, again.error), (MessageStatus::Interrupted, None));
}

pub async fn only_an_unfinished_answer_at_the_end_is_taken_up<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1"]).await;
    let complete = room.messages().await.remove(1);
    let of_a_complete_one = room.continue_answer(resumed(&complete, None).0).await;
    let answer = room.broken_off("Bec").await;
    let foreign = store
        .continue_answer(UserId::generate(), room.id, resumed(&answer, None).0, moment(0))
        .await
        .unwrap();
    room.append(Append { messages: vec![question("q3")], ..Append::default() }).await;

    let not_the_last = room.continue_answer(resumed(&answer, None).0).await;

    assert_eq!(of_a_complete_one, AppendOutcome::Conflict { position: 2 });
    assert_eq!(foreign, AppendOutcome::NotFound);
    assert_eq!(not_the_last, AppendOutcome::Conflict { position: 4 });
    assert_eq!(room.messages().await[2], answer, "nothing was changed");
}

pub async fn a_summary_of_an_answer_that_goes_on_is_dropped<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1"]).await;
    let answer = room.broken_off("Bec").await;
    store.replace_context(room.user_id, room.id, full_context(), 0).await.unwrap();

    stored(room.continue_answer(resumed(&answer, None).0).await);

    let context = store.context(room.user_id, room.id).await.unwrap().unwrap();
    assert_eq!(context.context.summary, None, "it covered all up to position 40");
    assert_eq!(context.context.examples, full_context().examples);
}

pub async fn versions_go_with_a_reset<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["q1", "a1"]).await;
    let [q1, a1] = room.messages().await.try_into().unwrap();
    let a2 = stored(room.append(instead_of(&a1, "again")).await).1.remove(0);
    store.reset(room.user_id, room.id, moment(1)).await.unwrap();
    let new = stored(room.append(exchange("new")).await).1.remove(0);

    let first = store.children(room.user_id, room.id, vec![None]).await.unwrap();

    assert_eq!(first.iter().map(|one| one.message_id).collect::<Vec<_>>(), [new.message_id]);
    for gone in [&q1, &a1, &a2] {
        assert_eq!(room.select(gone.message_id).await, SelectOutcome::NotFound);
        assert_eq!(room.append(instead_of(gone, "back?")).await, AppendOutcome::NotFound);
        assert_eq!(store.message(room.user_id, room.id, gone.message_id).await.unwrap(), None);
    }
    assert_eq!(room.texts().await, ["new", "a of new"]);
}

/// Against a model in memory that knows parents only.
pub async fn whatever_is_appended_and_selected_one_path_is_visible<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let room = Room::with(store, &["root"]).await;
    let mut tree = Tree::default();
    tree.add(&room.messages().await[0]);
    for step in 0..80_usize {
        // Any order will do, as long as it is the same each time.
        let one = tree.oldest_first[step * step * 7 % tree.oldest_first.len()].clone();
        match step % 4 {
            0 => {
                room.select(one.message_id).await;
                tree.select(&one);
            }
            1 => {
                let made = stored(room.append(instead_of(&one, "version")).await).1;
                tree.add(&made[0]);
            }
            _ => {
                let next = Append { messages: vec![question("next")], ..Append::default() };
                tree.add(&stored(room.append(next).await).1[0]);
            }
        }
        let visible = room.messages().await;
        let ids: Vec<_> = visible.iter().map(|message| message.message_id).collect();
        assert_eq!(ids, tree.visible(), "after step {step}");
        let conversation = room.conversation().await;
        let count = u64::try_from(visible.len()).unwrap();
        assert_eq!((conversation.message_count, conversation.total_tokens), (count, count * 7));
    }
}

#[derive(Default)]
struct Tree {
    oldest_first: Vec<Message>,
    parents: HashMap<MessageId, Option<MessageId>>,
    end: Option<MessageId>,
}

impl Tree {
    fn add(&mut self, message: &Message) {
        self.parents.insert(message.message_id, message.parent_id);
        self.oldest_first.push(message.clone());
        self.end = Some(message.message_id);
    }

    fn select(&mut self, message: &Message) {
        if self.visible().contains(&message.message_id) {
            return;
        }
        let mut end = message.message_id;
        while let Some(newest) =
            self.oldest_first.iter().rev().find(|one| one.parent_id == Some(end))
        {
            end = newest.message_id;
        }
        self.end = Some(end);
    }

    fn visible(&self) -> Vec<MessageId> {
        let mut path: Vec<_> =
            std::iter::successors(self.end, |id| self.parents.get(id).copied().flatten()).collect();
        path.reverse();
        path
    }
}

/// One conversation of one user.
struct Room<'a, S> {
    store: &'a S,
    user_id: UserId,
    id: ConversationId,
}

impl<'a, S: Conversations> Room<'a, S> {
    /// In which these were said; an `a` at the beginning is an answer's.
    async fn with(store: &'a S, said: &[&str]) -> Self {
        let (user_id, id) = (UserId::generate(), ConversationId::generate());
        store.create(user_id, id, moment(0)).await.unwrap();
        let room = Self { store, user_id, id };
        let messages = said.iter().map(|text| message(text)).collect();
        room.append(Append { messages, ..Append::default() }).await;
        room
    }

    async fn append(&self, append: Append) -> AppendOutcome {
        self.store.append(self.user_id, self.id, append, moment(0)).await.unwrap()
    }

    async fn select(&self, message_id: MessageId) -> SelectOutcome {
        self.store.select(self.user_id, self.id, message_id, moment(5)).await.unwrap()
    }

    async fn continue_answer(&self, continuation: ContinueAnswer) -> AppendOutcome {
        self.store.continue_answer(self.user_id, self.id, continuation, moment(0)).await.unwrap()
    }

    /// Appends an answer that was stopped here, of a turn that has ended.
    async fn broken_off(&self, text: &str) -> Message {
        let answer = NewMessage {
            turn_id: Some(TurnId::generate()),
            role: Role::Assistant,
            status: MessageStatus::Stopped,
            ..question(text)
        };
        let append = Append { messages: vec![answer], ..Append::default() };
        stored(self.append(append).await).1.remove(0)
    }

    async fn conversation(&self) -> Conversation {
        self.store.find(self.user_id, self.id).await.unwrap().unwrap()
    }

    async fn messages(&self) -> Vec<Message> {
        self.store.messages(self.user_id, self.id, None, 100).await.unwrap().unwrap()
    }

    async fn texts(&self) -> Vec<String> {
        self.messages().await.into_iter().map(|message| message.content).collect()
    }

    async fn find(&self, text: &str) -> Vec<MessageId> {
        let hits = self.store.search(self.user_id, &SearchQuery::parse(text), 10).await.unwrap();
        hits.into_iter().map(|hit| hit.message_id).collect()
    }
}

fn message(text: &str) -> NewMessage {
    let role = if text.starts_with('a') { Role::Assistant } else { Role::User };
    NewMessage { role, ..question(text) }
}

fn exchange(text: &str) -> Append {
    let messages = vec![question(text), message(&format!("a of {text}"))];
    Append { messages, ..Append::default() }
}

fn exchange_instead_of(old: &Message, text: &str) -> Append {
    Append { version_of: Some(old.message_id), ..exchange(text) }
}

fn instead_of(old: &Message, text: &str) -> Append {
    let version = NewMessage { role: old.role, ..question(text) };
    Append { messages: vec![version], version_of: Some(old.message_id), ..Append::default() }
}

fn claim(turn_id: TurnId) -> TurnLease {
    TurnLease { turn_id, lease_until: moment(LEASE_MILLIS) }
}

fn resumed(answer: &Message, name: Option<&str>) -> (ContinueAnswer, TurnLease) {
    let turn = claim(TurnId::generate());
    let client_message_id = name.and_then(|name| ClientMessageId::try_from(name.to_owned()).ok());
    (ContinueAnswer { message_id: answer.message_id, client_message_id, turn }, turn)
}

fn saved(answer: &Message, content: &str) -> AnswerUpdate {
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

fn contents(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.content.as_str()).collect()
}
