//! The subcommands of `webchat erasures`, which list receipts and erase users again.
#![expect(clippy::print_stdout, reason = "the output of the commands")]

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use webchat_chat::{ChatError, Erasures};
use webchat_domain::Erasure;

use super::users::{CLI, UserCommandError, describe_erasure, with_accounts};
use crate::StoreSettings;

/// The number of receipts that are read at once.
const PAGE: u32 = 500;

/// The maximum size of a line of a list of erasures, in bytes. A receipt has a few hundred.
const MAX_LINE_BYTES: u64 = 16 * 1024;

/// Why an erasure of a list is refused, and what to do.
const OF_ANOTHER_USER: &str = "the database has a receipt with this id for another user, so the list is of another \
                               installation or was changed; check it, and delete the user with `webchat user erase NAME`";

/// A question about erasures, or their repetition.
#[derive(Clone, Debug, Subcommand)]
pub enum ErasureCommand {
    /// Lists the receipts of erasures, the newest first.
    List {
        /// The format. A list in JSON can be replayed.
        #[arg(long, value_enum, default_value_t = ErasureFormat::Text)]
        format: ErasureFormat,
    },
    /// Erases again, after a backup was restored, the users that a list names.
    Replay {
        /// The output of `webchat erasures list --format json` from after the backup was made; `-` reads standard input.
        file: PathBuf,
    },
}

/// How receipts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ErasureFormat {
    /// One readable line per receipt.
    Text,
    /// One JSON object per line.
    Json,
}

/// Runs a command on the stores.
///
/// # Errors
/// If a store can't be opened or fails, or the list can't be read.
pub async fn manage_erasures(
    settings: &StoreSettings,
    command: ErasureCommand,
) -> Result<(), UserCommandError> {
    with_accounts(settings, async |accounts, stores| {
        let erasures = Erasures::new(stores.erasure_ports(), accounts);
        match command {
            ErasureCommand::List { format } => list(&erasures, format).await,
            ErasureCommand::Replay { file } => replay(&erasures, &read_list(&file)?).await,
        }
    })
    .await
}

async fn list(erasures: &Erasures, format: ErasureFormat) -> Result<(), UserCommandError> {
    let mut before = None;
    loop {
        let page = erasures.list(before, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        before = Some(last.erasure_id);
        for erasure in &page {
            let line = match format {
                ErasureFormat::Text => describe_erasure(erasure),
                ErasureFormat::Json => serde_json::to_string(erasure).map_err(io::Error::from)?,
            };
            // A reader such as `head` may have enough.
            if writeln!(io::stdout(), "{line}").is_err() {
                return Ok(());
            }
        }
    }
}

/// Erases the users of a list again. One that can't be erased does not stop the others.
async fn replay(erasures: &Erasures, list: &[Erasure]) -> Result<(), UserCommandError> {
    let (mut requested, mut refused) = (Vec::new(), 0_u64);
    // The oldest first, as they were requested.
    for erasure in list.iter().rev() {
        let reason = match erasures.replay(erasure.clone(), &CLI).await {
            Ok(Some(erasure)) => {
                requested.push(erasure.erasure_id);
                continue;
            }
            Ok(None) => OF_ANOTHER_USER.to_owned(),
            Err(error @ ChatError::LastAdmin) => error.to_string(),
            Err(error) => return Err(error.into()),
        };
        println!("refused {}: {reason}", erasure.erasure_id);
        refused += 1;
    }
    for id in requested {
        let receipt = erasures.complete(id).await?;
        println!("{}", describe_erasure(&receipt));
    }
    if refused > 0 { Err(UserCommandError::ErasuresRefused(refused)) } else { Ok(()) }
}

fn read_list(path: &Path) -> Result<Vec<Erasure>, UserCommandError> {
    let mut reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path)?))
    };
    let mut erasures = Vec::new();
    loop {
        let mut line = String::new();
        if (&mut reader).take(MAX_LINE_BYTES).read_line(&mut line)? == 0 {
            return Ok(erasures);
        }
        if !line.trim().is_empty() {
            let number = erasures.len() + 1;
            let erasure = serde_json::from_str(&line)
                .map_err(|error| UserCommandError::InvalidErasure { number, error })?;
            erasures.push(erasure);
        }
    }
}
