use webchat_domain::{Clock, FinishReason, JobStatus};

use super::*;
use crate::prompts::{ANALYSE, COMBINE};
use crate::testing::{Asked, Room, settle};
use crate::{Settings, Upload};

/// A room whose files are cut into parts of 64 tokens.
async fn open(change: impl FnOnce(&mut Settings)) -> Room {
    let room = Room::open_with(|settings| {
        settings.files.part_tokens = 64;
        change(settings);
    })
    .await;
    room.chat.files.spawn_worker();
    room
}

/// A file of so many parts.
fn text(parts: usize) -> String {
    let parts = (1..=parts).map(|part| format!("{part}{}\n\n", " tide".repeat(50)));
    parts.collect::<Vec<_>>().concat()
}

async fn upload(room: &Room, content: &str) -> FileJob {
    let name = "tides.txt".to_owned().into();
    let upload = Upload { name, content: content.as_bytes().to_vec() };
    room.chat.files.upload(room.user_id, room.id, None, upload).await.unwrap()
}

async fn now(room: &Room, job: &FileJob) -> FileJob {
    room.chat.files.find(room.user_id, room.id, job.job_id).await.unwrap()
}

async fn answer(asked: Asked, text: &str) {
    asked.say(text).await;
    asked.finish(FinishReason::Stop).await;
    settle().await;
}

/// What is asked next, with its prompt.
async fn asked(room: &Room, prompt: &str) -> Asked {
    let asked = room.model.asked().await;
    assert_eq!(asked.request.messages[0].content, prompt);
    asked
}

fn content(asked: &Asked) -> &str {
    &asked.request.messages[1].content
}

#[tokio::test(start_paused = true)]
async fn a_file_of_one_part_becomes_a_question_and_its_answer() {
    let room = open(|_| {}).await;

    let job = upload(&room, "\u{feff}Two tides\r\na day.").await;
    let part = asked(&room, ANALYSE).await;
    let given = content(&part).to_owned();
    answer(part, "It is about tides.").await;

    assert_eq!(given, "Part 1 of 1 of the file \"tides.txt\":\n\n\u{feff}Two tides\r\na day.");
    let [question, analysis] = room.stored().await.try_into().unwrap();
    assert_eq!(question.content, "Please analyse the file \"tides.txt\".");
    assert_eq!(analysis.content, "It is about tides.");
    assert_eq!((analysis.role, analysis.token_count), (Role::Assistant, 5));
    let job = now(&room, &job).await;
    assert_eq!((job.status, job.message_id), (JobStatus::Complete, Some(analysis.message_id)));
    let told = room.told().await;
    assert_eq!(
        told,
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
async fn parts_are_analysed_a_few_at_a_time_and_combined_in_their_order() {
    let room = open(|settings| settings.files.concurrency = 2).await;
    let file = text(3);

    let job = upload(&room, &file).await;
    let (first, second) = (asked(&room, ANALYSE).await, asked(&room, ANALYSE).await);
    settle().await;
    let at_a_time = room.model.times_asked();
    let mut parts: Vec<String> = [&first, &second].map(|one| content(one).to_owned()).to_vec();
    answer(second, "two").await;
    let third = asked(&room, ANALYSE).await;
    parts.push(content(&third).to_owned());
    answer(third, "three").await;
    answer(first, "one").await;
    let all = asked(&room, COMBINE).await;
    let shares = content(&all).to_owned();
    answer(all, "All of it.").await;

    assert_eq!((job.of, at_a_time), (3, 2));
    let texts: Vec<&str> = parts.iter().map(|part| part.split_once(":\n\n").unwrap().1).collect();
    assert_eq!(texts.concat(), file);
    assert!(shares.ends_with("one\n\n---\n\ntwo\n\n---\n\nthree"), "{shares}");
    assert_eq!(room.last_stored().await.content, "All of it.");
    assert_eq!(room.told().await[1..4], [1, 2, 3].map(|n| format!("file: Running, {n} of 3")));
}

#[tokio::test(start_paused = true)]
async fn analyses_that_do_not_fit_into_the_window_are_combined_step_by_step() {
    let (window, reply) = (640, 200);
    let room = open(|settings| {
        (settings.max_tokens, settings.reply_tokens) = (window, reply);
    })
    .await;

    let job = upload(&room, &text(20)).await;
    let mut prompts = Vec::new();
    while now(&room, &job).await.status == JobStatus::Running {
        let asked = room.model.asked().await;
        let messages = &asked.request.messages;
        let mut tokens = asked.request.max_reply_tokens;
        for message in messages {
            tokens += room.chat.core.count_tokens(&message.content).await;
        }
        assert!(tokens <= window, "{tokens}");
        prompts.push(messages[0].content.clone());
        // Much longer than it should be.
        answer(asked, &"ebb and flow. ".repeat(100)).await;
    }

    let combined = prompts.iter().filter(|prompt| *prompt == COMBINE).count();
    assert_eq!(prompts.len() - combined, 20);
    assert!(combined > 4, "{combined}");
    assert!(room.last_stored().await.content.starts_with("ebb and flow."));
}

#[tokio::test(start_paused = true)]
async fn a_part_that_fails_is_tried_again_and_the_user_sees_nothing_of_it() {
    let room = open(|_| {}).await;

    upload(&room, "Tides.").await;
    asked(&room, ANALYSE).await.fail().await;
    answer(asked(&room, ANALYSE).await, " ").await;
    answer(asked(&room, ANALYSE).await, "It is about tides.").await;

    assert_eq!(room.last_stored().await.content, "It is about tides.");
    assert!(!room.told().await.concat().contains("Failed"));
}

#[tokio::test(start_paused = true)]
async fn a_file_of_which_a_part_fails_says_which_and_a_retry_asks_for_that_part_alone() {
    let room = open(|settings| settings.files.concurrency = 1).await;

    let job = upload(&room, &text(3)).await;
    answer(asked(&room, ANALYSE).await, "one").await;
    for _ in 0..3 {
        asked(&room, ANALYSE).await.fail().await;
    }
    answer(asked(&room, ANALYSE).await, "three").await;
    let failed = now(&room, &job).await;
    let retried = room.chat.files.retry(room.user_id, room.id, job.job_id).await.unwrap();
    let missing = asked(&room, ANALYSE).await;
    let given = content(&missing).to_owned();
    answer(missing, "two").await;
    answer(asked(&room, COMBINE).await, "All of it.").await;

    let error = failed.error.unwrap();
    assert_eq!(error.code, "model_failed");
    assert_eq!(
        error.message,
        "Part 2 of 3 could not be analysed: The model failed to answer. Please try again."
    );
    assert_eq!((failed.status, failed.done), (JobStatus::Failed, 2));
    assert_eq!((retried.status, retried.error), (JobStatus::Running, None));
    assert!(given.starts_with("Part 2 of 3 "), "{given}");
    assert_eq!(room.last_stored().await.content, "All of it.");
    let nothing = room.chat.files.retry(room.user_id, room.id, job.job_id).await;
    assert_eq!(nothing.unwrap_err().code(), "file_not_failed");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_takes_nothing_is_not_asked_for_every_part() {
    let room = open(|settings| settings.files.concurrency = 1).await;
    room.model.refuse_next(ModelError::KeyRefused("401".into()));

    let job = upload(&room, &text(9)).await;
    settle().await;

    let failed = now(&room, &job).await;
    assert_eq!(failed.error.unwrap().code, "model_key_refused");
    assert_eq!(room.model.times_asked(), 1);
    assert_eq!(room.told().await, ["file: Running, 0 of 9", "file: Failed, 0 of 9"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_file_lets_go_of_the_model_within_two_seconds() {
    let room = open(|_| {}).await;
    let job = upload(&room, "Tides.").await;
    let part = asked(&room, ANALYSE).await;
    part.say("It is").await;

    room.chat.files.cancel(room.user_id, room.id, job.job_id).await.unwrap();
    room.wait(Duration::from_millis(2_100)).await;

    assert!(part.is_dropped());
    assert_eq!(now(&room, &job).await.status, JobStatus::Cancelled);
    assert_eq!(room.stored().await, []);
    assert_eq!(room.told().await, ["file: Running, 0 of 1", "file: Cancelled, 0 of 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_conversation_ends_the_analysis_of_its_files() {
    let room = open(|_| {}).await;
    upload(&room, "Tides.").await;
    let part = asked(&room, ANALYSE).await;

    room.chat.conversations.delete(room.user_id, room.id).await.unwrap();
    room.wait(Duration::from_millis(2_100)).await;

    assert!(part.is_dropped());
    assert_eq!(room.told().await.last().unwrap(), "deleted");
}

#[tokio::test(start_paused = true)]
async fn shutdown_keeps_what_is_asked_for_and_leaves_the_rest_to_the_next_server() {
    let room = open(|settings| settings.files.concurrency = 1).await;
    let job = upload(&room, &text(2)).await;
    let first = asked(&room, ANALYSE).await;

    let ending = room.chat.shutdown(Duration::from_secs(30));
    tokio::join!(ending, answer(first, "one"));
    let left = now(&room, &job).await;
    let room = room.on(|_| {});
    room.chat.files.spawn_worker();
    let second = asked(&room, ANALYSE).await;
    let given = content(&second).to_owned();
    answer(second, "two").await;
    answer(asked(&room, COMBINE).await, "All of it.").await;

    assert_eq!((left.status, left.done), (JobStatus::Running, 1));
    assert!(given.starts_with("Part 2 of 2 "), "{given}");
    assert_eq!(room.last_stored().await.content, "All of it.");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_without_grace_lets_go_of_the_model() {
    let room = open(|_| {}).await;
    let job = upload(&room, "Tides.").await;
    let part = asked(&room, ANALYSE).await;

    room.chat.shutdown(Duration::ZERO).await;

    assert!(part.is_dropped());
    assert_eq!(now(&room, &job).await.status, JobStatus::Running);
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_server_died_is_taken_over_when_its_hold_has_lapsed() {
    let room = Room::open().await;
    upload(&room, "Tides.").await;
    let (jobs, now) = (&room.chat.core.ports.file_jobs, room.clock.now());
    jobs.take_job(RunId::generate(), now, now.plus(LEASE)).await.unwrap().unwrap();

    room.chat.files.spawn_worker();
    room.wait(LEASE.saturating_sub(LOOK_EVERY)).await;
    settle().await;
    let early = room.model.times_asked();
    room.wait(LOOK_EVERY).await;
    answer(asked(&room, ANALYSE).await, "It is about tides.").await;

    assert_eq!(early, 0);
    assert_eq!(room.last_stored().await.content, "It is about tides.");
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_its_file_and_no_other() {
    let room = open(|_| {}).await;
    let job = upload(&room, "Tides.").await;
    asked(&room, ANALYSE).await.panic().await;
    settle().await;

    upload(&room, "Ebb.").await;
    answer(asked(&room, ANALYSE).await, "It is about ebb.").await;

    let failed = now(&room, &job).await;
    assert_eq!(failed.error.unwrap().code, "internal");
    assert_eq!(room.last_stored().await.content, "It is about ebb.");
}
