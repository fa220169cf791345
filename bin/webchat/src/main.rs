//! `webchat`: the command line.

mod user_arguments;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tikv_jemallocator::Jemalloc;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use webchat::telemetry::log_file::{self, FlushOnDrop, LogFile};
use webchat::telemetry::{self, AuditOutput, Traces};
use webchat::{
    AuditCommand, ErasureCommand, KeyCommand, Settings, SettingsFormat, SettingsSources,
    StoreSettings, check_config, check_health, copy_store, export, import, init_db,
    manage_erasures, manage_keys, manage_users, message_with_advice, print_config, print_example,
    print_openapi, read_audit_log,
};
use webchat_domain::{AccountName, ApiKeyId, ApiKeyName, ApiKeyScopes, UserId};

use self::user_arguments::{UserArguments, user_command};

/// Unlike glibc's malloc, jemalloc returns memory to the system soon after a large import or export. SQLite uses it as
/// well.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// A self-hosted, real-time chat server for LLM assistants.
///
/// Settings are read from environment variables, a `.env` file and a configuration file, `webchat.toml` in the current
/// directory or the file given by `CONFIG_FILE`. `webchat config example` prints all of them.
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
    /// Checks the settings, prints them, or prints an example.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Creates the database or migrates its schema to the one this version needs. The server also does this at
    /// startup.
    InitDb {
        /// Only print what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Checks whether the server running on this machine with the same settings is ready. The exit status is 0
    /// if it is.
    Health,
    /// Prints the OpenAPI 3.1 description of the HTTP API.
    Openapi,
    /// Copies all conversations to another store and verifies the copy. No other Webchat process may use the
    /// stores at the same time.
    Copy {
        /// The source: a database file, its directory (`DATA_DIR`), or a `mongodb://` URI.
        #[arg(long)]
        from: String,
        /// The target, in the same format.
        #[arg(long)]
        to: String,
    },
    /// Exports conversations with all their data, as JSON. No other Webchat process may use the database file at
    /// the same time.
    Export {
        /// The user whose conversations are exported; by default all users.
        #[arg(long)]
        user: Option<UserId>,
        /// The file to create; by default standard output.
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// Imports conversations from a file: an export of Webchat, ChatGPT's `conversations.json`, or a
    /// conversation file saved by the Flask application that Webchat replaces. No other Webchat process may use
    /// the database file at the same time.
    Import {
        /// The file to import.
        file: PathBuf,
        /// The user who receives the conversations; by default the users given in the file.
        #[arg(long)]
        user: Option<UserId>,
    },
    /// Manages the accounts of the users who can sign in. No other Webchat process may use the database file at the
    /// same time; with MongoDB and Redis, the server may run.
    User {
        #[command(subcommand)]
        command: UserArguments,
    },
    /// Manages API keys, with which programs act on behalf of a user. No other Webchat process may use the database file
    /// at the same time; with MongoDB and Redis, the server may run.
    Key {
        #[command(subcommand)]
        command: KeyArguments,
    },
    /// Lists the receipts of erased users, and erases users again after a backup was restored. No other Webchat process may
    /// use the database file at the same time; with MongoDB and Redis, the server may run.
    Erasures {
        #[command(subcommand)]
        command: ErasureCommand,
    },
    /// Reads and verifies the audit log. No other Webchat process may use the database file at the same time; with
    /// MongoDB and Redis, the server may run.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
}

#[derive(Subcommand)]
enum KeyArguments {
    /// Adds a key, and prints it. It can't be printed again.
    Add {
        /// The name of the account on whose behalf programs with the key act.
        user: AccountName,
        /// What the key is for, for example "nightly report".
        #[arg(long)]
        name: ApiKeyName,
        /// What programs with the key may do: read, chat, files and export, separated by commas.
        #[arg(long)]
        scopes: ApiKeyScopes,
        /// The number of days after which the key expires; by default it does not.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: Option<u32>,
    },
    /// Lists the keys of a user.
    List { user: AccountName },
    /// Revokes a key, and closes its connections.
    Revoke {
        user: AccountName,
        /// The id of the key, from the list.
        key_id: ApiKeyId,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Checks the settings. Lists every invalid setting; the exit status is then 1.
    Check,
    /// Prints the settings as a `webchat.toml`, with the source of each value and without secrets.
    Print,
    /// Prints all settings with their documentation and their defaults.
    Example {
        /// The format.
        #[arg(long, value_enum, default_value_t = SettingsFormat::Toml)]
        format: SettingsFormat,
    },
}

/// How long the process waits for its blocking threads before it exits anyway. The store rolls back a
/// transaction that was not committed.
const BLOCKING_GRACE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    let _flush = FlushOnDrop;
    let result = Runtime::new().map_err(Into::into).and_then(|runtime| {
        let result = runtime.block_on(run(command));
        runtime.shutdown_timeout(BLOCKING_GRACE);
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match command {
        Command::Serve => Box::pin(serve()).await,
        Command::Config { command } => config(&command),
        Command::InitDb { dry_run } => {
            let settings = StoreSettings::read(&SettingsSources::from_process())?;
            Ok(init_db(&settings, dry_run).await?)
        }
        Command::Health => Ok(check_health(&Settings::read(&SettingsSources::from_process())?)?),
        Command::Openapi => Ok(print_openapi()?),
        Command::Copy { from, to } => Ok(copy_store(&from, &to).await?),
        Command::Export { user, to } => {
            let settings = StoreSettings::read(&SettingsSources::from_process())?;
            Ok(export(&settings, user, to.as_deref()).await?)
        }
        Command::Import { file, user } => {
            let sources = SettingsSources::from_process();
            let (settings, model) = (StoreSettings::read(&sources)?, sources.model());
            Ok(import(&settings, model.as_deref(), &file, user).await?)
        }
        Command::Erasures { command } => {
            let settings = StoreSettings::read(&SettingsSources::from_process())?;
            Ok(manage_erasures(&settings, command).await?)
        }
        Command::User { command } => {
            let settings = StoreSettings::read(&SettingsSources::from_process())?;
            Ok(manage_users(&settings, user_command(command)?).await?)
        }
        Command::Key { command } => {
            let settings = StoreSettings::read(&SettingsSources::from_process())?;
            Ok(manage_keys(&settings, key_command(command)).await?)
        }
        Command::Audit { command } => {
            let settings = StoreSettings::read(&SettingsSources::from_process())?;
            Ok(read_audit_log(&settings, command).await?)
        }
    }
}

fn key_command(arguments: KeyArguments) -> KeyCommand {
    match arguments {
        KeyArguments::Add { user, name, scopes, days } => {
            KeyCommand::Add { user, name, scopes, days }
        }
        KeyArguments::List { user } => KeyCommand::List(user),
        KeyArguments::Revoke { user, key_id } => KeyCommand::Revoke(user, key_id),
    }
}

fn config(command: &ConfigCommand) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match command {
        ConfigCommand::Check => check_config(&SettingsSources::from_process())?,
        ConfigCommand::Print => print_config(&SettingsSources::from_process())?,
        ConfigCommand::Example { format } => print_example(*format),
    }
    Ok(())
}

async fn serve() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // Without a handler, SIGHUP would terminate the process.
    let hangup = signal(SignalKind::hangup())?;
    let settings = Settings::read(&SettingsSources::from_process())?;
    let file = LogFile::start(&settings.log)?;
    let audit = AuditOutput::start(&settings.audit)?;
    let traces = Traces::start(&settings.traces)?;
    telemetry::init_log(&settings.log, file, audit, traces.as_ref())?;
    let result = tokio::select! {
        result = serve_until_stopped(settings) => result,
        never = log_file::watch(hangup) => match never {},
    };
    if let Some(traces) = traces {
        traces.shutdown().await;
    }
    result
}

async fn serve_until_stopped(
    settings: Settings,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut wait_for_stop_signal = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    // The start may wait for a database for a long time.
    let running = tokio::select! {
        running = webchat::start(settings) => running?,
        () = wait_for_stop_signal() => {
            tracing::info!("stopped before the server was ready");
            return Ok(());
        }
    };
    print_ready(&running);
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            () = wait_for_stop_signal() => break,
            _ = hangup.recv() => reload_models(&running),
        }
    }
    tracing::info!(
        "shutting down: waiting for running answers; interrupt again to stop immediately"
    );
    tokio::select! {
        result = running.shutdown() => Ok(result?),
        () = wait_for_stop_signal() => Err("stopped immediately: running answers are interrupted".into()),
    }
}

/// Reads the settings again. If they are invalid, the old models stay.
fn reload_models(running: &webchat::RunningWebchat) {
    let settings = Settings::read(&SettingsSources::from_process());
    let replaced = settings
        .map_err(|error| error.to_string())
        .and_then(|settings| running.replace_models(&settings).map_err(|error| error.to_string()));
    match replaced {
        Ok(()) => tracing::info!("reloaded the models"),
        Err(error) => tracing::error!(error, "failed to reload the models: the old ones stay"),
    }
}

#[expect(clippy::print_stdout, reason = "reports that the server is ready")]
fn print_ready(running: &webchat::RunningWebchat) {
    let model =
        running.model_name().unwrap_or_else(|| "not known before the first answer".to_owned());
    println!("Webchat is ready: {} (model: {model})", running.url());
}

#[expect(clippy::print_stderr, reason = "the log may not have been started")]
fn print_error(error: &(dyn std::error::Error + 'static)) {
    eprintln!("webchat: {}", message_with_advice(error));
}
