//! Users: their accounts and sessions, and on whose behalf a request is handled.

mod account;
mod caller;

pub use account::{
    Account, AccountName, AccountRole, InvalidAccountName, InvalidPassword, Password, PasswordHash,
};
pub use caller::{Caller, Network, Session, SignIn};
