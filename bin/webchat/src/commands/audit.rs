//! The subcommands of `webchat audit`, which read and verify the audit log.
#![expect(clippy::print_stdout, reason = "the output of the commands")]

use std::io::{self, Write};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Subcommand, ValueEnum};
use webchat_chat::{Audit, AuditVerification};
use webchat_domain::{
    AccountName, Actor, AuditActionKind, AuditEntry, AuditLink, NewAuditEntry, Timestamp,
};
use webchat_persistence::AuditFilter;
use webchat_persistence::rules::StoredName;

use super::users::{UserCommandError, with_accounts};
use crate::StoreSettings;

/// The maximum number of entries that are read at once.
const PAGE: u32 = 500;

/// A question about the audit log.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Lists entries, the newest first.
    List {
        /// Only entries with this account as the actor or the subject.
        #[arg(long)]
        user: Option<AccountName>,
        /// Only entries with this action, for example `sign_in_failed`.
        #[arg(long, value_parser = action_parser())]
        action: Option<AuditActionKind>,
        /// Only entries from this time on: a date, or a time such as 2026-01-02T03:04:05Z.
        #[arg(long, value_parser = parse_time)]
        since: Option<Timestamp>,
        /// The maximum number of entries.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// The format.
        #[arg(long, value_enum, default_value_t = AuditFormat::Text)]
        format: AuditFormat,
    },
    /// Verifies that no entry was changed, removed or moved. If one was, the exit status is 1.
    Verify,
}

/// How entries are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuditFormat {
    /// One readable line per entry.
    Text,
    /// One JSON object per line, as in `AUDIT_FILE`.
    Json,
}

/// Runs a command on the stores.
///
/// # Errors
/// If a store can't be opened or fails; [`UserCommandError::BrokenAuditLog`] if the log is not intact.
pub async fn read_audit_log(
    settings: &StoreSettings,
    command: AuditCommand,
) -> Result<(), UserCommandError> {
    with_accounts(settings, async |_, stores| {
        let audit = Audit::new(stores.account_ports());
        match command {
            AuditCommand::List { user, action, since, limit, format } => {
                let filter = AuditFilter { user, action, from: since, until: None };
                list(&audit, filter, limit, format).await
            }
            AuditCommand::Verify => verify(&audit).await,
        }
    })
    .await
}

fn action_parser() -> impl TypedValueParser<Value = AuditActionKind> {
    PossibleValuesParser::new(AuditActionKind::stored_names())
        .try_map(|name| AuditActionKind::from_stored_name(&name).ok_or("an unknown action"))
}

/// Parses a time, or a date as its beginning in UTC.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    let is_date = text.len() == "2026-01-02".len();
    let time = if is_date { format!("{text}T00:00:00Z") } else { text.to_owned() };
    serde_json::from_value(time.into()).map_err(|error| error.to_string())
}

async fn list(
    audit: &Audit,
    filter: AuditFilter,
    limit: u32,
    format: AuditFormat,
) -> Result<(), UserCommandError> {
    let (mut before, mut left) = (None, limit);
    while left > 0 {
        let page = audit.list(filter.clone(), before, left.min(PAGE)).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
        for entry in &page {
            let line = match format {
                AuditFormat::Text => describe(entry),
                AuditFormat::Json => entry.to_json(),
            };
            // A reader such as `head` may have enough.
            if writeln!(io::stdout(), "{line}").is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn verify(audit: &Audit) -> Result<(), UserCommandError> {
    match audit.verify().await? {
        AuditVerification::Intact { entries, head: AuditLink { number, hash } } => {
            println!("{entries} entries are intact; the last one is number {number}, {hash}");
            Ok(())
        }
        AuditVerification::Broken { number } => Err(UserCommandError::BrokenAuditLog { number }),
    }
}

fn describe(entry: &AuditEntry) -> String {
    let NewAuditEntry { at, action, result, actor, subject } = &entry.content;
    let kind: &str = action.kind().into();
    let result: &str = result.into();
    let subject = subject.as_ref().map_or("-".to_owned(), |subject| {
        subject.name.as_ref().map_or_else(|| subject.user_id.to_string(), ToString::to_string)
    });
    let details = action.details().unwrap_or_default();
    let (number, at) = (entry.number, Timestamp::readable(*at));
    format!("{number} {at} {kind} {result} {subject} by {} {details}", actor_of(actor))
        .trim_end()
        .to_owned()
}

fn actor_of(actor: &Actor) -> String {
    let via: &str = actor.via.into();
    let name = actor.name.as_ref().map(ToString::to_string);
    let name = name.or_else(|| actor.user_id.map(|user_id| user_id.to_string()));
    let who = name.map_or_else(|| via.to_owned(), |name| format!("{name} ({via})"));
    match actor.address {
        Some(address) => format!("{who} from {address}"),
        None => who,
    }
}
