//! Implements [`AuditLog`].

use async_trait::async_trait;
use rusqlite::{Transaction, params};
use webchat_domain::{
    AccountName, Actor, AuditAction, AuditEntry, AuditLink, AuditSubject, NewAuditEntry, RequestId,
    Timestamp, UserId,
};
use webchat_persistence::rules::StoredName;
use webchat_persistence::{AuditChain, AuditFilter, AuditLog, StoreError, publish_audit_entry};

use crate::SqliteStore;
use crate::rows::{Columns, invalid, read};

/// The columns of an entry, in the order of [`entry`].
const ENTRY: &str = "number, at, action, details, result, actor_id, actor_name, via, address, \
                     request_id, subject_id, subject_name, previous_hash, hash";

#[async_trait]
impl AuditLog for SqliteStore {
    async fn append(&self, content: NewAuditEntry) -> Result<AuditEntry, StoreError> {
        let entry = self.database.write(move |transaction| append(transaction, content)).await?;
        publish_audit_entry(&entry);
        Ok(entry)
    }

    async fn list(
        &self,
        filter: AuditFilter,
        before: Option<u64>,
        max: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.database
            .read(move |transaction| {
                let conditions = [
                    filter.user.is_some().then_some(" AND (actor_name = ?2 OR subject_name = ?2)"),
                    filter.action.is_some().then_some(" AND action = ?3"),
                    filter.from.is_some().then_some(" AND at >= ?4"),
                    filter.until.is_some().then_some(" AND at < ?5"),
                ];
                let conditions: String = conditions.into_iter().flatten().collect();
                transaction
                    .prepare_cached(&format!(
                        "SELECT {ENTRY} FROM audit_entries WHERE number < ?1{conditions}
                         ORDER BY number DESC LIMIT ?6"
                    ))?
                    .query_map(
                        params![
                            before.map_or(i64::MAX, |before| before.try_into().unwrap_or(i64::MAX)),
                            filter.user.as_ref().map(AccountName::as_str),
                            filter.action.map(StoredName::stored_name),
                            filter.from.map(Timestamp::unix_millis),
                            filter.until.map(Timestamp::unix_millis),
                            max,
                        ],
                        read(entry),
                    )?
                    .collect()
            })
            .await
    }

    async fn read_from(&self, number: u64, max: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.database
            .read(move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {ENTRY} FROM audit_entries WHERE number >= ?1
                         ORDER BY number LIMIT ?2"
                    ))?
                    .query_map(params![number, max], read(entry))?
                    .collect()
            })
            .await
    }

    async fn chain(&self) -> Result<AuditChain, StoreError> {
        self.database.read(chain).await
    }

    async fn remove_before(&self, time: Timestamp, max: u32) -> Result<u32, StoreError> {
        self.database
            .write(move |transaction| {
                let Some(last) = last_before(transaction, time, max)? else { return Ok(0) };
                let removed = transaction
                    .prepare_cached("DELETE FROM audit_entries WHERE number <= ?1")?
                    .execute([last.number])?;
                let AuditChain { head, .. } = chain(transaction)?;
                set_chain(transaction, AuditChain { start: last, head })?;
                Ok(u32::try_from(removed).unwrap_or(u32::MAX))
            })
            .await
    }

    async fn insert(&self, after: AuditLink, entries: Vec<AuditEntry>) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let stored = chain(transaction)?;
                let is_empty = stored == AuditChain::EMPTY;
                let Some(last) = entries.last().filter(|_| is_empty || stored.head == after) else {
                    return Ok(false);
                };
                let start = if is_empty { after } else { stored.start };
                set_chain(transaction, AuditChain { start, head: last.link() })?;
                entries.iter().try_for_each(|entry| insert(transaction, entry))?;
                Ok(true)
            })
            .await
    }
}

impl SqliteStore {
    /// Runs a change that returns whether it changed something. If it did, appends the entry that records it, in the
    /// same transaction.
    pub(crate) async fn write_audited<T: Send + 'static>(
        &self,
        audit: Option<NewAuditEntry>,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<(T, bool)> + Send + 'static,
    ) -> Result<T, StoreError> {
        let write = self.database.write(move |transaction| {
            let (outcome, is_changed) = change(transaction)?;
            let audit = audit.filter(|_| is_changed);
            let entry = audit.map(|content| append(transaction, content)).transpose()?;
            Ok((outcome, entry))
        });
        let (outcome, entry) = write.await?;
        if let Some(entry) = entry {
            publish_audit_entry(&entry);
        }
        Ok(outcome)
    }
}

fn append(transaction: &Transaction<'_>, content: NewAuditEntry) -> rusqlite::Result<AuditEntry> {
    let stored = chain(transaction)?;
    let entry = stored.head.next_entry(content);
    insert(transaction, &entry)?;
    set_chain(transaction, AuditChain { head: entry.link(), ..stored })?;
    Ok(entry)
}

/// Returns the last of the first entries that are older than `time`, if there are any. Reads at most `max` entries.
fn last_before(
    transaction: &Transaction<'_>,
    time: Timestamp,
    max: u32,
) -> rusqlite::Result<Option<AuditLink>> {
    let mut select = transaction
        .prepare_cached("SELECT number, hash, at FROM audit_entries ORDER BY number LIMIT ?1")?;
    let mut last = None;
    for row in
        select.query_map([max], read(|columns| Ok((link(columns)?, columns.timestamp()?))))?
    {
        let (link, at) = row?;
        if at >= time {
            break;
        }
        last = Some(link);
    }
    Ok(last)
}

fn chain(transaction: &Transaction<'_>) -> rusqlite::Result<AuditChain> {
    transaction
        .prepare_cached("SELECT start_number, start_hash, head_number, head_hash FROM audit_chain")?
        .query_row(
            [],
            read(|columns| Ok(AuditChain { start: link(columns)?, head: link(columns)? })),
        )
}

fn set_chain(
    transaction: &Transaction<'_>,
    AuditChain { start, head }: AuditChain,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE audit_chain
             SET start_number = ?1, start_hash = ?2, head_number = ?3, head_hash = ?4",
        )?
        .execute(params![
            start.number,
            start.hash.to_string(),
            head.number,
            head.hash.to_string()
        ])?;
    Ok(())
}

fn insert(transaction: &Transaction<'_>, entry: &AuditEntry) -> rusqlite::Result<()> {
    let AuditEntry { number, content, previous_hash, hash } = entry;
    let NewAuditEntry { at, action, result, actor, subject } = content;
    let subject_name = subject.as_ref().and_then(|subject| subject.name.as_ref());
    transaction
        .prepare_cached(&format!(
            "INSERT INTO audit_entries ({ENTRY})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
        ))?
        .execute(params![
            number,
            at.unix_millis(),
            action.kind().stored_name(),
            action.details(),
            result.stored_name(),
            actor.user_id.map(UserId::to_simple),
            actor.name.as_ref().map(AccountName::as_str),
            actor.via.stored_name(),
            actor.address.map(|address| address.to_string()),
            actor.request_id.as_ref().map(RequestId::as_str),
            subject.as_ref().map(|subject| subject.user_id.to_simple()),
            subject_name.map(AccountName::as_str),
            previous_hash.to_string(),
            hash.to_string(),
        ])?;
    Ok(())
}

fn link(columns: &mut Columns<'_>) -> rusqlite::Result<AuditLink> {
    Ok(AuditLink { number: columns.value()?, hash: columns.parsed()? })
}

fn entry(columns: &mut Columns<'_>) -> rusqlite::Result<AuditEntry> {
    let (number, at, kind) = (columns.value()?, columns.timestamp()?, columns.enum_value()?);
    let action = AuditAction::from_stored(kind, columns.text_option()?).map_err(invalid)?;
    let result = columns.enum_value()?;
    let actor = Actor {
        user_id: columns.parsed_option()?,
        name: columns.parsed_option()?,
        via: columns.enum_value()?,
        address: columns.parsed_option()?,
        request_id: columns.parsed_option()?,
    };
    let (subject_id, name) = (columns.parsed_option()?, columns.parsed_option()?);
    if subject_id.is_none() && name.is_some() {
        return Err(invalid("a subject without an id"));
    }
    let subject = subject_id.map(|user_id| AuditSubject { user_id, name });
    Ok(AuditEntry {
        number,
        content: NewAuditEntry { at, action, result, actor, subject },
        previous_hash: columns.parsed()?,
        hash: columns.parsed()?,
    })
}
