//! The progress, the result and the errors of a migration.

use std::fmt;

use mongodb::bson::Bson;
use thiserror::Error;
use webchat_persistence::StoreError;

use super::legacy::Counts;
use super::skip_reason::SkipReason;
use crate::database::explanation;

/// The maximum number of skipped documents that a report lists.
const MAX_LISTED: usize = 1_000;

/// The result of a migration, or of its plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// The number of migrated conversations.
    pub conversations: u64,
    /// The number of their messages.
    pub messages: u64,
    /// The number of messages whose role Webchat does not have. Each was mapped to the user or the
    /// assistant.
    pub role_mapped_messages: u64,
    /// The number of migrated conversations with a summary.
    pub summaries: u64,
    /// The number of conversations that were already in Webchat's format.
    pub already_current: u64,
    /// The number of documents that were skipped and left unchanged.
    pub skipped: u64,
    /// The first 1 000 skipped documents.
    pub first_skipped: Vec<Skipped>,
    /// The number of messages of migrated conversations that were left out. They are only in the backup.
    pub left_out_messages: u64,
    /// The first 1 000 of them: the `_id` of the document, and the reason.
    pub first_left_out: Vec<Skipped>,
    /// The name of the Flask application's text index, which is no longer needed.
    pub dropped_index: Option<String>,
}

/// A document of the Flask application that was left unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its `_id`, as MongoDB's shell writes it.
    pub document: String,
    /// The reason why it was skipped.
    pub reason: SkipReason,
}

/// The progress of a running migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationProgress {
    /// Another migration is running. This one starts when the other one ends or its lease expires.
    Waiting,
    /// A document was skipped.
    Skipped(Skipped),
    /// A batch of documents was migrated. All numbers are totals of the run.
    Migrated {
        /// The number of migrated conversations.
        conversations: u64,
        /// The number of their messages.
        messages: u64,
        /// The number of skipped documents.
        skipped: u64,
        /// The number of documents in the legacy format at the start of the migration.
        total: u64,
    },
}

/// The reason why a migration ended early. Another run continues where it stopped.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// The database failed.
    #[error("{0}{explained}; run the migration again to continue", explained = explained(.0))]
    Store(#[from] StoreError),
    /// This migration stalled for longer than its lease, and another one took over.
    #[error("another migration took over because this one stalled for too long")]
    TakenOver,
}

/// Returns what the driver's error means for the operator.
fn explained(error: &StoreError) -> String {
    explanation(error).map(|text| format!(": {text}")).unwrap_or_default()
}

impl Skipped {
    pub(super) fn new(document: &Bson, reason: SkipReason) -> Self {
        Self { document: document.to_string(), reason }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.document, self.reason)
    }
}

impl MigrationReport {
    pub(super) fn add_conversation(&mut self, counts: Counts) {
        self.conversations += 1;
        self.messages += counts.messages;
        self.role_mapped_messages += counts.role_mapped_messages;
        self.summaries += u64::from(counts.has_summary);
    }

    /// Adds the messages of a migrated document that were left out.
    pub(super) fn add_left_out(&mut self, document: &Bson, reasons: &[SkipReason]) {
        for reason in reasons {
            self.left_out_messages += 1;
            if self.first_left_out.len() < MAX_LISTED {
                self.first_left_out.push(Skipped::new(document, reason.clone()));
            }
        }
    }

    pub(super) fn add_skipped(&mut self, skipped: Skipped) {
        self.skipped += 1;
        if self.first_skipped.len() < MAX_LISTED {
            self.first_skipped.push(skipped);
        }
    }
}
