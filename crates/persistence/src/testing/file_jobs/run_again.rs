//! Contract tests of jobs that run again: retried ones, and those of files that were analysed before.

use webchat_domain::{FileInstructions, FileJob, JobStatus, TurnId};

use super::{
    assert_lease_lost, complete, create, create_completed, error, messages, record, start, take,
};
use crate::testing::fixtures::{TEXT, empty_answer, moment};
use crate::{
    Append, CompleteJobOutcome, CompletedJob, Conversations, FileJobs, LeasedJob, TurnLease,
};

pub async fn a_complete_job_runs_again_for_all_parts_and_adds_a_version<S>(store: &S)
where
    S: Conversations + FileJobs,
{
    let (user_id, id) = start(store).await;
    let first = create_completed(store, user_id, id).await;

    let again = store.rerun_job(user_id, id, first.job.job_id, None).await.unwrap().unwrap();
    let (run, LeasedJob { job, analysis, .. }) = take(store, 20, 30).await.unwrap();
    let second = complete(store, &job, run, version_of(&first)).await;

    let expected = FileJob { status: JobStatus::Running, parts_done: 0, ..first.job.clone() };
    assert_eq!((&again, &job), (&expected, &expected));
    assert_eq!((analysis.content.as_str(), analysis.analyses.len()), (TEXT, 0));
    let [question, former] = <[_; 2]>::try_from(first.messages).unwrap();
    let visible = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    assert_eq!(visible, [vec![question.clone()], second.messages.clone()].concat());
    assert_eq!(second.job.message_id, Some(visible[1].message_id));
    let versions = store.children(user_id, id, vec![Some(question.message_id)]).await.unwrap();
    let versions: Vec<_> = versions.into_iter().map(|version| version.message_id).collect();
    assert_eq!(versions, [former.message_id, visible[1].message_id]);
}

pub async fn another_version_of_an_analysis_waits_for_the_running_turn<S>(store: &S)
where
    S: Conversations + FileJobs,
{
    let (user_id, id) = start(store).await;
    let first = create_completed(store, user_id, id).await;
    store.rerun_job(user_id, id, first.job.job_id, None).await.unwrap();
    let (run, LeasedJob { job, .. }) = take(store, 20, 30).await.unwrap();
    let turn = TurnLease { turn_id: TurnId::generate(), lease_until: moment(40) };
    let asked = Append { turn: Some(turn), ..messages() };
    store.append(user_id, id, asked, moment(20)).await.unwrap();

    let version = version_of(&first);
    let waiting = store.complete_job(job.job_id, run, version.clone(), moment(39)).await.unwrap();
    let visible = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    let stored = store.complete_job(job.job_id, run, version, moment(40)).await.unwrap();

    assert_eq!(waiting, CompleteJobOutcome::TurnInProgress);
    assert_eq!(visible.len(), 4);
    assert!(matches!(stored, CompleteJobOutcome::Completed(_)), "{stored:?}");
}

pub async fn an_analysis_survives_the_end_of_a_later_one<S>(store: &S)
where
    S: Conversations + FileJobs,
{
    let (user_id, id) = start(store).await;
    let first = create_completed(store, user_id, id).await;
    let job_id = first.job.job_id;
    for is_failed in [false, true] {
        store.rerun_job(user_id, id, job_id, None).await.unwrap();
        let (run, LeasedJob { analysis, .. }) = take(store, 20, 30).await.unwrap();
        assert_eq!((analysis.content.as_str(), analysis.analyses.len()), (TEXT, 0));
        record(store, job_id, run, 0).await.unwrap();
        if is_failed {
            let failed = store.fail_job(job_id, run, error()).await.unwrap().unwrap();
            assert_eq!(failed.message_id, first.job.message_id);
        }

        let cancelled = store.cancel_job(user_id, id, job_id).await.unwrap();

        assert_eq!(cancelled.unwrap(), FileJob { parts_done: 2, ..first.job.clone() });
        assert_lease_lost(store, &first.job, run).await;
    }
    let visible = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    assert_eq!(visible, first.messages);
}

pub async fn a_failed_job_is_retried_for_its_missing_parts<S>(store: &S)
where
    S: Conversations + FileJobs,
{
    let (user_id, id) = start(store).await;
    create(store, user_id, id, 1).await;
    let (old, LeasedJob { job, .. }) = take(store, 10, 20).await.unwrap();
    record(store, job.job_id, old, 0).await.unwrap();

    let failed = store.fail_job(job.job_id, old, error()).await.unwrap().unwrap();
    let untaken = take(store, 1_000, 2_000).await;
    assert_lease_lost(store, &job, old).await;
    let retried = store.rerun_job(user_id, id, job.job_id, None).await.unwrap().unwrap();
    let again = store.rerun_job(user_id, id, job.job_id, None).await.unwrap().unwrap();
    let taken = take(store, 10, 20).await.unwrap().1;

    assert_eq!((failed.status, failed.parts_done), (JobStatus::Failed, 1));
    assert_eq!(failed.error, Some(error()));
    assert_eq!(untaken, None);
    assert_eq!((retried.status, retried.error.clone()), (JobStatus::Running, None));
    assert_eq!(again, retried);
    assert_eq!(taken.job, retried);
    assert_eq!((taken.analysis.content.as_str(), taken.analysis.analyses.len()), (TEXT, 1));
}

pub async fn a_changed_question_and_its_analysis_are_another_version<S>(store: &S)
where
    S: Conversations + FileJobs,
{
    let (user_id, id) = start(store).await;
    let first = create_completed(store, user_id, id).await;
    let former = <[_; 2]>::try_from(first.messages).unwrap();
    let instructions = Some(instructions("Which\ttides?"));

    let again = store.rerun_job(user_id, id, first.job.job_id, instructions.clone()).await;
    let (run, LeasedJob { job, .. }) = take(store, 20, 30).await.unwrap();
    let version_of = Some(former[0].message_id);
    let second = complete(store, &job, run, Append { version_of, ..messages() }).await;

    assert_eq!(again.unwrap().as_ref(), Some(&job));
    assert_eq!((job.instructions.clone(), job.message_id), (instructions, first.job.message_id));
    let visible = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    assert_eq!(visible, second.messages);
    assert_eq!(second.conversation.message_count, 2);
    let expected = FileJob {
        status: JobStatus::Complete,
        message_id: Some(visible[1].message_id),
        question_id: Some(visible[0].message_id),
        ..job
    };
    assert_eq!(second.job, expected);
    assert_eq!(store.find_job(user_id, id, expected.job_id).await.unwrap(), Some(expected));
    let former_ids = former.map(|message| message.message_id);
    let children = store.children(user_id, id, vec![None, Some(former_ids[0])]).await.unwrap();
    let children: Vec<_> = children.into_iter().map(|child| child.message_id).collect();
    assert_eq!(children, [former_ids[0], former_ids[1], visible[0].message_id]);
}

pub async fn a_failed_job_with_other_instructions_runs_for_all_parts<S>(store: &S)
where
    S: Conversations + FileJobs,
{
    let (user_id, id) = start(store).await;
    let job_id = create(store, user_id, id, 1).await.job_id;
    let (first, second) = (Some(instructions("Which tides?")), Some(instructions("When?")));
    let mut kept = Vec::new();
    for next in [&None, &first, &first, &second, &None] {
        let (run, _) = take(store, 10, 20).await.unwrap();
        record(store, job_id, run, 0).await.unwrap();
        store.fail_job(job_id, run, error()).await.unwrap().unwrap();
        let retried = store.rerun_job(user_id, id, job_id, next.clone()).await.unwrap().unwrap();
        let (run, LeasedJob { job, analysis, .. }) = take(store, 10, 20).await.unwrap();
        assert_eq!((&job, &job.instructions), (&retried, next));
        assert_eq!(analysis.analyses.len(), usize::try_from(job.parts_done).unwrap());
        assert!(store.renew_job_lease(job_id, run, moment(0)).await.unwrap());
        kept.push(job.parts_done);
    }

    assert_eq!(kept, [1, 0, 1, 0, 0]);
}

pub async fn a_job_that_does_not_run_again_keeps_its_instructions<S>(store: &S)
where
    S: Conversations + FileJobs,
{
    let (user_id, id) = start(store).await;
    let job = create(store, user_id, id, 1).await;
    let when = Some(instructions("When?"));

    let running = store.rerun_job(user_id, id, job.job_id, when.clone()).await.unwrap();
    let cancelled = store.cancel_job(user_id, id, job.job_id).await.unwrap();
    let retried = store.rerun_job(user_id, id, job.job_id, when.clone()).await.unwrap();

    assert_eq!(running, Some(job));
    assert_eq!(retried, cancelled);
}

fn instructions(text: &str) -> FileInstructions {
    FileInstructions::try_from(text.to_owned()).unwrap()
}

/// Returns another version of an analysis.
fn version_of(completed: &CompletedJob) -> Append {
    let messages = vec![empty_answer(TurnId::generate())];
    Append { messages, version_of: completed.job.message_id, ..Append::default() }
}
