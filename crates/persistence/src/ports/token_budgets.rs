//! The port of daily token budgets.

use async_trait::async_trait;
use webchat_domain::{Network, UserId, UtcDay};

use crate::StoreError;

/// Counts the tokens that are sent to the model and received from it each day: per user, per network and in total.
///
/// Durability is that of [`Conversations`](crate::Conversations). If a call is cancelled or an instance dies,
/// tokens may stay reserved until the end of their day, but no maximum is ever exceeded.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TokenBudgets: Send + Sync {
    /// Reserves the tokens in all scopes of `limits`, or in none of them if one would exceed its maximum.
    async fn reserve(
        &self,
        day: UtcDay,
        limits: Vec<TokenLimit>,
        tokens: u64,
    ) -> Result<ReserveOutcome, StoreError>;

    /// Replaces the `reserved` tokens in the counts of these scopes with the `used` ones.
    async fn settle(
        &self,
        day: UtcDay,
        scopes: Vec<TokenScope>,
        reserved: u64,
        used: u64,
    ) -> Result<(), StoreError>;

    /// Returns the scope's tokens of the day, including those that are reserved.
    async fn used_tokens(&self, day: UtcDay, scope: TokenScope) -> Result<u64, StoreError>;

    /// Deletes the counts of the days before this one.
    async fn delete_before(&self, day: UtcDay) -> Result<(), StoreError>;
}

/// The scope of a token count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenScope {
    /// A user.
    User(UserId),
    /// All client addresses of a network.
    Network(Network),
    /// All users together.
    Server,
}

impl TokenScope {
    /// Returns the stored name of this kind of scope.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Network(_) => "address",
            Self::Server => "server",
        }
    }

    /// Returns the key that identifies the scope within its kind.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::User(user_id) => user_id.to_string(),
            Self::Network(network) => network.to_string(),
            Self::Server => String::new(),
        }
    }
}

/// The maximum number of tokens of a scope on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLimit {
    /// The scope.
    pub scope: TokenScope,
    /// The maximum.
    pub max: u64,
}

/// The outcome of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// The tokens are reserved.
    Reserved,
    /// This scope would exceed its maximum. Nothing is reserved.
    Exceeded(TokenScope),
}
