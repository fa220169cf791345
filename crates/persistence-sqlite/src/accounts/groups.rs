//! The groups of accounts. Each account has them as JSON, with their sources; `group_members` has the members of each.

use rusqlite::{Transaction, params};
use webchat_domain::{Account, AccountGroups, GroupName};
use webchat_persistence::Group;

use crate::rows::{Columns, invalid, read};

/// Returns the stored form of the groups.
pub(super) fn source_json(groups: &AccountGroups) -> rusqlite::Result<String> {
    serde_json::to_string(groups)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// Reads the column `group_sources`.
pub(super) fn group_sources(columns: &mut Columns<'_>) -> rusqlite::Result<AccountGroups> {
    serde_json::from_str(columns.text()?).map_err(invalid)
}

/// Makes an account a member of exactly its groups.
pub(super) fn set_members(
    transaction: &Transaction<'_>,
    account: &Account,
) -> rusqlite::Result<()> {
    let account_name = account.name.as_str();
    transaction
        .prepare_cached("DELETE FROM group_members WHERE account_name = ?1")?
        .execute([account_name])?;
    let mut insert = transaction
        .prepare_cached("INSERT INTO group_members (group_name, account_name) VALUES (?1, ?2)")?;
    for name in account.groups.names() {
        insert.execute([name.as_str(), account_name])?;
    }
    Ok(())
}

pub(super) fn list_groups(
    transaction: &Transaction<'_>,
    prefix: &str,
    after: Option<&GroupName>,
    max: u32,
) -> rusqlite::Result<Vec<Group>> {
    transaction
        .prepare_cached(
            "SELECT group_name, COUNT(*) FROM group_members
             WHERE group_name > ?1 AND group_name >= ?2
                 AND substr(group_name, 1, length(?2)) = ?2
             GROUP BY group_name ORDER BY group_name LIMIT ?3",
        )?
        .query_map(params![after.map_or("", GroupName::as_str), prefix, max], read(group))?
        .collect()
}

fn group(columns: &mut Columns<'_>) -> rusqlite::Result<Group> {
    Ok(Group { name: columns.parsed()?, members: columns.value()? })
}
