//! The groups of users. Changes take effect at the user's next request; sessions go on.

use webchat_domain::{Account, Actor, AuditAction, GroupName, GroupNames, GroupSource, UserId};
use webchat_persistence::{AccountUpdate, Group, GroupUpdate, StoreError, UpdateAccountOutcome};

use super::Accounts;
use crate::accounts::audit::subject_of;
use crate::error::ChatError;

/// The maximum number of attempts to change groups while other instances change them as well.
const MAX_ATTEMPTS: usize = 5;

impl Accounts {
    /// Returns at most `max` of the groups that users have and whose names begin with `prefix`, in the order of their
    /// names, after `after`.
    ///
    /// # Errors
    /// When the groups can't be read.
    pub async fn list_groups(
        &self,
        prefix: String,
        after: Option<GroupName>,
        max: u32,
    ) -> Result<Vec<Group>, ChatError> {
        Ok(self.ports.accounts.list_groups(prefix, after, max).await?)
    }

    /// Takes groups from a user that were given by hand, and then gives others. Groups of other sources stay.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`]; [`ChatError::TooManyGroups`]; [`ChatError::AmbiguousGroupName`].
    pub async fn change_groups(
        &self,
        user_id: UserId,
        added: &GroupNames,
        removed: &GroupNames,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        if added.clone().unambiguous().1 > 0 {
            return Err(ChatError::AmbiguousGroupName);
        }
        let changed = |before: &GroupNames| {
            let names = before.without(removed).with(added);
            names.map_err(|_| ChatError::TooManyGroups { limit: GroupNames::MAX })
        };
        self.update_groups(user_id, GroupSource::Manual, changed, actor).await
    }

    /// Replaces the groups that an identity provider or a proxy gives a user. Ambiguous names are left out.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`].
    pub async fn set_groups(
        &self,
        account: Account,
        source: GroupSource,
        names: GroupNames,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let (names, ambiguous) = names.unambiguous();
        if ambiguous > 0 {
            // Each request of a proxy would repeat a warning.
            tracing::debug!(ambiguous, "groups whose names have invisible characters are left out");
        }
        if *account.groups.of(&source) == names {
            return Ok(account);
        }
        self.update_groups(account.user_id, source, |_| Ok(names.clone()), actor).await
    }

    /// Changes the groups of a source from what they are to what `changed` returns. An instance makes one change after the
    /// other.
    async fn update_groups(
        &self,
        user_id: UserId,
        source: GroupSource,
        changed: impl Fn(&GroupNames) -> Result<GroupNames, ChatError>,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let _turn = self.group_changes.lock().await;
        for _ in 0..MAX_ATTEMPTS {
            let account = self.get(user_id).await?;
            let expected = account.groups.of(&source).clone();
            let names = changed(&expected)?;
            if names == expected {
                return Ok(account);
            }
            let action = AuditAction::GroupsChanged {
                source: source.clone(),
                added: names.without(&expected),
                removed: expected.without(&names),
            };
            let audit = self.audit.entry(action, Some(subject_of(&account)), actor).await?;
            let update = AccountUpdate {
                groups: Some(GroupUpdate { source: source.clone(), expected, names }),
                audit: Some(audit),
                ..AccountUpdate::default()
            };
            match self.ports.accounts.update(user_id, update).await? {
                UpdateAccountOutcome::Updated(account) => return Ok(account),
                UpdateAccountOutcome::NotFound => return Err(ChatError::AccountNotFound),
                UpdateAccountOutcome::BeingErased => return Err(ChatError::AccountBeingErased),
                UpdateAccountOutcome::Changed | UpdateAccountOutcome::LastAdmin => {}
            }
        }
        Err(StoreError::unavailable("too many concurrent changes of groups").into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use futures_util::future::join_all;
    use webchat_domain::AccountRole;
    use webchat_persistence::AuditFilter;

    use super::*;
    use crate::testing::TestChat;

    const CLI: Actor = Actor::COMMAND_LINE;

    fn names(texts: &[&str]) -> GroupNames {
        let names: BTreeSet<GroupName> = texts.iter().map(|text| text.parse().unwrap()).collect();
        names.try_into().unwrap()
    }

    fn all(account: &Account) -> Vec<&str> {
        account.groups.names().into_iter().map(GroupName::as_str).collect()
    }

    async fn add(test: &TestChat) -> UserId {
        let name = "alice".parse().unwrap();
        let added = test.chat.accounts.add(name, AccountRole::User, None, false, &CLI).await;
        added.unwrap().user_id
    }

    #[tokio::test]
    async fn changes_by_hand_are_recorded_once() {
        let test = TestChat::new().await;
        let (accounts, alice) = (&test.chat.accounts, add(&test).await);

        for _ in 0..2 {
            let (added, removed) = (names(&["staff", "law"]), names(&["staff", "other"]));
            let changed = accounts.change_groups(alice, &added, &removed, &CLI).await.unwrap();
            assert_eq!(all(&changed), ["law", "staff"]);
        }

        let entries = test.chat.audit.list(AuditFilter::default(), None, 10).await.unwrap();
        let expected = AuditAction::GroupsChanged {
            source: GroupSource::Manual,
            added: names(&["law", "staff"]),
            removed: GroupNames::default(),
        };
        let [last, _account_added] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(last.content.action, expected);
    }

    #[tokio::test]
    async fn ambiguous_names_are_not_added_but_those_of_older_versions_are_removed() {
        let test = TestChat::new().await;
        let (accounts, alice) = (&test.chat.accounts, add(&test).await);
        let (none, hidden) = (GroupNames::default(), names(&["sta\u{200b}ff"]));
        let expected = GroupNames::default();
        let stored = AccountUpdate {
            groups: Some(GroupUpdate {
                source: GroupSource::Manual,
                expected,
                names: hidden.clone(),
            }),
            ..AccountUpdate::default()
        };
        test.chat.accounts.ports.accounts.update(alice, stored).await.unwrap();

        let added = accounts.change_groups(alice, &hidden, &none, &CLI).await;
        let before = accounts.get(alice).await.unwrap();
        let removed = accounts.change_groups(alice, &none, &hidden, &CLI).await.unwrap();
        let of_proxy = accounts.set_groups(removed, GroupSource::Proxy, hidden, &CLI).await;

        assert_eq!(added.unwrap_err().code(), "ambiguous_name");
        assert_eq!(all(&before), ["sta\u{200b}ff"]);
        assert_eq!(all(&of_proxy.unwrap()), [""; 0]);
    }

    #[tokio::test]
    async fn concurrent_changes_are_all_made() {
        let test = TestChat::new().await;
        let (accounts, alice) = (&test.chat.accounts, add(&test).await);
        let none = GroupNames::default();
        let provider = GroupSource::Provider("https://login.example".to_owned());
        let account = accounts.get(alice).await.unwrap();

        let numbers: Vec<String> = (10..40).map(|number| number.to_string()).collect();
        let by_hand = numbers.iter().map(async |number| {
            accounts.change_groups(alice, &names(&[number]), &none, &CLI).await.unwrap();
        });
        let of_provider = accounts.set_groups(account, provider, names(&["research"]), &CLI);
        let (_, of_provider) = tokio::join!(join_all(by_hand), of_provider);

        of_provider.unwrap();
        let account = accounts.get(alice).await.unwrap();
        let expected: Vec<&str> = numbers.iter().map(String::as_str).chain(["research"]).collect();
        assert_eq!(all(&account), expected);
    }

    #[tokio::test]
    async fn a_user_has_a_limited_number_of_groups_by_hand() {
        let test = TestChat::new().await;
        let (accounts, alice) = (&test.chat.accounts, add(&test).await);
        let numbers: Vec<String> = (0..GroupNames::MAX).map(|number| number.to_string()).collect();
        let most = names(&numbers.iter().map(String::as_str).collect::<Vec<_>>());
        let none = GroupNames::default();
        accounts.change_groups(alice, &most, &none, &CLI).await.unwrap();

        let another = names(&["another"]);
        let refused = accounts.change_groups(alice, &another, &none, &CLI).await;
        let replaced = accounts.change_groups(alice, &another, &names(&["0"]), &CLI).await;

        assert_eq!(refused.unwrap_err().code(), "too_many_groups");
        assert_eq!(all(&replaced.unwrap()).len(), GroupNames::MAX);
        let nobody = accounts.change_groups(UserId::generate(), &another, &none, &CLI).await;
        assert_eq!(nobody.unwrap_err().code(), "account_not_found");
    }
}
