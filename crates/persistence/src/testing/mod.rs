//! The contract suites: what each port promises, as one test a promise, for every adapter to run.
//!
//! An adapter's test file calls the macros with an async function that opens a new, empty store, and
//! answers it together with what must live as long (a folder, a server):
//!
//! ```ignore
//! webchat_persistence::conversations_contract!(open);
//! webchat_persistence::contexts_contract!(open);
//! webchat_persistence::versions_contract!(open);
//! webchat_persistence::file_jobs_contract!(open);
//! webchat_persistence::conversation_archive_contract!(open);
//! webchat_persistence::sessions_contract!(open);
//! webchat_persistence::turn_log_contract!(open_log);
//! webchat_persistence::signals_contract!(open_signals);
//! ```

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

pub mod contexts;
pub mod conversations;
pub mod exchange;
pub mod file_jobs;
pub mod sessions;
pub mod signals;
pub mod transfer;
pub mod turn_log;
pub mod versions;

use webchat_domain::{MessageStatus, NewMessage, Role, Timestamp, TurnId};

/// A moment in the year 2026, so many milliseconds after the others.
#[must_use]
pub fn moment(offset: i64) -> Timestamp {
    Timestamp::from_unix_millis(Timestamp::FIXTURE.unix_millis() + offset)
}

/// A complete message of the user's, of 7 tokens, in no turn.
#[must_use]
pub fn question(content: &str) -> NewMessage {
    NewMessage { content: content.to_owned(), ..NewMessage::fixture() }
}

/// An answer that has just begun.
#[must_use]
pub fn empty_answer(turn_id: TurnId) -> NewMessage {
    NewMessage {
        turn_id: Some(turn_id),
        role: Role::Assistant,
        token_count: 0,
        status: MessageStatus::Interrupted,
        ..question("")
    }
}

/// One test for each named promise of a suite.
#[macro_export]
#[doc(hidden)]
macro_rules! contract_tests {
    ($open:path, $suite:path, [$($promise:ident),+ $(,)?]) => {
        $(
            #[tokio::test]
            async fn $promise() {
                use $suite as suite;
                let (store, _guard) = $open().await;
                suite::$promise(&store).await;
            }
        )+
    };
}

/// The tests of [`Conversations`](crate::Conversations).
#[macro_export]
macro_rules! conversations_contract {
    ($open:path) => {
        mod conversations_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::conversations,
                [
                    a_new_conversation_is_empty_and_its_owners_alone,
                    an_id_starts_one_conversation,
                    nobody_else_can_see_or_change_a_conversation,
                    messages_stand_in_the_order_of_appending,
                    messages_are_paged_backwards_from_the_newest,
                    conversations_are_paged_by_cursor_in_both_orders,
                    fifty_appends_at_once_take_fifty_positions,
                    all_messages_of_an_append_are_stored_or_none,
                    a_client_message_id_counts_once,
                    a_client_message_id_sent_twice_at_once_counts_once,
                    a_stale_append_stores_nothing,
                    one_turn_runs_at_a_time,
                    a_lapsed_turn_holds_nobody_up,
                    a_lapsed_turn_is_taken_over_once_with_what_was_saved,
                    a_taken_over_turn_lapses_again_or_is_ended,
                    lapsed_turns_are_taken_over_some_at_a_time,
                    a_turn_that_has_ended_is_taken_over_if_nobody_tells_so,
                    a_turn_that_has_ended_keeps_nobody_from_the_next,
                    the_turn_that_runs_is_known_until_it_ends_or_lapses,
                    a_message_is_found_by_its_id,
                    an_answer_grows_until_its_turn_ends,
                    a_title_is_set_once_and_renamed_at_will,
                    a_title_is_replaced_only_where_it_is_the_expected_one,
                    an_edit_is_done_only_where_all_is_as_expected,
                    a_conversation_is_listed_where_it_was_put,
                    a_turn_takes_its_conversation_out_of_the_archive,
                    a_deleted_conversation_is_gone_whole,
                    a_reset_conversation_is_empty_and_its_positions_go_on,
                    every_text_comes_back_unchanged,
                    a_message_of_one_megabyte_comes_back_unchanged,
                    a_search_ranks_stems_and_quotes_the_place,
                    a_search_minds_phrases_and_exclusions,
                    a_search_sees_changes_at_once,
                    no_query_is_an_error,
                ]
            );
        }
    };
}

/// The tests of [`Contexts`](crate::Contexts), for a store that implements
/// [`Conversations`](crate::Conversations) too.
#[macro_export]
macro_rules! contexts_contract {
    ($open:path) => {
        mod contexts_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::contexts,
                [
                    a_context_is_empty_until_it_is_written,
                    a_written_context_comes_back_unchanged,
                    an_outdated_context_changes_nothing,
                    of_contexts_written_at_once_one_is_kept,
                    nobody_else_can_see_or_change_a_context,
                    a_context_goes_with_its_conversation,
                    one_compaction_runs_at_a_time,
                    a_compaction_is_renewed_by_who_has_the_right,
                    a_lapsed_compaction_ends_nobody_elses,
                ]
            );
        }
    };
}

/// The tests of what [`Conversations`](crate::Conversations) promises of versions, for a store that
/// implements [`Contexts`](crate::Contexts) too.
#[macro_export]
macro_rules! versions_contract {
    ($open:path) => {
        mod versions_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::versions,
                [
                    a_version_takes_the_place_of_a_message_and_of_all_behind_it,
                    a_version_of_the_first_message_begins_another_path,
                    a_selected_version_is_visible_with_the_newest_that_follows,
                    a_version_of_what_is_off_the_path_brings_its_path_back,
                    all_versions_are_found_oldest_first_by_their_owner_alone,
                    pages_and_searches_follow_the_visible_path,
                    a_version_keeps_to_the_conditions_of_an_append,
                    the_end_that_is_expected_is_that_of_the_visible_path,
                    a_version_with_a_known_name_is_the_first_one,
                    nothing_is_selected_while_a_turn_runs,
                    a_summary_is_dropped_with_what_it_covers,
                    an_answer_that_broke_off_is_taken_up_again,
                    why_an_answer_failed_is_kept_until_it_is_taken_up_again,
                    only_an_unfinished_answer_at_the_end_is_taken_up,
                    a_summary_of_an_answer_that_goes_on_is_dropped,
                    versions_go_with_a_reset,
                    whatever_is_appended_and_selected_one_path_is_visible,
                ]
            );
        }
    };
}

/// The tests of [`FileJobs`](crate::FileJobs), for a store that implements
/// [`Conversations`](crate::Conversations) too.
#[macro_export]
macro_rules! file_jobs_contract {
    ($open:path) => {
        mod file_jobs_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::file_jobs,
                [
                    a_job_is_found_and_listed_by_its_owner_alone,
                    a_job_that_comes_twice_is_kept_once,
                    a_job_is_taken_by_one_run_the_oldest_first,
                    a_lapsed_job_goes_on_elsewhere_with_what_was_recorded,
                    a_complete_job_is_two_messages_and_keeps_no_text,
                    a_failed_job_is_tried_again_for_what_is_missing,
                    a_cancelled_job_is_lost_to_its_run,
                    an_owner_has_so_many_jobs_and_no_more,
                    jobs_go_with_their_conversation,
                ]
            );
        }
    };
}

/// The tests of [`ConversationArchive`](crate::ConversationArchive), for a store that implements
/// [`Conversations`](crate::Conversations), [`Contexts`](crate::Contexts) and
/// [`FileJobs`](crate::FileJobs) too.
#[macro_export]
macro_rules! conversation_archive_contract {
    ($open:path) => {
        mod conversation_archive_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::transfer,
                [
                    all_of_a_store_can_be_read_page_by_page,
                    what_is_put_is_there_as_it_was,
                    what_is_put_twice_is_there_once,
                    a_conversation_that_was_put_goes_on,
                    a_version_that_was_put_can_be_selected,
                    a_file_that_was_put_goes_on_where_it_was,
                ]
            );
            $crate::contract_tests!(
                $open,
                $crate::testing::exchange,
                [
                    a_whole_conversation_is_added_and_comes_back_unchanged,
                    what_is_added_twice_is_there_once_and_stays_as_it_is,
                    of_conversations_added_at_once_one_is_kept,
                    conversations_are_read_page_by_page_oldest_first,
                    nobody_else_can_read_a_whole_conversation,
                    an_id_that_is_somebody_elses_is_not_taken,
                    a_conversation_that_was_deleted_can_be_added_again,
                    a_long_conversation_is_added_whole,
                    what_was_emptied_is_not_read,
                ]
            );
        }
    };
}

/// The tests of [`Sessions`](crate::Sessions).
#[macro_export]
macro_rules! sessions_contract {
    ($open:path) => {
        mod sessions_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::sessions,
                [
                    a_session_is_found_until_it_lapses,
                    a_saved_session_replaces_its_older_state,
                    a_deleted_session_is_gone,
                ]
            );
        }
    };
}

/// The tests of [`TurnLog`](crate::TurnLog).
#[macro_export]
macro_rules! turn_log_contract {
    ($open:path) => {
        mod turn_log_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::turn_log,
                [
                    events_are_numbered_and_read_in_order,
                    conversations_are_numbered_apart,
                    a_reader_waits_for_the_next_event,
                    who_reads_while_the_first_event_is_told_misses_nothing,
                    appends_at_once_get_a_number_each,
                    a_number_from_elsewhere_is_refused,
                    a_replay_with_a_hole_is_refused,
                    a_turn_that_runs_is_kept_whole,
                    a_checkpoint_lies_before_the_turn_that_runs,
                    an_event_told_twice_is_numbered_once,
                    every_event_comes_back_unchanged,
                ]
            );
        }
    };
}

/// The tests of [`Signals`](crate::Signals).
#[macro_export]
macro_rules! signals_contract {
    ($open:path) => {
        mod signals_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::signals,
                [
                    all_listeners_hear_every_signal_in_order,
                    a_listener_hears_nothing_of_what_was_before,
                    a_listener_that_left_and_one_that_sleeps_hold_nobody_up,
                ]
            );
        }
    };
}
