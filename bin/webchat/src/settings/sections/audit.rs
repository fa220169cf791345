//! The audit log.

use std::path::PathBuf;

use super::super::declaration::section;
use super::super::kind::Kind;

section! {
    AuditSettings: [audit], "Audit log" {
        /// A file to which each instance also writes the entries of the audit log that it appends, as lines of JSON; `-`
        /// is standard output. SIGHUP reopens the file. It is never rotated.
        AUDIT_FILE => file: Option<PathBuf>, Kind::TEXT;

        /// The number of days after which entries of the audit log are removed from the database. 0 keeps them for ever.
        AUDIT_KEPT_DAYS => kept_days: u32 = "365", Kind::limit("days");

        /// Whether administrators and auditors may read and export the conversations of other users, on the page and over
        /// the API. Each access needs a reason, and is recorded in the audit log.
        ADMIN_CONVERSATION_ACCESS => conversation_access: bool = "off", Kind::Switch;
    }
}
