//! Separates the documents that can be migrated from those that can't.

use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use serde::Deserialize;
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{ConversationId, MessageId};
use webchat_persistence::StoreError;

use super::blocking::blocking;
use super::converted::Candidate;
use super::ids;
use super::legacy::{LegacyConversation, document_id, id_text};
use super::report::Skipped;
use super::skip_reason::SkipReason;
use crate::database::MongoDatabase;
use crate::documents::is_current;
use crate::schema::{CONVERSATIONS, MESSAGES};

/// The separated documents.
#[derive(Default)]
pub(super) struct Partition {
    pub(super) candidates: Vec<Candidate>,
    pub(super) skipped: Vec<Skipped>,
}

/// One of the documents with the same `conversation_id`.
struct DocumentWithId {
    /// Its `_id`, as text.
    document: String,
    /// Its `conversation_id`, as it is stored.
    stored_id: String,
    is_migrated: bool,
}

/// Parses the documents.
pub(super) async fn parse(documents: Vec<RawDocumentBuf>) -> Result<Partition, StoreError> {
    blocking(move || {
        let mut partition = Partition::default();
        for document in documents {
            let id = document_id(&document);
            match LegacyConversation::parse(&document) {
                Ok(legacy) => partition.candidates.push(Candidate { id, document, legacy }),
                Err(reason) => partition.skipped.push(Skipped::new(&id, reason)),
            }
        }
        partition
    })
    .await
}

impl Partition {
    /// Skips the candidates whose id belongs to another document.
    pub(super) async fn without_duplicates(
        self,
        database: &MongoDatabase,
    ) -> Result<Self, StoreError> {
        let documents = find_documents_by_id(database, &self.candidates).await?;
        Ok(self.skip(|candidate| {
            let id = candidate.legacy.conversation_id;
            let first = documents.get(&id)?.iter().min_by_key(|document| rank(document, id))?;
            (first.document != candidate.id.to_string())
                .then(|| SkipReason::DuplicateConversationId(first.document.clone()))
        }))
    }

    /// Skips the candidates whose id is used by messages that no migration wrote.
    pub(super) async fn without_ids_in_use(
        self,
        database: &MongoDatabase,
    ) -> Result<Self, StoreError> {
        let ids = self.candidates.iter().map(|candidate| candidate.legacy.conversation_id);
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        let messages = database.raw().collection::<MessageKey>(MESSAGES);
        let find = messages
            .find(doc! { "conversation_id": { "$in": ids } })
            .projection(MessageKey::projection());
        let mut cursor = database.run(find).await?;
        let mut in_use = HashSet::new();
        while let Some(message) = database.run(cursor.try_next()).await? {
            if !message.is_migrated() {
                in_use.insert(message.conversation_id);
            }
        }
        Ok(self.skip(|candidate| {
            in_use
                .contains(&candidate.legacy.conversation_id)
                .then_some(SkipReason::HasOtherMessages)
        }))
    }

    fn skip(self, reason: impl Fn(&Candidate) -> Option<SkipReason>) -> Self {
        let Self { candidates, mut skipped } = self;
        let mut kept = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            match reason(&candidate) {
                Some(reason) => skipped.push(Skipped::new(&candidate.id, reason)),
                None => kept.push(candidate),
            }
        }
        Self { candidates: kept, skipped }
    }
}

/// Ranks the documents with this id: the one with the lowest rank keeps it. A migrated conversation comes first, then a
/// document with the id in canonical form, then the oldest document.
fn rank(document: &DocumentWithId, id: ConversationId) -> (bool, bool, &str) {
    let is_other_form = document.stored_id != id.to_string();
    (!document.is_migrated, is_other_form, &document.document)
}

/// Finds all documents with the candidates' ids, grouped by id.
async fn find_documents_by_id(
    database: &MongoDatabase,
    candidates: &[Candidate],
) -> Result<HashMap<ConversationId, Vec<DocumentWithId>>, StoreError> {
    let stored = candidates.iter().map(|candidate| candidate.legacy.stored_id.clone());
    let canonical = candidates.iter().map(|candidate| candidate.legacy.conversation_id.to_string());
    let forms: Vec<Bson> =
        stored.filter(|stored| *stored != Bson::Null).chain(canonical.map(Bson::String)).collect();
    let conversations = database.raw().collection::<RawDocumentBuf>(CONVERSATIONS);
    let find = conversations
        .find(doc! { "conversation_id": { "$in": forms } })
        .projection(doc! { "conversation_id": 1, "schema": 1, "context_revision": 1 });
    let mut cursor = database.run(find).await?;
    let mut by_id: HashMap<_, Vec<_>> = HashMap::new();
    while let Some(document) = database.run(cursor.try_next()).await? {
        let stored_id = document.get("conversation_id").ok().flatten();
        let stored_id = stored_id.and_then(|id| Bson::try_from(id).ok());
        // The query also matches an array that contains such an id.
        let Some(stored_id) = stored_id.as_ref().and_then(id_text) else { continue };
        by_id.entry(ids::conversation_id(&stored_id)).or_default().push(DocumentWithId {
            document: document_id(&document).to_string(),
            stored_id,
            is_migrated: is_current(&document),
        });
    }
    Ok(by_id)
}

/// The fields of a message that show whether a migration wrote it.
#[serde_as]
#[derive(Deserialize)]
pub(super) struct MessageKey {
    #[serde_as(as = "DisplayFromStr")]
    pub(super) conversation_id: ConversationId,
    #[serde_as(as = "DisplayFromStr")]
    pub(super) message_id: MessageId,
    #[serde_as(as = "TryFromInto<i64>")]
    position: u64,
}

impl MessageKey {
    pub(super) fn projection() -> Document {
        doc! { "_id": 0, "conversation_id": 1, "message_id": 1, "position": 1 }
    }

    /// Whether a migration wrote the message: nothing else creates this id.
    pub(super) fn is_migrated(&self) -> bool {
        self.message_id == ids::message_id(self.conversation_id, self.position)
    }
}
