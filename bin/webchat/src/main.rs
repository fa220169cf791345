//! `webchat`: the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};
use webchat::{
    Environment, Settings, StoreSettings, copy_all, export, import, init_db, print_openapi,
    telemetry,
};
use webchat_domain::UserId;

/// A self-hosted, real-time chat server for LLM assistants.
///
/// Settings are read from the environment and from a `.env` file in the current folder: see
/// `.env.example`.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server (the default).
    Serve,
    /// Makes the database, or brings it to the form that this version needs. The server does so too.
    InitDb {
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Prints what programs may ask for, as OpenAPI 3.1: what `docs/openapi.json` holds.
    Openapi,
    /// Copies all conversations from one store into another, and checks the copy. No server may use
    /// them meanwhile.
    Copy {
        /// A database file, the folder of one (`DATA_DIR`), or a `mongodb://` address.
        #[arg(long)]
        from: String,
        /// The same for the store that is written.
        #[arg(long)]
        to: String,
    },
    /// Writes conversations into a file, as JSON with all there is of them. No other Webchat may use the
    /// database file meanwhile.
    Export {
        /// The user whose they are; without one, those of all users are written.
        #[arg(long)]
        user: Option<UserId>,
        /// The new file; without one, they are printed.
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// Brings the conversations of a file: Webchat's own, ChatGPT's `conversations.json`, or one that the
    /// Flask application saved. No other Webchat may use the database file meanwhile.
    Import {
        /// The file.
        file: PathBuf,
        /// The user whose they become; without one, each goes to the user that the file names.
        #[arg(long)]
        user: Option<UserId>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command.unwrap_or(Command::Serve)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match command {
        Command::Serve => serve().await,
        Command::InitDb { dry_run } => {
            let settings = StoreSettings::read(&Environment::of_process()?)?;
            Ok(init_db(&settings, dry_run).await?)
        }
        Command::Openapi => Ok(print_openapi()?),
        Command::Copy { from, to } => Ok(copy_all(&from, &to).await?),
        Command::Export { user, to } => {
            let settings = StoreSettings::read(&Environment::of_process()?)?;
            Ok(export(&settings, user, to.as_deref()).await?)
        }
        Command::Import { file, user } => {
            let environment = Environment::of_process()?;
            let (settings, model) = (StoreSettings::read(&environment)?, environment.model());
            Ok(import(&settings, model.as_deref(), &file, user).await?)
        }
    }
}

async fn serve() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let settings = Settings::read(&Environment::of_process()?)?;
    telemetry::init(settings.log_format, &settings.log_level)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let running = webchat::start(settings).await?;
    announce(&running);
    let mut asked_to_end = async move || {
        tokio::select! {
            _ = ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    asked_to_end().await;
    tracing::info!("ending: answers that are being made have their time; ask again to end at once");
    tokio::select! {
        ended = running.shutdown() => Ok(ended?),
        () = asked_to_end() => Err("ended at once: answers that were being made are cut off".into()),
    }
}

#[expect(clippy::print_stdout, reason = "the one line that the user waits for")]
fn announce(running: &webchat::RunningWebchat) {
    let model = running.model_name().unwrap_or_else(|| "as the upstream names it".to_owned());
    println!("Webchat is ready: {} (model: {model})", running.url());
}

#[expect(clippy::print_stderr, reason = "it may be too early for the log")]
fn complain(error: &dyn std::error::Error) {
    eprintln!("webchat: {error}");
}
