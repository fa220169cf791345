use std::any::Any;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::sleep;
use webchat_domain::{
    Conversation, EventBody, FinishReason, Ledger, Message, ResponseChunk, ResponseEnd, Role,
    TokenUsage, TurnFailed, TurnId, UserId,
};
use webchat_llm::{ChatMessage, ChatRequest, ChatRole, Delta, ModelError};
use webchat_persistence::{AnswerUpdate, StoreError};
use webchat_tokens::{ContextPlanner, Plan};

use crate::draft::Draft;
use crate::send_message::LEASE;
use crate::turns::Interrupts;
use crate::{Chat, ChatError};

/// How often what there is of an answer is kept, and the hold on the conversation renewed.
const SAVED_EVERY: Duration = Duration::from_secs(2);

/// How often the end of an answer is tried to be kept, at growing intervals from this one.
const LAST_SAVE_TRIES: u32 = 6;
const LAST_SAVE_INTERVAL: Duration = Duration::from_millis(200);

/// Messages read at a time to fill the model's window.
const PAGE: u32 = 50;

/// One question and the making of its answer.
pub(crate) struct Turn {
    pub(crate) chat: Chat,
    pub(crate) owner: UserId,
    pub(crate) conversation: Conversation,
    pub(crate) id: TurnId,
    pub(crate) question: Message,
    pub(crate) answer: Message,
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
        let draft = Draft::default();
        let mut ledger = self.empty_ledger();
        let made = AssertUnwindSafe(self.make(&draft, &mut ledger, interrupts))
            .catch_unwind()
            .await;
        let ended = made.unwrap_or_else(|panic| Err(Failure::Panic(panic)));
        self.end(&draft, ledger, ended).await;
        self.chat
            .turns
            .end(self.conversation.conversation_id, self.id);
    }

    async fn make(
        &self,
        draft: &Draft,
        ledger: &mut Ledger,
        interrupts: Interrupts,
    ) -> Result<FinishReason, Failure> {
        tokio::select! {
            biased;
            () = interrupts.stop.cancelled() => Ok(FinishReason::Stopped),
            () = interrupts.interrupt.cancelled() => Ok(FinishReason::Interrupted),
            ended = self.relay(draft, ledger) => ended,
            () = self.keep_saving(draft) => Ok(FinishReason::Stopped),
        }
    }

    async fn relay(&self, draft: &Draft, ledger: &mut Ledger) -> Result<FinishReason, Failure> {
        let plan = self.plan().await?;
        *ledger = plan.ledger;
        let mut deltas = self.chat.ports.model.stream(self.request(plan)).await?;
        let mut finish = FinishReason::Stop;
        while let Some(delta) = deltas.next().await {
            match delta? {
                Delta::Text(chunk) => {
                    draft.push(&chunk);
                    let turn_id = self.id;
                    self.tell(EventBody::ResponseChunk(ResponseChunk { chunk, turn_id }))
                        .await?;
                }
                Delta::Finished(reason) => finish = reason,
                Delta::Usage(usage) => {
                    tracing::debug!(
                        turn_id = %self.id,
                        counted = ledger.history,
                        reported = usage.prompt_tokens,
                        "prompt tokens"
                    );
                }
            }
        }
        Ok(finish)
    }

    async fn plan(&self) -> Result<Plan, ChatError> {
        let id = self.conversation.conversation_id;
        let mut planner = ContextPlanner::new(self.chat.budget(), self.question.clone())?;
        let mut before = self.question.position;
        'pages: while before > 1 {
            let page = self
                .chat
                .read_messages(self.owner, id, Some(before), PAGE)
                .await?;
            before = page.first().map_or(0, |oldest| oldest.position);
            for message in page.into_iter().rev() {
                if let ControlFlow::Break(()) = planner.offer(message) {
                    break 'pages;
                }
            }
        }
        let before_the_answer = self.conversation.message_count.saturating_sub(1);
        Ok(planner.finish(before_the_answer))
    }

    fn request(&self, plan: Plan) -> ChatRequest {
        let messages = plan
            .messages
            .into_iter()
            .map(|message| ChatMessage {
                role: match message.role {
                    Role::User => ChatRole::User,
                    Role::Assistant => ChatRole::Assistant,
                },
                content: message.content,
            })
            .collect();
        ChatRequest {
            messages,
            max_reply_tokens: self.chat.limits.reply_tokens,
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

    async fn end(&self, draft: &Draft, ledger: Ledger, ended: Result<FinishReason, Failure>) {
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
        let mut events: Vec<EventBody> = failures.into_iter().map(EventBody::Error).collect();
        events.push(EventBody::ResponseEnd(ResponseEnd {
            message_id: self.answer.message_id,
            turn_id,
            position: self.answer.position,
            finish_reason,
            status: finish_reason.status(),
            token_count,
        }));
        let total_tokens_used = ledger.history.saturating_add(token_count);
        events.push(EventBody::TokenUsage(TokenUsage {
            turn_id,
            total_tokens_used,
            ledger,
        }));
        for event in events {
            if let Err(error) = self.tell(event).await {
                tracing::error!(%turn_id, error = cause(&error), "the end of a turn was not told");
            }
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
        let kept = self
            .chat
            .ports
            .conversations
            .save_answer(id, answer, now)
            .await?;
        Ok(kept.then_some(token_count))
    }

    async fn tell(&self, body: EventBody) -> Result<(), StoreError> {
        self.chat
            .ports
            .log
            .append(self.conversation.conversation_id, body)
            .await?;
        Ok(())
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
        TurnFailed {
            message,
            code: code.to_owned(),
            turn_id,
        }
    }

    fn empty_ledger(&self) -> Ledger {
        let budget = self.chat.budget();
        Ledger {
            window: budget.window,
            reserved: budget.reply,
            history: 0,
            total: budget.reply,
            left_out_messages: 0,
        }
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
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let chain: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    chain.join(": ")
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned())
}
