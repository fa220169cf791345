//! Users: their accounts and sessions, on whose behalf a request is handled, and the audit log of what they do.

mod account;
mod api_key;
mod audit;
mod caller;
mod erasure;
mod group;
mod identity;
mod known_device;

pub use account::{
    Account, AccountName, AccountRole, InvalidAccountName, InvalidPassword, Password, PasswordHash,
};
pub use api_key::{
    ApiKey, ApiKeyHash, ApiKeyName, ApiKeyScope, ApiKeyScopes, ApiKeySecret, InvalidApiKeyHash,
    InvalidApiKeyName, InvalidApiKeyScopes, InvalidApiKeySecret,
};
pub use audit::{
    AccessMethod, Actor, AuditAction, AuditActionKind, AuditEntry, AuditHash, AuditLink,
    AuditReason, AuditResult, AuditSubject, InvalidAuditHash, InvalidAuditReason, InvalidRequestId,
    NewAuditEntry, RequestId, SignInFailure,
};
pub use caller::{Caller, Network, Session, SignIn};
pub use erasure::{ErasedCounts, Erasure};
pub use group::{
    AccountGroups, GroupName, GroupNames, GroupSource, InvalidGroupName, TooManyGroupNames,
};
pub use identity::{Identity, IdentityKey, ProviderSession};
pub use known_device::KnownDevice;
