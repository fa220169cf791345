//! Contract tests of [`FileJobs`].
#![expect(missing_docs, reason = "the test names describe the contract")]

mod run_again;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use webchat_domain::{
    ConversationId, FileJob, JobId, JobStatus, MessageId, NewMessage, Problem, RunId, Timestamp,
    Title, TurnId, UserId,
};

pub use self::run_again::{
    a_changed_question_and_its_analysis_are_another_version,
    a_complete_job_runs_again_for_all_parts_and_adds_a_version,
    a_failed_job_is_retried_for_its_missing_parts,
    a_failed_job_with_other_instructions_runs_for_all_parts,
    a_job_that_does_not_run_again_keeps_its_instructions,
    an_analysis_survives_the_end_of_a_later_one,
    another_version_of_an_analysis_waits_for_the_running_turn,
};
use super::fixtures::{TEXT, empty_answer, moment, new_job, part_ends, question};
use crate::{
    Append, CompleteJobOutcome, CompletedJob, Conversations, CreateJobOutcome, FileAnalysis,
    FileJobs, LeasedJob, NewFileJob,
};

pub async fn a_job_is_returned_to_its_user_only<S: Conversations + FileJobs>(store: &S) {
    let (user_id, id) = start(store).await;
    let (first, second) =
        (create(store, user_id, id, 1).await, create(store, user_id, id, 2).await);
    let (other, other_id) = start(store).await;

    assert_eq!(store.find_job(user_id, id, first.job_id).await.unwrap(), Some(first.clone()));
    let listed = store.list_jobs(user_id, id, 10).await.unwrap().unwrap();
    assert_eq!(listed, [second.clone(), first.clone()]);
    assert_eq!(store.list_jobs(user_id, id, 1).await.unwrap().unwrap(), [second]);
    assert_eq!(store.list_jobs(other, other_id, 10).await.unwrap(), Some(Vec::new()));
    assert_eq!(store.list_jobs(other, id, 10).await.unwrap(), None);
    for (user, conversation) in [(other, id), (user_id, other_id), (other, other_id)] {
        assert_eq!(store.find_job(user, conversation, first.job_id).await.unwrap(), None);
        assert_eq!(store.cancel_job(user, conversation, first.job_id).await.unwrap(), None);
        assert_eq!(store.rerun_job(user, conversation, first.job_id, None).await.unwrap(), None);
    }
    let created = store.create_job(other, new_job(id, 3)).await.unwrap();
    assert_eq!(created, CreateJobOutcome::NotFound);
    assert_eq!(status(store, user_id, &first).await, JobStatus::Running);
}

pub async fn a_duplicate_job_id_returns_the_first_job<S: Conversations + FileJobs>(store: &S) {
    let (user_id, id) = start(store).await;
    let new = new_job(id, 1);

    let concurrent = (0..5).map(|_| store.create_job(user_id, new.clone()));
    let outcomes: Vec<_> = join_all(concurrent).await.into_iter().map(Result::unwrap).collect();
    store.cancel_job(user_id, id, new.job.job_id).await.unwrap();
    let again = store.create_job(user_id, new.clone()).await.unwrap();

    let created = outcomes.iter().filter(|outcome| **outcome == CreateJobOutcome::Created).count();
    assert_eq!(created, 1, "{outcomes:?}");
    let CreateJobOutcome::Duplicate(known) = again else { panic!("{again:?}") };
    assert_eq!(known.status, JobStatus::Cancelled);
    assert_eq!(store.list_jobs(user_id, id, 10).await.unwrap(), Some(vec![known]));
}

pub async fn only_a_created_job_updates_its_conversation<S: Conversations + FileJobs>(store: &S) {
    let (user_id, id) = start(store).await;
    let first = create(store, user_id, id, 1).await;
    let new = new_job(id, 7);
    let again = NewFileJob { job: FileJob { job_id: first.job_id, ..new.job.clone() }, ..new };

    let duplicate = store.create_job(user_id, again).await.unwrap();
    let after_duplicate = store.find(user_id, id).await.unwrap().unwrap();
    create(store, user_id, id, 2).await;
    create(store, user_id, id, 3).await;
    let one_more = store.create_job(user_id, new_job(id, 9)).await.unwrap();
    let after_one_more = store.find(user_id, id).await.unwrap().unwrap();

    assert_eq!(after_duplicate.title, Title::of_file(&first.file_name));
    assert_eq!(duplicate, CreateJobOutcome::Duplicate(first));
    assert_eq!(after_duplicate.updated_at, moment(1));
    assert_eq!(one_more, CreateJobOutcome::TooMany);
    assert_eq!(after_one_more.updated_at, moment(3));
}

pub async fn the_oldest_job_is_taken_first_and_by_one_run<S: Conversations + FileJobs>(store: &S) {
    let (user_id, id) = start(store).await;
    let (first, second) =
        (create(store, user_id, id, 1).await, create(store, user_id, id, 2).await);

    let oldest = take(store, 10, 20).await.unwrap().1;
    let concurrent = (0..5).map(|_| store.lease_job(RunId::generate(), moment(10), moment(20)));
    let taken = join_all(concurrent).await.into_iter().filter_map(Result::unwrap);

    assert_eq!(
        oldest,
        LeasedJob {
            user_id,
            job: first,
            analysis: FileAnalysis {
                content: TEXT.to_owned(),
                part_ends: part_ends(),
                analyses: BTreeMap::new(),
            },
        }
    );
    assert_eq!(taken.map(|taken| taken.job).collect::<Vec<_>>(), [second]);
}

pub async fn an_expired_job_continues_with_its_recorded_parts<S>(store: &S)
where
    S: Conversations + FileJobs,
{
    let (user_id, id) = start(store).await;
    create(store, user_id, id, 1).await;
    let (old, LeasedJob { job, .. }) = take(store, 10, 20).await.unwrap();
    let recorded = record(store, job.job_id, old, 1).await.unwrap();
    let again = record(store, job.job_id, old, 1).await.unwrap();

    assert!(store.renew_job_lease(job.job_id, old, moment(30)).await.unwrap());
    assert!(take(store, 29, 40).await.is_none());
    let (run, taken) = take(store, 30, 40).await.unwrap();

    assert_eq!((recorded.parts_done, again.parts_done), (1, 1));
    assert_eq!(taken.analysis.analyses, BTreeMap::from([(1, "of part 1 \0".to_owned())]));
    assert_eq!((taken.job.parts_done, taken.analysis.content.as_str()), (1, TEXT));
    assert_lease_lost(store, &job, old).await;
    assert!(store.renew_job_lease(job.job_id, run, moment(50)).await.unwrap());
}

pub async fn a_complete_job_appends_two_messages<S>(store: &S)
where
    S: Conversations + FileJobs,
{
    let (user_id, id) = start(store).await;
    create(store, user_id, id, 1).await;
    let (run, LeasedJob { job, .. }) = take(store, 10, 20).await.unwrap();
    record(store, job.job_id, run, 0).await.unwrap();

    let completed = complete(store, &job, run, messages()).await;

    let stored = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    assert_eq!(stored.len(), 2);
    assert_eq!(completed.messages, stored);
    assert_eq!(completed.conversation.message_count, 2);
    assert_eq!(completed.job.status, JobStatus::Complete);
    assert_eq!(completed.job.message_id, Some(stored[1].message_id));
    assert_eq!(completed.job.question_id, Some(stored[0].message_id));
    let found = store.find_job(user_id, id, job.job_id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&completed.job));
    assert_lease_lost(store, &job, run).await;
    assert_eq!(store.cancel_job(user_id, id, job.job_id).await.unwrap(), found);
    assert!(take(store, 1_000, 2_000).await.is_none());
}

pub async fn a_job_is_found_by_its_newest_analysis<S: Conversations + FileJobs>(store: &S) {
    let (user_id, id) = start(store).await;
    create(store, user_id, id, 5).await;
    let job = create_completed(store, user_id, id).await.job;
    let (other, other_id) = start(store).await;
    let analysis = job.message_id.unwrap();

    let found =
        store.find_job_by_analysis(user_id, id, vec![MessageId::generate(), analysis]).await;

    assert_eq!(found.unwrap(), Some(job.clone()));
    for (user_id, id, messages) in [
        (user_id, id, vec![job.question_id.unwrap()]),
        (user_id, id, Vec::new()),
        (user_id, other_id, vec![analysis]),
        (other, id, vec![analysis]),
        (other, other_id, vec![analysis]),
    ] {
        assert_eq!(store.find_job_by_analysis(user_id, id, messages).await.unwrap(), None);
    }
}

pub async fn a_run_loses_its_lease_when_its_job_is_cancelled<S: Conversations + FileJobs>(
    store: &S,
) {
    let (user_id, id) = start(store).await;
    create(store, user_id, id, 1).await;
    let (run, LeasedJob { job, .. }) = take(store, 10, 20).await.unwrap();

    let cancelled = store.cancel_job(user_id, id, job.job_id).await.unwrap().unwrap();

    assert_eq!(cancelled.status, JobStatus::Cancelled);
    assert_lease_lost(store, &job, run).await;
    let retried = store.rerun_job(user_id, id, job.job_id, None).await.unwrap();
    assert_eq!(retried, Some(cancelled));
    assert!(take(store, 1_000, 2_000).await.is_none());
    assert_eq!(store.messages(user_id, id, None, 10).await.unwrap(), Some(Vec::new()));
}

pub async fn a_user_has_at_most_the_maximum_number_of_jobs<S: Conversations + FileJobs>(store: &S) {
    let (user_id, id) = start(store).await;
    let other_id = ConversationId::generate();
    store.create(user_id, other_id, moment(0)).await.unwrap();
    let first = create(store, user_id, id, 1).await;
    create(store, user_id, other_id, 2).await;
    create(store, user_id, id, 3).await;

    let running = store.count_running_jobs(user_id).await.unwrap();
    let one_more = store.create_job(user_id, new_job(id, 4)).await.unwrap();
    let (other, others) = start(store).await;
    create(store, other, others, 5).await;
    let (run, taken) = take(store, 10, 20).await.unwrap();
    store.fail_job(taken.job.job_id, run, error()).await.unwrap();
    let still_running = store.count_running_jobs(user_id).await.unwrap();
    let replacement = create(store, user_id, id, 6).await;

    assert_eq!((running, still_running), (3, 2));
    assert_eq!(one_more, CreateJobOutcome::TooMany);
    assert_eq!(taken.job.job_id, first.job_id);
    assert_eq!(status(store, user_id, &first).await, JobStatus::Cancelled);
    assert_eq!(status(store, user_id, &replacement).await, JobStatus::Running);
}

pub async fn jobs_are_removed_with_their_conversation<S: Conversations + FileJobs>(store: &S) {
    let (user_id, id) = start(store).await;
    for is_reset in [true, false] {
        create(store, user_id, id, 1).await;
        let waiting = create(store, user_id, id, 2).await;
        let (run, LeasedJob { job, .. }) = take(store, 10, 20).await.unwrap();
        record(store, job.job_id, run, 0).await.unwrap();

        if is_reset {
            store.reset(user_id, id, moment(3)).await.unwrap();
            assert_eq!(store.list_jobs(user_id, id, 10).await.unwrap(), Some(Vec::new()));
        } else {
            store.delete(user_id, id).await.unwrap();
            assert_eq!(store.list_jobs(user_id, id, 10).await.unwrap(), None);
        }

        assert_eq!(store.find_job(user_id, id, waiting.job_id).await.unwrap(), None);
        assert_lease_lost(store, &job, run).await;
        assert!(take(store, 1_000, 2_000).await.is_none());
    }
}

async fn start<S: Conversations + FileJobs>(store: &S) -> (UserId, ConversationId) {
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    store.create(user_id, id, moment(0)).await.unwrap();
    (user_id, id)
}

async fn create<S: FileJobs>(store: &S, user_id: UserId, id: ConversationId, at: i64) -> FileJob {
    let new = new_job(id, at);
    let job = new.job.clone();
    assert_eq!(store.create_job(user_id, new).await.unwrap(), CreateJobOutcome::Created);
    job
}

async fn take<S: FileJobs>(store: &S, now: i64, until: i64) -> Option<(RunId, LeasedJob)> {
    let run = RunId::generate();
    let (now, until): (Timestamp, Timestamp) = (moment(now), moment(until));
    store.lease_job(run, now, until).await.unwrap().map(|taken| (run, taken))
}

async fn record<S: FileJobs>(store: &S, job: JobId, run: RunId, part: u32) -> Option<FileJob> {
    store.record_part(job, run, part, format!("of part {part} \0")).await.unwrap()
}

async fn status<S: FileJobs>(store: &S, user_id: UserId, job: &FileJob) -> JobStatus {
    let found = store.find_job(user_id, job.conversation_id, job.job_id).await.unwrap();
    found.unwrap().status
}

async fn complete<S: FileJobs>(
    store: &S,
    job: &FileJob,
    run: RunId,
    append: Append,
) -> CompletedJob {
    let outcome = store.complete_job(job.job_id, run, append, moment(15)).await.unwrap();
    let CompleteJobOutcome::Completed(completed) = outcome else { panic!("{outcome:?}") };
    *completed
}

/// Creates a job and completes it.
async fn create_completed<S: FileJobs>(
    store: &S,
    user_id: UserId,
    id: ConversationId,
) -> CompletedJob {
    create(store, user_id, id, 1).await;
    let (run, LeasedJob { job, .. }) = take(store, 10, 20).await.unwrap();
    record(store, job.job_id, run, 0).await.unwrap();
    record(store, job.job_id, run, 1).await.unwrap();
    complete(store, &job, run, messages()).await
}

/// Asserts that the run has lost its lease and can change nothing.
async fn assert_lease_lost<S: FileJobs>(store: &S, job: &FileJob, run: RunId) {
    let id = job.job_id;
    assert!(!store.renew_job_lease(id, run, moment(99)).await.unwrap());
    assert_eq!(record(store, id, run, 0).await, None);
    assert_eq!(store.fail_job(id, run, error()).await.unwrap(), None);
    let outcome = store.complete_job(id, run, messages(), moment(15)).await.unwrap();
    assert_eq!(outcome, CompleteJobOutcome::LeaseLost);
}

fn error() -> Problem {
    Problem { message: "Part 2 of 2 …".to_owned(), code: "model_failed".to_owned() }
}

fn messages() -> Append {
    let turn_id = TurnId::generate();
    let question = NewMessage { turn_id: Some(turn_id), ..question("the file") };
    Append { messages: vec![question, empty_answer(turn_id)], ..Append::default() }
}
