//! Compares the existing indexes of a collection with the wanted ones.

use mongodb::bson::{Bson, Document};

use super::change::SchemaChange;

/// Returns the changes that create the wanted index.
///
/// The index has the default collation of the collection: queries have it too, and can't use an index with another one.
pub(super) fn index_changes(
    collection: &'static str,
    existing: &[Document],
    wanted: &Document,
    default_collation: Option<&Document>,
) -> Vec<SchemaChange> {
    let mut wanted = wanted.clone();
    if let Some(collation) = default_collation {
        wanted.insert("collation", collation);
    }
    let wanted = &wanted;
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

/// Whether MongoDB would refuse both indexes: it allows two indexes with the same keys only if their partial filters or
/// their collations differ.
fn has_same_signature(index: &Document, wanted: &Document) -> bool {
    const OPTIONS: [&str; 2] = ["collation", "partialFilterExpression"];
    keys(index) == keys(wanted)
        && OPTIONS.iter().all(|option| index.get(option) == wanted.get(option))
}

/// Whether an index has the wanted effect. It may be hidden: an administrator decides whether queries use it.
fn is_equivalent(index: &Document, wanted: &Document) -> bool {
    const OPTIONS: [&str; 4] =
        ["default_language", "expireAfterSeconds", "language_override", "weights"];
    const FLAGS: [&str; 2] = ["sparse", "unique"];
    has_same_signature(index, wanted)
        && OPTIONS.iter().all(|option| index.get(option) == wanted.get(option))
        && FLAGS.iter().all(|flag| is_set(index, flag) == is_set(wanted, flag))
}

/// Whether the flag is true, or a number other than 0, as old clients write it.
fn is_set(index: &Document, flag: &str) -> bool {
    index.get(flag).is_some_and(|value| {
        value.as_bool().unwrap_or_else(|| integer(value).is_some_and(|number| number != 0))
    })
}

/// Returns the keys in order. Clients use different number types for the direction.
fn keys(index: &Document) -> Vec<(&str, Option<i64>, Option<&str>)> {
    let keys = index.get_document("key").into_iter().flatten();
    keys.map(|(name, kind)| (name.as_str(), integer(kind), kind.as_str())).collect()
}
