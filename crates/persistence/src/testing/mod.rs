//! The contract suites: what each port promises, as one test a promise, for every adapter to run.
//!
//! An adapter's test file calls the macros with an async function that opens a new, empty store, and
//! answers it together with what must live as long (a folder, a server):
//!
//! ```ignore
//! webchat_persistence::conversations_contract!(open);
//! webchat_persistence::contexts_contract!(open);
//! webchat_persistence::transfer_contract!(open);
//! webchat_persistence::sessions_contract!(open);
//! webchat_persistence::turn_log_contract!(open_log);
//! ```

#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

pub mod contexts;
pub mod conversations;
pub mod sessions;
pub mod transfer;
pub mod turn_log;

use webchat_domain::{MessageId, MessageStatus, NewMessage, Role, Timestamp, TurnId};

/// A moment in the year 2026, so many milliseconds after the others.
#[must_use]
pub fn moment(offset: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_767_323_045_000 + offset)
}

/// A complete message of the user's, of 7 tokens, in no turn.
#[must_use]
pub fn question(content: &str) -> NewMessage {
    NewMessage {
        message_id: MessageId::generate(),
        turn_id: None,
        role: Role::User,
        content: content.to_owned(),
        token_count: 7,
        status: MessageStatus::Complete,
        created_at: moment(0),
    }
}

/// An answer that has just begun.
#[must_use]
pub fn empty_answer(turn_id: TurnId) -> NewMessage {
    NewMessage {
        message_id: MessageId::generate(),
        turn_id: Some(turn_id),
        role: Role::Assistant,
        content: String::new(),
        token_count: 0,
        status: MessageStatus::Interrupted,
        created_at: moment(0),
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
                    a_lapsed_compaction_ends_nobody_elses,
                ]
            );
        }
    };
}

/// The tests of [`Transfer`](crate::Transfer), for a store that implements
/// [`Conversations`](crate::Conversations) and [`Contexts`](crate::Contexts) too.
#[macro_export]
macro_rules! transfer_contract {
    ($open:path) => {
        mod transfer_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::transfer,
                [
                    all_of_a_store_can_be_read_page_by_page,
                    what_is_put_is_there_as_it_was,
                    what_is_put_twice_is_there_once,
                    a_conversation_that_was_put_goes_on,
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
