//! The subcommands beside `serve`: each ends when it is done, and says what it did.
#![expect(clippy::print_stdout, reason = "what the operator asked for")]

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
    export_all_users, export_user,
};
use webchat_domain::{Clock, SystemClock, UserId};
use webchat_persistence::{ConversationArchive, StoreError, Totals};
use webchat_persistence_mongo::{FlaskError, FlaskProgress, FlaskReport, Schema};
use webchat_tokens::TokenCounter;

use crate::stores::{connect, flask_migration, open_sqlite, prepared_mongo};
use crate::{StartError, StoreSettings};

/// How often a copy says how far it got.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// Why a command did not do what it was asked to.
#[derive(Debug, Error)]
pub enum CommandError {
    /// A store can't be opened.
    #[error(transparent)]
    Open(#[from] StartError),
    /// Not everything was carried over.
    #[error(transparent)]
    Migrate(#[from] FlaskError),
    /// Not everything was copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A file can't be used.
    #[error("can't use {0}: {1}")]
    File(String, #[source] io::Error),
    /// What is printed is not taken.
    #[error("can't print: {0}")]
    Print(#[source] io::Error),
    /// A store fails.
    #[error("the store fails: {0}")]
    Store(#[from] StoreError),
    /// Not everything was imported.
    #[error("{0}")]
    Import(#[from] ImportError),
    /// Source and destination are one.
    #[error("--from and --to are the same store")]
    SameStore,
    /// There is nothing to copy from.
    #[error(
        "{0} is not there: --from must be a database file, its folder, or a mongodb:// address"
    )]
    Missing(String),
}

/// Prints the description of the API.
///
/// # Errors
/// None: see [`webchat_transport::openapi`].
pub fn print_openapi() -> serde_json::Result<()> {
    print!("{}", webchat_transport::openapi()?);
    Ok(())
}

/// Brings the database to the form that this version needs; with `dry_run`, says what that would be.
///
/// # Errors
/// When the database can't be opened or changed.
pub async fn init_db(settings: &StoreSettings, dry_run: bool) -> Result<(), CommandError> {
    let Some(uri) = &settings.mongodb_uri else {
        let file = settings.data_dir.join("webchat.db");
        if dry_run {
            println!("{} is made or brought up to date by whoever opens it", file.display());
        } else {
            open_sqlite(&settings.data_dir).await?;
            println!("{} is up to date", file.display());
        }
        return Ok(());
    };
    let database = connect(uri).await?;
    let schema = Schema::of(database.clone());
    let (changes, did) = if dry_run {
        (schema.plan().await.map_err(StartError::from)?, "would")
    } else {
        (schema.prepare().await.map_err(StartError::from)?, "did")
    };
    for change in &changes {
        println!("{did}: {change}");
    }
    let migration = flask_migration(&database);
    let report = if dry_run {
        migration.plan().await.map_err(FlaskError::from)?
    } else {
        migration.run(tell_progress()).await?
    };
    let carried = print_report(&report, did);
    if changes.is_empty() && !carried {
        println!("{} is up to date", database.location());
    }
    Ok(())
}

/// Prints how far a migration got, now and then, and each document that it leaves behind.
fn tell_progress() -> impl FnMut(FlaskProgress) + Send {
    let mut told = Instant::now();
    move |progress| match progress {
        FlaskProgress::Waiting => println!("waiting: somebody else is carrying conversations over"),
        FlaskProgress::Skipped(left) => println!("left as it is: {left}"),
        FlaskProgress::Migrated { conversations, skipped, total, .. } => {
            if told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                println!("{} of {total} conversations", conversations + skipped);
            }
        }
    }
}

/// Whether there was anything to carry over.
fn print_report(report: &FlaskReport, did: &str) -> bool {
    let FlaskReport { conversations, messages, role_mapped_messages, summaries, skipped, .. } =
        report;
    if let Some(index) = &report.dropped_index {
        println!("{did}: drop the Flask application's text index {index}");
    }
    if *conversations > 0 {
        println!(
            "{did}: carry over {conversations} conversations of the Flask application, with \
             {messages} messages ({role_mapped_messages} of them under another role) and {summaries} \
             summaries"
        );
    }
    if *skipped > 0 {
        println!("{did}: leave {skipped} documents as they are:");
        for left in &report.first_skipped {
            println!("  {left}");
        }
    }
    report.dropped_index.is_some() || *conversations > 0 || *skipped > 0
}

/// Copies all conversations from one store into another, and checks the copy.
///
/// # Errors
/// When a store can't be used, or the copy is not as the original.
pub async fn copy_all(from: &str, to: &str) -> Result<(), CommandError> {
    if from == to {
        return Err(CommandError::SameStore);
    }
    if !is_mongo(from) && !Path::new(from).exists() {
        return Err(CommandError::Missing(from.to_owned()));
    }
    let (from, to) = (open(from).await?, open(to).await?);
    let all = from.totals().await.map_err(CopyError::from)?;
    let mut told = Instant::now();
    let copied = copy(from.as_ref(), to.as_ref(), |so_far| {
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            println!("{} of {}", in_words(so_far), in_words(all));
        }
    })
    .await?;
    println!("copied and checked: {}", in_words(copied));
    Ok(())
}

/// Writes a user's conversations, or everybody's, into a new file or to standard output.
///
/// # Errors
/// When the store can't be read, or the file is there already or can't be written.
pub async fn export(
    settings: &StoreSettings,
    user: Option<UserId>,
    to: Option<&Path>,
) -> Result<(), CommandError> {
    let archive = open_configured(settings).await?;
    let parts = match user {
        Some(user) => export_user(archive, user),
        None => export_all_users(archive),
    };
    let Some(path) = to else {
        return write_all(parts, &mut io::stdout(), CommandError::Print).await;
    };
    let failed = |error| CommandError::File(path.display().to_string(), error);
    let mut file = File::create_new(path).map_err(failed)?;
    write_all(parts, &mut file, failed).await?;
    file.sync_all().map_err(failed)?;
    println!("written: {}", path.display());
    Ok(())
}

async fn write_all(
    mut parts: ExportStream,
    to: &mut impl Write,
    failed: impl Fn(io::Error) -> CommandError,
) -> Result<(), CommandError> {
    while let Some(part) = parts.try_next().await? {
        to.write_all(part.as_bytes()).map_err(&failed)?;
    }
    to.flush().map_err(&failed)
}

/// Brings the conversations of a file to a user, or to the users that it names. Tokens are counted as
/// `model` does.
///
/// # Errors
/// When the file is broken (then nothing is imported), or the store fails.
pub async fn import(
    settings: &StoreSettings,
    model: Option<&str>,
    path: &Path,
    user: Option<UserId>,
) -> Result<(), CommandError> {
    let file = File::open(path);
    let file = file.map_err(|error| CommandError::File(path.display().to_string(), error))?;
    let archive = open_configured(settings).await?;
    let into = ImportTarget {
        archive,
        tokens: model.map_or_else(TokenCounter::load, TokenCounter::for_model),
        now: SystemClock.now(),
    };
    let user_id = user.map_or(ImportOwner::FromFile, ImportOwner::User);
    let mut told = Instant::now();
    let ImportProgress { imported, already_there, messages, .. } =
        webchat_chat::import(&into, user_id, file, |progress| {
            if told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                println!("{} of {} conversations", progress.done, progress.of);
            }
            ControlFlow::Continue(())
        })
        .await?;
    println!(
        "imported: {imported} conversations, {messages} messages; {already_there} conversations were \
         here already"
    );
    Ok(())
}

/// The store of conversations that the settings name.
async fn open_configured(
    settings: &StoreSettings,
) -> Result<Arc<dyn ConversationArchive>, StartError> {
    if let Some(uri) = &settings.mongodb_uri {
        return Ok(Arc::new(prepared_mongo(uri).await?));
    }
    Ok(Arc::new(open_sqlite(&settings.data_dir).await?))
}

/// A store by its address: a `mongodb://` one, a database file, or the folder of one.
async fn open(address: &str) -> Result<Box<dyn ConversationArchive>, StartError> {
    if is_mongo(address) {
        return Ok(Box::new(prepared_mongo(&SecretString::from(address)).await?));
    }
    let path = Path::new(address);
    let folder = match path.parent() {
        Some(folder) if path.ends_with("webchat.db") => folder,
        _ => path,
    };
    Ok(Box::new(open_sqlite(folder).await?))
}

fn is_mongo(address: &str) -> bool {
    address.starts_with("mongodb://") || address.starts_with("mongodb+srv://")
}

fn in_words(totals: Totals) -> String {
    format!("{} conversations, {} messages", totals.conversations, totals.messages)
}
