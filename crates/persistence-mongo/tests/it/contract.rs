//! Runs the contract suites against MongoDB.

use crate::support::TestDatabase;
use webchat_persistence_mongo::MongoStore;

async fn open() -> (MongoStore, TestDatabase) {
    let database = TestDatabase::new();
    (database.store().await, database)
}

webchat_persistence::conversations_contract!(super::open);
webchat_persistence::contexts_contract!(super::open);
webchat_persistence::versions_contract!(super::open);
webchat_persistence::file_jobs_contract!(super::open);
webchat_persistence::conversation_transfer_contract!(super::open);
webchat_persistence::token_budgets_contract!(super::open);
webchat_persistence::accounts_contract!(super::open);
webchat_persistence::api_keys_contract!(super::open);
webchat_persistence::audit_log_contract!(super::open);
webchat_persistence::identities_contract!(super::open);
webchat_persistence::groups_contract!(super::open);
webchat_persistence::erasures_contract!(super::open);
webchat_persistence::user_activity_contract!(super::open);
webchat_persistence::user_settings_contract!(super::open);
