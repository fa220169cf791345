//! Streams complete conversations, with one page of messages at a time in memory.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::{ConversationTransfer, StoreError, StoredConversation, StoredMessage};

use crate::error::ChatError;
use crate::formats::flask::{FlaskLayout, FlaskWriter};
use crate::runtime::core::Core;

/// The number of messages that are read from the store at a time.
pub(crate) const PAGE_SIZE: u32 = 50;

/// The content of an exported file. The stream ends with an error if reading fails.
pub type ExportStream = BoxStream<'static, Result<String, StoreError>>;

impl Core {
    /// Streams the messages and few-shot examples of a user's conversation in the Flask application's format.
    pub(crate) async fn flask_history(
        &self,
        user_id: UserId,
        id: ConversationId,
        layout: FlaskLayout,
    ) -> Result<ExportStream, ChatError> {
        let found = self.ports.transfer.conversation_of(user_id, id).await?;
        let stored = found.ok_or(ChatError::ConversationNotFound)?;
        Ok(flask_file(&self.ports.transfer, stored, layout))
    }
}

/// Streams a stored conversation in the Flask application's format.
pub(crate) fn flask_file(
    transfer: &Arc<dyn ConversationTransfer>,
    stored: StoredConversation,
    layout: FlaskLayout,
) -> ExportStream {
    let pages = message_pages(transfer, &stored).boxed();
    let writer = FlaskWriter::new(layout, stored.context.examples);
    stream::try_unfold(Some((writer, pages)), async |state| {
        let Some((mut writer, mut pages)) = state else { return Ok(None) };
        Ok(Some(match pages.try_next().await? {
            Some(page) => {
                let text = writer.write(page).map_err(StoreError::fault)?;
                (text, Some((writer, pages)))
            }
            None => (writer.finish().map_err(StoreError::fault)?, None),
        }))
    })
    .boxed()
}

/// Streams the messages of a conversation, page by page. The stream ends early if the conversation is deleted.
pub(crate) fn message_pages(
    transfer: &Arc<dyn ConversationTransfer>,
    stored: &StoredConversation,
) -> impl Stream<Item = Result<Vec<StoredMessage>, StoreError>> + Send + use<> {
    let (user_id, id) = (stored.user_id, stored.conversation.conversation_id);
    let transfer = Arc::clone(transfer);
    stream::try_unfold(0, move |after| {
        let transfer = Arc::clone(&transfer);
        async move {
            let page =
                transfer.messages_of(user_id, id, after, PAGE_SIZE).await?.unwrap_or_default();
            let last_position = page.last().map(|stored| stored.message.position);
            Ok(last_position.map(|position| (page, position)))
        }
    })
}
