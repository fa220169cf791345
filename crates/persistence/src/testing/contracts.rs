//! The macros with which an adapter runs the contract suites.

/// Declares the tests of a suite.
#[macro_export]
#[doc(hidden)]
macro_rules! contract_tests {
    ($open:path, $suite:path, [$($test:ident),+ $(,)?]) => {
        $(
            #[tokio::test]
            async fn $test() {
                use $suite as suite;
                let (store, _guard) = $open().await;
                suite::$test(&store).await;
            }
        )+
    };
}

/// Runs the tests of [`Conversations`](crate::Conversations).
#[macro_export]
macro_rules! conversations_contract {
    ($open:path) => {
        mod conversations_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::conversations,
                [
                    a_new_conversation_is_empty_and_visible_to_its_user_only,
                    an_id_is_used_for_only_one_conversation,
                    another_user_can_neither_read_nor_change_a_conversation,
                    messages_are_returned_in_the_order_of_their_appends,
                    messages_are_paged_backwards_from_the_newest,
                    a_page_of_long_messages_contains_fewer_messages,
                    conversations_are_paged_by_cursor_in_both_orders,
                    fifty_concurrent_appends_get_fifty_positions,
                    an_append_stores_all_of_its_messages_or_none,
                    an_append_returns_the_stored_conversation_and_messages,
                    a_duplicate_client_message_id_returns_the_first_result,
                    concurrent_appends_with_the_same_client_message_id_are_stored_once,
                    a_conflicting_append_stores_nothing,
                    one_turn_runs_at_a_time,
                    only_one_of_several_concurrent_turns_starts,
                    an_expired_turn_does_not_block_the_next_one,
                    an_expired_turn_is_claimed_once_with_its_saved_answer,
                    a_claimed_turn_expires_again_or_is_ended,
                    only_turns_in_the_scope_are_claimed,
                    expired_turns_are_claimed_up_to_the_limit_earliest_first,
                    an_ended_turn_is_claimed_if_its_end_is_not_published,
                    an_ended_turn_does_not_block_the_next_one,
                    the_running_turn_is_returned_until_it_ends_or_expires,
                    a_message_is_found_by_its_id,
                    an_answer_can_be_saved_until_its_turn_ends,
                    an_answer_is_not_saved_for_another_turn,
                    an_append_sets_only_a_missing_title_and_an_edit_replaces_any_title,
                    a_title_is_replaced_only_if_it_is_the_expected_one,
                    an_edit_based_on_an_outdated_state_is_a_conflict,
                    lists_contain_active_archived_or_all_conversations,
                    an_empty_conversation_is_listed_only_among_all,
                    starting_a_turn_unarchives_its_conversation,
                    a_deleted_conversation_leaves_nothing_behind,
                    a_reset_conversation_is_empty_and_its_positions_continue,
                    a_client_message_id_can_be_used_again_after_a_reset,
                    every_text_is_returned_unchanged,
                    a_message_of_one_megabyte_is_returned_unchanged,
                    a_search_stems_words_ranks_messages_and_returns_snippets,
                    a_search_finds_words_of_many_languages_and_programs,
                    a_search_marks_what_it_found,
                    a_search_can_accept_any_of_its_words,
                    a_search_finds_titles,
                    a_search_respects_phrases_and_exclusions,
                    a_search_finds_each_conversation_once_by_its_best_message,
                    the_snippet_of_a_long_text_shows_an_early_match_or_the_beginning,
                    a_search_ignores_repeated_terms,
                    a_search_scores_only_the_messages_of_its_user,
                    a_search_sees_changes_immediately,
                    no_query_text_is_an_error,
                ]
            );
        }
    };
}

/// Runs the tests of [`Contexts`](crate::Contexts), for a store that implements
/// [`Conversations`](crate::Conversations) too.
#[macro_export]
macro_rules! contexts_contract {
    ($open:path) => {
        mod contexts_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::contexts,
                [
                    a_context_is_empty_until_it_is_replaced,
                    a_stored_context_is_returned_unchanged,
                    a_conflicting_revision_changes_nothing,
                    only_one_of_several_concurrent_replacements_is_stored,
                    another_user_can_neither_read_nor_change_a_context,
                    a_context_is_removed_with_its_conversation,
                    a_search_for_conversations_finds_few_shot_examples,
                    only_one_compaction_lease_is_held_at_a_time,
                    a_compaction_lease_is_renewed_by_its_holder_only,
                    an_expired_compaction_lease_does_not_release_another_one,
                ]
            );
        }
    };
}

/// Runs the tests of versions in [`Conversations`](crate::Conversations), for a store that
/// implements [`Contexts`](crate::Contexts) too.
#[macro_export]
macro_rules! versions_contract {
    ($open:path) => {
        mod versions_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::versions,
                [
                    a_version_replaces_a_message_and_all_that_follow_it,
                    a_version_of_the_first_message_starts_another_path,
                    a_selected_version_is_visible_with_its_newest_descendants,
                    a_long_path_becomes_hidden_and_visible_again,
                    a_version_of_a_hidden_message_shows_its_path,
                    versions_are_returned_oldest_first_to_their_user_only,
                    pages_and_searches_follow_the_visible_path,
                    the_preconditions_of_an_append_apply_to_a_version,
                    the_expected_position_is_compared_with_the_visible_path,
                    a_version_with_a_duplicate_client_message_id_returns_the_first_result,
                    nothing_is_selected_while_a_turn_runs,
                    a_summary_is_dropped_if_a_message_it_covers_is_hidden,
                    an_interrupted_answer_is_continued,
                    the_error_and_the_end_of_an_answer_are_kept_until_it_is_continued,
                    an_answer_without_text_begins_when_it_is_continued,
                    the_reasoning_of_an_answer_is_kept_if_its_text_is_continued,
                    only_an_unfinished_answer_at_the_end_is_continued,
                    a_summary_that_covers_a_continued_answer_is_dropped,
                    a_reset_removes_all_versions,
                    appends_and_selections_match_the_reference_implementation,
                ]
            );
        }
    };
}

/// Runs the tests of [`FileJobs`](crate::FileJobs), for a store that implements
/// [`Conversations`](crate::Conversations) too.
#[macro_export]
macro_rules! file_jobs_contract {
    ($open:path) => {
        mod file_jobs_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::file_jobs,
                [
                    a_job_is_returned_to_its_user_only,
                    a_duplicate_job_id_returns_the_first_job,
                    only_a_created_job_updates_its_conversation,
                    the_oldest_job_is_taken_first_and_by_one_run,
                    an_expired_job_continues_with_its_recorded_parts,
                    a_complete_job_appends_two_messages,
                    a_complete_job_runs_again_for_all_parts_and_adds_a_version,
                    another_version_of_an_analysis_waits_for_the_running_turn,
                    an_analysis_survives_the_end_of_a_later_one,
                    a_failed_job_is_retried_for_its_missing_parts,
                    a_changed_question_and_its_analysis_are_another_version,
                    a_failed_job_with_other_instructions_runs_for_all_parts,
                    a_job_that_does_not_run_again_keeps_its_instructions,
                    a_job_is_found_by_its_newest_analysis,
                    a_run_loses_its_lease_when_its_job_is_cancelled,
                    a_user_has_at_most_the_maximum_number_of_jobs,
                    jobs_are_removed_with_their_conversation,
                ]
            );
        }
    };
}

/// Runs the tests of [`ConversationTransfer`](crate::ConversationTransfer), for a store that implements
/// [`Conversations`](crate::Conversations), [`Contexts`](crate::Contexts) and
/// [`FileJobs`](crate::FileJobs) too.
#[macro_export]
macro_rules! conversation_transfer_contract {
    ($open:path) => {
        mod conversation_transfer_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::conversation_transfer,
                [
                    a_store_is_read_completely_page_by_page,
                    a_conversation_that_is_put_is_returned_unchanged,
                    a_conversation_that_is_put_twice_is_stored_once,
                    a_conversation_that_was_put_can_be_appended_to,
                    a_version_that_was_put_can_be_selected,
                    a_file_job_that_was_put_continues_where_it_stopped,
                    an_inserted_conversation_is_returned_unchanged,
                    a_second_insert_changes_nothing,
                    added_messages_continue_the_visible_path_or_become_hidden_versions,
                    only_one_of_several_concurrent_inserts_is_stored,
                    a_users_conversations_are_read_page_by_page_oldest_first,
                    another_user_cannot_read_a_conversation,
                    an_insert_does_not_take_the_id_of_another_user,
                    a_deleted_conversation_can_be_inserted_again,
                    a_long_conversation_is_inserted_completely,
                    messages_removed_by_a_reset_are_not_read,
                    a_conversation_is_hidden_until_it_is_complete,
                    a_long_conversation_is_deleted_immediately_and_can_be_inserted_again,
                    stored_bytes_count_only_the_conversations_of_the_user,
                    stored_bytes_count_files_until_they_are_deleted,
                ]
            );
        }
    };
}

/// Runs the tests of [`Sessions`](crate::Sessions).
#[macro_export]
macro_rules! sessions_contract {
    ($open:path) => {
        mod sessions_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::sessions,
                [
                    a_session_is_found_until_it_expires,
                    saving_a_session_replaces_its_older_state,
                    starting_a_session_again_returns_the_stored_one_until_it_expires,
                    concurrent_starts_of_a_session_return_the_same_user,
                    a_session_is_extended_only_by_at_least_the_minimum_gain,
                    a_deleted_session_is_not_found,
                    saving_with_a_fast_clock_deletes_no_other_session,
                    only_sessions_that_expired_before_the_given_time_are_deleted,
                    a_deleted_session_is_not_replaced,
                    the_sessions_in_which_a_user_is_signed_in_are_listed,
                    all_sessions_of_a_user_but_one_are_deleted,
                    no_session_of_an_erased_user_is_left,
                    the_sessions_of_a_providers_session_are_listed,
                ]
            );
        }
    };
}

/// Runs the tests of [`TokenBudgets`](crate::TokenBudgets).
#[macro_export]
macro_rules! token_budgets_contract {
    ($open:path) => {
        mod token_budgets_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::token_budgets,
                [
                    a_reservation_counts_in_each_of_its_scopes,
                    a_reservation_that_exceeds_one_maximum_changes_nothing,
                    concurrent_reservations_never_exceed_the_maximum,
                    a_settled_reservation_counts_the_tokens_that_were_used,
                    each_day_has_its_own_counts_until_they_are_deleted,
                    addresses_of_one_ipv6_network_share_a_count,
                ]
            );
        }
    };
}

/// Runs the tests of [`UserActivity`](crate::UserActivity).
#[macro_export]
macro_rules! user_activity_contract {
    ($open:path) => {
        mod user_activity_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::user_activity,
                [
                    users_are_inactive_after_their_last_recorded_activity,
                    recent_activity_is_not_recorded_again,
                    users_with_conversations_and_no_record_are_recorded_as_active,
                    the_record_of_a_user_who_returned_is_kept,
                ]
            );
        }
    };
}

/// Runs the tests of [`UserSettingsStore`](crate::UserSettingsStore).
#[macro_export]
macro_rules! user_settings_contract {
    ($open:path) => {
        mod user_settings_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::user_settings,
                [
                    settings_are_empty_until_they_are_replaced,
                    stored_settings_are_returned_unchanged_to_their_user_only,
                    a_conflicting_revision_of_settings_changes_nothing,
                    only_one_of_several_concurrent_settings_is_stored,
                    settings_do_not_change_when_the_user_was_last_active,
                    settings_are_deleted_with_the_record_of_the_user,
                    the_settings_of_all_users_are_read_in_pages,
                ]
            );
        }
    };
}

/// Runs the tests of [`TurnLog`](crate::TurnLog).
#[macro_export]
macro_rules! turn_log_contract {
    ($open:path) => {
        mod turn_log_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::turn_log,
                [
                    events_are_numbered_and_read_in_order,
                    each_conversation_has_its_own_sequence_numbers,
                    an_erased_conversation_has_no_events,
                    a_reader_waits_for_the_next_event,
                    a_read_during_the_first_append_misses_nothing,
                    each_concurrent_append_gets_its_own_sequence_number,
                    an_unknown_sequence_number_is_rejected,
                    a_replay_with_a_gap_is_rejected,
                    all_events_of_a_running_turn_are_kept,
                    a_checkpoint_is_before_the_running_turn,
                    a_duplicate_event_id_returns_the_first_event,
                    a_duplicate_is_found_after_the_number_that_the_caller_knows,
                    events_are_appended_together,
                    every_event_is_returned_unchanged,
                ]
            );
        }
    };
}

/// Runs the tests of [`Signals`](crate::Signals).
#[macro_export]
macro_rules! signals_contract {
    ($open:path) => {
        mod signals_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::signals,
                [
                    all_subscribers_receive_every_signal_in_order,
                    a_subscriber_receives_no_earlier_signals,
                    a_dropped_and_a_slow_subscriber_do_not_block_others,
                ]
            );
        }
    };
}
