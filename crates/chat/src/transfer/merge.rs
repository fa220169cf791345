//! Stores an imported conversation. If it already exists, adds the messages that are new.

use std::collections::HashSet;

use webchat_domain::{MessageId, UserId};
use webchat_persistence::{StoreError, StoredConversation};

use super::import_target::{ImportError, ImportTarget, run_blocking};
use crate::formats::imported_conversation::ImportedConversation;

/// The page size when the messages of an existing conversation are read.
const PAGE_SIZE: u32 = 500;

/// What was stored.
pub(super) enum Added {
    /// A new conversation with this many messages.
    New(u64),
    /// This many messages of an existing conversation.
    Messages(u64),
    Nothing,
}

/// Stores a conversation, or the messages that the existing conversation does not have. A title that the user changed
/// and messages that were written here are kept.
pub(super) async fn add(
    target: &ImportTarget,
    user_id: UserId,
    imported: ImportedConversation,
) -> Result<Added, ImportError> {
    match find(target, user_id, &imported).await? {
        None => insert(target, user_id, imported).await,
        Some(existing) => {
            let known = message_ids(target, &existing).await?;
            if imported.is_same_as(&existing, &known) {
                return merge_into(target, existing, known, imported).await;
            }
            // The existing conversation is another one, whose file used the same id.
            let other = imported.with_id_of_content();
            match find(target, user_id, &other).await? {
                None => insert(target, user_id, other).await,
                Some(_) => Ok(Added::Nothing),
            }
        }
    }
}

async fn find(
    target: &ImportTarget,
    user_id: UserId,
    imported: &ImportedConversation,
) -> Result<Option<StoredConversation>, StoreError> {
    for id in imported.candidate_ids(user_id) {
        let found = target.transfer.conversation_of(user_id, id).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

async fn message_ids(
    target: &ImportTarget,
    existing: &StoredConversation,
) -> Result<HashSet<MessageId>, StoreError> {
    let (user_id, id) = (existing.user_id, existing.conversation.conversation_id);
    let (mut ids, mut after) = (HashSet::new(), 0);
    loop {
        let page = target.transfer.messages_of(user_id, id, after, PAGE_SIZE).await?;
        let page = page.unwrap_or_default();
        let Some(last) = page.last() else { return Ok(ids) };
        after = last.message.position;
        ids.extend(page.iter().map(|stored| stored.message.message_id));
    }
}

async fn insert(
    target: &ImportTarget,
    user_id: UserId,
    imported: ImportedConversation,
) -> Result<Added, ImportError> {
    reserve(target, user_id, imported.bytes()).await?;
    let tokens = target.tokens;
    let (conversation, messages) =
        run_blocking(move || imported.assign_to(user_id, |text| tokens.count(text))).await?;
    let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
    let is_new = target.transfer.insert_with_messages(conversation, messages).await?;
    Ok(if is_new { Added::New(count) } else { Added::Nothing })
}

async fn merge_into(
    target: &ImportTarget,
    existing: StoredConversation,
    known: HashSet<MessageId>,
    imported: ImportedConversation,
) -> Result<Added, ImportError> {
    let (user_id, id) = (existing.user_id, existing.conversation.conversation_id);
    let new = imported.new_messages(id, &known);
    if new.is_empty() {
        return Ok(Added::Nothing);
    }
    let bytes = new.iter().map(|stored| stored.message.text_bytes()).sum::<usize>();
    reserve(target, user_id, u64::try_from(bytes).unwrap_or(u64::MAX)).await?;
    let tokens = target.tokens;
    let count_tokens = move || {
        let mut new = new;
        for stored in &mut new {
            stored.message.token_count = tokens.count(&stored.message.content);
        }
        new
    };
    let new = run_blocking(count_tokens).await?;
    let added = target.transfer.add_messages(user_id, id, new).await?;
    Ok(if added > 0 { Added::Messages(added) } else { Added::Nothing })
}

async fn reserve(target: &ImportTarget, user_id: UserId, bytes: u64) -> Result<(), ImportError> {
    match &target.quota {
        Some(quota) => quota.reserve(user_id, bytes).await.map_err(ImportError::StorageFull),
        None => Ok(()),
    }
}
