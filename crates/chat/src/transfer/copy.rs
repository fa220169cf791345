//! Copies all conversations, and the settings of all users, of one store to another.

use thiserror::Error;
use webchat_domain::{AccountName, ConversationId, JobId, Timestamp, UserId};
use webchat_persistence::{
    ConversationTransfer, StoreError, StoredConversation, StoredFileJob, StoredMessage, Totals,
    UserSettingsStore,
};

/// The page size when conversations, messages or settings are read, which bounds the memory of a copy.
pub(super) const PAGE_SIZE: u32 = 100;

/// The reason why a copy failed.
#[derive(Debug, Error)]
pub enum CopyError {
    /// One of the stores failed. The conversations copied so far are kept, and running the copy again continues it.
    #[error("{0}; run the copy again to continue it")]
    Store(#[from] StoreError),
    /// The final comparison found a difference.
    #[error("the copy of conversation {0} differs from the original: was one of them changed?")]
    Different(ConversationId),
    /// The target has another account with this name.
    #[error("the target already has another account named {0}: remove one of them first")]
    NameTaken(AccountName),
    /// The target's settings of a user changed during the copy.
    #[error("the settings of user {0} changed during the copy: is a server using the target?")]
    Changed(UserId),
}

/// Copies all conversations with their messages and files from one store to another, then compares them message by
/// message. Existing conversations of the target are kept. An interrupted copy can be run again. Calls `progress`
/// after each conversation with the current totals. No server may use the stores during the copy.
///
/// # Errors
/// See [`CopyError`].
pub async fn copy(
    from: &dyn ConversationTransfer,
    to: &dyn ConversationTransfer,
    mut progress: impl FnMut(Totals),
) -> Result<Totals, CopyError> {
    let mut totals = Totals { conversations: 0, messages: 0 };
    let mut conversations = ConversationReader::new(from);
    while let Some(conversation) = conversations.next().await? {
        let (user_id, id) = (conversation.user_id, id_of(&conversation));
        to.put_conversation(conversation).await?;
        let mut after = 0;
        loop {
            let messages =
                from.messages_of(user_id, id, after, PAGE_SIZE).await?.unwrap_or_default();
            let Some(last) = messages.last() else { break };
            after = last.message.position;
            totals.messages += u64::try_from(messages.len()).unwrap_or(u64::MAX);
            to.put_messages(user_id, messages).await?;
        }
        let mut files = FileReader::new(from, id);
        while let Some(file) = files.next().await? {
            to.put_file_job(file).await?;
        }
        totals.conversations += 1;
        progress(totals);
    }
    compare(from, to).await?;
    Ok(totals)
}

/// Copies the settings of all users from one store to another. They replace those of the target. Users that the target
/// does not know are recorded as active `now`. An interrupted copy can be run again.
///
/// # Errors
/// See [`CopyError`].
pub async fn copy_user_settings(
    from: &dyn UserSettingsStore,
    to: &dyn UserSettingsStore,
    now: Timestamp,
) -> Result<(), CopyError> {
    let mut after = None;
    loop {
        let page = from.user_settings_after(after, PAGE_SIZE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        for (user_id, settings) in page {
            let existing = to.user_settings(user_id).await?;
            let is_same = existing.settings == settings;
            let revision = existing.revision;
            if !is_same && !to.replace_user_settings(user_id, settings, revision, now).await? {
                return Err(CopyError::Changed(user_id));
            }
        }
    }
}

/// Checks that the target contains the same conversations, messages and files.
async fn compare(
    from: &dyn ConversationTransfer,
    to: &dyn ConversationTransfer,
) -> Result<(), CopyError> {
    let (mut originals, mut copies) = (ConversationReader::new(from), ConversationReader::new(to));
    while let Some(original) = originals.next().await? {
        let (user_id, id) = (original.user_id, id_of(&original));
        let copy = loop {
            match copies.next().await? {
                // The target may have other conversations too.
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
    from: &dyn ConversationTransfer,
    to: &dyn ConversationTransfer,
    user_id: UserId,
    id: ConversationId,
) -> Result<bool, StoreError> {
    let mut after = 0;
    loop {
        let originals: Vec<StoredMessage> =
            from.messages_of(user_id, id, after, PAGE_SIZE).await?.unwrap_or_default();
        let copies = to.messages_of(user_id, id, after, PAGE_SIZE).await?.unwrap_or_default();
        if copies != originals {
            return Ok(false);
        }
        let Some(last) = originals.last() else { return Ok(true) };
        after = last.message.position;
    }
}

async fn same_files(
    from: &dyn ConversationTransfer,
    to: &dyn ConversationTransfer,
    id: ConversationId,
) -> Result<bool, StoreError> {
    let (mut originals, mut copies) = (FileReader::new(from, id), FileReader::new(to, id));
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

/// Reads the files of a conversation one by one, because each may have the maximum size.
struct FileReader<'a> {
    store: &'a dyn ConversationTransfer,
    id: ConversationId,
    after: Option<JobId>,
}

impl<'a> FileReader<'a> {
    fn new(store: &'a dyn ConversationTransfer, id: ConversationId) -> Self {
        Self { store, id, after: None }
    }

    async fn next(&mut self) -> Result<Option<StoredFileJob>, StoreError> {
        let next = self.store.file_jobs_after(self.id, self.after, 1).await?.pop();
        self.after = next.as_ref().map(|file| file.job.job_id).or(self.after);
        Ok(next)
    }
}

/// Reads all conversations of a store page by page.
struct ConversationReader<'a> {
    store: &'a dyn ConversationTransfer,
    after: Option<ConversationId>,
    page: std::vec::IntoIter<StoredConversation>,
}

impl<'a> ConversationReader<'a> {
    fn new(store: &'a dyn ConversationTransfer) -> Self {
        Self { store, after: None, page: Vec::new().into_iter() }
    }

    async fn next(&mut self) -> Result<Option<StoredConversation>, StoreError> {
        if self.page.as_slice().is_empty() {
            self.page = self.store.conversations_after(self.after, PAGE_SIZE).await?.into_iter();
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
    use webchat_domain::{FileJob, JobStatus, NewMessage, SystemPrompt, UserId, UserSettings};
    use webchat_persistence::{Append, Contexts, Conversations, FileJobs, NewFileJob};
    use webchat_persistence_sqlite::SqliteStore;

    use super::*;
    use crate::testing::START;

    async fn new_store() -> (SqliteStore, TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        (store, dir)
    }

    /// Creates a conversation with this many messages.
    async fn create_conversation(store: &SqliteStore, messages: usize) -> (UserId, ConversationId) {
        let (user_id, id) = (UserId::generate(), ConversationId::generate());
        store.create(user_id, id, START).await.unwrap();
        let messages = (0..messages).map(|number| message(&number.to_string())).collect();
        let append = Append { messages, ..Append::default() };
        store.append(user_id, id, append, START).await.unwrap();
        (user_id, id)
    }

    async fn create_file(
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
            parts_done: 0,
            part_count: 1,
            error: None,
            created_at: START,
            message_id: None,
            question_id: None,
            instructions: None,
        };
        let new =
            NewFileJob { job, text: "tides".to_owned(), part_ends: vec![5], max_unfinished: 9 };
        store.create_job(user_id, new).await.unwrap();
        job_id
    }

    fn message(content: &str) -> NewMessage {
        NewMessage { content: content.to_owned(), ..NewMessage::fixture() }
    }

    #[tokio::test]
    async fn all_conversations_are_copied_and_existing_ones_are_kept() {
        let ((from, _dir), (to, _other_dir)) = (new_store().await, new_store().await);
        let mut ids = Vec::new();
        for messages in [0, 1, 100, 250] {
            ids.push(create_conversation(&from, messages).await);
        }
        let (user_id, id) = ids[0];
        let files = [create_file(&from, user_id, id).await, create_file(&from, user_id, id).await];
        let existing = create_conversation(&to, 3).await;
        let mut progress = Vec::new();

        let copied = copy(&from, &to, |totals| progress.push(totals)).await.unwrap();
        let second_copy = copy(&from, &to, |_| {}).await.unwrap();

        assert_eq!(copied, Totals { conversations: 4, messages: 351 });
        assert_eq!(second_copy, copied);
        assert_eq!(progress.len(), 4);
        assert_eq!(progress.last(), Some(&copied));
        for (user_id, id) in ids {
            let original = from.messages(user_id, id, None, 999).await.unwrap();
            assert!(original.is_some());
            assert_eq!(to.messages(user_id, id, None, 999).await.unwrap(), original);
        }
        assert_eq!(to.totals().await.unwrap(), Totals { conversations: 5, messages: 354 });
        assert_eq!(to.list_jobs(user_id, id, 9).await.unwrap().unwrap().len(), files.len());
        let (user_id, id) = existing;
        assert_eq!(to.messages(user_id, id, None, 9).await.unwrap().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn the_settings_of_all_users_replace_those_of_the_target() {
        let ((from, _dir), (to, _other_dir)) = (new_store().await, new_store().await);
        let settings = |text: &str| UserSettings {
            system_prompt: Some(SystemPrompt { text: text.to_owned(), token_count: 1 }),
        };
        let users: Vec<UserId> = (0..250).map(|_| UserId::generate()).collect();
        for user_id in &users {
            from.replace_user_settings(*user_id, settings("Tides"), 0, START).await.unwrap();
        }
        for user_id in [users[0], UserId::generate()] {
            to.replace_user_settings(user_id, settings("Moons"), 0, START).await.unwrap();
        }

        copy_user_settings(&from, &to, START).await.unwrap();
        copy_user_settings(&from, &to, START).await.unwrap();

        let copies = to.user_settings_after(None, 999).await.unwrap();
        assert_eq!(copies.len(), users.len() + 1);
        for user_id in users {
            assert_eq!(to.user_settings(user_id).await.unwrap().settings, settings("Tides"));
        }
    }

    #[tokio::test]
    async fn the_comparison_finds_a_conversation_with_an_additional_message() {
        let ((from, _dir), (to, _other_dir)) = (new_store().await, new_store().await);
        let (user_id, id) = create_conversation(&from, 120).await;
        copy(&from, &to, |_| {}).await.unwrap();
        assert!(matches!(compare(&from, &to).await, Ok(())));

        let append = Append { messages: vec![message("more")], ..Append::default() };
        to.append(user_id, id, append, START).await.unwrap();

        let result = compare(&from, &to).await;
        assert!(matches!(result, Err(CopyError::Different(found)) if found == id), "{result:?}");
    }

    #[tokio::test]
    async fn the_comparison_finds_a_changed_file() {
        let ((from, _dir), (to, _other_dir)) = (new_store().await, new_store().await);
        let (user_id, id) = create_conversation(&from, 1).await;
        let job = create_file(&from, user_id, id).await;
        copy(&from, &to, |_| {}).await.unwrap();

        to.cancel_job(user_id, id, job).await.unwrap();

        assert!(matches!(compare(&from, &to).await, Err(CopyError::Different(_))));
    }

    #[tokio::test]
    async fn the_comparison_finds_a_changed_context() {
        let ((from, _dir), (to, _other_dir)) = (new_store().await, new_store().await);
        let (user_id, id) = create_conversation(&from, 1).await;
        copy(&from, &to, |_| {}).await.unwrap();
        let mut context = to.context(user_id, id).await.unwrap().unwrap();
        let prompt = SystemPrompt { text: "Other".to_owned(), token_count: 1 };
        context.context.system_prompt = Some(prompt);

        to.replace_context(user_id, id, context.context, context.revision).await.unwrap();

        assert!(matches!(compare(&from, &to).await, Err(CopyError::Different(_))));
    }
}
