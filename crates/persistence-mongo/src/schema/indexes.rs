//! Compares the existing indexes of a collection with the wanted ones.

use mongodb::bson::{Bson, Document};

use super::change::SchemaChange;

/// Returns the changes that create the wanted index.
pub(super) fn index_changes(
    collection: &'static str,
    existing: &[Document],
    wanted: &Document,
) -> Vec<SchemaChange> {
    if existing.iter().any(|index| name(index) == name(wanted) && is_equivalent(index, wanted)) {
        return Vec::new();
    }
    let conflicting = existing
        .iter()
        .filter(|index| name(index) == name(wanted) || has_same_signature(index, wanted));
    let drops = conflicting
        .map(|index| SchemaChange::DropIndex { collection, index: name(index).to_owned() });
    drops.chain([create_index(collection, wanted)]).collect()
}

pub(super) fn create_index(collection: &'static str, index: &Document) -> SchemaChange {
    SchemaChange::CreateIndex { collection, index: name(index).to_owned() }
}

pub(super) fn name(index: &Document) -> &str {
    index.get_str("name").unwrap_or_default()
}

/// Reads a number of any type. A fraction is truncated.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "truncated on purpose")]
pub(super) fn integer(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}

/// Whether MongoDB would refuse both indexes: it allows two indexes with the same keys only if their partial filters
/// differ.
fn has_same_signature(index: &Document, wanted: &Document) -> bool {
    let filter = "partialFilterExpression";
    keys(index) == keys(wanted) && index.get(filter) == wanted.get(filter)
}

fn is_equivalent(index: &Document, wanted: &Document) -> bool {
    const OPTIONS: [&str; 9] = [
        "collation",
        "default_language",
        "expireAfterSeconds",
        "hidden",
        "language_override",
        "partialFilterExpression",
        "sparse",
        "unique",
        "weights",
    ];
    keys(index) == keys(wanted)
        && OPTIONS.iter().all(|option| index.get(option) == wanted.get(option))
}

/// Returns the keys in order. Clients use different number types for the direction.
fn keys(index: &Document) -> Vec<(&str, Option<i64>, Option<&str>)> {
    let keys = index.get_document("key").into_iter().flatten();
    keys.map(|(name, kind)| (name.as_str(), integer(kind), kind.as_str())).collect()
}
