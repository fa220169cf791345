use std::sync::Arc;

use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use webchat_domain::{ConversationId, Timestamp, UserId};
use webchat_persistence::{
    ConversationArchive, Cursor, StoreError, StoredConversation, StoredMessage,
};

use crate::core::Core;
use crate::exchange::{flask, json, markdown};
use crate::{ChatError, SavedName, Transfer};

/// Messages, and conversations, read at a time: what an export holds in memory.
const PAGE: u32 = 50;

/// The forms in which a conversation can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// All of it, to be imported again.
    Json,
    /// What is on the visible path, for people.
    Markdown,
    /// What the Flask application's `save_history` writes.
    Flask,
}

/// A file that is made while it is read.
pub struct ExportedFile {
    /// A name for it, which is safe in every file system.
    pub name: String,
    /// What is in it.
    pub format: ExportFormat,
    /// Its content, part by part. An error is its end: what came before is no whole file.
    pub content: ExportStream,
}

/// The content of a file, part by part.
pub type ExportStream = BoxStream<'static, Result<String, StoreError>>;

impl Transfer {
    /// One conversation. All of its messages are in memory for [`ExportFormat::Flask`], else a page of
    /// them.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn export_conversation(
        &self,
        user_id: UserId,
        id: ConversationId,
        format: ExportFormat,
    ) -> Result<ExportedFile, ChatError> {
        let archive = Arc::clone(&self.core.ports.archive);
        let found = archive.conversation_of(user_id, id).await?;
        let stored = found.ok_or(ChatError::ConversationNotFound)?;
        let now = self.core.ports.clock.now();
        let name = |ending| format!("webchat-{}-{id}.{ending}", now.compact());
        let (name, parts) = match format {
            ExportFormat::Json => {
                let one = stream::once(async { Ok(stored) }).boxed();
                (name("json"), json_file(archive, one, false))
            }
            ExportFormat::Markdown => (name("md"), markdown_file(&archive, stored)),
            ExportFormat::Flask => {
                let file = flask::file(&self.flask_history(user_id, id).await?);
                let file = file.map_err(StoreError::fault)?;
                let text = String::from_utf8(file).map_err(StoreError::fault);
                (SavedName::new(now, id).to_string(), stream::once(async { text }).boxed())
            }
        };
        Ok(ExportedFile { name, format, content: parts })
    }

    /// All of the owner's conversations, the ones that were started first in front.
    #[must_use]
    pub fn export_all(&self, user_id: UserId) -> ExportedFile {
        let name = file_name(self.core.ports.clock.now());
        let parts = export_user(Arc::clone(&self.core.ports.archive), user_id);
        ExportedFile { name, format: ExportFormat::Json, content: parts }
    }

    /// The messages as the Flask application shows and saves them.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn flask_history(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Vec<flask::FlaskMessage>, ChatError> {
        self.core.flask_history(user_id, id).await
    }
}

impl Core {
    pub(crate) async fn flask_history(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Vec<flask::FlaskMessage>, ChatError> {
        let messages = self.all_messages(user_id, id).await?;
        let examples = self.stored_context(user_id, id).await?.context.examples;
        Ok(flask::history(messages, examples))
    }
}

/// A name for an export of several conversations.
fn file_name(now: Timestamp) -> String {
    format!("webchat-{}.json", now.compact())
}

/// All of a user's conversations, as JSON.
pub fn export_user(archive: Arc<dyn ConversationArchive>, user_id: UserId) -> ExportStream {
    let conversations = conversations_of(Arc::clone(&archive), user_id).boxed();
    json_file(archive, conversations, false)
}

/// The conversations of all users, each with the one whose it is, as JSON: for the operator alone.
pub fn export_all_users(archive: Arc<dyn ConversationArchive>) -> ExportStream {
    let pages = Arc::clone(&archive);
    let all = stream::try_unfold(None, move |after| {
        let archive = Arc::clone(&pages);
        async move {
            let page = archive.conversations_after(after, PAGE).await?;
            let last = page.last().map(|last| last.conversation.conversation_id);
            Ok::<_, StoreError>(last.map(|last| (stream::iter(page).map(Ok), Some(last))))
        }
    });
    json_file(archive, all.try_flatten().boxed(), true)
}

fn conversations_of(
    archive: Arc<dyn ConversationArchive>,
    user_id: UserId,
) -> impl Stream<Item = Result<StoredConversation, StoreError>> + Send {
    stream::try_unfold(None, move |after| {
        let archive = Arc::clone(&archive);
        async move {
            let page = archive.conversations_of(user_id, after, PAGE).await?;
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
    archive: Arc<dyn ConversationArchive>,
    conversations: ConversationStream,
    with_owner: bool,
) -> ExportStream {
    let bodies = conversations
        .enumerate()
        .map(move |(number, stored)| {
            Ok::<_, StoreError>(json_conversation(&archive, &stored?, number == 0, with_owner))
        })
        .try_flatten();
    let opening = stream::once(async { Ok(json::OPENING.to_owned()) });
    let closing = stream::once(async { Ok(json::CLOSING.to_owned()) });
    opening.chain(bodies).chain(closing).boxed()
}

fn json_conversation(
    archive: &Arc<dyn ConversationArchive>,
    stored: &StoredConversation,
    is_first: bool,
    with_owner: bool,
) -> ExportStream {
    let between = if is_first { "" } else { json::BETWEEN };
    let head = json::head(stored, with_owner).map_err(StoreError::fault);
    let head = head.map(|head| format!("{between}{head}"));
    let pages = message_pages(archive, stored).enumerate().map(|(number, page)| {
        let lines = json::messages(page?).map_err(StoreError::fault)?;
        Ok(if number == 0 { lines } else { format!("{}{lines}", json::BETWEEN) })
    });
    let end = stream::once(async { Ok(json::END_OF_CONVERSATION.to_owned()) });
    stream::once(async { head }).chain(pages).chain(end).boxed()
}

fn markdown_file(
    archive: &Arc<dyn ConversationArchive>,
    stored: StoredConversation,
) -> ExportStream {
    let pages = message_pages(archive, &stored).map_ok(|page| {
        let visible = page.iter().filter(|one| one.active && !one.message.content.is_empty());
        visible.map(|one| markdown::message(&one.message)).collect()
    });
    stream::once(async move { Ok(markdown::head(&stored)) }).chain(pages).boxed()
}

/// A conversation that is deleted meanwhile ends there.
fn message_pages(
    archive: &Arc<dyn ConversationArchive>,
    stored: &StoredConversation,
) -> impl Stream<Item = Result<Vec<StoredMessage>, StoreError>> + Send + use<> {
    let (user_id, id) = (stored.user_id, stored.conversation.conversation_id);
    let archive = Arc::clone(archive);
    stream::try_unfold(0, move |after| {
        let archive = Arc::clone(&archive);
        async move {
            let page = archive.messages_of(user_id, id, after, PAGE).await?.unwrap_or_default();
            let last = page.last().map(|last| last.message.position);
            Ok(last.map(|last| (page, last)))
        }
    })
}
