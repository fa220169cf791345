//! Contract tests of [`TokenBudgets`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use std::time::Duration;

use futures_util::future::join_all;
use webchat_domain::{Network, UserId, UtcDay};

use super::fixtures::moment;
use crate::{ReserveOutcome, TokenBudgets, TokenLimit, TokenScope};

fn today() -> UtcDay {
    moment(0).day()
}

fn user() -> TokenScope {
    TokenScope::User(UserId::generate())
}

fn network_of(text: &str) -> TokenScope {
    TokenScope::Network(Network::of(text.parse().unwrap()))
}

fn limits(scopes: &[TokenScope], max: u64) -> Vec<TokenLimit> {
    scopes.iter().map(|&scope| TokenLimit { scope, max }).collect()
}

async fn used(store: &dyn TokenBudgets, scopes: &[TokenScope]) -> Vec<u64> {
    join_all(scopes.iter().map(async |scope| store.used_tokens(today(), *scope).await.unwrap()))
        .await
}

pub async fn a_reservation_counts_in_each_of_its_scopes(store: &dyn TokenBudgets) {
    let scopes = [user(), network_of("203.0.113.9"), TokenScope::Server];

    let first = store.reserve(today(), limits(&scopes, 100), 40).await.unwrap();
    let second = store.reserve(today(), limits(&scopes[..1], 100), 60).await.unwrap();

    assert_eq!([first, second], [ReserveOutcome::Reserved; 2]);
    assert_eq!(used(store, &scopes).await, [100, 40, 40]);
    assert_eq!(used(store, &[user(), network_of("203.0.113.8")]).await, [0, 0]);
}

pub async fn a_reservation_that_exceeds_one_maximum_changes_nothing(store: &dyn TokenBudgets) {
    let scopes = [user(), network_of("2001:db8::1"), TokenScope::Server];
    store.reserve(today(), limits(&scopes[1..2], 100), 61).await.unwrap();

    let outcome = store.reserve(today(), limits(&scopes, 100), 40).await.unwrap();
    let larger_than_the_limit =
        store.reserve(today(), limits(&scopes[..1], 100), 101).await.unwrap();

    assert_eq!(outcome, ReserveOutcome::Exceeded(scopes[1]));
    assert_eq!(larger_than_the_limit, ReserveOutcome::Exceeded(scopes[0]));
    assert_eq!(used(store, &scopes).await, [0, 61, 0]);
}

pub async fn concurrent_reservations_never_exceed_the_maximum(store: &dyn TokenBudgets) {
    let mine = [user(), TokenScope::Server];
    let reserve = || store.reserve(today(), limits(&mine, 100), 30);

    let outcomes = join_all((0..10).map(|_| reserve())).await;

    let reserved = outcomes
        .into_iter()
        .filter(|outcome| matches!(outcome.as_ref().unwrap(), ReserveOutcome::Reserved));
    let count = u64::try_from(reserved.count()).unwrap();
    assert!((1..=3).contains(&count), "{count}");
    assert_eq!(used(store, &mine).await, [30 * count; 2]);
}

pub async fn a_settled_reservation_counts_the_tokens_that_were_used(store: &dyn TokenBudgets) {
    let scopes = [user(), TokenScope::Server];
    store.reserve(today(), limits(&scopes, 100), 50).await.unwrap();
    store.reserve(today(), limits(&scopes, 100), 50).await.unwrap();

    store.settle(today(), scopes.to_vec(), 50, 0).await.unwrap();
    store.settle(today(), scopes.to_vec(), 50, 80).await.unwrap();

    assert_eq!(used(store, &scopes).await, [80, 80]);
}

pub async fn each_day_has_its_own_counts_until_they_are_deleted(store: &dyn TokenBudgets) {
    let (scope, tomorrow) = (user(), moment(0).plus(Duration::from_hours(24)).day());
    store.reserve(today(), limits(&[scope], 100), 70).await.unwrap();
    store.reserve(tomorrow, limits(&[scope], 100), 60).await.unwrap();

    store.delete_before(tomorrow).await.unwrap();

    assert_eq!(used(store, &[scope]).await, [0]);
    assert_eq!(store.used_tokens(tomorrow, scope).await.unwrap(), 60);
}

pub async fn addresses_of_one_ipv6_network_share_a_count(store: &dyn TokenBudgets) {
    let [one, other, other_network] =
        ["2001:db8:0:7::1", "2001:db8:0:7:ffff::2", "2001:db8:0:8::1"].map(network_of);

    store.reserve(today(), limits(&[one], 100), 70).await.unwrap();

    assert_eq!(used(store, &[other, other_network]).await, [70, 0]);
}
