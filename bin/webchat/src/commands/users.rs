//! The subcommands of `webchat user`, which manage accounts.
#![expect(clippy::print_stdout, reason = "the output of the commands")]

use std::io::{self, BufRead, Read, Write};

use thiserror::Error;
use webchat_chat::{AccountFilter, Accounts, ArchiveFilter, ChatError, Erasures, SessionLifetimes};
use webchat_domain::{
    Account, AccountName, AccountRole, Actor, Erasure, GroupName, GroupNames, InvalidPassword,
    Password, Timestamp, TooManyGroupNames, error_chain,
};
use webchat_persistence::rules::StoredName;
use webchat_persistence::{ListOrder, StoreError};
use webchat_persistence_mongo::{FlaskUser, flask_user_id};

use crate::StoreSettings;
use crate::error::StartError;
use crate::stores::{Stores, flask_migration};

/// Who acts, for the audit log.
pub(super) const CLI: Actor = Actor::COMMAND_LINE;

/// The number of accounts that are listed with one read.
const PAGE: u32 = 500;

/// A change of accounts, or a question about them.
#[derive(Clone, Debug)]
pub enum UserCommand {
    /// Adds an account, and prints its password unless it is given.
    Add {
        /// The name with which the user signs in.
        name: AccountName,
        /// What the user may do.
        role: AccountRole,
        /// The password.
        password: InitialPassword,
    },
    /// Lists all accounts, or those in a group.
    List {
        /// The group.
        group: Option<GroupName>,
    },
    /// Disables an account, and ends its sessions.
    Disable(AccountName),
    /// Enables a disabled account.
    Enable(AccountName),
    /// Changes what a user may do.
    SetRole(AccountName, AccountRole),
    /// Changes the groups that a user has by hand.
    Groups {
        /// The account.
        name: AccountName,
        /// The groups that the user gets.
        added: GroupNames,
        /// The groups that the user loses.
        removed: GroupNames,
    },
    /// Gives the conversations of a user of the Flask application to an account that nobody has used.
    Adopt {
        /// The account.
        name: AccountName,
        /// The `user_id` of the Flask application.
        legacy_id: String,
    },
    /// Lists the users of the Flask application, with the accounts that have their conversations.
    ListLegacy,
    /// Erases the user of an account.
    Erase {
        /// The account.
        name: AccountName,
        /// Whether no confirmation is needed.
        is_confirmed: bool,
    },
    /// Sets another password, which the user must change, and ends the sessions.
    ResetPassword {
        /// The account.
        name: AccountName,
        /// The password; if `None`, one is generated and printed.
        password: Option<Password>,
    },
}

/// The password of a new account.
#[derive(Clone, Debug)]
pub enum InitialPassword {
    /// One is generated and printed. The user must change it at the first sign-in.
    Generated,
    /// This one.
    Given(Password),
    /// None: nobody can sign in, and the account is for programs with API keys.
    None,
}

/// An error of a command.
#[derive(Debug, Error)]
pub enum UserCommandError {
    /// A store can't be opened.
    #[error(transparent)]
    Open(#[from] StartError),
    /// The change was refused, or a store failed.
    #[error("{}", error_chain(.0))]
    Chat(#[from] ChatError),
    /// Input can't be read, or a password can't be generated.
    #[error("can't read the input: {0}")]
    Input(#[from] io::Error),
    /// The user of the Flask application has no conversations.
    #[error(
        "no conversations of the user id '{0}' of the Flask application: check the id, and that `webchat init-db` has converted them"
    )]
    NothingToAdopt(String),
    /// The conversations are not in MongoDB.
    #[error(
        "the users of the Flask application are only known in its database: set MONGODB_URI to that database"
    )]
    NoFlaskDatabase,
    /// The database of the Flask application can't be read.
    #[error("{}", error_chain(.0))]
    FlaskDatabase(#[from] StoreError),
    /// The password is invalid.
    #[error(transparent)]
    InvalidPassword(#[from] InvalidPassword),
    /// There are too many groups.
    #[error(transparent)]
    TooManyGroups(#[from] TooManyGroupNames),
    /// The name that was typed is another one.
    #[error("not confirmed: nothing was erased")]
    NotConfirmed,
    /// Some erasures of a list were refused.
    #[error("{0} erasures were refused")]
    ErasuresRefused(u64),
    /// A line of a list of erasures is invalid.
    #[error("erasure {number} of the list is invalid: {error}")]
    InvalidErasure {
        /// Its number in the list.
        number: usize,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// The audit log is not intact.
    #[error("entry {number} of the audit log was changed, removed or moved")]
    BrokenAuditLog {
        /// The first such entry.
        number: u64,
    },
}

/// Runs a command on the stores.
///
/// # Errors
/// If a store can't be opened or fails, or the change is refused.
pub async fn manage_users(
    settings: &StoreSettings,
    command: UserCommand,
) -> Result<(), UserCommandError> {
    with_accounts(settings, async |accounts, stores| run(&accounts, stores, command).await).await
}

/// Opens the stores, and runs a command with the services of accounts.
pub(crate) async fn with_accounts(
    settings: &StoreSettings,
    run: impl AsyncFnOnce(Accounts, &Stores) -> Result<(), UserCommandError>,
) -> Result<(), UserCommandError> {
    let stores = Stores::open(settings).await?;
    // No command starts a session.
    let accounts = Accounts::new(stores.account_ports(), SessionLifetimes::default());
    let result = run(accounts, &stores).await;
    if let Some(database) = stores.mongo_database {
        database.close().await;
    }
    result
}

/// Reads a password from the first line of standard input.
///
/// # Errors
/// If standard input can't be read, or the line is not a password.
pub fn read_password() -> Result<Password, UserCommandError> {
    let line = read_line()?;
    let text = line.trim_end_matches(['\r', '\n']);
    Ok(Password::try_from(text.to_owned())?)
}

/// Reads a line from standard input, up to the maximum length of a password.
fn read_line() -> io::Result<String> {
    let mut line = String::new();
    let limit = u64::try_from(Password::MAX_BYTES).unwrap_or(u64::MAX).saturating_add(2);
    io::stdin().lock().take(limit).read_line(&mut line)?;
    Ok(line)
}

async fn run(
    accounts: &Accounts,
    stores: &Stores,
    command: UserCommand,
) -> Result<(), UserCommandError> {
    let find = async |name| accounts.find_by_name(name).await;
    match command {
        UserCommand::Add { name, role, password } => {
            let (password, generated) = match password {
                InitialPassword::None => (None, None),
                InitialPassword::Given(password) => (Some(password), None),
                InitialPassword::Generated => {
                    let (password, text) = generated_password()?;
                    (Some(password), Some(text))
                }
            };
            let account = accounts.add(name, role, password, generated.is_some(), &CLI).await?;
            println!("added {}", describe(&account));
            print_password(generated.as_deref());
        }
        UserCommand::List { group } => list(accounts, group).await?,
        UserCommand::Disable(name) => {
            let account = accounts.disable(find(name).await?.user_id, &CLI).await?;
            println!("disabled {}: its sessions have ended", account.name);
        }
        UserCommand::Enable(name) => {
            let account = accounts.enable(find(name).await?.user_id, &CLI).await?;
            println!("enabled {}", account.name);
        }
        UserCommand::SetRole(name, role) => {
            let account = accounts.set_role(find(name).await?.user_id, role, &CLI).await?;
            println!("changed {}", describe(&account));
        }
        UserCommand::Groups { name, added, removed } => {
            let user_id = find(name).await?.user_id;
            let account = accounts.change_groups(user_id, &added, &removed, &CLI).await?;
            print_groups(&account);
        }
        UserCommand::Adopt { name, legacy_id } => adopt(accounts, stores, name, legacy_id).await?,
        UserCommand::ListLegacy => list_legacy(accounts, stores).await?,
        UserCommand::Erase { name, is_confirmed } => {
            erase(accounts, stores, name, is_confirmed).await?;
        }
        UserCommand::ResetPassword { name, password } => {
            let (password, generated) = match password {
                Some(password) => (password, None),
                None => generated_password().map(|(password, text)| (password, Some(text)))?,
            };
            let account = accounts.reset_password(&find(name).await?, password, &CLI).await?;
            println!(
                "reset the password of {}: it must be changed at the next sign-in",
                account.name
            );
            print_password(generated.as_deref());
        }
    }
    Ok(())
}

async fn adopt(
    accounts: &Accounts,
    stores: &Stores,
    name: AccountName,
    legacy_id: String,
) -> Result<(), UserCommandError> {
    let user_id = flask_user_id(&legacy_id);
    let (filter, order) = (ArchiveFilter::All, ListOrder::Created);
    let page = stores.conversations.list(user_id, filter, order, None, 1).await;
    if page.map_err(ChatError::from)?.items.is_empty() {
        return Err(UserCommandError::NothingToAdopt(legacy_id));
    }
    let account = accounts.adopt_user(name, user_id, &CLI).await?;
    println!("{} has the conversations of '{legacy_id}' now", account.name);
    Ok(())
}

async fn list_legacy(accounts: &Accounts, stores: &Stores) -> Result<(), UserCommandError> {
    let database = stores.mongo_database.as_ref().ok_or(UserCommandError::NoFlaskDatabase)?;
    let users = flask_migration(database).users().await?;
    if users.is_empty() {
        println!("{} has no users of the Flask application", database.location());
    }
    for user in users {
        let account = accounts.find(user.user_id).await?;
        let account = account.map_or("none".to_owned(), |account| account.name.to_string());
        println!("{}, account: {account}", describe_legacy(&user));
    }
    Ok(())
}

/// Describes a user of the Flask application. The id can contain any characters.
pub(crate) fn describe_legacy(user: &FlaskUser) -> String {
    let FlaskUser { legacy_id, conversations, .. } = user;
    let plural = if *conversations == 1 { "" } else { "s" };
    format!("'{}': {conversations} conversation{plural}", legacy_id.escape_debug())
}

/// Erases the user of an account, and prints the receipt.
async fn erase(
    accounts: &Accounts,
    stores: &Stores,
    name: AccountName,
    is_confirmed: bool,
) -> Result<(), UserCommandError> {
    let account = accounts.find_by_name(name).await?;
    if !is_confirmed {
        confirm_erasure(&account.name)?;
    }
    let erasures = Erasures::new(stores.erasure_ports(), accounts.clone());
    let erasure = erasures.request(account.user_id, &CLI).await?;
    println!("{} is disabled; erasing the data", account.name);
    let receipt = erasures.complete(erasure.erasure_id).await?;
    println!("erased {}: {}", account.name, describe_erasure(&receipt));
    Ok(())
}

/// Asks for the name of the account.
fn confirm_erasure(name: &AccountName) -> Result<(), UserCommandError> {
    println!("This deletes {name} with all conversations and files. It can't be undone.");
    print!("Type the name of the account to continue: ");
    io::stdout().flush()?;
    let typed: Option<AccountName> = read_line()?.trim().parse().ok();
    if typed.as_ref() == Some(name) { Ok(()) } else { Err(UserCommandError::NotConfirmed) }
}

async fn list(accounts: &Accounts, group: Option<GroupName>) -> Result<(), UserCommandError> {
    let filter = AccountFilter { group, ..AccountFilter::default() };
    let mut after = None;
    loop {
        let page = accounts.list(filter.clone(), after, PAGE).await?;
        for account in &page {
            println!("{}", describe(account));
        }
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.name.clone());
    }
}

fn describe(account: &Account) -> String {
    let role = account.role.stored_name();
    let state = if account.disabled_at.is_some() { ", disabled" } else { "" };
    let signed_in = account.signed_in_at.map_or("never".to_owned(), Timestamp::readable);
    let Account { name, user_id, groups, .. } = account;
    let groups: Vec<_> = groups.names().into_iter().map(GroupName::as_str).collect();
    let groups =
        if groups.is_empty() { String::new() } else { format!(", groups: {}", groups.join(", ")) };
    format!("{name} ({role}{state}), user id: {user_id}, last sign-in: {signed_in}{groups}")
}

/// Prints the groups of a user, one a line, with who has given them.
fn print_groups(account: &Account) {
    for (group, sources) in account.groups.sources() {
        let sources: Vec<_> = sources.into_iter().map(ToString::to_string).collect();
        println!("{group} ({})", sources.join(", "));
    }
}

/// Describes a receipt.
pub(crate) fn describe_erasure(erasure: &Erasure) -> String {
    let Erasure { erasure_id, user_id, requested_at, completed_at, counts } = erasure;
    let requested_at = Timestamp::readable(*requested_at);
    let state = completed_at
        .map_or("incomplete".to_owned(), |at| format!("complete {}", Timestamp::readable(at)));
    let counts = counts.map_or_else(String::new, |counts| {
        format!(
            ", conversations: {}, messages: {}, files: {}, saved files: {}, API keys: {}, identities: {}",
            counts.conversations,
            counts.messages,
            counts.files,
            counts.saved_files,
            counts.api_keys,
            counts.identities,
        )
    });
    format!("{erasure_id} user id: {user_id}, requested {requested_at}, {state}{counts}")
}

/// Generates a password, and returns it with its text.
fn generated_password() -> Result<(Password, String), UserCommandError> {
    let password = Password::generate().map_err(io::Error::other)?;
    let text = password.expose().to_owned();
    Ok((password, text))
}

fn print_password(generated: Option<&str>) {
    if let Some(password) = generated {
        println!("password: {password}");
    }
}
