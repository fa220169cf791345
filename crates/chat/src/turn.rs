use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::{sleep, timeout};
use webchat_domain::{
    Context, Conversation, EventBody, FinishReason, Ledger, Message, MessageStatus, ResponseChunk,
    ResponseEnd, Title, TokenUsage, TurnFailed, TurnId, UserId,
};
use webchat_llm::{ChatRequest, ChatRole, Delta, ModelError, filtered_answer};
use webchat_persistence::{AnswerUpdate, StoreError};
use webchat_tokens::{ContextPlanner, Plan, with_overhead};

use crate::compaction::Compaction;
use crate::draft::Draft;
use crate::prompts::CONTINUE;
use crate::send_message::LEASE;
use crate::teller::Teller;
use crate::turns::Interrupts;
use crate::{Chat, ChatError, Place, measured, prompts};

/// How often what there is of an answer is kept, and the hold on the conversation renewed.
const SAVED_EVERY: Duration = Duration::from_secs(2);

/// How often the end of an answer is tried to be kept, at growing intervals from this one.
const LAST_SAVE_TRIES: u32 = 6;
const LAST_SAVE_INTERVAL: Duration = Duration::from_millis(200);

/// How long a turn waits for its conversation to be summarised.
const COMPACTED_WITHIN: Duration = Duration::from_mins(1);

/// One question and the making of its answer.
pub(crate) struct Turn {
    pub(crate) chat: Chat,
    pub(crate) owner: UserId,
    pub(crate) conversation: Conversation,
    pub(crate) id: TurnId,
    pub(crate) question: Message,
    /// What there is of it already, when the turn goes on with one.
    pub(crate) answer: Message,
    /// The title that was made of the question, if it is the conversation's first.
    pub(crate) first_title: Option<Title>,
    /// Given back when the turn has ended.
    pub(crate) _place: Place,
}

/// Why an answer ended without the model's saying so.
enum Failure {
    Model(ModelError),
    Chat(ChatError),
    Panic(Box<dyn Any + Send>),
}

impl Turn {
    /// Makes the answer, keeps it and tells it; on every path the turn ends.
    pub(crate) async fn run(self, interrupts: Interrupts) {
        let id = self.conversation.conversation_id;
        let teller = Teller::new(Arc::clone(&self.chat.ports.log), id);
        let give_up = interrupts.interrupt.clone();
        tokio::join!(self.answer(&teller, interrupts), teller.run(&give_up));
        self.chat.turns.end(id, self.id);
        self.chat.list_changed(self.owner, id).await;
    }

    async fn answer(&self, teller: &Teller, interrupts: Interrupts) {
        measured::turn_began();
        let draft = Draft::of(&self.answer.content);
        self.tell_what_there_is(teller);
        let mut ledger = self.chat.empty_ledger();
        let making = self.make(&draft, &mut ledger, teller, interrupts);
        let made = AssertUnwindSafe(making).catch_unwind().await;
        let ended = made.unwrap_or_else(|panic| Err(Failure::Panic(panic)));
        let answer = self.end(&draft, ledger, ended, teller).await;
        teller.close();
        self.follow_up(answer, ledger).await;
    }

    /// Ends a turn of which nobody was told, so that its conversation takes the next message.
    pub(crate) async fn give_up(self) {
        let draft = Draft::of(&self.answer.content);
        if let Err(error) = self.save_at_last(&draft, FinishReason::Failed).await {
            tracing::warn!(turn_id = %self.id, error = cause(&error), "a turn was not ended");
        }
    }

    fn continues(&self) -> bool {
        !self.answer.content.is_empty()
    }

    /// So that whoever follows builds the whole answer.
    fn tell_what_there_is(&self, teller: &Teller) {
        if self.continues() {
            let chunk = self.answer.content.clone();
            teller.tell(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id: self.id }));
        }
    }

    async fn make(
        &self,
        draft: &Draft,
        ledger: &mut Ledger,
        teller: &Teller,
        interrupts: Interrupts,
    ) -> Result<FinishReason, Failure> {
        tokio::select! {
            biased;
            () = interrupts.stop.cancelled() => Ok(FinishReason::Stopped),
            () = interrupts.interrupt.cancelled() => Ok(FinishReason::Interrupted),
            ended = self.relay(draft, ledger, teller) => ended,
            () = self.keep_saving(draft) => Ok(FinishReason::Stopped),
        }
    }

    async fn relay(
        &self,
        draft: &Draft,
        ledger: &mut Ledger,
        teller: &Teller,
    ) -> Result<FinishReason, Failure> {
        let request = self.request(ledger).await?;
        let mut deltas = self.chat.ports.model.stream(request).await?;
        let mut finish = FinishReason::Stop;
        let mut filtered_for = Vec::new();
        while let Some(delta) = deltas.next().await {
            match delta? {
                Delta::Text(chunk) => {
                    draft.push(&chunk);
                    let turn_id = self.id;
                    teller.tell(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id }));
                }
                Delta::Filtered(categories) => filtered_for = categories,
                Delta::Finished(reason) => finish = reason,
                Delta::Usage(usage) => {
                    let counted = ledger.total.saturating_sub(ledger.reserved);
                    measured::prompt_counted(counted, usage.prompt_tokens);
                }
            }
        }
        if finish == FinishReason::ContentFilter {
            teller.tell(EventBody::Error(self.filtered(&filtered_for)));
        }
        Ok(finish)
    }

    /// What goes to the model. Where not all of the conversation fits, it is summarised first.
    async fn request(&self, ledger: &mut Ledger) -> Result<ChatRequest, ChatError> {
        let mut context = self.context().await?;
        let mut plan = self.plan(&context).await?;
        if plan.ledger.left_out_messages > 0 {
            let compacting = self.chat.turns.spawn(self.compaction(self.last().position).run());
            if timeout(COMPACTED_WITHIN, compacting).await.is_err() {
                tracing::warn!(turn_id = %self.id, "summarising takes long: it goes on meanwhile");
            }
            context = self.context().await?;
            plan = self.plan(&context).await?;
        }
        *ledger = plan.ledger;
        let system = self.chat.system_prompt.as_deref();
        let mut messages = prompts::messages(system, &context, plan);
        if self.continues() {
            messages.push(prompts::said(ChatRole::User, CONTINUE.to_owned()));
        }
        Ok(ChatRequest {
            messages,
            max_reply_tokens: self.chat.settings.reply_tokens,
            parameters: context.parameters,
        })
    }

    async fn plan(&self, context: &Context) -> Result<Plan, ChatError> {
        let id = self.conversation.conversation_id;
        let last = self.last();
        let before = Some(last.position);
        let mut planner = ContextPlanner::new(self.chat.budget(context), last)?;
        self.chat.offer_history(self.owner, id, before, |message| planner.offer(message)).await?;
        let not_sent = u64::from(!self.continues());
        Ok(planner.finish(self.conversation.message_count.saturating_sub(not_sent)))
    }

    /// The last message that goes to the model: the question, or the answer to go on with, counted
    /// with the instruction to do so.
    fn last(&self) -> Message {
        if !self.continues() {
            return self.question.clone();
        }
        let token_count = self.chat.tokens_to_continue(&self.answer);
        Message { token_count, ..self.answer.clone() }
    }

    async fn context(&self) -> Result<Context, ChatError> {
        let id = self.conversation.conversation_id;
        Ok(self.chat.stored_context(self.owner, id).await?.context)
    }

    fn compaction(&self, before: u64) -> Compaction {
        let id = self.conversation.conversation_id;
        Compaction { chat: self.chat.clone(), owner: self.owner, id, before }
    }

    /// What is done after an answer, in the background: a title for the conversation, and a summary
    /// before it is needed.
    async fn follow_up(&self, answer: Message, ledger: Ledger) {
        let Self { chat, owner, question, .. } = self;
        let id = self.conversation.conversation_id;
        let history = ledger.history.saturating_add(with_overhead(self.added(answer.token_count)));
        match self.context().await {
            Ok(context) if chat.budget(&context).is_tight(history) => {
                // An answer that may go on must not be part of a summary yet.
                let is_complete = answer.status == MessageStatus::Complete;
                let before = answer.position + u64::from(is_complete);
                chat.turns.spawn(self.compaction(before).run());
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(conversation_id = %id, error = cause(&error), "no follow-up");
            }
        }
        let is_exchange =
            matches!(answer.status, MessageStatus::Complete | MessageStatus::Truncated);
        if let Some(first_words) = self.first_title.clone()
            && is_exchange
            && chat.settings.auto_titles
        {
            let exchange = [question.clone(), answer];
            chat.turns.spawn(chat.clone().entitle(*owner, id, first_words, exchange));
        }
    }

    /// Returns when the turn has lost its conversation: it was deleted or emptied.
    async fn keep_saving(&self, draft: &Draft) {
        loop {
            tokio::select! {
                () = sleep(SAVED_EVERY) => {}
                () = draft.has_grown() => {}
            }
            match self.save(draft, FinishReason::Interrupted, false).await {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(turn_id = %self.id, error = cause(&error), "answer not kept yet");
                }
            }
        }
    }

    /// The answer as it is now.
    async fn end(
        &self,
        draft: &Draft,
        ledger: Ledger,
        ended: Result<FinishReason, Failure>,
        teller: &Teller,
    ) -> Message {
        let mut failures = Vec::new();
        let finish_reason = ended.unwrap_or_else(|failure| {
            failures.push(self.describe(&failure));
            FinishReason::Failed
        });
        let saved = self.save_at_last(draft, finish_reason).await;
        let (finish_reason, token_count) = match saved {
            Ok(tokens) => (finish_reason, tokens),
            Err(error) => {
                failures.push(self.describe(&Failure::Chat(error.into())));
                (FinishReason::Failed, 0)
            }
        };
        let turn_id = self.id;
        for failure in failures {
            teller.tell(EventBody::Error(failure));
        }
        teller.tell(EventBody::ResponseEnd(ResponseEnd {
            message_id: self.answer.message_id,
            turn_id,
            position: self.answer.position,
            finish_reason,
            status: finish_reason.status(),
            token_count,
        }));
        let sent = ledger.total.saturating_sub(ledger.reserved);
        let total_tokens_used = sent.saturating_add(self.added(token_count));
        teller.tell(EventBody::TokenUsage(TokenUsage { turn_id, total_tokens_used, ledger }));
        measured::turn_ended(finish_reason);
        Message {
            content: draft.to_save(),
            token_count,
            status: finish_reason.status(),
            ..self.answer.clone()
        }
    }

    /// The answer's tokens; 0 when it has no place any more.
    async fn save_at_last(&self, draft: &Draft, finish: FinishReason) -> Result<u32, StoreError> {
        let mut interval = LAST_SAVE_INTERVAL;
        for _ in 1..LAST_SAVE_TRIES {
            match self.save(draft, finish, true).await {
                Ok(tokens) => return Ok(tokens.unwrap_or(0)),
                Err(error) => {
                    tracing::warn!(turn_id = %self.id, error = cause(&error), "answer not kept yet");
                }
            }
            sleep(interval).await;
            interval *= 2;
        }
        Ok(self.save(draft, finish, true).await?.unwrap_or(0))
    }

    /// The answer's tokens so far; `None` when it has no place any more.
    async fn save(
        &self,
        draft: &Draft,
        finish: FinishReason,
        ends: bool,
    ) -> Result<Option<u32>, StoreError> {
        let content = draft.to_save();
        let token_count = self.chat.count_tokens(&content).await;
        let now = self.chat.ports.clock.now();
        let answer = AnswerUpdate {
            message_id: self.answer.message_id,
            turn_id: self.id,
            content,
            token_count,
            status: finish.status(),
            lease_until: (!ends).then(|| now.plus(LEASE)),
        };
        let id = self.conversation.conversation_id;
        let kept = self.chat.ports.conversations.save_answer(id, answer, now).await?;
        Ok(kept.then_some(token_count))
    }

    /// What of the answer's tokens was not there before.
    fn added(&self, token_count: u32) -> u32 {
        token_count.saturating_sub(self.answer.token_count)
    }

    fn filtered(&self, categories: &[String]) -> TurnFailed {
        TurnFailed {
            message: filtered_answer(categories),
            code: "model_content_filter".to_owned(),
            turn_id: self.id,
        }
    }

    /// What clients are told; the cause goes to the log.
    fn describe(&self, failure: &Failure) -> TurnFailed {
        let turn_id = self.id;
        let (code, message, cause) = match failure {
            Failure::Model(error) => (error.code(), error.to_string(), cause(error)),
            Failure::Chat(error) => (error.code().as_str(), error.to_string(), cause(error)),
            Failure::Panic(panic) => (
                "internal",
                "Something went wrong on the server.".to_owned(),
                panic_message(panic.as_ref()),
            ),
        };
        tracing::warn!(%turn_id, code, cause, "a turn failed");
        TurnFailed { message, code: code.to_owned(), turn_id }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<ChatError> for Failure {
    fn from(error: ChatError) -> Self {
        Self::Chat(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Chat(error.into())
    }
}

/// The whole chain of causes, for the log.
pub(crate) fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let chain: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    chain.join(": ")
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::FailureCode;
    use crate::testing::{ANSWER, Asked, QUESTION, Room, accepting_store, settle};
    use webchat_domain::ConversationId;

    #[tokio::test(start_paused = true)]
    async fn a_turn_tells_its_answer_in_order_and_stores_it_complete() {
        let room = Room::open().await;

        let asked = room.ask(QUESTION).await;
        asked.say("antidis").await;
        settle().await;
        asked.say("establishmentarianism").await;
        asked.finish(FinishReason::Stop).await;
        settle().await;

        assert_eq!(
            room.told().await,
            [
                "accepted: 2 + 2 = 4",
                "title: 2 + 2 = 4",
                "chunk: antidis",
                "chunk: establishmentarianism",
                "end: Stop, Complete",
                "usage: 20",
            ]
        );
        let answer = room.last_stored().await;
        assert_eq!((answer.content.as_str(), answer.token_count), (ANSWER, 6));
        assert_eq!(answer.status, MessageStatus::Complete);
        let conversation = room.conversation().await;
        assert_eq!((conversation.message_count, conversation.total_tokens), (2, 7 + 6));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_names_the_stored_answer_and_the_ledger_what_was_sent() {
        let room = Room::open().await;

        room.ask_and_answer(QUESTION, ANSWER).await;

        let answer = room.last_stored().await;
        let turn_id = answer.turn_id.unwrap();
        let events = room.events().await;
        let [.., end, usage] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(
            end.body,
            EventBody::ResponseEnd(ResponseEnd {
                message_id: answer.message_id,
                turn_id,
                position: 2,
                finish_reason: FinishReason::Stop,
                status: MessageStatus::Complete,
                token_count: 6,
            })
        );
        let history = 3 + (4 + 7);
        assert_eq!(
            usage.body,
            EventBody::TokenUsage(TokenUsage {
                turn_id,
                total_tokens_used: history + 6,
                ledger: Ledger {
                    window: 10_000,
                    reserved: 800,
                    history,
                    total: 800 + history,
                    ..Ledger::default()
                },
            })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_model_gets_what_fits_of_the_conversation_oldest_first() {
        let room = Room::with_window(55, 20).await;
        room.ask_and_answer(QUESTION, ANSWER).await;

        let second = room.ask("Why?").await;
        room.model.refuse_next(ModelError::Failed("no summary".into()));
        room.chat.stop(room.owner, room.id).await.unwrap();
        settle().await;
        room.model.refuse_next(ModelError::Failed("no summary".into()));
        let third = room.ask(&format!("{QUESTION} {QUESTION}")).await;
        let third_request = third.request.clone();
        third.finish(FinishReason::Stop).await;
        settle().await;

        assert_eq!(said(&second.request), [QUESTION, ANSWER, "Why?"]);
        let roles: Vec<_> = second.request.messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [ChatRole::User, ChatRole::Assistant, ChatRole::User]);
        assert_eq!(second.request.max_reply_tokens, 20);
        assert_eq!(said(&third_request), ["Why?", "2 + 2 = 4 2 + 2 = 4"]);
        let events = room.events().await;
        let EventBody::TokenUsage(usage) = &events.last().unwrap().body else { panic!() };
        assert_eq!(usage.ledger.left_out_messages, 2);
    }

    fn said(request: &ChatRequest) -> Vec<&str> {
        request.messages.iter().map(|message| message.content.as_str()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_at_the_models_length_limit_is_truncated() {
        let room = Room::open().await;

        let asked = room.ask(QUESTION).await;
        asked.say(ANSWER).await;
        asked.finish(FinishReason::Length).await;
        settle().await;

        assert_eq!(room.told().await[3..], ["end: Length, Truncated", "usage: 20"]);
        assert_eq!(room.last_stored().await.status, MessageStatus::Truncated);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_filtered_says_for_what_and_keeps_what_came() {
        let room = Room::open().await;

        let asked = room.ask(QUESTION).await;
        asked.say("Hm").await;
        asked.filter("self_harm").await;
        asked.finish(FinishReason::ContentFilter).await;
        settle().await;

        let events = room.events().await;
        let failed = events.iter().find_map(|event| match &event.body {
            EventBody::Error(failed) => Some(failed.message.as_str()),
            _ => None,
        });
        assert_eq!(failed, Some("The model's provider filtered this answer (self harm)."));
        let told = room.told().await;
        assert_eq!(told[3..5], ["error: model_content_filter", "end: ContentFilter, Failed"]);
        assert_eq!(room.last_stored().await.content, "Hm");
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_refuses_fails_its_turn_and_the_next_message_is_taken() {
        let room = Room::open().await;
        room.model.refuse_next(ModelError::KeyRefused("401".into()));

        room.send(QUESTION).await.unwrap();
        settle().await;
        let told = room.told().await;
        let refused = room.last_stored().await;
        room.ask_and_answer("Now?", "Yes.").await;

        assert_eq!(told[2..], ["error: model_key_refused", "end: Failed, Failed", "usage: 14"]);
        assert_eq!((refused.content.as_str(), refused.status), ("", MessageStatus::Failed));
        assert_eq!(room.last_stored().await.content, "Yes.");
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_breaks_off_fails_its_turn_and_what_came_is_kept() {
        let room = Room::open().await;

        let asked = room.ask(QUESTION).await;
        asked.say(ANSWER).await;
        asked.fail().await;
        settle().await;
        let told = room.told().await;
        let broken_off = room.last_stored().await;
        room.ask_and_answer("Now?", "Yes.").await;

        assert_eq!(told[3..], ["error: model_failed", "end: Failed, Failed", "usage: 20"]);
        assert_eq!((broken_off.content.as_str(), broken_off.token_count), (ANSWER, 6));
        assert_eq!(broken_off.status, MessageStatus::Failed);
        assert_eq!(room.last_stored().await.content, "Yes.");
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_ends_its_turn_as_failed_and_no_other() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        let elsewhere = room.chat.start_conversation(room.owner).await.unwrap().conversation_id;
        let other = ask_in(&room, elsewhere).await;

        asked.say("Hm").await;
        asked.panic().await;
        settle().await;
        let told = room.told().await;
        let panicked = room.last_stored().await;
        other.say(ANSWER).await;
        other.finish(FinishReason::Stop).await;
        settle().await;

        assert_eq!(told[3..], ["error: internal", "end: Failed, Failed", "usage: 15"]);
        assert_eq!((panicked.content.as_str(), panicked.status), ("Hm", MessageStatus::Failed));
        let others = room.chat.all_messages(room.owner, elsewhere).await.unwrap();
        assert_eq!(others[1].status, MessageStatus::Complete);
    }

    async fn ask_in(room: &Room, id: ConversationId) -> Asked {
        let message = crate::testing::message(QUESTION);
        room.chat.send_message(room.owner, id, message).await.unwrap();
        room.model.asked().await
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_is_kept_after_two_seconds_as_interrupted() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        asked.say(ANSWER).await;

        sleep(Duration::from_millis(1_900)).await;
        let early = room.last_stored().await;
        sleep(Duration::from_millis(200)).await;
        let kept = room.last_stored().await;

        assert_eq!(early.content, "");
        assert_eq!((kept.content.as_str(), kept.token_count), (ANSWER, 6));
        assert_eq!(kept.status, MessageStatus::Interrupted);
    }

    #[tokio::test(start_paused = true)]
    async fn each_four_kilobytes_that_came_are_kept_at_once() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;

        let mut kept = Vec::new();
        for bytes in [4_095, 1, 4_095, 1] {
            asked.say(&"x".repeat(bytes)).await;
            settle().await;
            kept.push(room.last_stored().await.content.len());
        }

        assert_eq!(kept, [0, 4_096, 4_096, 8_192]);
        assert_eq!(room.last_stored().await.status, MessageStatus::Interrupted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_holds_its_conversation_for_as_long_as_the_model_is_silent() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;

        for _ in 0..30 {
            room.wait(Duration::from_secs(2)).await;
        }
        let meanwhile = room.send("Still there?").await;
        asked.finish(FinishReason::Stop).await;
        settle().await;
        let afterwards = room.send("Still there?").await;

        assert_eq!(meanwhile.unwrap_err().code(), FailureCode::TurnInProgress);
        assert!(afterwards.is_ok(), "{afterwards:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_survives_a_store_that_fails_a_few_times_at_its_end() {
        let mut store = accepting_store();
        let saved = Arc::new(Mutex::new(Vec::new()));
        store
            .expect_save_answer()
            .times(3)
            .returning(|_, _, _| Err(StoreError::unavailable("busy")));
        let saving = Arc::clone(&saved);
        store.expect_save_answer().times(1).returning(move |_, answer, _| {
            saving.lock().unwrap().push(answer);
            Ok(true)
        });
        let room = Room::open().await.on(|ports| ports.conversations = Arc::new(store));

        room.ask_and_answer(QUESTION, ANSWER).await;
        sleep(Duration::from_secs(10)).await;

        assert_eq!(room.told().await[3..], ["end: Stop, Complete", "usage: 20"]);
        let saved = saved.lock().unwrap();
        assert_eq!((saved[0].content.as_str(), saved[0].token_count), (ANSWER, 6));
        assert_eq!((saved[0].status, saved[0].lease_until), (MessageStatus::Complete, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_whose_store_never_recovers_ends_as_failed() {
        let mut store = accepting_store();
        store.expect_save_answer().returning(|_, _, _| Err(StoreError::unavailable("gone")));
        let room = Room::open().await.on(|ports| ports.conversations = Arc::new(store));

        room.ask_and_answer(QUESTION, ANSWER).await;
        let early = room.told().await;
        sleep(Duration::from_secs(10)).await;

        assert_eq!(early[2..], ["chunk: antidisestablishmentarianism"]);
        assert_eq!(
            room.told().await[3..],
            ["error: storage_unavailable", "end: Failed, Failed", "usage: 14"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_lost_its_hold_stops_within_two_seconds() {
        let mut store = accepting_store();
        store.expect_save_answer().returning(|_, _, _| Ok(false));
        let room = Room::open().await.on(|ports| ports.conversations = Arc::new(store));
        let asked = room.ask(QUESTION).await;

        sleep(Duration::from_millis(2_100)).await;

        assert!(asked.is_dropped());
        assert_eq!(room.told().await[2..], ["end: Stopped, Stopped", "usage: 14"]);
    }
}
