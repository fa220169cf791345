//! Updates the schema of a database.

use std::future::IntoFuture;
use std::time::Duration;

use backon::RetryableWithContext;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;

use super::change::SchemaChange;
use super::collection::CollectionDefinition;
use super::definitions::{BACKUP, CONVERSATIONS, META, VERSION_ID, collections};
use super::existing::ExistingCollection;
use super::indexes::{create_index, index_changes, integer, name};
use super::rights::missing_rights;
use crate::database::{MongoDatabase, OpenError, within};
use crate::documents::flask_schema_filter;

/// The schema version of this program, recorded in the document `schema` of `meta`.
const VERSION: i64 = 1;

/// The index that the Flask application creates too. Its documents may violate it if the database was restored without
/// its indexes.
const LEGACY_UNIQUE_INDEX: &str = "conversation_user_idx";

/// The maximum duration of an index build, which takes long in a database with much data.
const INDEX_BUILD_TIMEOUT: Duration = Duration::from_hours(1);

/// The maximum duration of any other operation: an abandoned transaction can block it for a minute.
const OPERATION_TIMEOUT: Duration = Duration::from_mins(2);

/// The maximum number of attempts while another instance is also preparing the database.
const MAX_ATTEMPTS: u32 = 8;

/// The pause after the first attempt. It grows by this much after each further one.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The collections, validators and indexes of a database.
#[derive(Clone)]
pub struct Schema {
    database: MongoDatabase,
}

impl Schema {
    /// Creates the schema of this database.
    #[must_use]
    pub fn of(database: MongoDatabase) -> Self {
        Self { database }
    }

    /// Checks whether Webchat can use the database. Changes nothing.
    ///
    /// # Errors
    /// [`OpenError::TooNew`] if a newer version of Webchat has prepared the database; [`OpenError::UnusableCollection`]
    /// and [`OpenError::ForeignCollection`] for a collection that Webchat can't use; other variants if it can't be read.
    pub async fn check(&self) -> Result<(), OpenError> {
        self.check_version().await.map(drop)
    }

    /// Returns the changes that [`prepare`](Self::prepare) would make. Changes nothing.
    ///
    /// # Errors
    /// Those of [`check`](Self::check); [`OpenError::MissingRights`] if the user may not make the changes.
    pub async fn plan(&self) -> Result<Vec<SchemaChange>, OpenError> {
        let version = self.check_version().await?;
        let mut changes = Vec::new();
        for definition in collections() {
            changes.extend(self.collection_changes(&definition).await?);
        }
        if version < VERSION {
            changes.push(SchemaChange::RecordVersion(VERSION));
        }
        self.check_rights(&changes).await?;
        Ok(changes)
    }

    /// Returns the unique indexes that others have added to Webchat's collections, each with its collection. The server
    /// rejects documents that violate them.
    ///
    /// # Errors
    /// If the database can't be read.
    pub async fn foreign_unique_indexes(&self) -> Result<Vec<(&'static str, String)>, OpenError> {
        let mut foreign = Vec::new();
        for wanted in collections() {
            if self.find_collection(wanted.name).await?.is_none() {
                continue;
            }
            let found = self.find_indexes(wanted.name).await?;
            let unique = found.iter().filter(|index| index.get_bool("unique").unwrap_or(false));
            let unknown = unique.filter(|index| {
                let is_same = |wanted: &Document| {
                    name(wanted) == name(index) || wanted.get("key") == index.get("key")
                };
                !wanted.indexes.iter().any(is_same)
            });
            foreign.extend(unknown.map(|index| (wanted.name, name(index).to_owned())));
        }
        Ok(foreign)
    }

    /// Updates the schema, and returns the changes that were made, if any. Several instances may call this at the same
    /// time. It waits at most an hour for each index that it builds, but not for indexes that another instance is
    /// building. Until the index of search terms is built, searches may time out. The call can be interrupted at any point and
    /// repeated.
    ///
    /// # Errors
    /// Those of [`plan`](Self::plan); [`OpenError::Rejected`] if the server rejects a change, for example
    /// because existing documents violate a unique index.
    pub async fn prepare(&self) -> Result<Vec<SchemaChange>, OpenError> {
        // Another instance may be making or reverting the same change: plan again.
        let apply = |mut done: Vec<SchemaChange>| async {
            let result = self.apply(&mut done).await;
            (done, result)
        };
        let (done, result) = apply
            .retry((1..MAX_ATTEMPTS).map(|attempt| RETRY_PAUSE * attempt))
            .context(Vec::new())
            .when(|error| matches!(error, OpenError::Rejected { .. }))
            .notify(|error, _| tracing::warn!(%error, "failed to prepare the database; retrying"))
            .await;
        result.map(|()| done)
    }
}

impl Schema {
    async fn apply(&self, done: &mut Vec<SchemaChange>) -> Result<(), OpenError> {
        for change in self.plan().await? {
            self.apply_one(&change).await.map_err(|error| error.with_change(&change))?;
            tracing::info!(location = %self.database.location(), "{change}");
            done.push(change);
        }
        Ok(())
    }

    /// Returns the version of the schema.
    async fn check_version(&self) -> Result<i64, OpenError> {
        let version = self.version().await?;
        if version > VERSION {
            return Err(OpenError::TooNew {
                location: self.database.location(),
                found: version,
                known: VERSION,
            });
        }
        for definition in collections() {
            self.check_collection(&definition, version).await?;
        }
        for name in [META, BACKUP] {
            if let Some(found) = self.find_collection(name).await? {
                found.check_kind(name, &self.database.location())?;
            }
        }
        Ok(version)
    }

    async fn check_collection(
        &self,
        wanted: &CollectionDefinition,
        version: i64,
    ) -> Result<(), OpenError> {
        let Some(found) = self.find_collection(wanted.name).await? else { return Ok(()) };
        found.check_kind(wanted.name, &self.database.location())?;
        // A prepared collection has its validator.
        if version == VERSION {
            return Ok(());
        }
        let is_foreign = if wanted.name == CONVERSATIONS {
            // It may have documents of the Flask application. The migration reports others.
            self.has(CONVERSATIONS, doc! {}).await?
                && !self.has(CONVERSATIONS, flask_schema_filter()).await?
        } else {
            self.has(wanted.name, doc! { "$nor": [&wanted.validator] }).await?
        };
        if is_foreign {
            let location = self.database.location();
            return Err(OpenError::ForeignCollection { location, collection: wanted.name });
        }
        Ok(())
    }

    /// Whether the collection has such a document.
    async fn has(&self, collection: &str, filter: Document) -> Result<bool, OpenError> {
        let collection = self.database.raw().collection::<Document>(collection);
        let found = collection.find_one(filter).projection(doc! { "_id": 1 });
        Ok(self.within(INDEX_BUILD_TIMEOUT, found).await?.is_some())
    }

    async fn version(&self) -> Result<i64, OpenError> {
        let meta = self.database.raw().collection::<Document>(META);
        let found =
            self.within(OPERATION_TIMEOUT, meta.find_one(doc! { "_id": VERSION_ID })).await?;
        let version = found.as_ref().and_then(|record| record.get("version"));
        Ok(version.and_then(integer).unwrap_or(0))
    }

    async fn check_rights(&self, changes: &[SchemaChange]) -> Result<(), OpenError> {
        let database = self.database.raw();
        let status = doc! { "connectionStatus": 1, "showPrivileges": true };
        // A compatible service may not have the command. Then the changes fail, and show which right is missing.
        let Ok(status) = self.within(OPERATION_TIMEOUT, database.run_command(status)).await else {
            return Ok(());
        };
        let missing: Vec<_> =
            missing_rights(&status, database.name(), changes).into_iter().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let location = self.database.location();
        Err(OpenError::MissingRights { location, rights: missing.join(", ") })
    }

    async fn collection_changes(
        &self,
        wanted: &CollectionDefinition,
    ) -> Result<Vec<SchemaChange>, OpenError> {
        let collection = wanted.name;
        let Some(found) = self.find_collection(collection).await? else {
            let indexes = wanted.indexes.iter().map(|index| create_index(collection, index));
            return Ok([SchemaChange::CreateCollection(collection)]
                .into_iter()
                .chain(indexes)
                .collect());
        };
        let mut changes = Vec::new();
        if !found.has_validator(&wanted.validator) {
            changes.push(SchemaChange::SetValidator(collection));
        }
        let collation = found.default_collation();
        let found = self.find_indexes(collection).await?;
        for index in &wanted.indexes {
            let index = self.buildable(collection, &found, index.clone()).await?;
            changes.extend(index_changes(collection, &found, &index, collation.as_ref()));
        }
        Ok(changes)
    }

    async fn find_collection(&self, name: &str) -> Result<Option<ExistingCollection>, OpenError> {
        let list = doc! { "listCollections": 1, "filter": { "name": name } };
        let list = self.database.raw().run_cursor_command(list);
        let found = self.within(OPERATION_TIMEOUT, async { list.await?.try_next().await }).await?;
        Ok(found.map(ExistingCollection::new))
    }

    /// Returns all indexes, including those that are still being built.
    async fn find_indexes(&self, collection: &str) -> Result<Vec<Document>, OpenError> {
        let list = self.database.raw().run_cursor_command(doc! { "listIndexes": collection });
        self.within(OPERATION_TIMEOUT, async { list.await?.try_collect().await }).await
    }

    async fn apply_one(&self, change: &SchemaChange) -> Result<(), OpenError> {
        match change {
            SchemaChange::CreateCollection(name) => {
                let create = doc! { "create": *name, "validator": wanted_validator(name) };
                self.run_command(create, OPERATION_TIMEOUT).await
            }
            SchemaChange::SetValidator(name) => {
                let set = doc! {
                    "collMod": *name,
                    "validator": wanted_validator(name),
                    "validationLevel": "strict",
                    "validationAction": "error",
                };
                self.run_command(set, OPERATION_TIMEOUT).await
            }
            SchemaChange::CreateIndex { collection, index } => {
                let found = self.find_indexes(collection).await?;
                let mut indexes = Vec::new();
                for wanted in wanted_index(collection, index) {
                    indexes.push(self.buildable(collection, &found, wanted).await?);
                }
                // Without `commitQuorum`, a replica set with a missing member could not build the index.
                let create = doc! {
                    "createIndexes": *collection,
                    "indexes": indexes,
                    "commitQuorum": "majority",
                };
                self.run_command(create, INDEX_BUILD_TIMEOUT).await
            }
            SchemaChange::DropIndex { collection, index } => {
                // Another instance may have replaced it in the meantime: dropping the new index would cause another
                // build.
                if !self.is_needed(collection, change).await? {
                    return Ok(());
                }
                self.run_command(
                    doc! { "dropIndexes": *collection, "index": index },
                    OPERATION_TIMEOUT,
                )
                .await
            }
            SchemaChange::RecordVersion(version) => self.record_version(*version).await,
        }
    }

    /// Returns the index without the parts that documents of the Flask application prevent: they must not prevent the
    /// migration, which reports them. Another unique index covers Webchat's documents. `found` are the existing indexes.
    async fn buildable(
        &self,
        collection: &str,
        found: &[Document],
        mut index: Document,
    ) -> Result<Document, OpenError> {
        let keys = index.get_document("key").into_iter().flatten();
        let fields: Vec<String> = keys.map(|(field, _)| field.clone()).collect();
        if collection != CONVERSATIONS || fields.len() < 2 || is_built(found, &index) {
            return Ok(index);
        }
        if name(&index) == LEGACY_UNIQUE_INDEX
            && (self.has_arrays(&fields, 1).await? || self.has_duplicates(&fields).await?)
        {
            index.remove("unique");
        }
        if self.has_arrays(&fields, 2).await? {
            index.insert("partialFilterExpression", doc! { "schema": { "$exists": true } });
        }
        Ok(index)
    }

    /// Whether a document has arrays in this number of the fields. A server can't index arrays in two fields of an index.
    async fn has_arrays(&self, fields: &[String], number: i32) -> Result<bool, OpenError> {
        let are_arrays: Vec<Document> =
            fields.iter().map(|field| doc! { "$isArray": [format!("${field}")] }).collect();
        let arrays = doc! { "$size": { "$filter": { "input": are_arrays, "cond": "$$this" } } };
        self.has(CONVERSATIONS, doc! { "$expr": { "$gte": [arrays, number] } }).await
    }

    async fn has_duplicates(&self, fields: &[String]) -> Result<bool, OpenError> {
        // Like null, a missing field has the value null in an index.
        let value = |field: &String| doc! { "$ifNull": [format!("${field}"), null] };
        let key: Document =
            fields.iter().map(|field| (field.clone(), value(field).into())).collect();
        let collection = self.database.raw().collection::<Document>(CONVERSATIONS);
        let pipeline = [
            doc! { "$group": { "_id": key, "count": { "$sum": 1 } } },
            doc! { "$match": { "count": { "$gt": 1 } } },
            doc! { "$limit": 1 },
        ];
        let find =
            async { collection.aggregate(pipeline).allow_disk_use(true).await?.try_next().await };
        Ok(self.within(INDEX_BUILD_TIMEOUT, find).await?.is_some())
    }

    async fn is_needed(&self, collection: &str, change: &SchemaChange) -> Result<bool, OpenError> {
        match definition(collection) {
            Some(wanted) => Ok(self.collection_changes(&wanted).await?.contains(change)),
            None => Ok(false),
        }
    }

    async fn run_command(&self, mut command: Document, limit: Duration) -> Result<(), OpenError> {
        command.insert("maxTimeMS", i64::try_from(limit.as_millis()).unwrap_or(i64::MAX));
        self.within(limit, self.database.raw().run_command(command)).await?;
        Ok(())
    }

    async fn record_version(&self, version: i64) -> Result<(), OpenError> {
        let meta = self.database.raw().collection::<Document>(META);
        // Never lower the version: a newer instance may have started at the same time.
        let raised = doc! { "$max": { "version": version } };
        let record = meta.update_one(doc! { "_id": VERSION_ID }, raised).upsert(true);
        self.within(OPERATION_TIMEOUT, record).await?;
        Ok(())
    }

    async fn within<T>(
        &self,
        limit: Duration,
        call: impl IntoFuture<Output = MongoResult<T>>,
    ) -> Result<T, OpenError> {
        within(limit, call).await.map_err(|error| self.database.open_error(error))
    }
}

/// Whether the index exists with its uniqueness, and for all documents.
fn is_built(found: &[Document], wanted: &Document) -> bool {
    let is_unique = |index: &Document| index.get_bool("unique").unwrap_or(false);
    found.iter().any(|index| {
        name(index) == name(wanted)
            && is_unique(index) == is_unique(wanted)
            && !index.contains_key("partialFilterExpression")
    })
}

fn definition(collection: &str) -> Option<CollectionDefinition> {
    collections().into_iter().find(|wanted| wanted.name == collection)
}

fn wanted_validator(collection: &str) -> Option<Document> {
    definition(collection).map(|wanted| wanted.validator)
}

fn wanted_index(collection: &str, index: &str) -> Vec<Document> {
    let indexes = definition(collection).map(|wanted| wanted.indexes).unwrap_or_default();
    indexes.into_iter().filter(|wanted| name(wanted) == index).collect()
}
