//! Appending messages, which may start a turn.

use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, Timestamp, UserId};
use webchat_persistence::rules::{self, NewPath};
use webchat_persistence::{Append, AppendOutcome, StoredMessage};

use super::preconditions::load_append_state;
use crate::conversations::versions::{find_node, head_position, show};
use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument};
use crate::queries::{by_owner, find_conversation, update_state};

/// Appends the messages if the preconditions are met.
pub(crate) async fn append_messages(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let found = find_conversation(&mut transaction, by_owner(user_id, id)).await?;
    let Some(conversation) = found else { return Ok(AppendOutcome::NotFound) };
    if let Err(rejected) = check(&mut transaction, &conversation, append, now).await? {
        return Ok(rejected);
    }
    let mut state = conversation.state();
    if let Some(message_id) = append.version_of {
        let found = find_node(&mut transaction, &conversation, message_id).await?;
        let Some(version_of) = found else { return Ok(AppendOutcome::NotFound) };
        let path = NewPath::before(version_of.into());
        state = show(&mut transaction, &conversation, path).await?;
    }
    let (state, messages) = rules::append_messages(state, append.clone(), now);
    update_state(&mut transaction, &state).await?;
    insert(transaction, user_id, &messages).await?;
    let messages = messages.into_iter().map(|stored| stored.message).collect();
    Ok(AppendOutcome::Stored { conversation: state.conversation, messages })
}

async fn check(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    append: &Append,
    now: Timestamp,
) -> MongoResult<Result<(), AppendOutcome>> {
    let head_position = match append.expected_position {
        Some(_) => head_position(transaction, conversation).await?,
        None => 0,
    };
    let client_message_id = append.client_message_id.as_ref();
    let loaded =
        load_append_state(transaction, conversation, client_message_id, head_position, now).await?;
    Ok(rules::check_append(append, loaded))
}

async fn insert(
    transaction: Transaction<'_>,
    user_id: UserId,
    messages: &[StoredMessage],
) -> MongoResult<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let documents = messages.iter().cloned().map(|message| MessageDocument::new(user_id, message));
    let collection = transaction.database.messages();
    collection.insert_many(documents).session(transaction.session).await?;
    Ok(())
}
