//! Finds the rights that the database user lacks.

use std::collections::BTreeSet;

use mongodb::bson::Document;

use super::change::SchemaChange;

/// The actions that Webchat always needs.
const ALWAYS: [&str; 4] = ["find", "insert", "remove", "update"];

/// Returns the actions, by the server's names, that these changes or Webchat need and that no role of the user contains.
/// `status` is the response to `connectionStatus`. Without authentication, nothing is missing.
pub(super) fn missing_rights(
    status: &Document,
    database: &str,
    changes: &[SchemaChange],
) -> BTreeSet<&'static str> {
    let Ok(info) = status.get_document("authInfo") else { return BTreeSet::new() };
    let documents = |name| {
        let values = info.get_array(name).into_iter().flatten();
        values.filter_map(|value| value.as_document())
    };
    if documents("authenticatedUsers").next().is_none() {
        return BTreeSet::new();
    }
    let privileges = documents("authenticatedUserPrivileges");
    let granted: BTreeSet<&str> = privileges
        .filter(|privilege| includes(privilege, database))
        .flat_map(|privilege| privilege.get_array("actions").into_iter().flatten())
        .filter_map(|action| action.as_str())
        .collect();
    let needed = ALWAYS.into_iter().chain(changes.iter().filter_map(action));
    needed.filter(|action| !granted.contains(action) && !granted.contains("anyAction")).collect()
}

fn action(change: &SchemaChange) -> Option<&'static str> {
    match change {
        SchemaChange::CreateCollection(_) => Some("createCollection"),
        SchemaChange::SetValidator(_) => Some("collMod"),
        SchemaChange::CreateIndex { .. } => Some("createIndex"),
        SchemaChange::DropIndex { .. } => Some("dropIndex"),
        SchemaChange::RecordVersion(_) => None,
    }
}

/// Whether the privilege applies to collections of the database.
fn includes(privilege: &Document, database: &str) -> bool {
    let Ok(resource) = privilege.get_document("resource") else { return false };
    let is_named = resource.get_str("db").is_ok_and(|name| name.is_empty() || name == database);
    is_named || resource.get_bool("anyResource").unwrap_or(false)
}
