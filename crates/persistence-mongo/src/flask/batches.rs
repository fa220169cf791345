use futures_util::TryStreamExt;
use mongodb::Cursor;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::Hint;
use webchat_persistence::StoreError;

use crate::MongoDatabase;
use crate::definitions::CONVERSATIONS;

/// How many documents are carried over at a time.
const DOCUMENTS: usize = 250;

/// How long they may be together, in bytes, unless it is a single one: that may have 16 MB.
const BYTES: usize = 4 * 1024 * 1024;

/// Documents in the Flask application's form.
pub(super) fn old() -> Document {
    let never_carried_over = doc! { "schema": { "$exists": false } };
    let written_again = doc! { "conversation_history": { "$exists": true } };
    doc! { "$or": [never_carried_over, written_again] }
}

/// All of these documents, in the order of their ids, some at a time.
pub(super) struct Batches<'a> {
    database: &'a MongoDatabase,
    found: Cursor<RawDocumentBuf>,
    /// The first document of the next batch.
    next: Option<RawDocumentBuf>,
}

impl<'a> Batches<'a> {
    pub(super) async fn of(database: &'a MongoDatabase) -> Result<Self, StoreError> {
        let conversations = database.raw().collection::<RawDocumentBuf>(CONVERSATIONS);
        let in_order = conversations.find(old()).sort(doc! { "_id": 1 });
        // The order of an index, so that no server has to sort whole conversations.
        let found = database.answer(in_order.hint(Hint::Keys(doc! { "_id": 1 }))).await?;
        Ok(Self { database, found, next: None })
    }

    /// `None` when there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<RawDocumentBuf>>, StoreError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(document) = self.next_document().await? {
            bytes += document.as_bytes().len();
            if batch.len() == DOCUMENTS || !batch.is_empty() && bytes > BYTES {
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
        self.database.answer(self.found.try_next()).await
    }
}
