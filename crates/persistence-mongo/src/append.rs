use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use mongodb::options::ReturnDocument;
use webchat_domain::{ConversationId, Timestamp, UserId};
use webchat_persistence::rules::{self, AppendEffect, NewPath, Placement};
use webchat_persistence::{Append, AppendOutcome};

use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument, date, long};
use crate::preconditions::append_state;
use crate::queries::{find_conversation, owned, without_context};
use crate::versions::{self, head_position};

pub(crate) async fn append(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let Some(mut conversation) = find_conversation(&mut transaction, owned(user_id, id)).await?
    else {
        return Ok(AppendOutcome::NotFound);
    };
    let head_position = match append.expected_position {
        Some(_) => head_position(&mut transaction, &conversation).await?,
        None => 0,
    };
    let name = append.client_message_id.as_ref();
    let state = append_state(&mut transaction, &conversation, name, head_position, now).await?;
    if let Err(rejected) = rules::check_append(append, state) {
        return Ok(rejected);
    }
    if let Some(message_id) = append.version_of {
        let found = versions::find_node(&mut transaction, &conversation, message_id).await?;
        let Some(version_of) = found else { return Ok(AppendOutcome::NotFound) };
        let path = NewPath::to(version_of.parent_id);
        versions::show(&mut transaction, &conversation, path).await?;
        conversation.head = version_of.parent_id;
    }
    store(transaction, conversation, append, now).await
}

async fn store(
    transaction: Transaction<'_>,
    conversation: ConversationDocument,
    append: &Append,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let placement = Placement {
        conversation_id: conversation.conversation_id,
        head: conversation.head,
        last_position: conversation.last_position,
    };
    let (new, name) = (append.messages.clone(), append.client_message_id.clone());
    let messages = rules::build_messages(placement, new, name);
    let effect = AppendEffect::of(append, conversation.title.as_ref(), &messages);
    let conversations = transaction.database.conversations();
    let changed = conversations
        .find_one_and_update(
            owned(conversation.user_id, conversation.conversation_id),
            change(&effect, now),
        )
        .projection(without_context())
        .return_document(ReturnDocument::After)
        .session(&mut *transaction.session)
        .await?;
    let Some(changed) = changed else {
        return Ok(AppendOutcome::NotFound);
    };
    if !messages.is_empty() {
        let user_id = conversation.user_id;
        let documents = messages.iter().cloned().map(|one| MessageDocument::new(user_id, one));
        transaction
            .database
            .messages()
            .insert_many(documents)
            .session(&mut *transaction.session)
            .await?;
    }
    Ok(AppendOutcome::Stored {
        conversation: changed.into(),
        messages: messages.into_iter().map(|stored| stored.message).collect(),
    })
}

fn change(effect: &AppendEffect, now: Timestamp) -> Document {
    let mut set = doc! { "updated_at": date(now) };
    if let Some(title) = &effect.title {
        set.insert("title", title.as_str());
    }
    if let Some(head) = effect.head {
        set.insert("head", head.to_string());
    }
    if let Some(turn) = effect.turn {
        set.insert("running_turn", turn.turn_id.to_string());
        set.insert("lease_until", date(turn.lease_until));
    }
    let count = long(effect.message_count);
    let tokens = long(effect.total_tokens);
    let mut change = doc! {
        "$set": set,
        "$inc": { "message_count": count, "last_position": count, "total_tokens": tokens },
    };
    if effect.turn.is_some() {
        change.insert("$unset", doc! { "archived": "" });
    }
    change
}
