//! Helpers of this suite.

use webchat_domain::{
    ClientMessageId, Conversation, ConversationId, NewMessage, SearchQuery, Title, TurnId, UserId,
};

use crate::testing::fixtures::{empty_answer, moment, question, unwrap_stored};
use crate::{
    AbandonedTurn, Append, AppendOutcome, ArchiveFilter, ClaimScope, Conversations, Edit,
    EditOutcome, ListOrder, TurnLease,
};

pub(super) type Store = dyn Conversations;

/// The length of a turn's lease.
pub(super) const TURN_LEASE_MILLIS: i64 = 10_000;

/// The length of a claim's lease.
pub(super) const CLAIM_MILLIS: i64 = 5_000;

/// Claims expired turns, and those whose end has been unpublished for the length of a lease.
pub(super) async fn claim(store: &Store, at: i64) -> Vec<AbandonedTurn> {
    let (now, unpublished_since) = (moment(at), moment(at - TURN_LEASE_MILLIS));
    store
        .claim_expired_turns(ClaimScope::ALL, now, unpublished_since, moment(at + CLAIM_MILLIS), 10)
        .await
        .unwrap()
}

pub(super) async fn create_conversation(store: &Store, user_id: UserId) -> ConversationId {
    let id = ConversationId::generate();
    store.create(user_id, id, moment(0)).await.unwrap();
    id
}

pub(super) async fn append(
    store: &Store,
    user_id: UserId,
    id: ConversationId,
    append: Append,
) -> AppendOutcome {
    store.append(user_id, id, append, moment(0)).await.unwrap()
}

pub(super) async fn append_text(store: &Store, user_id: UserId, id: ConversationId, text: &str) {
    unwrap_stored(append(store, user_id, id, single_message(text)).await);
}

pub(super) async fn append_number(store: &Store, user_id: UserId, id: ConversationId, number: u64) {
    append_text(store, user_id, id, &number.to_string()).await;
}

pub(super) fn single_message(text: &str) -> Append {
    Append { messages: vec![question(text)], ..Append::default() }
}

pub(super) fn turn_append(turn_id: TurnId, text: &str) -> Append {
    let question = NewMessage { turn_id: Some(turn_id), ..question(text) };
    Append {
        messages: vec![question, empty_answer(turn_id)],
        turn: Some(TurnLease { turn_id, lease_until: moment(TURN_LEASE_MILLIS) }),
        ..Append::default()
    }
}

/// Returns an append of a turn's messages with a client message id, but without a lease, so that the next turn can
/// follow.
pub(super) fn with_client_message_id(text: &str, client_message_id: &str) -> Append {
    Append {
        client_message_id: Some(ClientMessageId::try_from(client_message_id.to_owned()).unwrap()),
        turn: None,
        ..turn_append(TurnId::generate(), text)
    }
}

pub(super) fn title(text: &str) -> Title {
    Title::try_from(text.to_owned()).unwrap()
}

pub(super) fn renaming(text: &str) -> Edit {
    Edit { title: Some(title(text)), ..Edit::default() }
}

pub(super) fn archiving(archived: bool) -> Edit {
    Edit { archived: Some(archived), ..Edit::default() }
}

pub(super) async fn edit(
    store: &Store,
    user_id: UserId,
    id: ConversationId,
    edit: Edit,
) -> Conversation {
    match store.edit(user_id, id, edit).await.unwrap() {
        EditOutcome::Stored(conversation) => conversation,
        other => panic!("not stored: {other:?}"),
    }
}

pub(super) async fn texts(store: &Store, user_id: UserId, id: ConversationId) -> Vec<String> {
    let messages = store.messages(user_id, id, None, 100).await.unwrap().unwrap();
    messages.into_iter().map(|message| message.content).collect()
}

/// Returns the texts of the hits, best first. They are short enough to be complete in the snippets.
pub(super) async fn search(store: &Store, user_id: UserId, text: &str) -> Vec<String> {
    let hits = store.search(user_id, &SearchQuery::parse(text), 10).await.unwrap();
    hits.iter().map(|hit| hit.snippet.iter().map(|part| part.text.as_str()).collect()).collect()
}

pub(super) async fn all_pages(
    store: &Store,
    user_id: UserId,
    filter: ArchiveFilter,
    order: ListOrder,
) -> Vec<ConversationId> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(user_id, filter, order, after, 2).await.unwrap();
        ids.extend(page.items.iter().map(|conversation| conversation.conversation_id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}
