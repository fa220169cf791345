//! A database of the Flask application.

use std::sync::Arc;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use mongodb::{Collection, Database};
use uuid::{Uuid, uuid};
use webchat_persistence_mongo::{FlaskMigration, Schema};

use crate::support::TestDatabase;

pub(crate) const CONVERSATIONS: &str = "conversations";
pub(crate) const BACKUP: &str = "conversations_flask_backup";
pub(crate) const MESSAGES: &str = "messages";

/// The documented namespace of derived UUIDs.
pub(crate) const NAMESPACE: Uuid = uuid!("8eb8e842-8847-4687-8bf3-213d22d6b541");

/// The default times of the documents below.
pub(crate) const CREATED_AT: i64 = 1_700_000_000_000;
pub(crate) const UPDATED_AT: i64 = 1_700_000_060_000;

/// The creation time in the ids below.
pub(crate) const OBJECT_IDS_SECONDS: u32 = 1_600_000_000;

/// The database, and a second connection to it with the plain driver.
pub(crate) struct LegacyDatabase {
    pub(crate) raw: Database,
    pub(crate) test: TestDatabase,
}

impl LegacyDatabase {
    /// Creates the database with its validator and its indexes, but without documents.
    pub(crate) async fn new() -> Self {
        let test = TestDatabase::new();
        let raw = test.raw().await;
        raw.create_collection(CONVERSATIONS).validator(legacy_validator()).await.unwrap();
        let database = Self { raw, test };
        database.create_legacy_indexes().await;
        database
    }

    /// Creates the indexes like the Flask application, which does this at each start. Fails if an index has the same
    /// name but other keys.
    pub(crate) async fn create_legacy_indexes(&self) {
        for index in legacy_indexes() {
            let create = doc! { "createIndexes": CONVERSATIONS, "indexes": [index] };
            self.raw.run_command(create).await.unwrap();
        }
    }

    /// Restores the backup with the command of the operations manual.
    pub(crate) async fn restore_backup(&self) {
        let restore = doc! { "$merge": {
            "into": CONVERSATIONS, "on": "_id", "whenMatched": "replace", "whenNotMatched": "discard",
        } };
        let backup = self.collection::<Document>(BACKUP);
        backup.aggregate([restore]).bypass_document_validation(true).await.unwrap();
    }

    pub(crate) fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.raw.collection(name)
    }

    /// Inserts documents, even those that the validator would reject.
    pub(crate) async fn insert(&self, documents: impl IntoIterator<Item = &Document>) {
        self.collection::<Document>(CONVERSATIONS)
            .insert_many(documents)
            .bypass_document_validation(true)
            .await
            .unwrap();
    }

    pub(crate) async fn find(&self, collection: &str, id: &Bson) -> Option<RawDocumentBuf> {
        self.collection(collection).find_one(doc! { "_id": id }).await.unwrap()
    }

    pub(crate) async fn prepare(&self) {
        Schema::of(self.test.connect().await).prepare().await.unwrap();
    }

    pub(crate) async fn migration(&self) -> FlaskMigration {
        FlaskMigration::new(&self.test.connect().await, Arc::new(count_tokens))
    }
}

/// The validator that the Flask application sets.
pub(crate) fn legacy_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": [
            "conversation_id", "user_id", "conversation_history", "created_at", "updated_at",
        ],
        "properties": { "conversation_history": { "bsonType": "array" } },
    } }
}

fn legacy_indexes() -> [Document; 3] {
    [
        doc! {
            "name": "conversation_user_idx",
            "key": { "conversation_id": 1, "user_id": 1 },
            "unique": true,
        },
        doc! { "name": "created_at_idx", "key": { "created_at": -1 } },
        doc! { "name": "conversation_text_index", "key": { "conversation_text": "text" } },
    ]
}

/// Creates a document like those of the Flask application.
pub(crate) fn legacy_document(
    id: ObjectId,
    conversation_id: &str,
    user_id: &str,
    history: &[(&str, &str)],
) -> Document {
    let contents: Vec<&str> = history.iter().map(|(_, content)| *content).collect();
    let history: Vec<Document> =
        history.iter().map(|(role, content)| doc! { "role": *role, "content": *content }).collect();
    doc! {
        "_id": id,
        "conversation_id": conversation_id,
        "user_id": user_id,
        "conversation_history": history,
        "conversation_text": contents.join(" "),
        "created_at": DateTime::from_millis(CREATED_AT),
        "updated_at": DateTime::from_millis(UPDATED_AT),
    }
}

/// Creates an id. Ids have the order of their numbers.
pub(crate) fn object_id(number: u32) -> ObjectId {
    ObjectId::parse_str(format!("{OBJECT_IDS_SECONDS:08x}{number:016x}")).unwrap()
}

/// Counts words.
pub(crate) fn count_tokens(text: &str) -> u32 {
    text.split_whitespace().count().try_into().unwrap()
}

pub(crate) fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}
