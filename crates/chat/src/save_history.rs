use std::str::FromStr;

use webchat_domain::{ConversationId, Timestamp, UserId};
use webchat_persistence::StoreError;

use crate::exchange::flask;
use crate::{ChatError, Conversations};

const ENDING: &str = "_conversation_history.json";

/// How often a name is tried that somebody took in the same second.
const TRIES: u32 = 5;

/// The name of a saved conversation: `YYYYMMDD_HHMMSS_<id>_conversation_history.json`, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedName {
    moment: String,
    id: ConversationId,
}

impl SavedName {
    pub(crate) fn new(now: Timestamp, id: ConversationId) -> Self {
        Self { moment: now.compact(), id }
    }
}

impl std::fmt::Display for SavedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}{ENDING}", self.moment, self.id)
    }
}

impl FromStr for SavedName {
    type Err = ChatError;

    fn from_str(text: &str) -> Result<Self, ChatError> {
        let parts = text.strip_suffix(ENDING).and_then(|text| text.rsplit_once('_'));
        let (moment, id) = parts.ok_or(ChatError::SavedFileNotFound)?;
        let is_digits = moment.split('_').all(|part| part.bytes().all(|b| b.is_ascii_digit()));
        let id = id.parse().map_err(|_| ChatError::SavedFileNotFound)?;
        let name = Self { moment: moment.to_owned(), id };
        // An id can be written in several ways: only ours is the name of a file.
        if is_digits && name.to_string() == text {
            Ok(name)
        } else {
            Err(ChatError::SavedFileNotFound)
        }
    }
}

impl Conversations {
    /// Keeps the conversation as a file that its owner can read, and answers its name. No file is ever
    /// overwritten.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's;
    /// [`ChatError::SavedTooOften`] after several times within a second.
    pub async fn save_history(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<SavedName, ChatError> {
        let history = self.core.flask_history(user_id, id).await?;
        let content = flask::file(&history).map_err(StoreError::fault)?;
        let mut moment = self.core.ports.clock.now();
        for _ in 0..TRIES {
            let name = SavedName::new(moment, id);
            if self.core.ports.saved_files.save(&name.to_string(), content.clone()).await? {
                return Ok(name);
            }
            moment = moment.plus(std::time::Duration::from_secs(1));
        }
        Err(ChatError::SavedTooOften)
    }

    /// A saved conversation.
    ///
    /// # Errors
    /// [`ChatError::SavedFileNotFound`], also when the conversation is somebody else's or was deleted.
    pub async fn saved_history(
        &self,
        user_id: UserId,
        name: &SavedName,
    ) -> Result<Vec<u8>, ChatError> {
        if self.core.ports.conversations.find(user_id, name.id).await?.is_none() {
            return Err(ChatError::SavedFileNotFound);
        }
        let content = self.core.ports.saved_files.read(&name.to_string()).await?;
        content.ok_or(ChatError::SavedFileNotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ANSWER, QUESTION, Room};

    #[tokio::test(start_paused = true)]
    async fn what_is_saved_in_the_same_second_has_names_of_its_own() {
        let room = Room::open().await;

        let first = room.chat.conversations.save_history(room.user_id, room.id).await.unwrap();
        room.ask_and_answer(QUESTION, ANSWER).await;
        let second = room.chat.conversations.save_history(room.user_id, room.id).await.unwrap();

        let name = format!("20260102_030405_{}_conversation_history.json", room.id);
        assert_eq!(first.to_string(), name);
        assert_ne!(first, second);
        assert_eq!(
            room.chat.conversations.saved_history(room.user_id, &first).await.unwrap(),
            b"[]"
        );
        let second = room.chat.conversations.saved_history(room.user_id, &second).await.unwrap();
        for _ in 2..TRIES {
            room.chat.conversations.save_history(room.user_id, room.id).await.unwrap();
        }
        let too_often = room.chat.conversations.save_history(room.user_id, room.id).await;
        assert_eq!(too_often.unwrap_err().code(), "saved_too_often");
        assert!(String::from_utf8(second).unwrap().contains(ANSWER));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_saves_and_reads_nothing() {
        let room = Room::open().await;
        let stranger = UserId::generate();
        let name = room.chat.conversations.save_history(room.user_id, room.id).await.unwrap();

        let read = room.chat.conversations.saved_history(stranger, &name).await;
        let saved = room.chat.conversations.save_history(stranger, room.id).await;

        assert_eq!(read.unwrap_err().code(), "saved_conversation_not_found");
        assert_eq!(saved.unwrap_err().code(), "conversation_not_found");
    }

    #[test]
    fn only_names_of_ours_are_names() {
        let id = ConversationId::generate();
        for text in [
            String::new(),
            format!("{id}{ENDING}"),
            format!("../x_{id}{ENDING}"),
            format!("20260102_030405_{}{ENDING}", id.to_simple()),
            format!("20260102_030405_{id}{ENDING}/.."),
            format!("2026/102_030405_{id}{ENDING}"),
            "20260102_030405_x_conversation_history.json".to_owned(),
        ] {
            assert!(text.parse::<SavedName>().is_err(), "{text}");
        }
        let name = format!("20260102_030405_{id}{ENDING}");
        assert_eq!(name.parse::<SavedName>().unwrap().to_string(), name);
    }
}
