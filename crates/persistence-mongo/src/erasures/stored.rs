//! Counting and erasing what the database has of a user.

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use webchat_domain::{ErasedCounts, UserId};
use webchat_persistence::{StoreError, TokenScope};

use crate::database::{LONG_READ_TIME, MAX_DOCUMENTS, MongoDatabase, READ_TIME};
use crate::documents::{current_schema_filter, flask_schema_filter};
use crate::flask_migration::stored_user_ids;
use crate::schema::{
    ACCOUNTS, API_KEYS, BACKUP, CONVERSATIONS, DAILY_TOKENS, FILE_JOBS, IDENTITIES, MESSAGES,
    REMOVALS, USERS,
};

pub(super) async fn count(
    database: &MongoDatabase,
    user_id: UserId,
) -> Result<ErasedCounts, StoreError> {
    let count = async |collection: &str, filter: Document| {
        let documents = database.raw().collection::<Document>(collection);
        database.run(documents.count_documents(filter).max_time(LONG_READ_TIME)).await
    };
    let mut conversations = current_schema_filter();
    conversations.insert("user_id", user_id.to_string());
    Ok(ErasedCounts {
        conversations: count(CONVERSATIONS, conversations).await?,
        messages: count(MESSAGES, by_user(user_id)).await?,
        files: count(FILE_JOBS, by_user(user_id)).await?,
        saved_files: 0,
        api_keys: count(API_KEYS, by_user(user_id)).await?,
        identities: count(IDENTITIES, by_user(user_id)).await?,
    })
}

/// Erases the documents of a user, the account last. All messages of the user belong to conversations that are deleted,
/// or to an import that was refused.
pub(super) async fn erase(database: &MongoDatabase, user_id: UserId) -> Result<(), StoreError> {
    for collection in [MESSAGES, REMOVALS, API_KEYS, IDENTITIES, USERS] {
        delete_all(database, collection, by_user(user_id)).await?;
    }
    let scope = TokenScope::User(user_id);
    let counts = doc! { "scope": scope.name(), "key": scope.key() };
    delete_all(database, DAILY_TOKENS, counts).await?;
    erase_flask_documents(database, user_id).await?;
    delete_all(database, ACCOUNTS, by_user(user_id)).await
}

/// Deletes the documents of the Flask application: those in the backup, and those that could not be converted.
async fn erase_flask_documents(
    database: &MongoDatabase,
    user_id: UserId,
) -> Result<(), StoreError> {
    for stored_id in stored_user_ids(database, user_id).await? {
        let of_user = doc! { "user_id": stored_id };
        delete_all(database, BACKUP, of_user.clone()).await?;
        let unconverted = doc! { "$and": [of_user, flask_schema_filter()] };
        delete_all(database, CONVERSATIONS, unconverted).await?;
    }
    Ok(())
}

/// Deletes documents in batches.
async fn delete_all(
    database: &MongoDatabase,
    collection: &str,
    filter: Document,
) -> Result<(), StoreError> {
    let documents = database.raw().collection::<Document>(collection);
    loop {
        let find = async {
            let batch = documents.find(filter.clone()).projection(doc! { "_id": 1 });
            let batch = batch.limit(MAX_DOCUMENTS.into()).max_time(READ_TIME);
            batch.await?.try_collect::<Vec<Document>>().await
        };
        let batch = database.run(find).await?;
        let ids: Vec<Bson> =
            batch.into_iter().filter_map(|mut found| found.remove("_id")).collect();
        if ids.is_empty() {
            return Ok(());
        }
        database.run(documents.delete_many(doc! { "_id": { "$in": ids } })).await?;
    }
}

fn by_user(user_id: UserId) -> Document {
    doc! { "user_id": user_id.to_string() }
}
