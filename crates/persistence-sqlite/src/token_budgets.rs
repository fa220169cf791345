//! Implements [`TokenBudgets`].

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::UtcDay;
use webchat_persistence::{ReserveOutcome, StoreError, TokenBudgets, TokenLimit, TokenScope};

use crate::SqliteStore;

#[async_trait]
impl TokenBudgets for SqliteStore {
    async fn reserve(
        &self,
        day: UtcDay,
        limits: Vec<TokenLimit>,
        tokens: u64,
    ) -> Result<ReserveOutcome, StoreError> {
        self.database
            .write(move |transaction| {
                for TokenLimit { scope, max } in &limits {
                    if find_used(transaction, day, scope)?.saturating_add(tokens) > *max {
                        return Ok(ReserveOutcome::Exceeded(*scope));
                    }
                }
                for TokenLimit { scope, .. } in &limits {
                    change(transaction, day, scope, signed(tokens))?;
                }
                Ok(ReserveOutcome::Reserved)
            })
            .await
    }

    async fn settle(
        &self,
        day: UtcDay,
        scopes: Vec<TokenScope>,
        reserved: u64,
        used: u64,
    ) -> Result<(), StoreError> {
        let difference = signed(used).saturating_sub(signed(reserved));
        self.database
            .write(move |transaction| {
                scopes.iter().try_for_each(|scope| change(transaction, day, scope, difference))
            })
            .await
    }

    async fn used_tokens(&self, day: UtcDay, scope: TokenScope) -> Result<u64, StoreError> {
        self.database.read(move |transaction| find_used(transaction, day, &scope)).await
    }

    async fn delete_before(&self, day: UtcDay) -> Result<(), StoreError> {
        self.database
            .write(move |transaction| {
                transaction.execute("DELETE FROM daily_tokens WHERE day < ?1", [day.number()])?;
                Ok(())
            })
            .await
    }
}

fn find_used(
    transaction: &Transaction<'_>,
    day: UtcDay,
    scope: &TokenScope,
) -> rusqlite::Result<u64> {
    let tokens = transaction
        .prepare_cached(
            "SELECT tokens FROM daily_tokens WHERE day = ?1 AND scope = ?2 AND key = ?3",
        )?
        .query_row(params![day.number(), scope.name(), scope.key()], |row| row.get(0))
        .optional()?;
    Ok(tokens.unwrap_or(0))
}

fn change(
    transaction: &Transaction<'_>,
    day: UtcDay,
    scope: &TokenScope,
    difference: i64,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO daily_tokens (day, scope, key, tokens) VALUES (?1, ?2, ?3, max(0, ?4))
             ON CONFLICT DO UPDATE SET tokens = max(0, tokens + ?4)",
        )?
        .execute(params![day.number(), scope.name(), scope.key(), difference])?;
    Ok(())
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
