//! Contract tests of [`ConversationTransfer`] for the operator's commands.
#![expect(missing_docs, reason = "the test names describe the contract")]

use webchat_domain::{
    ClientMessageId, ConversationId, JobStatus, MessageId, RunId, SearchQuery, UserId,
};

use crate::testing::fixtures::{full_context, id_of, moment, question, sample, stored_file};
use crate::{
    Append, AppendOutcome, Contexts, ConversationTransfer, Conversations, FileJobs, SelectOutcome,
    StoredConversation, StoredMessage, Totals,
};

pub async fn a_store_is_read_completely_page_by_page<S>(store: &S)
where
    S: Conversations + Contexts + ConversationTransfer,
{
    let (one, other) = (fill(store).await, fill(store).await);
    store.replace_context(one.user_id, one.id, full_context(), 0).await.unwrap();

    let first = store.conversations_after(None, 1).await.unwrap().remove(0);
    let second = store.conversations_after(Some(id_of(&first)), 9).await.unwrap().remove(0);
    let none = store.conversations_after(Some(id_of(&second)), 9).await.unwrap();
    let newer = store.messages_of(one.user_id, one.id, 1, 9).await.unwrap().unwrap();

    assert_eq!(store.totals().await.unwrap(), Totals { conversations: 2, messages: 6 });
    let found = if id_of(&first) == one.id { &first } else { &second };
    assert_eq!(found.user_id, one.user_id);
    assert_eq!(found.context, full_context());
    assert_eq!(found.last_position, 3);
    let mut ids = [one.id, other.id];
    ids.sort();
    assert_eq!([id_of(&first), id_of(&second)], ids);
    assert_eq!(none, []);
    assert_eq!(newer.iter().map(|stored| stored.message.position).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(newer.last().map(|last| last.message.message_id), found.head);
    let oldest: Vec<_> = store.messages_of(one.user_id, one.id, 0, 1).await.unwrap().unwrap();
    assert_eq!(oldest[0].client_message_id, ClientMessageId::try_from("c1".to_owned()).ok());
}

pub async fn a_conversation_that_is_put_is_returned_unchanged<S>(store: &S)
where
    S: Conversations + Contexts + ConversationTransfer,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));

    put(store, &conversation, &messages).await;

    assert_eq!(
        store.conversations_after(None, 9).await.unwrap(),
        std::slice::from_ref(&conversation)
    );
    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), messages);
    assert_eq!(store.find(user_id, id).await.unwrap(), Some(conversation.conversation));
    let visible = store.messages(user_id, id, None, 9).await.unwrap().unwrap();
    assert_eq!(visible, [messages[0].message.clone()], "expected only the visible message");
    let context = store.context(user_id, id).await.unwrap().unwrap();
    assert_eq!(context.context, full_context());
    let hits = store.search(user_id, &SearchQuery::parse("tide"), 9).await.unwrap();
    assert_eq!(hits.len(), 1);
}

pub async fn a_conversation_that_is_put_twice_is_stored_once<S>(store: &S)
where
    S: Conversations + Contexts + ConversationTransfer,
{
    let (mut conversation, messages) = sample();

    put(store, &conversation, &messages).await;
    conversation.conversation.archived = false;
    put(store, &conversation, &messages).await;

    assert_eq!(store.totals().await.unwrap(), Totals { conversations: 1, messages: 2 });
    assert_eq!(
        store.conversations_after(None, 9).await.unwrap(),
        std::slice::from_ref(&conversation)
    );
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap().unwrap(), messages);
}

pub async fn a_conversation_that_was_put_can_be_appended_to<S>(store: &S)
where
    S: Conversations + Contexts + ConversationTransfer,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    put(store, &conversation, &messages).await;

    let append = Append { messages: vec![question("next")], ..Append::default() };
    let appended = store.append(user_id, id, append, moment(9)).await.unwrap();

    let AppendOutcome::Stored { messages: next, .. } = appended else { panic!("{appended:?}") };
    assert_eq!(next[0].position, conversation.last_position + 1);
    assert_eq!(next[0].parent_id, conversation.head);
}

pub async fn a_version_that_was_put_can_be_selected<S>(store: &S)
where
    S: Conversations + Contexts + ConversationTransfer,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    put(store, &conversation, &messages).await;

    let hidden = messages[1].message.clone();
    let selected = store.select(user_id, id, hidden.message_id, moment(9)).await.unwrap();

    assert_eq!(selected, SelectOutcome::Visible { changed: true });
    let visible = store.messages(user_id, id, None, 9).await.unwrap().unwrap();
    assert_eq!(visible, [messages[0].message.clone(), hidden]);
    assert_eq!(store.find(user_id, id).await.unwrap().unwrap().message_count, 2);
}

pub async fn a_file_job_that_was_put_continues_where_it_stopped<S>(store: &S)
where
    S: Conversations + FileJobs + ConversationTransfer,
{
    let (conversation, _) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    store.put_conversation(conversation).await.unwrap();
    let mut files = [stored_file(user_id, id, 1), stored_file(user_id, id, 2)];
    files.sort_by_key(|file| file.job.job_id);
    files[0].job.status = JobStatus::Complete;
    files[0].job.message_id = Some(MessageId::generate());
    files[0].text = None;

    for file in files.iter().chain(&files) {
        store.put_file_job(file.clone()).await.unwrap();
    }
    let first = store.file_jobs_after(id, None, 1).await.unwrap();
    let second = store.file_jobs_after(id, Some(first[0].job.job_id), 9).await.unwrap();
    let of_other_conversation =
        store.file_jobs_after(ConversationId::generate(), None, 9).await.unwrap();
    let taken = store.lease_job(RunId::generate(), moment(5), moment(9)).await.unwrap().unwrap();
    let nothing_more = store.lease_job(RunId::generate(), moment(5), moment(9)).await.unwrap();

    assert_eq!([first, second].concat(), files);
    assert_eq!(of_other_conversation, []);
    let [_, unfinished] = files;
    assert_eq!(
        (taken.user_id, taken.job, Some(taken.analysis)),
        (user_id, unfinished.job, unfinished.text)
    );
    assert_eq!(nothing_more, None);
}

struct Filled {
    user_id: UserId,
    id: ConversationId,
}

/// Stores a conversation of three messages.
async fn fill(store: &impl Conversations) -> Filled {
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    store.create(user_id, id, moment(0)).await.unwrap();
    let append = Append {
        messages: vec![question("one"), question("two"), question("three")],
        client_message_id: ClientMessageId::try_from("c1".to_owned()).ok(),
        ..Append::default()
    };
    store.append(user_id, id, append, moment(1)).await.unwrap();
    Filled { user_id, id }
}

async fn put(
    store: &impl ConversationTransfer,
    conversation: &StoredConversation,
    messages: &[StoredMessage],
) {
    store.put_conversation(conversation.clone()).await.unwrap();
    store.put_messages(conversation.user_id, messages.to_vec()).await.unwrap();
}
