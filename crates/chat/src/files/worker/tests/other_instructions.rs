//! Tests of analysing a file again, with the same instructions or others.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use webchat_domain::{FileInstructions, Message, MessageId};
use webchat_persistence::{FileAnalysis, StoredFileJob};

use super::*;
use crate::context::prompts::user_instructions;
use crate::testing::message;
use crate::{ChatError, Choice, DailyTokenLimits};

const INSTRUCTIONS: &str = "Which tides are the highest?";

fn instructions(text: &str) -> FileInstructions {
    FileInstructions::try_from(text.to_owned()).unwrap()
}

fn question(text: &str) -> String {
    format!("Please analyse the file \"tides.txt\".\n\n{text}")
}

/// Analyses the file again with these instructions; an empty text means the default ones.
async fn analyse_again(test: &TestChat, job: &FileJob, given: &str) -> Result<FileJob, ChatError> {
    let choice = match given {
        "" => Choice::Default,
        given => Choice::Custom(instructions(given)),
    };
    test.chat.files.retry(test.user_id, test.conversation_id, job.job_id, Some(choice)).await
}

/// Answers the only request of an analysis with this text.
async fn answer_analysis(test: &TestChat, analysis: &str) {
    answer(test.model.next_request().await, analysis).await;
}

/// Returns the visible texts, each with the number of its versions.
async fn visible(test: &TestChat) -> Vec<(String, usize)> {
    let page = test.message_page(None, 10).await;
    let entries = page.messages.into_iter();
    entries.map(|entry| (entry.message.content, entry.versions.len())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_request_has_the_users_instructions_separately_from_the_file() {
    let test = new_test(|_| {}).await;
    let job = upload(&test, &text_of_parts(2)).await;
    for prompt in [ANALYSE, ANALYSE, COMBINE] {
        answer(next_request(&test, prompt).await, "Tides.").await;
    }

    let retried = analyse_again(&test, &job, INSTRUCTIONS).await.unwrap();
    for prompt in [ANALYSE, ANALYSE, COMBINE] {
        let added = user_instructions(&instructions(INSTRUCTIONS));
        let request = next_request(&test, &format!("{prompt}{added}")).await;
        assert!(!content(&request).contains(INSTRUCTIONS), "{}", content(&request));
        answer(request, "Spring tides.").await;
    }

    assert!(
        user_instructions(&instructions(INSTRUCTIONS))
            .ends_with(&format!("The user asks: {INSTRUCTIONS}"))
    );
    assert_eq!(retried.instructions, Some(instructions(INSTRUCTIONS)));
    assert_eq!(test.last_message().await.content, "Spring tides.");
    let estimated = |job| test.chat.files.estimated_tokens(job);
    assert!(estimated(&retried) > estimated(&job));
}

#[tokio::test(start_paused = true)]
async fn changed_instructions_add_a_version_of_the_question_and_unchanged_ones_one_of_the_answer() {
    let test = new_test(|_| {}).await;
    let job = upload(&test, "Two tides a day.").await;
    answer_analysis(&test, "About tides.").await;
    let before = test.published().await.len();

    analyse_again(&test, &job, INSTRUCTIONS).await.unwrap();
    answer_analysis(&test, "Spring tides.").await;
    let asked = visible(&test).await;
    let published = test.published().await.split_off(before);
    let completed = current(&test, &job).await;
    test.chat.files.retry(test.user_id, test.conversation_id, job.job_id, None).await.unwrap();
    answer_analysis(&test, "Those in spring.").await;
    let asked_again = visible(&test).await;
    analyse_again(&test, &job, "").await.unwrap();
    answer_analysis(&test, "About the sea.").await;

    let first = "Please analyse the file \"tides.txt\".".to_owned();
    assert_eq!(asked, [(question(INSTRUCTIONS), 2), ("Spring tides.".to_owned(), 1)]);
    assert_eq!(
        published[published.len() - 3..],
        ["file: Complete, 1 of 1", "branch", "file added"]
    );
    assert!(!published.iter().any(|event| event.starts_with("title")), "{published:?}");
    assert_eq!(completed.instructions, Some(instructions(INSTRUCTIONS)));
    assert_eq!(asked_again, [(question(INSTRUCTIONS), 2), ("Those in spring.".to_owned(), 2)]);
    assert_eq!(visible(&test).await, [(first, 2), ("About the sea.".to_owned(), 2)]);
    assert_eq!(current(&test, &job).await.instructions, None);
}

#[tokio::test(start_paused = true)]
async fn no_version_of_an_analysis_can_be_edited_or_regenerated_without_its_file() {
    let test = new_test(|_| {}).await;
    let job = upload(&test, "Two tides a day.").await;
    answer_analysis(&test, "About tides.").await;
    let old = test.messages().await;
    analyse_again(&test, &job, INSTRUCTIONS).await.unwrap();
    answer_analysis(&test, "Spring tides.").await;
    let new = test.messages().await;
    test.ask_and_answer(&question(INSTRUCTIONS), "It is not attached.").await;
    let other = test.messages().await.split_off(2);
    let (user_id, id, turns) = (test.user_id, test.conversation_id, &test.chat.turns);
    let edit = async |question: &Message| {
        turns.edit(user_id, id, question.message_id, message("And?")).await.map(drop)
    };
    let regenerate = async |answer: &Message| {
        turns.regenerate(user_id, id, Some(answer.message_id), None, None).await.map(drop)
    };

    for messages in [old, new] {
        let [question, answer] = messages.try_into().unwrap();
        for outcome in [edit(&question).await, regenerate(&answer).await] {
            assert_eq!(outcome.unwrap_err().code(), "file_analysis", "{}", question.content);
        }
    }
    regenerate(&other[1]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_file_with_other_instructions_starts_anew_within_the_limits() {
    let test = new_test(|settings| {
        (settings.files.concurrency, settings.files.per_user) = (1, 1);
    })
    .await;
    let complete = upload(&test, "Ebb.").await;
    answer_analysis(&test, "About ebb.").await;
    let job = upload(&test, &text_of_parts(2)).await;
    answer(next_request(&test, ANALYSE).await, "one").await;
    next_request(&test, ANALYSE).await.fail_with(ModelError::Refused("…".into())).await;
    settle().await;
    let failed = current(&test, &job).await;

    let retried = analyse_again(&test, &job, INSTRUCTIONS).await.unwrap();
    let again = test.model.next_request().await;
    let sent = content(&again).to_owned();
    let running = analyse_again(&test, &job, "Why?").await;
    let same = analyse_again(&test, &job, INSTRUCTIONS).await;
    again.fail_with(ModelError::AccountRefused("…".into())).await;
    settle().await;
    analyse_again(&test, &complete, "").await.unwrap();
    let beyond = analyse_again(&test, &job, "Why?").await;

    assert_eq!((failed.status, failed.parts_done), (JobStatus::Failed, 1));
    assert_eq!((retried.status, retried.parts_done), (JobStatus::Running, 0));
    assert!(sent.starts_with("Part 1 of 2 "), "{sent}");
    assert_eq!(running.unwrap_err().code(), "file_running");
    assert_eq!(same.unwrap().instructions, Some(instructions(INSTRUCTIONS)));
    assert_eq!(beyond.unwrap_err().code(), "too_many_files");
}

#[tokio::test(start_paused = true)]
async fn a_failed_file_with_other_instructions_needs_tokens_for_all_parts() {
    let per_user = NonZeroU64::new(1_700);
    let test = new_test_with_limits(10_000, 100, |settings| {
        settings.daily_tokens = DailyTokenLimits { per_user, ..DailyTokenLimits::default() };
        settings.files.concurrency = 1;
    })
    .await;
    let job = upload(&test, &text_of_parts(9)).await;
    answer(next_request(&test, ANALYSE).await, "one").await;
    next_request(&test, ANALYSE).await.fail_with(ModelError::AccountRefused("…".into())).await;
    settle().await;

    let other = analyse_again(&test, &job, INSTRUCTIONS).await;
    let same = test.chat.files.retry(test.user_id, test.conversation_id, job.job_id, None).await;

    assert_eq!(same.unwrap().status, JobStatus::Running);
    assert_eq!(other.unwrap_err().code(), "token_budget_exceeded");
}

#[tokio::test(start_paused = true)]
async fn requests_with_instructions_fit_into_a_small_window() {
    let window = 640;
    let test =
        new_test_with_limits(window, 200, |settings| settings.files.part_tokens = 1_000).await;
    let job = upload(&test, &text_of_parts(5)).await;
    let mut requests = Vec::new();
    for text in ["", INSTRUCTIONS] {
        let before = test.model.request_count();
        if !text.is_empty() {
            analyse_again(&test, &job, text).await.unwrap();
        }
        while current(&test, &job).await.status == JobStatus::Running {
            let request = test.model.next_request().await;
            let mut tokens = request.request.answer_limit.tokens();
            for message in &request.request.messages {
                tokens += test.counter().count(&message.content);
            }
            assert!(tokens <= window, "{tokens}");
            // The answer is much longer than requested.
            answer(request, &"ebb and flow. ".repeat(100)).await;
        }
        requests.push(test.model.request_count() - before);
    }
    let too_long = analyse_again(&test, &job, &"tides ".repeat(60)).await;

    assert_eq!(current(&test, &job).await.status, JobStatus::Complete);
    assert!(requests[1] > requests[0], "{requests:?}: the parts were not split");
    let too_long = too_long.unwrap_err();
    assert_eq!(too_long.code(), "context_too_long");
    assert!(too_long.to_string().contains("shorten"), "{too_long}");
}

#[tokio::test(start_paused = true)]
async fn an_analysis_whose_former_messages_are_gone_is_appended() {
    let test = new_test(|_| {}).await;
    test.ask_and_answer("Hi", "Hello").await;
    let job = upload(&test, "Two tides a day.").await;
    answer_analysis(&test, "About tides.").await;
    let job = FileJob { message_id: Some(MessageId::generate()), ..current(&test, &job).await };
    let file = FileAnalysis {
        content: "Two tides a day.".to_owned(),
        part_ends: vec![16],
        analyses: BTreeMap::new(),
    };
    let stored = StoredFileJob { user_id: test.user_id, job: job.clone(), text: Some(file) };
    test.chat.core.ports.transfer.put_file_job(stored).await.unwrap();

    analyse_again(&test, &job, INSTRUCTIONS).await.unwrap();
    answer_analysis(&test, "Spring tides.").await;

    let contents: Vec<_> = visible(&test).await.into_iter().map(|(content, _)| content).collect();
    assert_eq!(contents[3..], ["About tides.", &question(INSTRUCTIONS), "Spring tides."]);
}
