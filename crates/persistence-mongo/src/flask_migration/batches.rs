//! Reads the documents to migrate in batches.

use futures_util::TryStreamExt;
use mongodb::Cursor;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::Hint;
use webchat_persistence::StoreError;

use crate::database::MongoDatabase;
use crate::documents::current_schema_filter;
use crate::schema::CONVERSATIONS;

/// The maximum number of documents in a batch.
const MAX_DOCUMENTS: usize = 250;

/// The maximum length of a batch, in bytes. A longer document, which may have 16 MiB, is the only one of its batch.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Matches the documents in the Flask application's format.
pub(super) fn legacy_documents() -> Document {
    let never_migrated = doc! { "$nor": [current_schema_filter()] };
    let modified_afterwards = doc! { "conversation_history": { "$exists": true } };
    doc! { "$or": [never_migrated, modified_afterwards] }
}

/// The batches of these documents, ordered by `_id`.
pub(super) struct Batches<'a> {
    database: &'a MongoDatabase,
    cursor: Cursor<RawDocumentBuf>,
    /// The first document of the next batch.
    next: Option<RawDocumentBuf>,
}

impl<'a> Batches<'a> {
    pub(super) async fn open(database: &'a MongoDatabase) -> Result<Self, StoreError> {
        let conversations = database.raw().collection::<RawDocumentBuf>(CONVERSATIONS);
        let in_order = conversations.find(legacy_documents()).sort(doc! { "_id": 1 });
        // The order of an index, so that no server has to sort whole conversations.
        let cursor = database.run(in_order.hint(Hint::Keys(doc! { "_id": 1 }))).await?;
        Ok(Self { database, cursor, next: None })
    }

    /// Returns the next batch, or `None` when there are no more documents.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<RawDocumentBuf>>, StoreError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(document) = self.next_document().await? {
            bytes += document.as_bytes().len();
            if batch.len() == MAX_DOCUMENTS || !batch.is_empty() && bytes > MAX_BYTES {
                self.next = Some(document);
                break;
            }
            batch.push(document);
        }
        Ok(Some(batch).filter(|batch| !batch.is_empty()))
    }

    async fn next_document(&mut self) -> Result<Option<RawDocumentBuf>, StoreError> {
        if self.next.is_some() {
            return Ok(self.next.take());
        }
        self.database.run(self.cursor.try_next()).await
    }
}
