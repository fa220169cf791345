//! Histories saved as files, in the format of the Flask application that Webchat replaces.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use webchat_domain::{ConversationId, Timestamp, UserId};
use webchat_persistence::{SaveOutcome, SavedFile};

use super::service::Conversations;
use crate::error::ChatError;
use crate::formats::flask::FlaskLayout;

const SUFFIX: &str = "_conversation_history.json";

/// The maximum number of file names to try. If a name is in use, the next attempt uses a time one second later.
const MAX_ATTEMPTS: u32 = 5;

/// The maximum number of a user's saved files.
const MAX_SAVED_FILES: usize = 100;

/// The maximum total size of a user's saved files in bytes.
const MAX_SAVED_BYTES: usize = 200 * 1024 * 1024;

/// The maximum number of concurrent saves of a user. It is 1 because each save must count the bytes of the previous
/// one.
const MAX_CONCURRENT_SAVES: usize = 1;

/// The name of a saved history: `YYYYMMDD_HHMMSS_<id>_conversation_history.json`, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedHistoryName {
    saved_at: String,
    id: ConversationId,
}

impl SavedHistoryName {
    pub(crate) fn new(now: Timestamp, id: ConversationId) -> Self {
        Self { saved_at: now.compact(), id }
    }
}

impl fmt::Display for SavedHistoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}{SUFFIX}", self.saved_at, self.id)
    }
}

impl FromStr for SavedHistoryName {
    type Err = ChatError;

    fn from_str(text: &str) -> Result<Self, ChatError> {
        let parts = text.strip_suffix(SUFFIX).and_then(|text| text.rsplit_once('_'));
        let (saved_at, id) = parts.ok_or(ChatError::SavedConversationNotFound)?;
        let is_digits = saved_at.split('_').all(|part| part.bytes().all(|b| b.is_ascii_digit()));
        let id = id.parse().map_err(|_| ChatError::SavedConversationNotFound)?;
        let name = Self { saved_at: saved_at.to_owned(), id };
        // Ids can be parsed from several formats; file names contain only the canonical one.
        if is_digits && name.to_string() == text {
            Ok(name)
        } else {
            Err(ChatError::SavedConversationNotFound)
        }
    }
}

/// Returns the end of the names of a conversation's saved histories.
pub(crate) fn saved_histories_suffix(id: ConversationId) -> String {
    format!("_{id}{SUFFIX}")
}

impl Conversations {
    /// Saves the conversation's messages as a file that only its user can read, and returns the file's name.
    /// Never overwrites a file.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation;
    /// [`ChatError::TooManySavedFiles`], [`ChatError::StorageFull`] or [`ChatError::ServerStorageFull`] if a limit is
    /// reached;
    /// [`ChatError::SavedTooOften`] if the names for this second and the next few are in use.
    pub async fn save_history(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<SavedHistoryName, ChatError> {
        let _permit = self.saves.acquire_when_free(user_id, MAX_CONCURRENT_SAVES).await;
        let (free, too_large) = self.free_saved_bytes(user_id).await?;
        let mut saved_at = self.core.now();
        for _ in 0..MAX_ATTEMPTS {
            let name = SavedHistoryName::new(saved_at, id);
            let history = self.core.flask_history(user_id, id, FlaskLayout::File).await?;
            let quota = self.core.quota.clone();
            let content = history.map_ok(String::into_bytes);
            let content = content.inspect_ok(move |chunk| quota.add_saved(bytes_of(chunk.len())));
            let saved_files = &self.core.ports.saved_files;
            match saved_files.save(user_id, &name.to_string(), free, content.boxed()).await? {
                SaveOutcome::Saved => return Ok(name),
                SaveOutcome::NameTaken => saved_at = saved_at.plus(Duration::from_secs(1)),
                SaveOutcome::TooLarge => return Err(too_large),
            }
        }
        Err(ChatError::SavedTooOften)
    }

    /// Returns the maximum size of the user's next file, and the error for a larger one.
    async fn free_saved_bytes(&self, user_id: UserId) -> Result<(u64, ChatError), ChatError> {
        self.core.reserve_storage(user_id, 0).await?;
        let usage = self.core.ports.saved_files.usage(user_id).await?;
        if usage.files >= MAX_SAVED_FILES {
            return Err(too_many_saved_files());
        }
        let free_of_user = bytes_of(MAX_SAVED_BYTES).saturating_sub(usage.bytes);
        Ok(match self.core.quota.free_bytes().await? {
            Some(free) if free < free_of_user => (free, ChatError::ServerStorageFull),
            _ => (free_of_user, too_many_saved_files()),
        })
    }

    /// Deletes the saved histories of a conversation.
    pub(super) async fn delete_saved_histories(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<(), ChatError> {
        Ok(self.core.ports.saved_files.delete(user_id, &saved_histories_suffix(id)).await?)
    }

    /// Returns a saved history.
    ///
    /// # Errors
    /// [`ChatError::SavedConversationNotFound`] if there is no such file, or if its conversation was deleted or
    /// belongs to another user.
    pub async fn saved_history(
        &self,
        user_id: UserId,
        name: &SavedHistoryName,
    ) -> Result<SavedFile, ChatError> {
        if self.core.ports.conversations.find(user_id, name.id).await?.is_none() {
            return Err(ChatError::SavedConversationNotFound);
        }
        let file = self.core.ports.saved_files.read(user_id, &name.to_string()).await?;
        file.ok_or(ChatError::SavedConversationNotFound)
    }
}

fn bytes_of(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn too_many_saved_files() -> ChatError {
    ChatError::TooManySavedFiles { files: MAX_SAVED_FILES, bytes: MAX_SAVED_BYTES }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::StoredBytesLimits;
    use crate::testing::{ANSWER, QUESTION, TestChat};

    async fn read(test: &TestChat, name: &SavedHistoryName) -> String {
        let file = test.chat.conversations.saved_history(test.user_id, name).await.unwrap();
        String::from_utf8(file.content.try_concat().await.unwrap()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn saves_within_the_same_second_have_distinct_names() {
        let test = TestChat::new().await;

        let first =
            test.chat.conversations.save_history(test.user_id, test.conversation_id).await.unwrap();
        test.ask_and_answer(QUESTION, ANSWER).await;
        let second =
            test.chat.conversations.save_history(test.user_id, test.conversation_id).await.unwrap();

        let name = format!("20260102_030405_{}_conversation_history.json", test.conversation_id);
        assert_eq!(first.to_string(), name);
        assert_ne!(first, second);
        assert_eq!(read(&test, &first).await, "[]");
        let second = read(&test, &second).await;
        for _ in 2..MAX_ATTEMPTS {
            test.chat.conversations.save_history(test.user_id, test.conversation_id).await.unwrap();
        }
        let too_often =
            test.chat.conversations.save_history(test.user_id, test.conversation_id).await;
        assert_eq!(too_often.unwrap_err().code(), "saved_too_often");
        assert!(second.contains(ANSWER));
    }

    #[tokio::test(start_paused = true)]
    async fn another_user_can_neither_save_nor_read_a_history() {
        let test = TestChat::new().await;
        let other_user = UserId::generate();
        let name =
            test.chat.conversations.save_history(test.user_id, test.conversation_id).await.unwrap();

        let read = test.chat.conversations.saved_history(other_user, &name).await;
        let saved = test.chat.conversations.save_history(other_user, test.conversation_id).await;

        assert_eq!(read.err().unwrap().code(), "saved_conversation_not_found");
        assert_eq!(saved.unwrap_err().code(), "conversation_not_found");
    }

    #[tokio::test(start_paused = true)]
    async fn saved_histories_are_limited_and_deleted_with_their_conversation() {
        let test = TestChat::new().await;
        let conversations = &test.chat.conversations;
        let mut last = None;
        for _ in 0..MAX_SAVED_FILES {
            test.clock.advance(Duration::from_secs(1));
            last =
                Some(conversations.save_history(test.user_id, test.conversation_id).await.unwrap());
        }
        test.clock.advance(Duration::from_secs(1));

        let too_many = conversations.save_history(test.user_id, test.conversation_id).await;
        conversations.delete(test.user_id, test.conversation_id).await.unwrap();
        let id = conversations.start(test.user_id, None).await.unwrap().conversation_id;
        let after_deletion = conversations.save_history(test.user_id, id).await;

        assert_eq!(too_many.unwrap_err().code(), "storage_full");
        assert!(after_deletion.is_ok());
        let files = &test.chat.core.ports.saved_files;
        let deleted = files.read(test.user_id, &last.unwrap().to_string()).await.unwrap();
        assert!(deleted.is_none());
        assert_eq!(files.usage(test.user_id).await.unwrap().files, 1);
    }

    #[tokio::test]
    async fn concurrent_saves_of_a_user_do_not_exceed_the_limit() {
        let test = TestChat::new().await;
        let conversations = &test.chat.conversations;
        for _ in 1..MAX_SAVED_FILES {
            test.clock.advance(Duration::from_secs(1));
            conversations.save_history(test.user_id, test.conversation_id).await.unwrap();
        }
        test.clock.advance(Duration::from_secs(1));

        let saves = (0..5).map(|_| conversations.save_history(test.user_id, test.conversation_id));
        let saves = join_all(saves).await;

        assert_eq!(saves.iter().filter(|save| save.is_ok()).count(), 1);
        let usage = test.chat.core.ports.saved_files.usage(test.user_id).await.unwrap();
        assert_eq!(usage.files, MAX_SAVED_FILES);
    }

    #[tokio::test]
    async fn saved_histories_count_towards_the_limit_of_all_users() {
        const LIMIT: u64 = 8 * 1024 * 1024;
        let total = StoredBytesLimits { total: Some(LIMIT), ..StoredBytesLimits::default() };
        let test = TestChat::with_settings(|settings| settings.max_stored_bytes = total).await;
        test.append_message(&"x ".repeat(512 * 1024)).await;
        // The new instance reads the sum of the stored bytes again.
        let test = test.restarted();
        let save = async || {
            test.clock.advance(Duration::from_secs(1));
            test.chat.conversations.save_history(test.user_id, test.conversation_id).await
        };

        let mut saved = 0;
        let refused = loop {
            match save().await {
                Ok(_) => saved += 1,
                Err(error) => break error,
            }
        };

        assert!(matches!(refused, ChatError::ServerStorageFull), "{refused:?}");
        assert!((2..8).contains(&saved), "{saved}");
        let ports = &test.chat.core.ports;
        let stored = ports.transfer.stored_bytes().await.unwrap();
        assert!(stored + ports.saved_files.stored_bytes().await.unwrap() <= LIMIT);
    }

    #[test]
    fn only_canonical_names_are_parsed() {
        let id = ConversationId::generate();
        for text in [
            String::new(),
            format!("{id}{SUFFIX}"),
            format!("../x_{id}{SUFFIX}"),
            format!("20260102_030405_{}{SUFFIX}", id.to_simple()),
            format!("20260102_030405_{id}{SUFFIX}/.."),
            format!("2026/102_030405_{id}{SUFFIX}"),
            "20260102_030405_x_conversation_history.json".to_owned(),
        ] {
            assert!(text.parse::<SavedHistoryName>().is_err(), "{text}");
        }
        let name = format!("20260102_030405_{id}{SUFFIX}");
        assert_eq!(name.parse::<SavedHistoryName>().unwrap().to_string(), name);
    }
}
