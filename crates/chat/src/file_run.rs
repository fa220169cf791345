use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt, stream};
use tokio::time::{sleep, timeout};
use webchat_domain::{
    ConversationChange, EventBody, FileJob, FileProgress, JobError, JobId, MessageId,
    MessageStatus, NewMessage, Role, RunId, Timestamp, Title, TurnId,
};
use webchat_llm::ModelError;
use webchat_persistence::{Append, CompletedJob, StoreError, TakenJob};

use crate::analysis::{Analyst, concerns_all};
use crate::send_message::LEASE;
use crate::teller::Teller;
use crate::turn::{cause, panic_message};
use crate::{Chat, prompts};

/// How often is looked for files that nobody works on: those of servers that died among them.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often a run renews its hold, and sees whether the user still wants it.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// Parts that fail before the others are not asked for any more.
const MOST_FAILED: usize = 3;

/// Percent of a file that are told together: a long one has thousands of parts.
const TOLD_PERCENT: u64 = 2;

/// One run of a job, to its end or until somebody else has it.
struct FileRun {
    chat: Chat,
    run_id: RunId,
    taken: TakenJob,
}

/// Why a run ends without a complete analysis.
enum End {
    /// The user is told.
    Failed(JobError),
    /// The job is no more this run's.
    Lost,
    /// The server goes away: the job goes on elsewhere or later.
    Left,
    /// The store is away: the job goes on when it is back.
    Store(StoreError),
    Panic(Box<dyn Any + Send>),
}

impl Chat {
    pub(crate) fn analyse_files(&self) {
        let chat = self.clone();
        let ending = self.turns.refusing();
        self.turns.spawn(async move {
            tokio::select! {
                () = ending.cancelled() => {}
                () = chat.keep_analysing() => {}
            }
        });
    }

    async fn keep_analysing(&self) {
        // The slots are never closed.
        while let Ok(slot) = Arc::clone(&self.file_work.slots).acquire_owned().await {
            if let Some(run) = self.take_file().await {
                self.turns.spawn(async move {
                    run.run().await;
                    drop(slot);
                });
                continue;
            }
            drop(slot);
            timeout(LOOK_EVERY, self.file_work.has_news.notified()).await.ok();
        }
    }

    async fn take_file(&self) -> Option<FileRun> {
        let run_id = RunId::generate();
        let now = self.ports.clock.now();
        match self.ports.file_jobs.take_job(run_id, now, now.plus(LEASE)).await {
            Ok(taken) => taken.map(|taken| FileRun { chat: self.clone(), run_id, taken }),
            Err(error) => {
                tracing::warn!(error = cause(&error), "can't look for files to analyse");
                None
            }
        }
    }
}

impl FileRun {
    async fn run(self) {
        let id = self.taken.job.conversation_id;
        let teller = Teller::new(Arc::clone(&self.chat.ports.log), id);
        let give_up = self.chat.turns.interrupt();
        let work = async {
            let analysing = AssertUnwindSafe(self.analyse(&teller)).catch_unwind();
            let ended = tokio::select! {
                biased;
                () = give_up.cancelled() => Err(End::Left),
                ended = analysing => ended.unwrap_or_else(|panic| Err(End::Panic(panic))),
                () = self.hold() => Err(End::Lost),
            };
            if let Err(end) = ended {
                self.end(end, &teller).await;
            }
            teller.close();
        };
        tokio::join!(work, teller.run(&give_up));
    }

    /// Returns when the job is no more this run's.
    async fn hold(&self) {
        loop {
            sleep(RENEW_EVERY).await;
            let until = self.chat.ports.clock.now().plus(LEASE);
            match self.renew(until).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(job_id = %self.id(), error = cause(&error), "a file is not held");
                }
            }
        }
    }

    async fn analyse(&self, teller: &Teller) -> Result<(), End> {
        let of_parts = self.analyse_parts(teller).await?;
        let combined = self.analyst().combine(of_parts).await.map_err(|error| {
            End::Failed(self.describe("The analyses of its parts could not be combined", &error))
        })?;
        let completed = self.complete(combined).await?;
        let id = completed.conversation.conversation_id;
        tell_completed(teller, completed);
        self.chat.list_changed(self.taken.owner, id).await;
        Ok(())
    }

    /// The analyses of all parts, in their order. What was recorded before is not asked for again.
    async fn analyse_parts(&self, teller: &Teller) -> Result<Vec<String>, End> {
        let mut analyses = self.taken.analyses.clone();
        let mut failed: Vec<(u32, ModelError)> = Vec::new();
        let mut answers = pin!(self.answers());
        while let Some((part, answer)) = answers.next().await {
            match answer {
                Ok(text) => {
                    self.record(part, text.clone(), teller).await?;
                    analyses.insert(part, text);
                }
                Err(error) => {
                    let is_enough = concerns_all(&error) || failed.len() + 1 >= MOST_FAILED;
                    failed.push((part, error));
                    if is_enough {
                        break;
                    }
                }
            }
        }
        if let Some((part, error)) = failed.into_iter().min_by_key(|(part, _)| *part) {
            return Err(End::Failed(self.describe_part(part, &error)));
        }
        if analyses.len() < self.taken.part_ends.len() {
            return Err(End::Left);
        }
        Ok(analyses.into_values().collect())
    }

    /// What the model says about the parts that were not recorded before, a few at a time.
    fn answers(&self) -> impl Stream<Item = (u32, Result<String, ModelError>)> {
        let missing = self.parts().filter(|(part, _)| !self.taken.analyses.contains_key(part));
        stream::iter(missing)
            .take_until(self.chat.turns.refusing().cancelled_owned())
            .map(async |(part, text)| (part, self.analyst().analyse(part, text).await))
            .buffer_unordered(self.chat.settings.files.concurrency.max(1))
    }

    /// The parts of the text, counted from 0.
    fn parts(&self) -> impl Iterator<Item = (u32, &str)> {
        let ends = self.taken.part_ends.iter().filter_map(|end| usize::try_from(*end).ok());
        let begins = std::iter::once(0).chain(ends.clone());
        let texts = begins.zip(ends).map(|(begin, end)| self.taken.text.get(begin..end));
        (0..).zip(texts.map(Option::unwrap_or_default))
    }

    async fn record(&self, part: u32, analysis: String, teller: &Teller) -> Result<(), End> {
        let jobs = &self.chat.ports.file_jobs;
        let recorded = jobs.record_part(self.id(), self.run_id, part, analysis).await?;
        let job = recorded.ok_or(End::Lost)?;
        let told = |done: u32| u64::from(done) * 100 / TOLD_PERCENT / u64::from(job.of.max(1));
        if told(job.done) > told(job.done.saturating_sub(1)) {
            teller.tell(EventBody::FileProgress(FileProgress::from(&job)));
        }
        Ok(())
    }

    async fn complete(&self, analysis: String) -> Result<CompletedJob, End> {
        let append = self.messages(analysis).await;
        let now = self.chat.ports.clock.now();
        let jobs = &self.chat.ports.file_jobs;
        let completed = jobs.complete_job(self.id(), self.run_id, append, now).await?;
        completed.ok_or(End::Lost)
    }

    /// A question that names the file, and its answer.
    async fn messages(&self, analysis: String) -> Append {
        let file_name = &self.taken.job.file_name;
        let question = prompts::about_file(file_name);
        let question = NewMessage {
            message_id: MessageId::generate(),
            turn_id: Some(TurnId::generate()),
            role: Role::User,
            token_count: self.chat.count_tokens(&question).await,
            content: question,
            status: MessageStatus::Complete,
            created_at: self.chat.ports.clock.now(),
        };
        let answer = NewMessage {
            message_id: MessageId::generate(),
            role: Role::Assistant,
            token_count: self.chat.count_tokens(&analysis).await,
            content: analysis,
            ..question.clone()
        };
        let title = Title::from_first_words(file_name.as_str());
        Append { messages: vec![question, answer], title, ..Append::default() }
    }

    async fn end(&self, end: End, teller: &Teller) {
        let job_id = self.id();
        let ended = match end {
            End::Lost => Ok(()),
            End::Left => self.renew(self.chat.ports.clock.now()).await.map(|_| ()),
            End::Failed(error) => self.fail(error, teller).await,
            End::Store(error) => Err(error),
            End::Panic(panic) => {
                let cause = panic_message(panic.as_ref());
                tracing::error!(%job_id, cause, "the analysis of a file panicked");
                let message = "Something went wrong on the server.".to_owned();
                self.fail(JobError { message, code: "internal".to_owned() }, teller).await
            }
        };
        if let Err(error) = ended {
            tracing::warn!(%job_id, error = cause(&error), "a file goes on when its hold has lapsed");
        }
    }

    async fn fail(&self, error: JobError, teller: &Teller) -> Result<(), StoreError> {
        tracing::warn!(job_id = %self.id(), code = error.code, "a file could not be analysed");
        let failed = self.chat.ports.file_jobs.fail_job(self.id(), self.run_id, error).await?;
        if let Some(job) = failed {
            teller.tell(EventBody::FileProgress(FileProgress::from(&job)));
        }
        Ok(())
    }

    async fn renew(&self, until: Timestamp) -> Result<bool, StoreError> {
        self.chat.ports.file_jobs.renew_job(self.id(), self.run_id, until).await
    }

    fn analyst(&self) -> Analyst<'_> {
        let FileJob { file_name, of, .. } = &self.taken.job;
        Analyst { chat: &self.chat, file_name, parts: *of }
    }

    fn id(&self) -> JobId {
        self.taken.job.job_id
    }

    fn describe_part(&self, part: u32, error: &ModelError) -> JobError {
        let of = self.taken.job.of;
        let what = format!("Part {} of {of} could not be analysed", part + 1);
        self.describe(&what, error)
    }

    /// What the user is told; the cause goes to the log.
    fn describe(&self, what: &str, error: &ModelError) -> JobError {
        tracing::warn!(job_id = %self.id(), error = cause(error), what);
        JobError { message: format!("{what}: {error}"), code: error.code().to_owned() }
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn tell_completed(teller: &Teller, completed: CompletedJob) {
    let CompletedJob { job, conversation, messages } = completed;
    teller.tell(EventBody::FileProgress(FileProgress::from(&job)));
    let is_first = messages.first().is_some_and(|question| question.parent_id.is_none());
    if let Some(title) = conversation.title.filter(|_| is_first) {
        teller.tell(EventBody::ConversationUpdated(ConversationChange::Title { title }));
    }
    let change = ConversationChange::File { job_id: job.job_id };
    teller.tell(EventBody::ConversationUpdated(change));
}

#[cfg(test)]
mod tests {
    use webchat_domain::{Clock, FinishReason, JobStatus};

    use super::*;
    use crate::prompts::{ANALYSE, COMBINE};
    use crate::testing::{Asked, Room, settle};
    use crate::{FailureCode, Settings, Upload};

    /// A room whose files are cut into parts of 64 tokens.
    async fn open(change: impl FnOnce(&mut Settings)) -> Room {
        let room = Room::open_with(|settings| {
            settings.files.part_tokens = 64;
            change(settings);
        })
        .await;
        room.chat.analyse_files();
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
        room.chat.upload_file(room.owner, room.id, upload).await.unwrap()
    }

    async fn now(room: &Room, job: &FileJob) -> FileJob {
        room.chat.file(room.owner, room.id, job.job_id).await.unwrap()
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
        let texts: Vec<&str> =
            parts.iter().map(|part| part.split_once(":\n\n").unwrap().1).collect();
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
                tokens += room.chat.count_tokens(&message.content).await;
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
        let retried = room.chat.retry_file(room.owner, room.id, job.job_id).await.unwrap();
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
        let nothing = room.chat.retry_file(room.owner, room.id, job.job_id).await;
        assert_eq!(nothing.unwrap_err().code(), FailureCode::FileNotFailed);
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

        room.chat.cancel_file(room.owner, room.id, job.job_id).await.unwrap();
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

        room.chat.delete_conversation(room.owner, room.id).await.unwrap();
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
        room.chat.analyse_files();
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
        let (jobs, now) = (&room.chat.ports.file_jobs, room.clock.now());
        jobs.take_job(RunId::generate(), now, now.plus(LEASE)).await.unwrap().unwrap();

        room.chat.analyse_files();
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
}
