//! Users: their accounts and sessions, and on whose behalf a request is handled.

mod account;
mod api_key;
mod caller;

pub use account::{
    Account, AccountName, AccountRole, InvalidAccountName, InvalidPassword, Password, PasswordHash,
};
pub use api_key::{
    ApiKey, ApiKeyHash, ApiKeyName, ApiKeyScope, ApiKeyScopes, ApiKeySecret, InvalidApiKeyHash,
    InvalidApiKeyName, InvalidApiKeyScopes, InvalidApiKeySecret,
};
pub use caller::{Caller, Network, Session, SignIn};
