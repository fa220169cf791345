//! Exports conversations as streamed files.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use webchat_domain::{ConversationId, Timestamp, UserId};
use webchat_persistence::{ConversationTransfer, Cursor, StoreError, StoredConversation};

use super::service::Transfer;
pub use crate::conversations::export_stream::ExportStream;
use crate::conversations::export_stream::{PAGE_SIZE, flask_file, message_pages};
use crate::conversations::saved_history::SavedHistoryName;
use crate::error::ChatError;
use crate::formats::flask::FlaskLayout;
use crate::formats::{is_visible_text, markdown, native};

/// The formats in which a conversation can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// The complete conversation, which can be imported again.
    Json,
    /// The visible path in a human-readable form.
    Markdown,
    /// The format that the Flask application's `save_history` writes.
    Flask,
}

/// An exported file. Its content is generated as it is read.
pub struct ExportedFile {
    /// The file name, which is valid in all file systems.
    pub name: String,
    /// The format.
    pub format: ExportFormat,
    /// The content. If the export fails, the stream ends with an error and the file is incomplete.
    pub content: ExportStream,
}

impl Transfer {
    /// Exports one conversation.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn export_conversation(
        &self,
        user_id: UserId,
        id: ConversationId,
        format: ExportFormat,
    ) -> Result<ExportedFile, ChatError> {
        let transfer = Arc::clone(&self.core.ports.transfer);
        let found = transfer.conversation_of(user_id, id).await?;
        let stored = found.ok_or(ChatError::ConversationNotFound)?;
        let now = self.core.now();
        let name = |extension| format!("webchat-{}-{id}.{extension}", now.compact());
        let (name, content) = match format {
            ExportFormat::Json => {
                let conversations = stream::once(async { Ok(stored) }).boxed();
                (name("json"), json_file(transfer, conversations, None, false))
            }
            ExportFormat::Markdown => (name("md"), markdown_file(&transfer, stored)),
            ExportFormat::Flask => (
                SavedHistoryName::new(now, id).to_string(),
                flask_file(&transfer, stored, FlaskLayout::File),
            ),
        };
        Ok(ExportedFile { name, format, content })
    }

    /// Exports the user's account, if there is one, and all of the user's conversations, oldest first.
    ///
    /// # Errors
    /// When the account can't be read.
    pub async fn export_all(&self, user_id: UserId) -> Result<ExportedFile, ChatError> {
        let name = file_name(self.core.now());
        let account = self.core.account_record(user_id).await?;
        let transfer = Arc::clone(&self.core.ports.transfer);
        let conversations = conversations_of(Arc::clone(&transfer), user_id).boxed();
        let content = json_file(transfer, conversations, account.as_deref(), false);
        Ok(ExportedFile { name, format: ExportFormat::Json, content })
    }

    /// Streams the messages and few-shot examples as the Flask application's response to
    /// `/load_conversation`.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn flask_history(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<ExportStream, ChatError> {
        self.core.flask_history(user_id, id, FlaskLayout::Response).await
    }
}

/// Returns the file name of an export of several conversations.
fn file_name(now: Timestamp) -> String {
    format!("webchat-{}.json", now.compact())
}

/// Exports all of a user's conversations as JSON.
pub fn export_user(transfer: Arc<dyn ConversationTransfer>, user_id: UserId) -> ExportStream {
    let conversations = conversations_of(Arc::clone(&transfer), user_id).boxed();
    json_file(transfer, conversations, None, false)
}

/// Exports the conversations of all users as JSON, each with its user's id. Only the operator may do this.
pub fn export_all_users(transfer: Arc<dyn ConversationTransfer>) -> ExportStream {
    let source = Arc::clone(&transfer);
    let conversations = stream::try_unfold(None, move |after| {
        let transfer = Arc::clone(&source);
        async move {
            let page = transfer.conversations_after(after, PAGE_SIZE).await?;
            let last = page.last().map(|last| last.conversation.conversation_id);
            Ok::<_, StoreError>(last.map(|last| (stream::iter(page).map(Ok), Some(last))))
        }
    });
    json_file(transfer, conversations.try_flatten().boxed(), None, true)
}

fn conversations_of(
    transfer: Arc<dyn ConversationTransfer>,
    user_id: UserId,
) -> impl Stream<Item = Result<StoredConversation, StoreError>> + Send {
    stream::try_unfold(None, move |after| {
        let transfer = Arc::clone(&transfer);
        async move {
            let page = transfer.conversations_of(user_id, after, PAGE_SIZE).await?;
            let last = page.last().map(|last| Cursor {
                at: last.conversation.created_at,
                id: last.conversation.conversation_id,
            });
            Ok::<_, StoreError>(last.map(|last| (stream::iter(page).map(Ok), Some(last))))
        }
    })
    .try_flatten()
}

type ConversationStream = BoxStream<'static, Result<StoredConversation, StoreError>>;

fn json_file(
    transfer: Arc<dyn ConversationTransfer>,
    conversations: ConversationStream,
    account: Option<&str>,
    with_user_id: bool,
) -> ExportStream {
    let bodies = conversations
        .enumerate()
        .map(move |(number, stored)| {
            Ok::<_, StoreError>(json_conversation(&transfer, &stored?, number == 0, with_user_id))
        })
        .try_flatten();
    let opening = native::opening(account);
    let opening = stream::once(async { Ok(opening) });
    let closing = stream::once(async { Ok(native::CLOSING.to_owned()) });
    opening.chain(bodies).chain(closing).boxed()
}

fn json_conversation(
    transfer: &Arc<dyn ConversationTransfer>,
    stored: &StoredConversation,
    is_first: bool,
    with_user_id: bool,
) -> ExportStream {
    let separator = if is_first { "" } else { native::SEPARATOR };
    let start = native::start_of_conversation(stored, with_user_id).map_err(StoreError::fault);
    let start = start.map(|start| format!("{separator}{start}"));
    let pages = message_pages(transfer, stored).enumerate().map(|(number, page)| {
        let lines = native::messages(page?).map_err(StoreError::fault)?;
        Ok(if number == 0 { lines } else { format!("{}{lines}", native::SEPARATOR) })
    });
    let end = stream::once(async { Ok(native::END_OF_CONVERSATION.to_owned()) });
    stream::once(async { start }).chain(pages).chain(end).boxed()
}

fn markdown_file(
    transfer: &Arc<dyn ConversationTransfer>,
    stored: StoredConversation,
) -> ExportStream {
    let pages = message_pages(transfer, &stored).map_ok(|page| {
        let visible = page.iter().filter(|stored| is_visible_text(stored));
        visible.map(|stored| markdown::message(&stored.message)).collect()
    });
    stream::once(async move { Ok(markdown::header(&stored)) }).chain(pages).boxed()
}
