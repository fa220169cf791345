//! Telling what can be carried over from what can't.

use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use serde::Deserialize;
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{ConversationId, MessageId};
use webchat_persistence::StoreError;

use super::carried::Candidate;
use super::old::{OldConversation, document_id};
use super::report::{LeftBehind, Reason};
use super::{blocking, ids};
use crate::MongoDatabase;
use crate::definitions::{CONVERSATIONS, MESSAGES};

/// Documents, told apart.
#[derive(Default)]
pub(super) struct Sifted {
    pub(super) candidates: Vec<Candidate>,
    pub(super) left_behind: Vec<LeftBehind>,
}

/// A document with a `conversation_id` that others may have too.
struct Namesake {
    /// Its `_id`, as a text.
    document: String,
    written_id: String,
    is_carried_over: bool,
}

/// Reads the documents.
pub(super) async fn read(documents: Vec<RawDocumentBuf>) -> Result<Sifted, StoreError> {
    blocking(move || {
        let mut sifted = Sifted::default();
        for document in documents {
            let id = document_id(&document);
            match OldConversation::read(&document) {
                Ok(old) => sifted.candidates.push(Candidate { id, document, old }),
                Err(reason) => sifted.left_behind.push(LeftBehind::new(&id, reason)),
            }
        }
        sifted
    })
    .await
}

impl Sifted {
    /// Leaves behind those whose id belongs to another document.
    pub(super) async fn without_duplicates(
        self,
        database: &MongoDatabase,
    ) -> Result<Self, StoreError> {
        let namesakes = namesakes(database, &self.candidates).await?;
        Ok(self.without(|candidate| {
            let id = candidate.old.conversation_id;
            let user_id = namesakes.get(&id)?.iter().min_by_key(|one| rank(one, id))?;
            (user_id.document != candidate.id.to_string())
                .then(|| Reason::DuplicateConversationId(user_id.document.clone()))
        }))
    }

    /// Leaves behind those whose messages would come among others.
    pub(super) async fn without_others(self, database: &MongoDatabase) -> Result<Self, StoreError> {
        let ids: Vec<String> =
            self.candidates.iter().map(|one| one.old.conversation_id.to_string()).collect();
        let messages = database.raw().collection::<MessageKey>(MESSAGES);
        let found = messages
            .find(doc! { "conversation_id": { "$in": ids } })
            .projection(MessageKey::projection());
        let mut found = database.answer(found).await?;
        let mut others = HashSet::new();
        while let Some(message) = database.answer(found.try_next()).await? {
            if !message.is_migrated() {
                others.insert(message.conversation_id);
            }
        }
        Ok(self.without(|candidate| {
            others.contains(&candidate.old.conversation_id).then_some(Reason::HasOtherMessages)
        }))
    }

    fn without(self, reason: impl Fn(&Candidate) -> Option<Reason>) -> Self {
        let Self { candidates, mut left_behind } = self;
        let mut kept = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            match reason(&candidate) {
                Some(reason) => left_behind.push(LeftBehind::new(&candidate.id, reason)),
                None => kept.push(candidate),
            }
        }
        Self { candidates: kept, left_behind }
    }
}

/// The id belongs to a conversation that has it already, else to a document that writes it as it will
/// be written, else to the oldest.
fn rank(namesake: &Namesake, id: ConversationId) -> (bool, bool, &str) {
    let is_written_otherwise = namesake.written_id != id.to_string();
    (!namesake.is_carried_over, is_written_otherwise, &namesake.document)
}

/// All documents with the candidates' ids, by these.
async fn namesakes(
    database: &MongoDatabase,
    candidates: &[Candidate],
) -> Result<HashMap<ConversationId, Vec<Namesake>>, StoreError> {
    let written = candidates.iter().map(|candidate| candidate.old.written_id.clone());
    let usual = candidates.iter().map(|candidate| candidate.old.conversation_id.to_string());
    let forms: HashSet<String> = written.chain(usual).collect();
    let forms: Vec<String> = forms.into_iter().collect();
    let conversations = database.raw().collection::<Document>(CONVERSATIONS);
    let found = conversations
        .find(doc! { "conversation_id": { "$in": forms } })
        .projection(doc! { "conversation_id": 1, "schema": 1 });
    let mut found = database.answer(found).await?;
    let mut namesakes: HashMap<_, Vec<_>> = HashMap::new();
    while let Some(document) = database.answer(found.try_next()).await? {
        // A list that holds such an id is found too.
        let Ok(written_id) = document.get_str("conversation_id") else { continue };
        namesakes.entry(ids::conversation_id(written_id)).or_default().push(Namesake {
            document: document.get("_id").map(Bson::to_string).unwrap_or_default(),
            written_id: written_id.to_owned(),
            is_carried_over: document.contains_key("schema"),
        });
    }
    Ok(namesakes)
}

/// What tells whether a message came from a migration.
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

    /// Whether a migration wrote it: nothing else gives it this id.
    pub(super) fn is_migrated(&self) -> bool {
        self.message_id == ids::message_id(self.conversation_id, self.position)
    }
}
