use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as MongoResult;
use mongodb::options::{ValidationAction, ValidationLevel};
use mongodb::results::CollectionSpecification;
use tokio::time::sleep;

use crate::database::within;
use crate::definitions::{CollectionDefinition, META, VERSION_NOTE, collections};
use crate::{MongoDatabase, OpenError};

/// The version of all that a database is prepared to hold, noted in the document `schema` of `meta`.
const VERSION: i64 = 1;

/// How long an index may take to be built: that of a database which is full already.
const BUILD_TIMEOUT: Duration = Duration::from_hours(1);

/// How long any other step may take: the server lets a transaction that nobody ends hold it up for a
/// minute.
const STEP_TIMEOUT: Duration = Duration::from_mins(2);

/// How often preparing is tried while another instance prepares too.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// The collections, validators and indexes of a database.
#[derive(Clone)]
pub struct Schema {
    database: MongoDatabase,
}

/// A step of bringing a database up to date. Displayed, it says to an operator what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaChange {
    /// Make a collection, with its validator.
    CreateCollection(&'static str),
    /// Give a collection our validator in place of its own.
    SetValidator(&'static str),
    /// Build an index.
    CreateIndex {
        /// Of which collection.
        collection: &'static str,
        /// Its name.
        index: String,
    },
    /// Drop an index that stands in the way of one of ours: it has its name, or its keys.
    DropIndex {
        /// Of which collection.
        collection: &'static str,
        /// Its name.
        index: String,
    },
    /// Note the schema's version.
    NoteVersion(i64),
}

impl Schema {
    /// The schema of this database.
    #[must_use]
    pub fn of(database: MongoDatabase) -> Self {
        Self { database }
    }

    /// What [`prepare`](Self::prepare) would do. Nothing is changed.
    ///
    /// # Errors
    /// [`OpenError::TooNew`] if a newer Webchat has prepared the database; others if it can't be
    /// read.
    pub async fn plan(&self) -> Result<Vec<SchemaChange>, OpenError> {
        let version = self.version().await?;
        if version > VERSION {
            return Err(OpenError::TooNew {
                place: self.database.place(),
                found: version,
                known: VERSION,
            });
        }
        let mut changes = Vec::new();
        for definition in collections() {
            changes.extend(self.changes_of(&definition).await?);
        }
        if version < VERSION {
            changes.push(SchemaChange::NoteVersion(VERSION));
        }
        Ok(changes)
    }

    /// Brings the database up to date, and answers what that took: nothing, if it was. Several
    /// instances may do so at the same time. An index that another one is building is not waited
    /// for. One that is built here is, at most for an hour; until it is there, searches are
    /// unavailable. Can be interrupted at any point and done again.
    ///
    /// # Errors
    /// As of [`plan`](Self::plan); [`OpenError::Refused`] if the server refuses a change, as it does
    /// when what it holds does not fit a unique index.
    pub async fn prepare(&self) -> Result<Vec<SchemaChange>, OpenError> {
        let mut done = Vec::new();
        for attempt in 1.. {
            // Another instance may do the same just now, or undo it to do it again: look anew.
            match self.apply(&mut done).await {
                Err(OpenError::Refused { cause, .. }) if attempt < ATTEMPTS => {
                    tracing::warn!(%cause, "preparing the database again");
                    sleep(PAUSE * attempt).await;
                }
                result => return result.map(|()| done),
            }
        }
        Ok(done)
    }
}

impl Schema {
    async fn apply(&self, done: &mut Vec<SchemaChange>) -> Result<(), OpenError> {
        for change in self.plan().await? {
            self.apply_one(&change).await?;
            tracing::info!(place = %self.database.place(), "{change}");
            done.push(change);
        }
        Ok(())
    }

    async fn version(&self) -> Result<i64, OpenError> {
        let meta = self.database.raw().collection::<Document>(META);
        let found = self.within(STEP_TIMEOUT, meta.find_one(doc! { "_id": VERSION_NOTE })).await?;
        let version = found.as_ref().and_then(|note| note.get("version"));
        Ok(version.and_then(whole_number).unwrap_or(0))
    }

    async fn changes_of(
        &self,
        wanted: &CollectionDefinition,
    ) -> Result<Vec<SchemaChange>, OpenError> {
        let collection = wanted.name;
        let Some(found) = self.find_collection(collection).await? else {
            let indexes = wanted.indexes.iter().map(|index| create(collection, index));
            return Ok([SchemaChange::CreateCollection(collection)]
                .into_iter()
                .chain(indexes)
                .collect());
        };
        let mut changes = Vec::new();
        if !has_validator(&found, &wanted.validator) {
            changes.push(SchemaChange::SetValidator(collection));
        }
        let found = self.find_indexes(collection).await?;
        for index in &wanted.indexes {
            changes.extend(changes_of_index(collection, &found, index));
        }
        Ok(changes)
    }

    async fn find_collection(
        &self,
        name: &str,
    ) -> Result<Option<CollectionSpecification>, OpenError> {
        let list = self.database.raw().list_collections().filter(doc! { "name": name });
        self.within(STEP_TIMEOUT, async { list.await?.try_next().await }).await
    }

    /// Also those that are still being built.
    async fn find_indexes(&self, collection: &str) -> Result<Vec<Document>, OpenError> {
        let list = self.database.raw().run_cursor_command(doc! { "listIndexes": collection });
        self.within(STEP_TIMEOUT, async { list.await?.try_collect().await }).await
    }

    async fn apply_one(&self, change: &SchemaChange) -> Result<(), OpenError> {
        match change {
            SchemaChange::CreateCollection(name) => {
                let create = doc! { "create": *name, "validator": validator_of(name) };
                self.run(create, STEP_TIMEOUT).await
            }
            SchemaChange::SetValidator(name) => {
                let set = doc! {
                    "collMod": *name,
                    "validator": validator_of(name),
                    "validationLevel": "strict",
                    "validationAction": "error",
                };
                self.run(set, STEP_TIMEOUT).await
            }
            SchemaChange::CreateIndex { collection, index } => {
                // A set of which one server is away could not build it otherwise.
                let create = doc! {
                    "createIndexes": *collection,
                    "indexes": index_of(collection, index),
                    "commitQuorum": "majority",
                };
                self.run(create, BUILD_TIMEOUT).await
            }
            SchemaChange::DropIndex { collection, index } => {
                self.run(doc! { "dropIndexes": *collection, "index": index }, STEP_TIMEOUT).await
            }
            SchemaChange::NoteVersion(version) => self.note(*version).await,
        }
    }

    async fn run(&self, mut command: Document, limit: Duration) -> Result<(), OpenError> {
        command.insert("maxTimeMS", i64::try_from(limit.as_millis()).unwrap_or(i64::MAX));
        self.within(limit, self.database.raw().run_command(command)).await?;
        Ok(())
    }

    async fn note(&self, version: i64) -> Result<(), OpenError> {
        let meta = self.database.raw().collection::<Document>(META);
        // Never lower: a newer instance may have started at the same time.
        let note = doc! { "$max": { "version": version } };
        let noted = meta.update_one(doc! { "_id": VERSION_NOTE }, note).upsert(true);
        self.within(STEP_TIMEOUT, noted).await?;
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

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateCollection(name) => write!(f, "create the collection {name}"),
            Self::SetValidator(name) => write!(f, "set the validator of {name}"),
            Self::CreateIndex { collection, index } => {
                write!(f, "create the index {index} of {collection}")
            }
            Self::DropIndex { collection, index } => {
                write!(f, "drop the index {index} of {collection}, which is in the way of another")
            }
            Self::NoteVersion(version) => write!(f, "note that the schema's version is {version}"),
        }
    }
}

fn has_validator(found: &CollectionSpecification, wanted: &Document) -> bool {
    let options = &found.options;
    options.validator.as_ref() == Some(wanted)
        && !matches!(
            options.validation_level,
            Some(ValidationLevel::Off | ValidationLevel::Moderate)
        )
        && !matches!(options.validation_action, Some(ValidationAction::Warn))
}

fn changes_of_index(
    collection: &'static str,
    found: &[Document],
    wanted: &Document,
) -> Vec<SchemaChange> {
    if found.iter().any(|index| name(index) == name(wanted) && is_alike(index, wanted)) {
        return Vec::new();
    }
    let in_the_way =
        found.iter().filter(|index| name(index) == name(wanted) || has_its_keys(index, wanted));
    let drops = in_the_way
        .map(|index| SchemaChange::DropIndex { collection, index: name(index).to_owned() });
    drops.chain([create(collection, wanted)]).collect()
}

/// Two indexes can have the same keys if they are of different parts of the collection.
fn has_its_keys(index: &Document, wanted: &Document) -> bool {
    let part = "partialFilterExpression";
    keys(index) == keys(wanted) && index.get(part) == wanted.get(part)
}

fn is_alike(index: &Document, wanted: &Document) -> bool {
    const OPTIONS: [&str; 9] = [
        "collation",
        "default_language",
        "expireAfterSeconds",
        "hidden",
        "language_override",
        "partialFilterExpression",
        "sparse",
        "unique",
        "weights",
    ];
    keys(index) == keys(wanted)
        && OPTIONS.iter().all(|option| index.get(option) == wanted.get(option))
}

/// In their order. Different programs write the direction as different kinds of number.
fn keys(index: &Document) -> Vec<(&str, Option<i64>, Option<&str>)> {
    let keys = index.get_document("key").into_iter().flatten();
    keys.map(|(name, kind)| (name.as_str(), whole_number(kind), kind.as_str())).collect()
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "cut off on purpose")]
fn whole_number(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}

fn name(index: &Document) -> &str {
    index.get_str("name").unwrap_or_default()
}

fn create(collection: &'static str, index: &Document) -> SchemaChange {
    SchemaChange::CreateIndex { collection, index: name(index).to_owned() }
}

fn validator_of(collection: &str) -> Option<Document> {
    let definition = collections().into_iter().find(|wanted| wanted.name == collection);
    definition.map(|wanted| wanted.validator)
}

fn index_of(collection: &str, index: &str) -> Vec<Document> {
    let definition = collections().into_iter().find(|wanted| wanted.name == collection);
    let indexes = definition.map(|wanted| wanted.indexes).unwrap_or_default();
    indexes.into_iter().filter(|wanted| name(wanted) == index).collect()
}
