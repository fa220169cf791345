//! The documents of the collection `audit_entries`, and the one with the ends of their chain.

use std::net::IpAddr;

use mongodb::error::{Error, Result as MongoResult};
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use webchat_domain::{
    AccessMethod, AccountName, Actor, AuditAction, AuditActionKind, AuditEntry, AuditHash,
    AuditLink, AuditResult, AuditSubject, NewAuditEntry, RequestId, Timestamp, UserId,
};
use webchat_persistence::AuditChain;

use super::values::Date;

/// A document of `audit_entries`.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AuditEntryDocument {
    number: u64,
    #[serde_as(as = "Date")]
    at: Timestamp,
    action: AuditActionKind,
    /// As JSON.
    details: Option<String>,
    result: AuditResult,
    #[serde_as(as = "Option<DisplayFromStr>")]
    actor_id: Option<UserId>,
    actor_name: Option<AccountName>,
    via: AccessMethod,
    #[serde_as(as = "Option<DisplayFromStr>")]
    address: Option<IpAddr>,
    request_id: Option<RequestId>,
    #[serde_as(as = "Option<DisplayFromStr>")]
    subject_id: Option<UserId>,
    subject_name: Option<AccountName>,
    previous_hash: AuditHash,
    hash: AuditHash,
}

impl From<&AuditEntry> for AuditEntryDocument {
    fn from(AuditEntry { number, content, previous_hash, hash }: &AuditEntry) -> Self {
        let NewAuditEntry { at, action, result, actor, subject } = content.clone();
        let (subject_id, subject_name) =
            subject.map_or((None, None), |subject| (Some(subject.user_id), subject.name));
        Self {
            number: *number,
            at,
            details: action.details(),
            action: action.kind(),
            result,
            actor_id: actor.user_id,
            actor_name: actor.name,
            via: actor.via,
            address: actor.address,
            request_id: actor.request_id,
            subject_id,
            subject_name,
            previous_hash: *previous_hash,
            hash: *hash,
        }
    }
}

impl TryFrom<AuditEntryDocument> for AuditEntry {
    type Error = Error;

    fn try_from(document: AuditEntryDocument) -> MongoResult<Self> {
        let action = AuditAction::from_stored(document.action, document.details.as_deref());
        let (subject_id, name) = (document.subject_id, document.subject_name);
        if subject_id.is_none() && name.is_some() {
            return Err(Error::custom("a subject without an id"));
        }
        let actor = Actor {
            user_id: document.actor_id,
            name: document.actor_name,
            via: document.via,
            address: document.address,
            request_id: document.request_id,
        };
        let content = NewAuditEntry {
            at: document.at,
            action: action.map_err(Error::custom)?,
            result: document.result,
            actor,
            subject: subject_id.map(|user_id| AuditSubject { user_id, name }),
        };
        let AuditEntryDocument { number, previous_hash, hash, .. } = document;
        Ok(Self { number, content, previous_hash, hash })
    }
}

/// The document of `meta` with both ends of the chain of hashes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AuditChainDocument {
    start_number: u64,
    start_hash: AuditHash,
    head_number: u64,
    head_hash: AuditHash,
}

impl From<AuditChain> for AuditChainDocument {
    fn from(AuditChain { start, head }: AuditChain) -> Self {
        Self {
            start_number: start.number,
            start_hash: start.hash,
            head_number: head.number,
            head_hash: head.hash,
        }
    }
}

impl From<AuditChainDocument> for AuditChain {
    fn from(document: AuditChainDocument) -> Self {
        let link = |number, hash| AuditLink { number, hash };
        Self {
            start: link(document.start_number, document.start_hash),
            head: link(document.head_number, document.head_hash),
        }
    }
}
