//! The subcommands of `webchat key`, which manage API keys.
#![expect(clippy::print_stdout, reason = "the output of the commands")]

use std::time::Duration;

use webchat_chat::{Accounts, ApiKeys, NewApiKey};
use webchat_domain::{
    AccountName, ApiKey, ApiKeyId, ApiKeyName, ApiKeyScopes, Clock, SystemClock, Timestamp,
};

use super::users::{CLI, UserCommandError, with_accounts};
use crate::StoreSettings;
use crate::stores::Stores;

/// A change of the API keys of a user, or a question about them.
#[derive(Clone, Debug)]
pub enum KeyCommand {
    /// Adds a key, and prints its secret, which nobody can read later.
    Add {
        /// The user on whose behalf programs with the key act.
        user: AccountName,
        /// What the key is for.
        name: ApiKeyName,
        /// What programs with the key may do.
        scopes: ApiKeyScopes,
        /// The number of days after which the key expires; `None` if it does not.
        days: Option<u32>,
    },
    /// Lists the keys of a user.
    List(AccountName),
    /// Revokes a key of a user.
    Revoke(AccountName, ApiKeyId),
}

/// Runs a command on the stores.
///
/// # Errors
/// If a store can't be opened or fails, or the change is refused.
pub async fn manage_keys(
    settings: &StoreSettings,
    command: KeyCommand,
) -> Result<(), UserCommandError> {
    with_accounts(settings, async |accounts, stores| run(&accounts, stores, command).await).await
}

async fn run(
    accounts: &Accounts,
    stores: &Stores,
    command: KeyCommand,
) -> Result<(), UserCommandError> {
    let keys = ApiKeys::new(stores.account_ports());
    let user_id = async |name| accounts.find_by_name(name).await.map(|account| account.user_id);
    match command {
        KeyCommand::Add { user, name, scopes, days } => {
            let lifetime = days.map(|days| Duration::from_hours(24 * u64::from(days)));
            let expires_at = lifetime.map(|lifetime| SystemClock.now().plus(lifetime));
            let new = NewApiKey { name, scopes, expires_at };
            let (_, secret) = keys.add(user_id(user).await?, new, &CLI).await?;
            // Nothing else is printed, so that a script can use the output.
            println!("{}", secret.expose());
            Ok(())
        }
        KeyCommand::List(user) => {
            for key in keys.list(user_id(user).await?).await? {
                println!("{}", describe(&key));
            }
            Ok(())
        }
        KeyCommand::Revoke(user, key_id) => {
            keys.revoke(user_id(user).await?, key_id, &CLI).await?;
            println!("revoked {key_id}: its connections are closed");
            Ok(())
        }
    }
}

fn describe(key: &ApiKey) -> String {
    let ApiKey { key_id, name, scopes, .. } = key;
    let time = |time: Option<Timestamp>| time.map_or("never".to_owned(), Timestamp::readable);
    let (expires, used) = (time(key.expires_at), time(key.last_used_at));
    format!("{key_id} {name} ({scopes}), expires: {expires}, last use: {used}")
}
