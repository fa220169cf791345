//! Copies everything that one store holds into another.

use thiserror::Error;
use webchat_domain::{ConversationId, JobId, UserId};
use webchat_persistence::{
    ConversationArchive, StoreError, StoredConversation, StoredFileJob, StoredMessage, Totals,
};

/// The number of conversations or messages per read, which bounds the memory of a copy.
const PAGE: u32 = 100;

/// Why a copy failed.
#[derive(Debug, Error)]
pub enum CopyError {
    /// One of the stores failed. Run the copy again to continue: what is copied already stays.
    #[error("{0}; run it again to go on")]
    Store(#[from] StoreError),
    /// The check at the end found a conversation that differs.
    #[error("the copy of the conversation {0} is not as the original: was it changed meanwhile?")]
    Different(ConversationId),
}

/// Copies all conversations with their messages and files from one store to another, and compares them at
/// the end, message by message. What the other store holds already stays. An interrupted copy can be run
/// again.
///
/// `progress` is called after each conversation with the totals so far. No server may use the stores
/// meanwhile.
///
/// # Errors
/// See [`CopyError`].
pub async fn copy(
    from: &dyn ConversationArchive,
    to: &dyn ConversationArchive,
    mut progress: impl FnMut(Totals),
) -> Result<Totals, CopyError> {
    let mut copied = Totals { conversations: 0, messages: 0 };
    let mut conversations = Pages::of(from);
    while let Some(conversation) = conversations.next().await? {
        let (user_id, id) = (conversation.user_id, id_of(&conversation));
        to.put_conversation(conversation).await?;
        let mut after = 0;
        loop {
            let messages = from.messages_of(user_id, id, after, PAGE).await?.unwrap_or_default();
            let Some(last) = messages.last() else { break };
            after = last.message.position;
            copied.messages += u64::try_from(messages.len()).unwrap_or(u64::MAX);
            to.put_messages(user_id, messages).await?;
        }
        let mut files = Files::of(from, id);
        while let Some(file) = files.next().await? {
            to.put_file_job(file).await?;
        }
        copied.conversations += 1;
        progress(copied);
    }
    check(from, to).await?;
    Ok(copied)
}

async fn check(
    from: &dyn ConversationArchive,
    to: &dyn ConversationArchive,
) -> Result<(), CopyError> {
    let (mut originals, mut copies) = (Pages::of(from), Pages::of(to));
    while let Some(original) = originals.next().await? {
        let (user_id, id) = (original.user_id, id_of(&original));
        let copy = loop {
            match copies.next().await? {
                // The other store may hold additional conversations.
                Some(copy) if id_of(&copy) < id => {}
                copy => break copy,
            }
        };
        let is_same = copy == Some(original)
            && same_messages(from, to, user_id, id).await?
            && same_files(from, to, id).await?;
        if !is_same {
            return Err(CopyError::Different(id));
        }
    }
    Ok(())
}

async fn same_messages(
    from: &dyn ConversationArchive,
    to: &dyn ConversationArchive,
    user_id: UserId,
    id: ConversationId,
) -> Result<bool, StoreError> {
    let mut after = 0;
    loop {
        let originals: Vec<StoredMessage> =
            from.messages_of(user_id, id, after, PAGE).await?.unwrap_or_default();
        let copies = to.messages_of(user_id, id, after, PAGE).await?.unwrap_or_default();
        if copies != originals {
            return Ok(false);
        }
        let Some(last) = originals.last() else { return Ok(true) };
        after = last.message.position;
    }
}

async fn same_files(
    from: &dyn ConversationArchive,
    to: &dyn ConversationArchive,
    id: ConversationId,
) -> Result<bool, StoreError> {
    let (mut originals, mut copies) = (Files::of(from, id), Files::of(to, id));
    loop {
        let original = originals.next().await?;
        if copies.next().await? != original {
            return Ok(false);
        }
        if original.is_none() {
            return Ok(true);
        }
    }
}

/// The files of a conversation, read one by one, as each may have the maximum size.
struct Files<'a> {
    store: &'a dyn ConversationArchive,
    id: ConversationId,
    after: Option<JobId>,
}

impl<'a> Files<'a> {
    fn of(store: &'a dyn ConversationArchive, id: ConversationId) -> Self {
        Self { store, id, after: None }
    }

    async fn next(&mut self) -> Result<Option<StoredFileJob>, StoreError> {
        let next = self.store.file_jobs_after(self.id, self.after, 1).await?.pop();
        self.after = next.as_ref().map(|file| file.job.job_id).or(self.after);
        Ok(next)
    }
}

/// All conversations of a store, read page by page.
struct Pages<'a> {
    store: &'a dyn ConversationArchive,
    after: Option<ConversationId>,
    page: std::vec::IntoIter<StoredConversation>,
}

impl<'a> Pages<'a> {
    fn of(store: &'a dyn ConversationArchive) -> Self {
        Self { store, after: None, page: Vec::new().into_iter() }
    }

    async fn next(&mut self) -> Result<Option<StoredConversation>, StoreError> {
        if self.page.as_slice().is_empty() {
            self.page = self.store.conversations_after(self.after, PAGE).await?.into_iter();
        }
        let next = self.page.next();
        self.after = next.as_ref().map(id_of).or(self.after);
        Ok(next)
    }
}

fn id_of(stored: &StoredConversation) -> ConversationId {
    stored.conversation.conversation_id
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use webchat_domain::{
        FileJob, JobStatus, MessageId, MessageStatus, NewMessage, Role, SystemPrompt, UserId,
    };
    use webchat_persistence::{Append, Contexts, Conversations, FileJobs, NewFileJob};
    use webchat_persistence_sqlite::SqliteStore;

    use super::*;
    use crate::testing::START;

    async fn store() -> (SqliteStore, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("webchat.db")).await.unwrap();
        (store, folder)
    }

    /// A conversation of this many messages.
    async fn converse(store: &SqliteStore, messages: usize) -> (UserId, ConversationId) {
        let (user_id, id) = (UserId::generate(), ConversationId::generate());
        store.create(user_id, id, START).await.unwrap();
        let messages = (0..messages).map(|number| said(&number.to_string())).collect();
        let append = Append { messages, ..Append::default() };
        store.append(user_id, id, append, START).await.unwrap();
        (user_id, id)
    }

    async fn put_file(
        store: &SqliteStore,
        user_id: UserId,
        conversation_id: ConversationId,
    ) -> JobId {
        let job_id = JobId::generate();
        let job = FileJob {
            job_id,
            conversation_id,
            file_name: "tides.txt".to_owned().into(),
            size_bytes: 5,
            token_count: 1,
            status: JobStatus::Running,
            done: 0,
            of: 1,
            error: None,
            created_at: START,
            message_id: None,
        };
        let new = NewFileJob { job, text: "tides".to_owned(), part_ends: vec![5], max_kept: 9 };
        store.create_job(user_id, new).await.unwrap();
        job_id
    }

    fn said(content: &str) -> NewMessage {
        NewMessage {
            message_id: MessageId::generate(),
            turn_id: None,
            role: Role::User,
            content: content.to_owned(),
            token_count: 1,
            status: MessageStatus::Complete,
            created_at: START,
        }
    }

    #[tokio::test]
    async fn everything_is_copied_and_existing_data_stays() {
        let ((from, _folder), (to, _other_folder)) = (store().await, store().await);
        let mut ids = Vec::new();
        for messages in [0, 1, 100, 250] {
            ids.push(converse(&from, messages).await);
        }
        let (user_id, id) = ids[0];
        let files = [put_file(&from, user_id, id).await, put_file(&from, user_id, id).await];
        let there_before = converse(&to, 3).await;
        let mut told = Vec::new();

        let copied = copy(&from, &to, |so_far| told.push(so_far)).await.unwrap();
        let again = copy(&from, &to, |_| {}).await.unwrap();

        assert_eq!(copied, Totals { conversations: 4, messages: 351 });
        assert_eq!(again, copied);
        assert_eq!(told.len(), 4);
        assert_eq!(told.last(), Some(&copied));
        for (user_id, id) in ids {
            let original = from.messages(user_id, id, None, 999).await.unwrap();
            assert!(original.is_some());
            assert_eq!(to.messages(user_id, id, None, 999).await.unwrap(), original);
        }
        assert_eq!(to.totals().await.unwrap(), Totals { conversations: 5, messages: 354 });
        assert_eq!(to.jobs(user_id, id, 9).await.unwrap().unwrap().len(), files.len());
        let (user_id, id) = there_before;
        assert_eq!(to.messages(user_id, id, None, 9).await.unwrap().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_copy_that_differs_from_its_original_is_detected() {
        let ((from, _folder), (to, _other_folder)) = (store().await, store().await);
        let (user_id, id) = converse(&from, 120).await;
        copy(&from, &to, |_| {}).await.unwrap();
        assert!(matches!(check(&from, &to).await, Ok(())));

        let one_more = Append { messages: vec![said("more")], ..Append::default() };
        to.append(user_id, id, one_more, START).await.unwrap();

        let found = check(&from, &to).await;
        assert!(matches!(found, Err(CopyError::Different(found)) if found == id), "{found:?}");
    }

    #[tokio::test]
    async fn a_file_that_differs_from_its_original_is_detected() {
        let ((from, _folder), (to, _other_folder)) = (store().await, store().await);
        let (user_id, id) = converse(&from, 1).await;
        let job = put_file(&from, user_id, id).await;
        copy(&from, &to, |_| {}).await.unwrap();

        to.cancel_job(user_id, id, job).await.unwrap();

        assert!(matches!(check(&from, &to).await, Err(CopyError::Different(_))));
    }

    #[tokio::test]
    async fn a_changed_context_is_detected() {
        let ((from, _folder), (to, _other_folder)) = (store().await, store().await);
        let (user_id, id) = converse(&from, 1).await;
        copy(&from, &to, |_| {}).await.unwrap();
        let mut context = to.context(user_id, id).await.unwrap().unwrap();
        let prompt = SystemPrompt { text: "Other".to_owned(), token_count: 1 };
        context.context.system_prompt = Some(prompt);

        to.replace_context(user_id, id, context.context, context.revision).await.unwrap();

        assert!(matches!(check(&from, &to).await, Err(CopyError::Different(_))));
    }
}
