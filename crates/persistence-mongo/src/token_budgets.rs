//! Implements [`TokenBudgets`].
//!
//! Each count is a document that is changed without a transaction. All turns change the document of the server, so their
//! transactions would conflict all the time.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::UtcDay;
use webchat_persistence::{ReserveOutcome, StoreError, TokenBudgets, TokenLimit, TokenScope};

use crate::documents::long;
use crate::error::code;
use crate::store::MongoStore;

/// The server's error code for an insert with a unique key that exists already.
const DUPLICATE_KEY: i32 = 11_000;

#[async_trait]
impl TokenBudgets for MongoStore {
    async fn reserve(
        &self,
        day: UtcDay,
        limits: Vec<TokenLimit>,
        tokens: u64,
    ) -> Result<ReserveOutcome, StoreError> {
        let mut reserved = Vec::new();
        for limit in limits {
            if self.reserve_one(day, limit, tokens).await? {
                reserved.push(limit.scope);
            } else {
                self.settle(day, reserved, tokens, 0).await?;
                return Ok(ReserveOutcome::Exceeded(limit.scope));
            }
        }
        Ok(ReserveOutcome::Reserved)
    }

    async fn settle(
        &self,
        day: UtcDay,
        scopes: Vec<TokenScope>,
        reserved: u64,
        used: u64,
    ) -> Result<(), StoreError> {
        let difference = long(used).saturating_sub(long(reserved));
        let sum = doc! { "$max": [0_i64, { "$add": ["$tokens", difference] }] };
        for scope in scopes {
            let counts = self.database.daily_tokens();
            let change = vec![doc! { "$set": { "tokens": &sum } }];
            self.database.run(counts.update_one(count_of(day, scope), change)).await?;
        }
        Ok(())
    }

    async fn used_tokens(&self, day: UtcDay, scope: TokenScope) -> Result<u64, StoreError> {
        let counts = self.database.daily_tokens();
        let found = self.database.run(counts.find_one(count_of(day, scope))).await?;
        let tokens = found.and_then(|count| count.get_i64("tokens").ok());
        Ok(tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0))
    }

    async fn delete_before(&self, day: UtcDay) -> Result<(), StoreError> {
        let earlier = doc! { "day": { "$lt": day.number() } };
        self.database.run(self.database.daily_tokens().delete_many(earlier)).await?;
        Ok(())
    }
}

impl MongoStore {
    /// Reserves the tokens in one scope. Returns `false` if the scope would exceed its maximum.
    async fn reserve_one(
        &self,
        day: UtcDay,
        TokenLimit { scope, max }: TokenLimit,
        tokens: u64,
    ) -> Result<bool, StoreError> {
        let Some(max_before) = max.checked_sub(tokens) else { return Ok(false) };
        let mut with_room = count_of(day, scope);
        with_room.insert("tokens", doc! { "$lte": long(max_before) });
        let counts = self.database.daily_tokens();
        let add = doc! { "$inc": { "tokens": long(tokens) } };
        loop {
            // If the count has no room for the tokens, the upsert tries to insert it a second time.
            let add = counts.update_one(with_room.clone(), add.clone()).upsert(true);
            if self.database.run(async { is_new_or_updated(add.await) }).await? {
                return Ok(true);
            }
            // Another call may have inserted the count at the same time.
            if self.used_tokens(day, scope).await? > max_before {
                return Ok(false);
            }
        }
    }
}

fn count_of(day: UtcDay, scope: TokenScope) -> Document {
    doc! { "day": day.number(), "scope": scope.name(), "key": scope.key() }
}

/// Returns `false` if an upsert failed because its document exists, but does not match.
fn is_new_or_updated<T>(result: MongoResult<T>) -> MongoResult<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if code(&error.kind) == Some(DUPLICATE_KEY) => Ok(false),
        Err(error) => Err(error),
    }
}
