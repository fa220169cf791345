//! The arguments of `webchat user`.

use std::collections::BTreeSet;

use clap::{Subcommand, ValueEnum};
use webchat::{InitialPassword, UserCommand, UserCommandError, read_password};
use webchat_domain::{AccountName, AccountRole, GroupName};

#[derive(Subcommand)]
pub(crate) enum UserArguments {
    /// Adds an account. Prints a generated password, which the user must change at the first sign-in.
    Add {
        /// The name with which the user signs in, for example alice or alice@example.org.
        name: AccountName,
        /// Lets the user manage accounts.
        #[arg(long)]
        admin: bool,
        /// Reads the password from the first line of standard input instead of generating one.
        #[arg(long)]
        password_stdin: bool,
        /// Gives the account no password: nobody can sign in, and it is for programs with API keys.
        #[arg(long, conflicts_with = "password_stdin")]
        service: bool,
    },
    /// Lists all accounts, or those in a group.
    List {
        /// Lists only the accounts in this group.
        #[arg(long)]
        group: Option<GroupName>,
    },
    /// Disables an account, and ends its sessions.
    Disable { name: AccountName },
    /// Enables a disabled account.
    Enable { name: AccountName },
    /// Changes what a user may do, and ends the user's sessions.
    Role { name: AccountName, role: Role },
    /// Adds a user to groups, or removes the user from groups that were given by hand. Prints the groups.
    Group {
        name: AccountName,
        /// A group that the user gets; can be repeated.
        #[arg(long, value_name = "GROUP")]
        add: Vec<GroupName>,
        /// A group that the user loses; can be repeated.
        #[arg(long, value_name = "GROUP")]
        remove: Vec<GroupName>,
    },
    /// Gives the conversations of a user of the Flask application to an account that nobody has signed in to yet.
    Adopt {
        name: AccountName,
        /// The user's `user_id` in the database of the Flask application.
        #[arg(long)]
        legacy_id: String,
    },
    /// Lists the users of the Flask application with the numbers of their conversations, and the accounts that have
    /// adopted them.
    Legacy,
    /// Deletes an account with all conversations, files and settings of its user. It can't be undone.
    Erase {
        name: AccountName,
        /// Does not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Sets another password, which the user must change at the next sign-in, and ends the user's sessions.
    ResetPassword {
        name: AccountName,
        /// Reads the password from the first line of standard input instead of generating one.
        #[arg(long)]
        password_stdin: bool,
    },
}

/// What a user may do.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    /// Use their own conversations.
    User,
    /// Also read the accounts and the audit log.
    Auditor,
    /// Also manage accounts.
    Admin,
}

/// Returns the command, with a password from standard input.
pub(crate) fn user_command(arguments: UserArguments) -> Result<UserCommand, UserCommandError> {
    let password = |from_stdin: bool| from_stdin.then(read_password).transpose();
    Ok(match arguments {
        UserArguments::Add { name, admin, password_stdin, service } => UserCommand::Add {
            name,
            role: if admin { AccountRole::Admin } else { AccountRole::User },
            password: match password(password_stdin)? {
                Some(password) => InitialPassword::Given(password),
                None if service => InitialPassword::None,
                None => InitialPassword::Generated,
            },
        },
        UserArguments::List { group } => UserCommand::List { group },
        UserArguments::Disable { name } => UserCommand::Disable(name),
        UserArguments::Enable { name } => UserCommand::Enable(name),
        UserArguments::Role { name, role } => UserCommand::SetRole(
            name,
            match role {
                Role::User => AccountRole::User,
                Role::Auditor => AccountRole::Auditor,
                Role::Admin => AccountRole::Admin,
            },
        ),
        UserArguments::Group { name, add, remove } => UserCommand::Groups {
            name,
            added: add.into_iter().collect::<BTreeSet<_>>().try_into()?,
            removed: remove.into_iter().collect::<BTreeSet<_>>().try_into()?,
        },
        UserArguments::Adopt { name, legacy_id } => UserCommand::Adopt { name, legacy_id },
        UserArguments::Legacy => UserCommand::ListLegacy,
        UserArguments::Erase { name, yes } => UserCommand::Erase { name, is_confirmed: yes },
        UserArguments::ResetPassword { name, password_stdin } => {
            UserCommand::ResetPassword { name, password: password(password_stdin)? }
        }
    })
}
