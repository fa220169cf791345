//! Tests of file analysis.

mod another_version;
mod file_jobs_with_barrier;
mod other_instructions;

use tokio::sync::Barrier;
use webchat_domain::{Clock, FinishReason, JobStatus, Role};
use webchat_llm::ModelError;

use self::file_jobs_with_barrier::FileJobsWithBarrier;
use super::*;
use crate::context::prompts::{ANALYSE, COMBINE};
use crate::files::dispatcher::POLL_INTERVAL;
use crate::testing::{ModelRequest, TestChat, settle};
use crate::{Settings, Upload};

/// Returns a chat that splits files into parts of 64 tokens.
async fn new_test(change: impl FnOnce(&mut Settings)) -> TestChat {
    new_test_with_limits(10_000, 800, change).await
}

async fn new_test_with_limits(
    window_tokens: u32,
    reply_tokens: u32,
    change: impl FnOnce(&mut Settings),
) -> TestChat {
    let test = TestChat::with_settings(|settings| {
        settings.files.part_tokens = 64;
        change(settings);
    });
    let test = test.await.with_limits(window_tokens, reply_tokens);
    test.chat.files.spawn_dispatcher();
    test
}

/// Returns the text of a file with this many parts.
fn text_of_parts(parts: usize) -> String {
    let parts = (1..=parts).map(|part| format!("{part}{}\n\n", " tide".repeat(50)));
    parts.collect::<Vec<_>>().concat()
}

async fn upload(test: &TestChat, content: &str) -> FileJob {
    let name = "tides.txt".to_owned().into();
    let upload = Upload { name, content: content.as_bytes().to_vec(), charset: None };
    test.chat.files.upload(test.user_id, test.conversation_id, None, upload).await.unwrap()
}

async fn current(test: &TestChat, job: &FileJob) -> FileJob {
    test.chat.files.find(test.user_id, test.conversation_id, job.job_id).await.unwrap()
}

async fn answer(request: ModelRequest, text: &str) {
    request.send_text(text).await;
    request.finish(FinishReason::Stop).await;
    settle().await;
}

/// Waits for the next request, and checks its prompt.
async fn next_request(test: &TestChat, prompt: &str) -> ModelRequest {
    let request = test.model.next_request().await;
    assert_eq!(request.request.messages[0].content, prompt);
    request
}

fn content(request: &ModelRequest) -> &str {
    &request.request.messages[1].content
}

#[tokio::test(start_paused = true)]
async fn a_file_of_one_part_becomes_a_question_and_an_answer() {
    let test = new_test(|_| {}).await;

    let job = upload(&test, "\u{feff}Two tides\r\na day.").await;
    let part = next_request(&test, ANALYSE).await;
    let sent = content(&part).to_owned();
    answer(part, "It is about tides.").await;

    assert_eq!(sent, "Part 1 of 1 of the file \"tides.txt\":\n\n\u{feff}Two tides\r\na day.");
    let [question, analysis] = test.messages().await.try_into().unwrap();
    assert_eq!(question.content, "Please analyse the file \"tides.txt\".");
    assert_eq!(analysis.content, "It is about tides.");
    assert_eq!((analysis.role, analysis.token_count), (Role::Assistant, 5));
    let job = current(&test, &job).await;
    assert_eq!((job.status, job.message_id), (JobStatus::Complete, Some(analysis.message_id)));
    let published = test.published().await;
    assert_eq!(
        published,
        [
            "file: Running, 0 of 1",
            "file: Running, 1 of 1",
            "file: Complete, 1 of 1",
            "title: tides.txt",
            "file added",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn parts_are_analysed_up_to_the_concurrency_limit_and_combined_in_order() {
    let test = new_test(|settings| settings.files.concurrency = 2).await;
    let file = text_of_parts(3);

    let job = upload(&test, &file).await;
    let (first, second) = (next_request(&test, ANALYSE).await, next_request(&test, ANALYSE).await);
    settle().await;
    let concurrent = test.model.request_count();
    let mut parts: Vec<String> =
        [&first, &second].map(|request| content(request).to_owned()).to_vec();
    answer(second, "two").await;
    let third = next_request(&test, ANALYSE).await;
    parts.push(content(&third).to_owned());
    answer(third, "three").await;
    answer(first, "one").await;
    let combining = next_request(&test, COMBINE).await;
    let combined = content(&combining).to_owned();
    answer(combining, "All of it.").await;

    assert_eq!((job.part_count, concurrent), (3, 2));
    let texts: Vec<&str> = parts.iter().map(|part| part.split_once(":\n\n").unwrap().1).collect();
    assert_eq!(texts.concat(), file);
    assert!(combined.ends_with("one\n\n---\n\ntwo\n\n---\n\nthree"), "{combined}");
    assert_eq!(test.last_message().await.content, "All of it.");
    assert_eq!(test.published().await[1..4], [1, 2, 3].map(|n| format!("file: Running, {n} of 3")));
}

#[tokio::test(start_paused = true)]
async fn analyses_that_exceed_the_window_are_combined_in_several_steps() {
    let (window, reply) = (640, 200);
    let test = new_test_with_limits(window, reply, |_| {}).await;

    let job = upload(&test, &text_of_parts(20)).await;
    let mut prompts = Vec::new();
    while current(&test, &job).await.status == JobStatus::Running {
        let request = test.model.next_request().await;
        let messages = &request.request.messages;
        let mut tokens = request.request.answer_limit.tokens();
        for message in messages {
            tokens += test.counter().count(&message.content);
        }
        assert!(tokens <= window, "{tokens}");
        prompts.push(messages[0].content.clone());
        // The answer is much longer than requested.
        answer(request, &"ebb and flow. ".repeat(100)).await;
    }

    let combined = prompts.iter().filter(|prompt| *prompt == COMBINE).count();
    assert_eq!(prompts.len() - combined, 20);
    assert!(combined > 4, "{combined}");
    assert!(test.last_message().await.content.starts_with("ebb and flow."));
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_is_retried_without_publishing_a_failure() {
    let test = new_test(|_| {}).await;

    upload(&test, "Tides.").await;
    next_request(&test, ANALYSE).await.fail().await;
    answer(next_request(&test, ANALYSE).await, " ").await;
    answer(next_request(&test, ANALYSE).await, "It is about tides.").await;

    assert_eq!(test.last_message().await.content, "It is about tides.");
    assert!(!test.published().await.concat().contains("Failed"));
}

#[tokio::test(start_paused = true)]
async fn an_analysis_that_is_cut_off_or_only_reasoning_is_requested_again() {
    let test = new_test(|_| {}).await;

    upload(&test, "Tides.").await;
    next_request(&test, ANALYSE).await.answer("It is", FinishReason::Length).await;
    answer(next_request(&test, ANALYSE).await, "<think>It is").await;
    answer(next_request(&test, ANALYSE).await, "<think>Hm.</think>It is about tides.").await;

    assert_eq!(test.last_message().await.content, "It is about tides.");
}

#[tokio::test(start_paused = true)]
async fn a_filtered_or_always_cut_analysis_fails_the_file_with_the_reason() {
    for (reason, code, requests) in [
        (FinishReason::Length, "answer_too_long", 3),
        (FinishReason::ContentFilter, "model_content_filter", 1),
    ] {
        let test = new_test(|_| {}).await;

        let job = upload(&test, "Tides.").await;
        for _ in 0..requests {
            next_request(&test, ANALYSE).await.answer("They spoke", reason).await;
        }
        settle().await;

        let failed = current(&test, &job).await;
        assert_eq!((failed.status, failed.error.unwrap().code.as_str()), (JobStatus::Failed, code));
        assert_eq!(test.model.request_count(), requests);
        assert_eq!(test.messages().await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_names_the_failed_part_and_a_retry_requests_only_that_part() {
    let test = new_test(|settings| settings.files.concurrency = 1).await;

    let job = upload(&test, &text_of_parts(3)).await;
    answer(next_request(&test, ANALYSE).await, "one").await;
    for _ in 0..3 {
        next_request(&test, ANALYSE).await.fail().await;
    }
    answer(next_request(&test, ANALYSE).await, "three").await;
    let failed = current(&test, &job).await;
    let retried =
        test.chat.files.retry(test.user_id, test.conversation_id, job.job_id, None).await.unwrap();
    let missing = next_request(&test, ANALYSE).await;
    let sent = content(&missing).to_owned();
    answer(missing, "two").await;
    answer(next_request(&test, COMBINE).await, "All of it.").await;

    let error = failed.error.unwrap();
    assert_eq!(error.code, "model_failed");
    assert_eq!(
        error.message,
        "Part 2 of 3 could not be analysed: The model failed to answer. Please try again."
    );
    assert_eq!((failed.status, failed.parts_done), (JobStatus::Failed, 2));
    assert_eq!((retried.status, retried.error), (JobStatus::Running, None));
    assert!(sent.starts_with("Part 2 of 3 "), "{sent}");
    assert_eq!(test.last_message().await.content, "All of it.");
}

#[tokio::test(start_paused = true)]
async fn a_permanent_model_error_stops_further_requests() {
    let test = new_test(|settings| settings.files.concurrency = 1).await;
    test.model.fail_next(ModelError::AccountRefused("401".into()));

    let job = upload(&test, &text_of_parts(9)).await;
    settle().await;

    let failed = current(&test, &job).await;
    assert_eq!(failed.error.unwrap().code, "model_key_refused");
    assert_eq!(test.model.request_count(), 1);
    assert_eq!(test.published().await, ["file: Running, 0 of 9", "file: Failed, 0 of 9"]);
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_file_cancels_its_request_within_two_seconds() {
    let test = new_test(|_| {}).await;
    let job = upload(&test, "Tides.").await;
    let part = next_request(&test, ANALYSE).await;
    part.send_text("It is").await;

    test.chat.files.cancel(test.user_id, test.conversation_id, job.job_id).await.unwrap();
    test.advance(Duration::from_millis(2_100)).await;

    assert!(part.is_cancelled());
    assert_eq!(current(&test, &job).await.status, JobStatus::Cancelled);
    assert_eq!(test.messages().await, []);
    assert_eq!(test.published().await, ["file: Running, 0 of 1", "file: Cancelled, 0 of 1"]);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_conversation_cancels_the_analysis_of_its_files() {
    let test = new_test(|_| {}).await;
    upload(&test, "Tides.").await;
    let part = next_request(&test, ANALYSE).await;

    test.chat.conversations.delete(test.user_id, test.conversation_id).await.unwrap();
    test.advance(Duration::from_millis(2_100)).await;

    assert!(part.is_cancelled());
    assert_eq!(test.published().await.last().unwrap(), "deleted");
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_running_requests_and_the_next_instance_analyses_the_remaining_parts() {
    let test = new_test(|settings| settings.files.concurrency = 1).await;
    let job = upload(&test, &text_of_parts(2)).await;
    let first = next_request(&test, ANALYSE).await;

    let shutdown = test.chat.shutdown(Duration::from_secs(30));
    tokio::join!(shutdown, answer(first, "one"));
    let suspended = current(&test, &job).await;
    let test = test.restarted();
    test.chat.files.spawn_dispatcher();
    let second = next_request(&test, ANALYSE).await;
    let sent = content(&second).to_owned();
    answer(second, "two").await;
    answer(next_request(&test, COMBINE).await, "All of it.").await;

    assert_eq!((suspended.status, suspended.parts_done), (JobStatus::Running, 1));
    assert!(sent.starts_with("Part 2 of 2 "), "{sent}");
    assert_eq!(test.last_message().await.content, "All of it.");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_without_grace_cancels_the_request() {
    let test = new_test(|_| {}).await;
    let job = upload(&test, "Tides.").await;
    let part = next_request(&test, ANALYSE).await;

    test.chat.shutdown(Duration::ZERO).await;

    assert!(part.is_cancelled());
    assert_eq!(current(&test, &job).await.status, JobStatus::Running);
}

#[tokio::test(start_paused = true)]
async fn a_file_of_a_dead_instance_is_taken_over_when_its_lease_expires() {
    let test = TestChat::new().await;
    upload(&test, "Tides.").await;
    let (jobs, now) = (&test.chat.core.ports.file_jobs, test.clock.now());
    jobs.lease_job(RunId::generate(), now, now.plus(LEASE)).await.unwrap().unwrap();

    test.chat.files.spawn_dispatcher();
    test.advance(LEASE.saturating_sub(POLL_INTERVAL)).await;
    settle().await;
    let before_expiry = test.model.request_count();
    test.advance(POLL_INTERVAL).await;
    answer(next_request(&test, ANALYSE).await, "It is about tides.").await;

    assert_eq!(before_expiry, 0);
    assert_eq!(test.last_message().await.content, "It is about tides.");
}

#[tokio::test(start_paused = true)]
async fn the_analysis_of_a_deleted_conversation_is_not_found() {
    let test = new_test(|_| {}).await;
    let job = upload(&test, "Tides.").await;
    answer(next_request(&test, ANALYSE).await, "It is about tides.").await;
    let job = current(&test, &job).await;

    let analysis = test.chat.files.analysis(test.user_id, &job).await.unwrap();
    test.chat.conversations.delete(test.user_id, test.conversation_id).await.unwrap();
    let after_deletion = test.chat.files.analysis(test.user_id, &job).await;

    assert_eq!(analysis, "It is about tides.");
    assert_eq!(after_deletion.unwrap_err().code(), "conversation_not_found");
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_only_its_own_file() {
    let test = new_test(|_| {}).await;
    let job = upload(&test, "Tides.").await;
    next_request(&test, ANALYSE).await.panic().await;
    settle().await;

    upload(&test, "Ebb.").await;
    answer(next_request(&test, ANALYSE).await, "It is about ebb.").await;

    let failed = current(&test, &job).await;
    assert_eq!(failed.error.unwrap().code, "internal");
    assert_eq!(test.last_message().await.content, "It is about ebb.");
}

/// While one part is being recorded, the others continue: they may hold a resource that the first one waits for.
#[tokio::test(start_paused = true)]
async fn a_part_that_waits_to_be_recorded_does_not_block_the_others() {
    let test = TestChat::with_settings(|settings| {
        (settings.files.part_tokens, settings.files.concurrency) = (64, 2);
    })
    .await;
    let test = test.with_ports(|ports| {
        let inner = Arc::clone(&ports.file_jobs);
        ports.file_jobs = Arc::new(FileJobsWithBarrier { inner, barrier: Barrier::new(2) });
    });
    test.chat.files.spawn_dispatcher();

    let job = upload(&test, &text_of_parts(2)).await;
    let (first, second) = (next_request(&test, ANALYSE).await, next_request(&test, ANALYSE).await);
    answer(first, "one").await;
    answer(second, "two").await;
    answer(next_request(&test, COMBINE).await, "All of it.").await;

    assert_eq!(current(&test, &job).await.status, JobStatus::Complete);
}
