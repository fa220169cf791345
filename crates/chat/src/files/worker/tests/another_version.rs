//! Tests of analyses of files that were analysed before.

use webchat_persistence::StoredFileJob;

use super::*;
use crate::testing::message;

#[tokio::test(start_paused = true)]
async fn the_model_does_not_answer_for_an_analysis_without_its_file() {
    let test = new_test(|_| {}).await;
    upload(&test, "Two tides a day.").await;
    answer(next_request(&test, ANALYSE).await, "It is about tides.").await;
    test.ask_and_answer("Why?", "The moon.").await;
    let [question, analysis, _, _] = test.messages().await.try_into().unwrap();
    let (user_id, id, turns) = (test.user_id, test.conversation_id, &test.chat.turns);

    let edited = turns.edit(user_id, id, question.message_id, message("And?")).await;
    let regenerated = turns.regenerate(user_id, id, Some(analysis.message_id), None, None).await;
    let other = turns.regenerate(user_id, id, None, None, None).await;

    assert_eq!(edited.unwrap_err().code(), "file_analysis");
    assert_eq!(regenerated.unwrap_err().code(), "file_analysis");
    assert!(other.is_ok(), "{other:?}");
}

#[tokio::test(start_paused = true)]
async fn a_file_is_analysed_again_as_another_version_once_no_turn_is_running() {
    let test = new_test(|_| {}).await;
    let job = upload(&test, "Two tides a day.").await;
    answer(next_request(&test, ANALYSE).await, "It is about tides.").await;
    let [question, former] = test.messages().await.try_into().unwrap();
    let (user_id, id) = (test.user_id, test.conversation_id);

    let retried = test.chat.files.retry(user_id, id, job.job_id, None).await.unwrap();
    let again = next_request(&test, ANALYSE).await;
    let sent = content(&again).to_owned();
    let turn = test.ask("Why?").await;
    answer(again, "It is about ebb and flow.").await;
    let during_turn = test.messages().await;
    answer(turn, "The moon.").await;
    tokio::time::sleep(TURN_POLL_INTERVAL).await;
    settle().await;

    assert_eq!((retried.status, retried.parts_done), (JobStatus::Running, 0));
    assert_eq!(retried.message_id, Some(former.message_id));
    assert!(sent.ends_with("Two tides a day."), "{sent}");
    assert_eq!(during_turn.len(), 4);
    assert_eq!(during_turn[1], former);
    let [same_question, analysis] = test.messages().await.try_into().unwrap();
    assert_eq!(same_question, question);
    assert_eq!(analysis.content, "It is about ebb and flow.");
    let job = current(&test, &job).await;
    assert_eq!((job.status, job.message_id), (JobStatus::Complete, Some(analysis.message_id)));
    let published = test.published().await;
    let last = published.len() - 3..;
    assert_eq!(published[last], ["file: Complete, 1 of 1", "branch", "file added"]);
}

#[tokio::test(start_paused = true)]
async fn only_a_kept_file_is_analysed_again_and_within_the_limits() {
    let test = new_test(|settings| settings.files.per_user = 1).await;
    let job = upload(&test, "Two tides a day.").await;
    answer(next_request(&test, ANALYSE).await, "It is about tides.").await;
    let (files, user_id, id) = (&test.chat.files, test.user_id, test.conversation_id);
    let other = upload(&test, "Ebb.").await;
    let _request = next_request(&test, ANALYSE).await;

    let beyond = files.retry(user_id, id, job.job_id, None).await;
    files.cancel(user_id, id, other.job_id).await.unwrap();
    let within = files.retry(user_id, id, job.job_id, None).await;
    let status = JobStatus::Complete;
    let not_kept = StoredFileJob { user_id, job: FileJob { status, ..other.clone() }, text: None };
    test.chat.core.ports.transfer.put_file_job(not_kept).await.unwrap();
    files.cancel(user_id, id, job.job_id).await.unwrap();
    let not_kept = files.retry(user_id, id, other.job_id, None).await;

    assert_eq!(beyond.unwrap_err().code(), "too_many_files");
    assert_eq!(within.unwrap().status, JobStatus::Running);
    assert_eq!(not_kept.unwrap_err().code(), "file_not_kept");
}

#[tokio::test(start_paused = true)]
async fn a_former_analysis_survives_a_failed_or_cancelled_one() {
    let test = new_test(|_| {}).await;
    let job = upload(&test, "Two tides a day.").await;
    answer(next_request(&test, ANALYSE).await, "It is about tides.").await;
    let before = test.messages().await;
    let (files, user_id, id) = (&test.chat.files, test.user_id, test.conversation_id);

    files.retry(user_id, id, job.job_id, None).await.unwrap();
    let request = next_request(&test, ANALYSE).await;
    request.fail_with(ModelError::Refused("…".into())).await;
    settle().await;
    let failed = current(&test, &job).await;
    files.cancel(user_id, id, job.job_id).await.unwrap();

    assert_eq!((failed.status, failed.message_id), (JobStatus::Failed, Some(before[1].message_id)));
    assert_eq!(test.messages().await, before);
    assert_eq!(current(&test, &job).await.status, JobStatus::Complete);
}
