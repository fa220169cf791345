//! The order in which a request asks the deployments.

use std::hash::{DefaultHasher, Hash, Hasher};

/// What decides when a deployment is asked, among those of its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Preference {
    pub(super) name: String,
    /// Deployments with a lower number are asked first.
    pub(super) order: u32,
    /// The share of the requests among deployments with the same order.
    pub(super) weight: u32,
}

/// Returns the indices of the deployments in the order in which a request asks them: by their order, and by chance
/// among those with the same order, in proportion to their weights. Requests with the same key get the same order: this
/// is weighted rendezvous hashing (<https://en.wikipedia.org/wiki/Rendezvous_hashing>).
pub(super) fn asked_in_order(preferences: &[Preference], key: u64) -> Vec<usize> {
    let mut ranked: Vec<_> = preferences
        .iter()
        .map(|preference| (preference.order, score(preference, key)))
        .enumerate()
        .collect();
    ranked.sort_by(|(_, (order, score)), (_, (other_order, other_score))| {
        order.cmp(other_order).then(score.total_cmp(other_score))
    });
    ranked.into_iter().map(|(index, _)| index).collect()
}

/// Returns a number that is exponentially distributed over the keys, with the weight as its rate. The lowest of several
/// such numbers is that of each one in proportion to the rates.
fn score(preference: &Preference, key: u64) -> f64 {
    let mut hasher = DefaultHasher::new();
    (key, &preference.name).hash(&mut hasher);
    let hash = u32::try_from(hasher.finish() >> u32::BITS).unwrap_or(u32::MAX);
    let uniform = (f64::from(hash) + 0.5) / (f64::from(u32::MAX) + 1.0);
    -uniform.ln() / f64::from(preference.weight)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn preferences(orders_and_weights: &[(u32, u32)]) -> Vec<Preference> {
        let preference =
            |(index, &(order, weight))| Preference { name: format!("d{index}"), order, weight };
        orders_and_weights.iter().enumerate().map(preference).collect()
    }

    #[test]
    fn weights_share_the_requests_of_many_conversations() {
        let preferences = preferences(&[(1, 1), (1, 3)]);

        let first = (0..10_000).filter(|key| asked_in_order(&preferences, *key)[0] == 0).count();

        assert!((2_300..2_700).contains(&first), "{first}");
    }

    #[test]
    fn a_conversation_stays_where_it_was_when_another_deployment_is_removed() {
        let all = preferences(&[(1, 1), (1, 1), (1, 1)]);

        for key in 0..1_000 {
            let order = asked_in_order(&all, key);
            let without_last = asked_in_order(&all[..2], key);

            let kept: Vec<_> = order.into_iter().filter(|index| *index < 2).collect();
            assert_eq!(kept, without_last);
        }
    }

    proptest! {
        #[test]
        fn each_deployment_is_asked_once_and_lower_orders_come_first(
            orders_and_weights in prop::collection::vec((0_u32..4, 1_u32..100), 1..8),
            key: u64,
        ) {
            let preferences = preferences(&orders_and_weights);

            let order = asked_in_order(&preferences, key);

            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..preferences.len()).collect::<Vec<_>>());
            prop_assert!(order.is_sorted_by_key(|index| preferences[*index].order));
        }
    }
}
