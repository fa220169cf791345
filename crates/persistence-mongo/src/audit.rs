//! Implements [`AuditLog`].

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde_with::serde_as;
use webchat_domain::{AccountName, AuditEntry, AuditHash, AuditLink, NewAuditEntry, Timestamp};
use webchat_persistence::rules::StoredName;
use webchat_persistence::{AuditChain, AuditFilter, AuditLog, StoreError, publish_audit_entry};

use crate::database::{MongoDatabase, READ_TIME, Transaction};
use crate::documents::{AuditChainDocument, AuditEntryDocument, Date, date, long};
use crate::schema::{AUDIT_CHAIN_ID, META};
use crate::store::MongoStore;

#[async_trait]
impl AuditLog for MongoStore {
    async fn append(&self, content: NewAuditEntry) -> Result<AuditEntry, StoreError> {
        let _turn = self.audit_turn.lock().await;
        let append = self.database.transaction(content, |mut transaction, content| {
            async move { append_in(&mut transaction, content.clone()).await }.boxed()
        });
        let entry = append.await?;
        publish_audit_entry(&entry);
        Ok(entry)
    }

    async fn list(
        &self,
        filter: AuditFilter,
        before: Option<u64>,
        max: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut conditions = doc! { "number": { "$lt": before.map_or(i64::MAX, long) } };
        if let Some(name) = filter.user.as_ref().map(AccountName::as_str) {
            conditions
                .insert("$or", vec![doc! { "actor_name": name }, doc! { "subject_name": name }]);
        }
        if let Some(action) = filter.action {
            conditions.insert("action", action.stored_name());
        }
        let mut period = Document::new();
        if let Some(from) = filter.from {
            period.insert("$gte", date(from));
        }
        if let Some(until) = filter.until {
            period.insert("$lt", date(until));
        }
        if !period.is_empty() {
            conditions.insert("at", period);
        }
        self.find_entries(conditions, -1, max).await
    }

    async fn read_from(&self, number: u64, max: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.find_entries(doc! { "number": { "$gte": long(number) } }, 1, max).await
    }

    async fn chain(&self) -> Result<AuditChain, StoreError> {
        let chains = chains(&self.database);
        let find = chains.find_one(doc! { "_id": AUDIT_CHAIN_ID }).max_time(READ_TIME);
        let found = self.database.run(find).await?;
        Ok(found.map_or(AuditChain::EMPTY, AuditChain::from))
    }

    async fn remove_before(&self, time: Timestamp, max: u32) -> Result<u32, StoreError> {
        let links = self.links(max).await?;
        let old = links.iter().take_while(|link| link.at < time);
        let Some(last) = old.last().map(EntryLink::link) else { return Ok(0) };
        let _turn = self.audit_turn.lock().await;
        self.database
            .transaction(last, |mut transaction, last| {
                async move { remove_through(&mut transaction, *last).await }.boxed()
            })
            .await
    }

    async fn insert(&self, after: AuditLink, entries: Vec<AuditEntry>) -> Result<bool, StoreError> {
        let _turn = self.audit_turn.lock().await;
        self.database
            .transaction((after, entries), |mut transaction, (after, entries)| {
                async move { insert_in(&mut transaction, *after, entries).await }.boxed()
            })
            .await
    }
}

/// What the retention reads of an entry, so that one with other invalid fields does not stop it.
#[serde_as]
#[derive(Deserialize)]
struct EntryLink {
    number: u64,
    hash: AuditHash,
    #[serde_as(as = "Date")]
    at: Timestamp,
}

impl EntryLink {
    fn link(&self) -> AuditLink {
        AuditLink { number: self.number, hash: self.hash }
    }
}

impl MongoStore {
    /// Returns the first entries.
    async fn links(&self, max: u32) -> Result<Vec<EntryLink>, StoreError> {
        let entries = self.database.audit_entries().clone_with_type::<EntryLink>();
        let find = async {
            let first = entries.find(doc! {}).sort(doc! { "number": 1 }).limit(max.into());
            let first = first.projection(doc! { "number": 1, "hash": 1, "at": 1 });
            first.max_time(READ_TIME).await?.try_collect().await
        };
        self.database.run(find).await
    }

    /// Runs a transaction whose work returns whether it changed something. If it did, appends the entry that records it.
    pub(crate) async fn transaction_audited<C, T, W>(
        &self,
        audit: Option<NewAuditEntry>,
        context: C,
        work: W,
    ) -> Result<T, StoreError>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        W: for<'a> Fn(Transaction<'a>, &'a C) -> BoxFuture<'a, MongoResult<(T, bool)>>,
        W: Send + Sync + 'static,
    {
        // Concurrent entries of one instance would only conflict, and be retried.
        let _turn = if audit.is_some() { Some(self.audit_turn.lock().await) } else { None };
        let (outcome, entry) = self
            .database
            .transaction((context, audit, work), |mut transaction, (context, audit, work)| {
                async move {
                    let Transaction { database, session } = &mut transaction;
                    let (outcome, is_changed) =
                        work(Transaction { database, session }, context).await?;
                    let entry = match audit.clone().filter(|_| is_changed) {
                        Some(new) => Some(append_in(&mut transaction, new).await?),
                        None => None,
                    };
                    Ok((outcome, entry))
                }
                .boxed()
            })
            .await?;
        if let Some(entry) = entry {
            publish_audit_entry(&entry);
        }
        Ok(outcome)
    }

    /// Returns at most `max` entries by number, in ascending (1) or descending (-1) order.
    async fn find_entries(
        &self,
        filter: Document,
        order: i32,
        max: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let entries = self.database.audit_entries();
        let find = async {
            let found = entries.find(filter).sort(doc! { "number": order }).limit(max.into());
            let found = found.max_time(READ_TIME).await?;
            found.and_then(async |document| AuditEntry::try_from(document)).try_collect().await
        };
        self.database.run(find).await
    }
}

fn chains(database: &MongoDatabase) -> mongodb::Collection<AuditChainDocument> {
    database.raw().collection(META)
}

async fn chain_in(transaction: &mut Transaction<'_>) -> MongoResult<AuditChain> {
    let chains = chains(transaction.database);
    let find = chains.find_one(doc! { "_id": AUDIT_CHAIN_ID }).session(&mut *transaction.session);
    Ok(find.await?.map_or(AuditChain::EMPTY, AuditChain::from))
}

/// Stores both ends of the chain. Concurrent transactions that do so conflict, and the driver runs all but one again.
async fn set_chain(transaction: &mut Transaction<'_>, chain: AuditChain) -> MongoResult<()> {
    chains(transaction.database)
        .replace_one(doc! { "_id": AUDIT_CHAIN_ID }, AuditChainDocument::from(chain))
        .upsert(true)
        .session(&mut *transaction.session)
        .await?;
    Ok(())
}

async fn append_in(
    transaction: &mut Transaction<'_>,
    content: NewAuditEntry,
) -> MongoResult<AuditEntry> {
    let chain = chain_in(transaction).await?;
    let entry = chain.head.next_entry(content);
    set_chain(transaction, AuditChain { head: entry.link(), ..chain }).await?;
    let entries = transaction.database.audit_entries();
    let document = AuditEntryDocument::from(&entry);
    entries.insert_one(document).session(&mut *transaction.session).await?;
    Ok(entry)
}

async fn insert_in(
    transaction: &mut Transaction<'_>,
    after: AuditLink,
    entries: &[AuditEntry],
) -> MongoResult<bool> {
    let stored = chain_in(transaction).await?;
    let is_empty = stored == AuditChain::EMPTY;
    let Some(last) = entries.last().filter(|_| is_empty || stored.head == after) else {
        return Ok(false);
    };
    let start = if is_empty { after } else { stored.start };
    set_chain(transaction, AuditChain { start, head: last.link() }).await?;
    let documents: Vec<_> = entries.iter().map(AuditEntryDocument::from).collect();
    let collection = transaction.database.audit_entries();
    collection.insert_many(documents).session(&mut *transaction.session).await?;
    Ok(true)
}

/// Removes the entries up to this one. Another instance may have removed it already.
async fn remove_through(transaction: &mut Transaction<'_>, last: AuditLink) -> MongoResult<u32> {
    let stored = chain_in(transaction).await?;
    if stored.start.number >= last.number {
        return Ok(0);
    }
    set_chain(transaction, AuditChain { start: last, ..stored }).await?;
    let entries = transaction.database.audit_entries();
    let old = doc! { "number": { "$lte": long(last.number) } };
    let removed = entries.delete_many(old).session(&mut *transaction.session).await?;
    Ok(u32::try_from(removed.deleted_count).unwrap_or(u32::MAX))
}
