//! The goals for turns, compared with what was measured over `/ws`.

use std::collections::HashMap;

use super::load::Outcome;
use crate::support::report::{BenchContext, Row};

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Measured {
    /// The upstream itself.
    Direct,
    Sqlite,
    MongoAndRedis,
}

/// The measurements that the goals compare.
#[derive(Default)]
pub(super) struct Goals {
    turns_per_second: HashMap<(Measured, u32), f64>,
    first_text_ms: HashMap<(Measured, u32), f64>,
    cpu_ms: HashMap<(Measured, u32), f64>,
}

impl Measured {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "straight from the upstream",
            Self::Sqlite => "SQLite",
            Self::MongoAndRedis => "MongoDB and Redis",
        }
    }
}

impl Goals {
    pub(super) fn record(&mut self, measured: Measured, clients: u32, outcome: &Outcome) {
        let key = (measured, clients);
        self.turns_per_second.insert(key, outcome.turns_per_second);
        self.first_text_ms.insert(key, outcome.first_text.percentile_ms(50));
    }

    pub(super) fn record_cost(&mut self, measured: Measured, clients: u32, cpu_ms: f64) {
        self.cpu_ms.insert((measured, clients), cpu_ms);
    }

    pub(super) fn report(&self, bench: &BenchContext) {
        let direct = Measured::Direct;
        for (measured, turns, share, added_ms, factor, cpu_ms) in [
            (Measured::Sqlite, 900.0, 0.35, 2.0, 2.0, 1.2),
            (Measured::MongoAndRedis, 490.0, 0.0, 5.0, 4.0, 1.5),
        ] {
            let add = |what: &str, value: f64, goal: f64, unit: &'static str| {
                bench.add(
                    Row::new(format!("goal for {}: {what}", measured.name()))
                        .figure("measured", value, unit)
                        .figure("goal", goal, unit),
                );
            };
            let (at_20, at_400) =
                (self.turns_per_second[&(measured, 20)], self.turns_per_second[&(measured, 400)]);
            let least = f64::max(turns, share * self.turns_per_second[&(direct, 20)]);
            add("turns with 20 clients, at least", at_20, least, "/s");
            add("turns with 400 clients, at least", at_400, 0.9 * at_20, "/s");
            let first_text = |clients| self.first_text_ms[&(measured, clients)];
            let direct_first_text = |clients| self.first_text_ms[&(direct, clients)];
            let most = direct_first_text(1) + added_ms;
            add("first text with 1 client, at most", first_text(1), most, "ms");
            let most = factor * direct_first_text(20);
            add("first text with 20 clients, at most", first_text(20), most, "ms");
            let cpu = self.cpu_ms[&(measured, 20)];
            add("CPU for a turn with 20 clients, at most", cpu, cpu_ms, "ms");
        }
    }
}
