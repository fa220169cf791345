//! The subcommands other than `serve`.
#![expect(clippy::print_stdout, reason = "the output of the commands")]

pub(crate) mod audit;
pub(crate) mod erasures;
pub(crate) mod keys;
pub(crate) mod users;

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use secrecy::SecretString;
use thiserror::Error;
use tokio::time::Instant;
use webchat_chat::{
    CopyError, ExportStream, ImportError, ImportOwner, ImportProgress, ImportTarget, copy,
    copy_accounts, copy_audit_log, copy_erasures, copy_user_settings, export_all_users,
    export_user,
};
use webchat_domain::{Clock, SystemClock, UserId};
use webchat_persistence::{ConversationTransfer, StoreError, Totals};
use webchat_persistence_mongo::{
    FlaskUser, MigrationError, MigrationProgress, MigrationReport, MongoDatabase, Schema,
};
use webchat_tokens::TokenCounter;

use self::users::describe_legacy;
use crate::error::StartError;
use crate::stores::{TransferStore, connect, flask_migration, open_sqlite};
use crate::{Settings, SettingsError, SettingsFormat, SettingsSources, StoreSettings};

/// The interval at which progress is printed.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// The maximum number of users that the report of a migration lists.
const MAX_PRINTED_USERS: usize = 1_000;

/// An error of a command.
#[derive(Debug, Error)]
pub enum CommandError {
    /// A store can't be opened.
    #[error(transparent)]
    Open(#[from] StartError),
    /// The migration failed.
    #[error(transparent)]
    Migrate(#[from] MigrationError),
    /// The copy failed.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A file can't be opened, read or written.
    #[error("can't access {0}: {1}")]
    File(String, #[source] io::Error),
    /// Writing to standard output failed.
    #[error("can't write to standard output: {0}")]
    Print(#[source] io::Error),
    /// A store failed.
    #[error("store failed: {0}")]
    Store(#[from] StoreError),
    /// The import failed.
    #[error("{0}")]
    Import(#[from] ImportError),
    /// The source and the target are the same store.
    #[error("--from and --to are the same store")]
    SameStore,
    /// The source does not exist.
    #[error(
        "{0} does not exist: --from must be a database file, its directory, or a mongodb:// URI"
    )]
    Missing(String),
}

/// Prints the OpenAPI description of the API.
///
/// # Errors
/// See [`webchat_transport::openapi`].
pub fn print_openapi() -> serde_json::Result<()> {
    print!("{}", webchat_transport::openapi()?);
    Ok(())
}

/// Checks the settings.
///
/// # Errors
/// All invalid settings together.
pub fn check_config(sources: &SettingsSources) -> Result<(), SettingsError> {
    Settings::read(sources)?;
    println!("The settings are valid.");
    Ok(())
}

/// Prints the settings with their sources, without secrets.
///
/// # Errors
/// All invalid settings together.
pub fn print_config(sources: &SettingsSources) -> Result<(), SettingsError> {
    print!("{}", sources.render()?);
    Ok(())
}

/// Prints all settings with their defaults.
pub fn print_example(format: SettingsFormat) {
    print!("{}", format.render());
}

/// Creates or upgrades the database. With `dry_run`, only prints what would be done.
///
/// # Errors
/// If the database can't be opened or changed.
pub async fn init_db(settings: &StoreSettings, dry_run: bool) -> Result<(), CommandError> {
    let Some(uri) = &settings.mongodb_uri else {
        let file = settings.data_dir.join("webchat.db");
        if dry_run {
            println!("{} is created or upgraded when it is opened", file.display());
        } else {
            open_sqlite(&settings.data_dir).await?;
            println!("{} is up to date", file.display());
        }
        return Ok(());
    };
    let database = connect(uri).await?;
    let result = init_mongo(&database, dry_run).await;
    database.close().await;
    result
}

async fn init_mongo(database: &MongoDatabase, dry_run: bool) -> Result<(), CommandError> {
    let schema = Schema::of(database.clone());
    let (changes, prefix) = if dry_run {
        (schema.plan().await.map_err(StartError::from)?, "would")
    } else {
        (schema.prepare().await.map_err(StartError::from)?, "done:")
    };
    for change in &changes {
        println!("{prefix} {change}");
    }
    for (collection, index) in schema.foreign_unique_indexes().await.map_err(StartError::from)? {
        println!(
            "warning: the unique index {index} of {collection} is not Webchat's: documents that violate it are skipped"
        );
    }
    let migration = flask_migration(database);
    let report = if dry_run {
        migration.plan().await.map_err(MigrationError::from)?
    } else {
        migration.run(progress_printer()).await?
    };
    let is_migrated = print_report(&report, prefix);
    if report.conversations > 0 {
        print_users(&migration.users().await?);
    }
    if changes.is_empty() && !is_migrated {
        println!("{} is up to date", database.location());
    }
    Ok(())
}

/// Returns a callback that prints the progress of a migration at intervals, and each skipped document.
fn progress_printer() -> impl FnMut(MigrationProgress) + Send {
    let mut printed_at = Instant::now();
    move |progress| match progress {
        MigrationProgress::Waiting => println!("waiting for another migration to finish"),
        MigrationProgress::Skipped(document) => println!("skipped: {document}"),
        MigrationProgress::Migrated { conversations, skipped, total, .. } => {
            if printed_at.elapsed() >= PROGRESS_INTERVAL {
                printed_at = Instant::now();
                println!("processed {} of {total} conversations", conversations + skipped);
            }
        }
    }
}

/// Prints what a migration did or would do. Returns whether there was anything to migrate.
fn print_report(report: &MigrationReport, prefix: &str) -> bool {
    let MigrationReport {
        conversations, messages, role_mapped_messages, summaries, skipped, ..
    } = report;
    if let Some(index) = &report.dropped_index {
        println!("{prefix} drop the text index {index} of the Flask application");
    }
    if *conversations > 0 {
        println!(
            "{prefix} migrate {conversations} conversations of the Flask application, with {messages} \
             messages ({role_mapped_messages} of them with their role mapped to user or assistant) and \
             {summaries} summaries"
        );
    }
    if report.left_out_messages > 0 {
        println!(
            "{prefix} leave out {} messages, which stay in the backup:",
            report.left_out_messages
        );
        for message in &report.first_left_out {
            println!("  {message}");
        }
    }
    if *skipped > 0 {
        println!("{prefix} skip {skipped} documents:");
        for document in &report.first_skipped {
            println!("  {document}");
        }
    }
    report.dropped_index.is_some() || *conversations > 0 || *skipped > 0
}

/// Prints the users whose conversations a migration has found.
fn print_users(users: &[FlaskUser]) {
    println!("the users of the Flask application, whom accounts can adopt:");
    for user in users.iter().take(MAX_PRINTED_USERS) {
        println!("  {}", describe_legacy(user));
    }
    if users.len() > MAX_PRINTED_USERS {
        println!(
            "  and {} others: `webchat user legacy` lists all",
            users.len() - MAX_PRINTED_USERS
        );
    }
}

/// Copies all conversations to another store, and verifies the copy. Copies the accounts and settings of all users, and
/// the audit log, too.
///
/// # Errors
/// If a store can't be opened or fails, or the copy differs from the original.
pub async fn copy_store(from: &str, to: &str) -> Result<(), CommandError> {
    if from == to {
        return Err(CommandError::SameStore);
    }
    if !is_mongo(from) && !Path::new(from).exists() {
        return Err(CommandError::Missing(from.to_owned()));
    }
    let (from, to) = (open(from).await?, open(to).await?);
    let result = copy_all(&from, &to).await;
    from.close().await;
    to.close().await;
    result
}

async fn copy_all(from: &TransferStore, to: &TransferStore) -> Result<(), CommandError> {
    let (settings, other_settings) = (from.user_settings.as_ref(), to.user_settings.as_ref());
    copy_user_settings(settings, other_settings, SystemClock.now()).await?;
    copy_accounts(from.account_store(), to.account_store()).await?;
    copy_erasures(from.erasures.as_ref(), to.erasures.as_ref()).await?;
    if !copy_audit_log(from.audit.as_ref(), to.audit.as_ref()).await? {
        println!("the audit log was not copied: the target has a different one");
    }
    let (from, to) = (from.transfer.as_ref(), to.transfer.as_ref());
    let totals = from.totals().await.map_err(CopyError::from)?;
    let mut printed_at = Instant::now();
    let copied = copy(from, to, |progress| {
        if printed_at.elapsed() >= PROGRESS_INTERVAL {
            printed_at = Instant::now();
            println!(
                "copied so far: {}; in all: {}",
                format_totals(progress),
                format_totals(totals)
            );
        }
    })
    .await?;
    println!("copied and verified: {}", format_totals(copied));
    Ok(())
}

/// Exports the conversations of one or all users to a new file or to standard output.
///
/// # Errors
/// If the store can't be read, or the file exists already or can't be written.
pub async fn export(
    settings: &StoreSettings,
    user: Option<UserId>,
    to: Option<&Path>,
) -> Result<(), CommandError> {
    let store = open_configured(settings).await?;
    let result = export_to(Arc::clone(&store.transfer), user, to).await;
    store.close().await;
    result
}

async fn export_to(
    transfer: Arc<dyn ConversationTransfer>,
    user: Option<UserId>,
    to: Option<&Path>,
) -> Result<(), CommandError> {
    let content = match user {
        Some(user) => export_user(transfer, user),
        None => export_all_users(transfer),
    };
    let Some(path) = to else {
        return write_all(content, &mut io::stdout(), CommandError::Print).await;
    };
    let file_error = |error| CommandError::File(path.display().to_string(), error);
    let mut file = File::create_new(path).map_err(file_error)?;
    write_all(content, &mut file, file_error).await?;
    file.sync_all().map_err(file_error)?;
    println!("exported to {}", path.display());
    Ok(())
}

async fn write_all(
    mut content: ExportStream,
    writer: &mut impl Write,
    to_error: impl Fn(io::Error) -> CommandError,
) -> Result<(), CommandError> {
    while let Some(text) = content.try_next().await? {
        writer.write_all(text.as_bytes()).map_err(&to_error)?;
    }
    writer.flush().map_err(&to_error)
}

/// Imports the conversations of a file for a user, or for the users given in the file. Counts tokens with the
/// tokenizer of `model`.
///
/// # Errors
/// If the file is invalid (then nothing is imported), or the store fails.
pub async fn import(
    settings: &StoreSettings,
    model: Option<&str>,
    path: &Path,
    user: Option<UserId>,
) -> Result<(), CommandError> {
    let file = File::open(path);
    let file = file.map_err(|error| CommandError::File(path.display().to_string(), error))?;
    let store = open_configured(settings).await?;
    let target = ImportTarget {
        transfer: Arc::clone(&store.transfer),
        tokens: model.map_or_else(TokenCounter::default, TokenCounter::for_model),
        now: SystemClock.now(),
        quota: None,
        max_bytes: u64::MAX,
    };
    let owner = user.map_or(ImportOwner::FromFile, ImportOwner::User);
    let mut printed_at = Instant::now();
    let progress = webchat_chat::import(&target, owner, file, |progress| {
        if printed_at.elapsed() >= PROGRESS_INTERVAL {
            printed_at = Instant::now();
            println!("processed {} of {} conversations", progress.processed, progress.total);
        }
        ControlFlow::Continue(())
    })
    .await;
    drop(target);
    store.close().await;
    print_import(&progress?);
    Ok(())
}

fn print_import(progress: &ImportProgress) {
    let &ImportProgress { imported, added_to, already_there, messages, left_out, .. } = progress;
    println!(
        "imported: {imported} conversations, {messages} messages; {added_to} conversations got new messages, \
         {already_there} already existed"
    );
    for entry in progress.first_left_out.iter() {
        println!("left out: {}", entry.describe());
    }
    let listed: u64 = progress.first_left_out.iter().map(|entry| entry.count).sum();
    if left_out > listed {
        println!("left out: {} more", left_out - listed);
    }
}

/// Opens the configured store of conversations.
async fn open_configured(settings: &StoreSettings) -> Result<TransferStore, StartError> {
    match &settings.mongodb_uri {
        Some(uri) => TransferStore::open_mongo(uri).await,
        None => TransferStore::open_sqlite(&settings.data_dir).await,
    }
}

/// Opens the store at a location: a `mongodb://` URI, a database file, or its directory.
async fn open(location: &str) -> Result<TransferStore, StartError> {
    if is_mongo(location) {
        return TransferStore::open_mongo(&SecretString::from(location)).await;
    }
    let path = Path::new(location);
    let data_dir = match path.parent() {
        Some(parent) if path.ends_with("webchat.db") => parent,
        _ => path,
    };
    TransferStore::open_sqlite(data_dir).await
}

fn is_mongo(location: &str) -> bool {
    location.starts_with("mongodb://") || location.starts_with("mongodb+srv://")
}

fn format_totals(totals: Totals) -> String {
    format!("{} conversations, {} messages", totals.conversations, totals.messages)
}
