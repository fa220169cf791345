//! Listing the accounts of a store with many of them, as the admin area does.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use webchat_domain::{
    Account, AccountGroups, AccountName, AccountRole, Clock, GroupName, GroupNames, GroupSource,
    SystemClock, UserId,
};
use webchat_persistence::{AccountFilter, AccountUpdate, Accounts};
use webchat_persistence_mongo::{MongoDatabase, MongoStore, Schema};
use webchat_persistence_sqlite::SqliteStore;

use crate::support::report::{BenchContext, Row};
use crate::support::samples::Samples;
use crate::support::stores::MongoTestDatabase;

/// The default of the admin area.
const PAGE_SIZE: u32 = 50;

/// Every 1 000th user has another role, every 100th is disabled.
const RARE: u32 = 1_000;
const DISABLED: u32 = 100;

pub(crate) async fn measure(bench: BenchContext) {
    let users = bench.full_or_quick(100_000, 2_000);
    let dir = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
    fill(&sqlite, users).await;
    measure_lists(&bench, "SQLite", &sqlite, users).await;

    let server = MongoTestDatabase::new().await;
    let database = MongoDatabase::connect(&server.uri).await.unwrap();
    Schema::of(database.clone()).prepare().await.unwrap();
    let mongo = MongoStore::new(database);
    fill(&mongo, users).await;
    server.settle().await;
    measure_lists(&bench, "MongoDB", &mongo, users).await;
    server.remove().await;
}

async fn fill(store: &dyn Accounts, users: u32) {
    let add = async |number: u32| {
        let account = account(number);
        let user_id = account.user_id;
        store.create(account, None).await.unwrap();
        if number.is_multiple_of(DISABLED) {
            let disabled_at = Some(Some(SystemClock.now()));
            let update = AccountUpdate { disabled_at, ..AccountUpdate::default() };
            store.update(user_id, update).await.unwrap();
        }
    };
    stream::iter(0..users).map(add).buffer_unordered(64).collect::<Vec<()>>().await;
}

fn account(number: u32) -> Account {
    let role = match number % RARE {
        1 => AccountRole::Admin,
        2 => AccountRole::Auditor,
        _ => AccountRole::User,
    };
    Account {
        user_id: UserId::generate(),
        name: name(number),
        role,
        groups: groups(number),
        password: None,
        must_change_password: false,
        version: 0,
        created_at: SystemClock.now(),
        disabled_at: None,
        signed_in_at: None,
        has_had_key: false,
    }
}

/// Returns the groups of a user: one that all are in, one of a hundred, and one of a few users.
fn groups(number: u32) -> AccountGroups {
    let names =
        ["all".to_owned(), format!("team-{}", number % 100), format!("small-{}", number / 20)];
    let names: BTreeSet<GroupName> = names.iter().map(|name| name.parse().unwrap()).collect();
    let mut groups = AccountGroups::default();
    groups.set(GroupSource::Manual, GroupNames::try_from(names).unwrap());
    groups
}

fn name(number: u32) -> AccountName {
    // Neighbouring numbers are spread over the names.
    format!("{:05}.user{number}@example.org", number.wrapping_mul(7_919) % 99_991).parse().unwrap()
}

async fn measure_lists(bench: &BenchContext, store_name: &str, store: &dyn Accounts, users: u32) {
    let all = AccountFilter::default();
    let role = |role| AccountFilter { role: Some(role), ..all.clone() };
    let state = |is_disabled| AccountFilter { is_disabled: Some(is_disabled), ..all.clone() };
    let last = Some(name(users / 2));
    let group = |name: &str| {
        let group = Some(name.parse::<GroupName>().unwrap());
        AccountFilter { group, ..all.clone() }
    };
    for (case, filter, after) in [
        ("large group", group("all"), None),
        ("page in the middle of a large group", group("all"), last.clone()),
        ("group", group("team-42"), None),
        ("small group", group("small-7"), None),
        (
            "administrators of a large group",
            AccountFilter { role: Some(AccountRole::Admin), ..group("all") },
            None,
        ),
        ("no such group", group("nobody"), None),
        ("first page", all.clone(), None),
        ("page in the middle", all.clone(), last),
        ("prefix", AccountFilter { prefix: "42".to_owned(), ..all.clone() }, None),
        ("administrators", role(AccountRole::Admin), None),
        ("users", role(AccountRole::User), None),
        ("disabled", state(true), None),
        ("enabled", state(false), None),
        (
            "disabled administrators",
            AccountFilter { is_disabled: Some(true), ..role(AccountRole::Admin) },
            None,
        ),
        ("no match", AccountFilter { prefix: "nobody".to_owned(), ..all.clone() }, None),
    ] {
        let read_page = async || {
            store.list(filter.clone(), after.clone(), PAGE_SIZE).await.unwrap();
        };
        let samples = Samples::take(bench.full_or_quick(200, 20), read_page).await;
        bench.add(Row::new(format!("{store_name}, {case}")).times(&samples));
    }
    let read_groups = async || {
        store.list_groups(String::new(), None, PAGE_SIZE).await.unwrap();
    };
    let samples = Samples::take(bench.full_or_quick(50, 5), read_groups).await;
    bench.add(Row::new(format!("{store_name}, groups")).times(&samples));
}
