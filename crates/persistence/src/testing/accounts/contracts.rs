//! The macros with which an adapter runs the contract suites of accounts.

/// Runs the tests of [`Accounts`](crate::Accounts), for a store that implements
/// [`Conversations`](crate::Conversations) too.
#[macro_export]
macro_rules! accounts_contract {
    ($open:path) => {
        mod accounts_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::accounts,
                [
                    a_created_account_is_found_by_user_and_by_name,
                    only_one_of_several_concurrent_accounts_gets_a_name,
                    an_update_that_ends_the_sessions_changes_the_version,
                    only_an_account_that_nobody_has_used_adopts_an_anonymous_user,
                    an_account_with_conversations_adopts_no_other_user,
                    accounts_are_listed_by_name_prefix_and_page,
                    accounts_are_listed_by_role_and_state,
                    an_update_changes_only_what_it_names,
                    the_last_active_admin_stays,
                    an_administrator_without_a_password_who_has_signed_in_counts,
                    names_are_compared_by_code_points,
                ]
            );
        }
    };
}

/// Runs the tests of [`ApiKeys`](crate::ApiKeys).
#[macro_export]
macro_rules! api_keys_contract {
    ($open:path) => {
        mod api_keys_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::accounts::api_keys,
                [
                    a_created_key_is_found_by_its_hash,
                    the_keys_of_a_user_are_listed_newest_first,
                    a_deleted_key_is_not_found_and_only_its_user_deletes_it,
                    the_last_use_of_a_key_is_recorded,
                ]
            );
        }
    };
}

/// Runs the tests of [`AuditLog`](crate::AuditLog), for a store that implements [`Accounts`](crate::Accounts) and
/// [`ApiKeys`](crate::ApiKeys) too.
#[macro_export]
macro_rules! audit_log_contract {
    ($open:path) => {
        mod audit_log_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::accounts::audit,
                [
                    appended_entries_are_returned_unchanged_and_in_order,
                    twenty_concurrent_entries_form_an_unbroken_chain,
                    entries_are_listed_by_filter_and_page_newest_first,
                    removing_old_entries_keeps_the_chain_unbroken,
                    a_change_and_its_entry_are_stored_together_or_not_at_all,
                    entries_of_another_store_are_inserted_unchanged_if_they_follow,
                ]
            );
        }
    };
}

/// Runs the tests of [`Identities`](crate::Identities), for a store that implements [`Accounts`](crate::Accounts) and
/// [`AuditLog`](crate::AuditLog) too.
#[macro_export]
macro_rules! identities_contract {
    ($open:path) => {
        mod identities_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::accounts::identities,
                [
                    an_account_is_created_with_an_identity,
                    an_account_and_an_identity_are_created_together_or_not_at_all,
                    an_identity_and_its_audit_entry_are_stored_together_or_not_at_all,
                    concurrent_first_sign_ins_create_one_account,
                    an_identity_is_linked_to_an_account_once,
                    a_granted_role_is_recorded,
                ]
            );
        }
    };
}

/// Runs the tests of the groups of [`Accounts`](crate::Accounts), for a store that implements
/// [`Identities`](crate::Identities) and [`AuditLog`](crate::AuditLog) too.
#[macro_export]
macro_rules! groups_contract {
    ($open:path) => {
        mod groups_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::accounts::groups,
                [
                    groups_of_different_sources_are_kept_apart,
                    only_one_of_several_concurrent_changes_of_groups_succeeds,
                    other_changes_keep_the_groups,
                    accounts_are_listed_by_group_and_page,
                    groups_are_listed_with_their_members_by_prefix_and_page,
                    a_change_of_groups_and_its_audit_entry_are_stored_together_or_not_at_all,
                ]
            );
        }
    };
}
