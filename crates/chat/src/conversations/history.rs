//! A whole conversation as a stream, of which one page at a time is in memory.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::{ConversationArchive, StoreError, StoredConversation, StoredMessage};

use crate::error::ChatError;
use crate::formats::flask::{FlaskLayout, FlaskWriter};
use crate::runtime::core::Core;

/// The page size when the messages of a conversation are read.
pub(crate) const PAGE_SIZE: u32 = 50;

/// The content of a file in chunks. If it can't be completed, the stream ends with an error.
pub type ExportStream = BoxStream<'static, Result<String, StoreError>>;

impl Core {
    /// Streams the messages and few-shot examples in the Flask application's format.
    pub(crate) async fn flask_history(
        &self,
        user_id: UserId,
        id: ConversationId,
        layout: FlaskLayout,
    ) -> Result<ExportStream, ChatError> {
        let found = self.ports.archive.conversation_of(user_id, id).await?;
        let stored = found.ok_or(ChatError::ConversationNotFound)?;
        Ok(flask_file(&self.ports.archive, stored, layout))
    }
}

/// Streams a conversation in the Flask application's format.
pub(crate) fn flask_file(
    archive: &Arc<dyn ConversationArchive>,
    stored: StoredConversation,
    layout: FlaskLayout,
) -> ExportStream {
    let pages = message_pages(archive, &stored).boxed();
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

/// Streams the messages page by page. The stream ends early if the conversation is deleted.
pub(crate) fn message_pages(
    archive: &Arc<dyn ConversationArchive>,
    stored: &StoredConversation,
) -> impl Stream<Item = Result<Vec<StoredMessage>, StoreError>> + Send + use<> {
    let (user_id, id) = (stored.user_id, stored.conversation.conversation_id);
    let archive = Arc::clone(archive);
    stream::try_unfold(0, move |after| {
        let archive = Arc::clone(&archive);
        async move {
            let page =
                archive.messages_of(user_id, id, after, PAGE_SIZE).await?.unwrap_or_default();
            let last = page.last().map(|last| last.message.position);
            Ok(last.map(|last| (page, last)))
        }
    })
}
