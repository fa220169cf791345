//! The daily token budgets. The maximum that a request may use is reserved before it is sent, and afterwards
//! replaced by the tokens that it used.

use std::num::NonZeroU64;

use webchat_domain::{Caller, UserId, UtcDay, error_chain};
use webchat_persistence::{ReserveOutcome, TokenLimit, TokenScope};

use crate::error::ChatError;
use crate::runtime::core::Core;
use crate::runtime::reached_limits::{Limit, count_reached_limit};

/// Tokens that are reserved for requests to the model. They count as used until the reservation is settled.
#[must_use]
pub(crate) struct TokenReservation {
    day: UtcDay,
    scopes: Vec<TokenScope>,
    tokens: u64,
}

impl Core {
    /// Reserves tokens in the caller's budgets of this day.
    ///
    /// # Errors
    /// [`ChatError::TokenBudgetExceeded`] if one of the budgets has fewer tokens left. Then nothing is reserved.
    pub(crate) async fn reserve_tokens(
        &self,
        caller: Caller,
        tokens: u32,
    ) -> Result<TokenReservation, ChatError> {
        self.reserve(self.token_limits(caller), tokens.into()).await
    }

    /// Reserves tokens only in the budget of the caller's network. Use it for background work, whose requests later
    /// reserve tokens in the budgets of the user and the server.
    ///
    /// # Errors
    /// [`ChatError::TokenBudgetExceeded`] if the budget has fewer tokens left.
    pub(crate) async fn reserve_network_tokens(
        &self,
        caller: Caller,
        tokens: u64,
    ) -> Result<TokenReservation, ChatError> {
        let mut limits = self.token_limits(caller);
        limits.retain(|limit| matches!(limit.scope, TokenScope::Network(_)));
        self.reserve(limits, tokens).await
    }

    async fn reserve(
        &self,
        limits: Vec<TokenLimit>,
        tokens: u64,
    ) -> Result<TokenReservation, ChatError> {
        let day = self.now().day();
        let scopes = limits.iter().map(|limit| limit.scope).collect();
        if !limits.is_empty() {
            let outcome = self.ports.token_budgets.reserve(day, limits, tokens).await?;
            if let ReserveOutcome::Exceeded(scope) = outcome {
                return Err(self.budget_exceeded(scope));
            }
        }
        Ok(TokenReservation { day, scopes, tokens })
    }

    /// Replaces the reserved tokens by the used ones. A failure is only logged; the reserved tokens then count as
    /// used.
    pub(crate) async fn settle_tokens(&self, reservation: TokenReservation, used: u64) {
        let TokenReservation { day, scopes, tokens } = reservation;
        if scopes.is_empty() || used == tokens {
            return;
        }
        let settled = self.ports.token_budgets.settle(day, scopes, tokens, used).await;
        if let Err(error) = settled {
            tracing::warn!(tokens, used, error = error_chain(&error), "failed to settle tokens");
        }
    }

    /// Checks that the user's budget of this day has this many tokens left, without reserving them.
    ///
    /// # Errors
    /// [`ChatError::TokenBudgetExceeded`] if it has fewer.
    pub(crate) async fn check_user_budget(
        &self,
        user_id: UserId,
        tokens: u64,
    ) -> Result<(), ChatError> {
        let Some(max) = self.settings.daily_tokens.per_user else { return Ok(()) };
        let scope = TokenScope::User(user_id);
        let used = self.ports.token_budgets.used_tokens(self.now().day(), scope).await?;
        if used.saturating_add(tokens) > max.get() {
            return Err(self.budget_exceeded(scope));
        }
        Ok(())
    }

    fn token_limits(&self, caller: Caller) -> Vec<TokenLimit> {
        let maxima = self.settings.daily_tokens;
        let limit =
            |scope, max: Option<NonZeroU64>| max.map(|max| TokenLimit { scope, max: max.get() });
        let network = caller.network().map(TokenScope::Network);
        let limits = [
            limit(TokenScope::User(caller.user_id), maxima.per_user),
            network.and_then(|network| limit(network, maxima.per_network)),
            limit(TokenScope::Server, maxima.total),
        ];
        limits.into_iter().flatten().collect()
    }

    fn budget_exceeded(&self, scope: TokenScope) -> ChatError {
        let (limit, owner, setting) = match scope {
            TokenScope::User(_) => (Limit::DailyTokensPerUser, "Your", "DAILY_TOKENS_PER_USER"),
            TokenScope::Network(_) => {
                (Limit::DailyTokensPerNetwork, "Your network's", "DAILY_TOKENS_PER_ADDRESS")
            }
            TokenScope::Server => (Limit::DailyTokens, "The server's", "DAILY_TOKENS"),
        };
        count_reached_limit(limit);
        let now = self.now();
        ChatError::TokenBudgetExceeded { owner, setting, retry_after: now.until(now.day().end()) }
    }
}

#[cfg(test)]
mod tests;
