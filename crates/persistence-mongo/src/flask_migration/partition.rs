//! Separating the documents that can be migrated from those that can't.

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
use super::legacy::{LegacyConversation, document_id};
use super::report::Skipped;
use super::skip_reason::SkipReason;
use crate::database::MongoDatabase;
use crate::schema::{CONVERSATIONS, MESSAGES};

/// Documents, separated.
#[derive(Default)]
pub(super) struct Partition {
    pub(super) candidates: Vec<Candidate>,
    pub(super) skipped: Vec<Skipped>,
}

/// One of several documents that may have the same `conversation_id`.
struct IdCollision {
    /// Its `_id`, as text.
    document: String,
    written_id: String,
    is_migrated_already: bool,
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
        let collisions = find_collisions(database, &self.candidates).await?;
        Ok(self.skip(|candidate| {
            let id = candidate.legacy.conversation_id;
            let first = collisions.get(&id)?.iter().min_by_key(|one| rank(one, id))?;
            (first.document != candidate.id.to_string())
                .then(|| SkipReason::DuplicateConversationId(first.document.clone()))
        }))
    }

    /// Skips the candidates whose id is used by messages that no migration wrote.
    pub(super) async fn without_occupied_ids(
        self,
        database: &MongoDatabase,
    ) -> Result<Self, StoreError> {
        let ids: Vec<String> =
            self.candidates.iter().map(|one| one.legacy.conversation_id.to_string()).collect();
        let messages = database.raw().collection::<MessageKey>(MESSAGES);
        let found = messages
            .find(doc! { "conversation_id": { "$in": ids } })
            .projection(MessageKey::projection());
        let mut found = database.run(found).await?;
        let mut occupied = HashSet::new();
        while let Some(message) = database.run(found.try_next()).await? {
            if !message.is_migrated() {
                occupied.insert(message.conversation_id);
            }
        }
        Ok(self.skip(|candidate| {
            occupied
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

/// Ranks the documents with this id: the one with the lowest rank keeps it. A conversation that was migrated
/// already comes first, then a document that writes the id in the canonical notation, then the oldest.
fn rank(collision: &IdCollision, id: ConversationId) -> (bool, bool, &str) {
    let has_other_notation = collision.written_id != id.to_string();
    (!collision.is_migrated_already, has_other_notation, &collision.document)
}

/// Finds all documents with the candidates' ids, grouped by id.
async fn find_collisions(
    database: &MongoDatabase,
    candidates: &[Candidate],
) -> Result<HashMap<ConversationId, Vec<IdCollision>>, StoreError> {
    let written = candidates.iter().map(|candidate| candidate.legacy.written_id.clone());
    let canonical = candidates.iter().map(|candidate| candidate.legacy.conversation_id.to_string());
    let notations: HashSet<String> = written.chain(canonical).collect();
    let notations: Vec<String> = notations.into_iter().collect();
    let conversations = database.raw().collection::<Document>(CONVERSATIONS);
    let found = conversations
        .find(doc! { "conversation_id": { "$in": notations } })
        .projection(doc! { "conversation_id": 1, "schema": 1 });
    let mut found = database.run(found).await?;
    let mut collisions: HashMap<_, Vec<_>> = HashMap::new();
    while let Some(document) = database.run(found.try_next()).await? {
        // The query also matches an array that contains such an id.
        let Ok(written_id) = document.get_str("conversation_id") else { continue };
        collisions.entry(ids::conversation_id(written_id)).or_default().push(IdCollision {
            document: document.get("_id").map(Bson::to_string).unwrap_or_default(),
            written_id: written_id.to_owned(),
            is_migrated_already: document.contains_key("schema"),
        });
    }
    Ok(collisions)
}

/// The fields that tell whether a migration wrote a message.
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
