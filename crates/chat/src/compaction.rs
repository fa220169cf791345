use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::StreamExt;
use thiserror::Error;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use webchat_domain::{
    ConversationChange, ConversationId, Message, ModelParameters, Summary, SummaryAuthor,
    Timestamp, UserId,
};
use webchat_llm::{ChatRequest, ChatRole, Delta, ModelError};
use webchat_persistence::{ReplacedContext, StoreError, StoredContext};
use webchat_tokens::{Budget, Fold, SUMMARY_HEADING, chunks, with_overhead};

use crate::prompts::{self, SUMMARISE};
use crate::turn::cause;
use crate::{Chat, ChatError};

/// How long one request for a summary may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long somebody who compacts a conversation has the right to, alone: long enough for some
/// requests. What is not done by then is done the next time.
const RIGHT: Duration = Duration::from_mins(4);

/// How long a turn waits for somebody else who compacts its conversation, and how often it asks.
const WAIT: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Messages read at a time.
const PAGE: u32 = 50;

/// Tokens of a request for a summary that are neither the summary so far nor messages: the prompt,
/// headings, and what the chat format adds.
const REQUEST_OVERHEAD: u32 = 160;

/// A summary is not asked for in pieces smaller than this.
const SMALLEST_PIECE: u32 = 256;

/// Why there is no new summary. Everything is as it was, or as far as it got.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error("the model took more than 60 s for a summary")]
    Slow,
    #[error("the model gave an empty summary")]
    Empty,
    #[error("others changed the conversation's context meanwhile")]
    Outdated,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Chat(error.into())
    }
}

/// One conversation whose oldest messages are folded into its summary.
#[derive(Clone)]
pub(crate) struct Compaction {
    pub(crate) chat: Chat,
    pub(crate) owner: UserId,
    pub(crate) id: ConversationId,
    /// Only messages before this position are folded.
    pub(crate) before: u64,
}

impl Compaction {
    /// Folds, as soon as nobody else does. When it fails, that is logged, and the next time tries
    /// again. Shutdown cuts it off: what was folded so far is kept.
    pub(crate) async fn run(self) {
        let id = self.id;
        let interrupt = self.chat.turns.interrupt();
        let begun = tokio::select! {
            begun = self.begin() => begun,
            () = interrupt.cancelled() => None,
        };
        let Some(until) = begun else { return };
        let folded = tokio::select! {
            folded = self.fold(until) => folded,
            () = interrupt.cancelled() => Ok(()),
        };
        if let Err(error) = folded {
            tracing::warn!(conversation_id = %id, error = cause(&error), "not summarised");
        }
        if let Err(error) = self.chat.ports.contexts.end_compaction(id, until).await {
            tracing::warn!(conversation_id = %id, error = cause(&error), "still marked as busy");
        }
    }

    /// The moment until which it may fold; `None` if somebody else does for too long.
    async fn begin(&self) -> Option<Timestamp> {
        let begun = timeout(WAIT, async {
            loop {
                let now = self.chat.ports.clock.now();
                let until = now.plus(RIGHT);
                match self.chat.ports.contexts.begin_compaction(self.id, now, until).await {
                    Ok(true) => return Some(until),
                    Ok(false) => sleep(ASK_EVERY).await,
                    Err(error) => {
                        tracing::warn!(
                            conversation_id = %self.id,
                            error = cause(&error),
                            "not summarised"
                        );
                        return None;
                    }
                }
            }
        });
        begun.await.ok().flatten()
    }

    async fn fold(&self, until: Timestamp) -> Result<(), Failure> {
        while self.chat.ports.clock.now().plus(PATIENCE) < until {
            let stored = self.chat.stored_context(self.owner, self.id).await?;
            let budget = self.chat.budget(&stored.context);
            let through = budget.summary.map_or(0, |summary| summary.through);
            let Some(end) = self.end_of_fold(budget).await? else { return Ok(()) };
            let messages = self.next_piece(budget, through, end).await?;
            let Some(last) = messages.last().map(|last| last.position) else { return Ok(()) };
            let summary = self.summarise(budget, &stored, &messages).await?;
            self.keep(stored, summary).await?;
            let change = ConversationChange::Compacted { summary_through: last };
            self.chat.tell(self.id, change).await?;
        }
        Ok(())
    }

    /// The position of the newest message that is to be folded.
    async fn end_of_fold(&self, budget: Budget) -> Result<Option<u64>, ChatError> {
        let mut fold = Fold::new(budget);
        let mut end = None;
        let offer = |message: Message| match fold.ends_at(&message) {
            Some(false) => ControlFlow::Continue(()),
            Some(true) => {
                end = Some(message.position);
                ControlFlow::Break(())
            }
            None => ControlFlow::Break(()),
        };
        self.chat.offer_history(self.owner, self.id, Some(self.before), offer).await?;
        Ok(end)
    }

    /// The oldest messages behind the position `through`, up to `end`, that one request can take; at
    /// least one.
    async fn next_piece(
        &self,
        budget: Budget,
        through: u64,
        end: u64,
    ) -> Result<Vec<Message>, ChatError> {
        let room = piece(budget);
        let mut taken = 0_u32;
        let mut messages: Vec<Message> = Vec::new();
        let mut after = through;
        let mut stride = u64::from(PAGE);
        while after < end {
            let before = end.min(after.saturating_add(stride)) + 1;
            let page = self.chat.read_messages(self.owner, self.id, Some(before), PAGE).await?;
            let page: Vec<_> = page.into_iter().filter(|one| one.position > after).collect();
            if stride > u64::from(PAGE) && page.len() >= usize::try_from(PAGE).unwrap_or_default() {
                // There may be more of them. So many positions hold at most as many messages.
                stride = u64::from(PAGE);
                continue;
            }
            // Positions have gaps where other versions of messages have theirs.
            stride = if page.is_empty() { stride.saturating_mul(2) } else { u64::from(PAGE) };
            for message in page {
                taken = taken.saturating_add(with_overhead(message.token_count));
                if taken > room && !messages.is_empty() {
                    return Ok(messages);
                }
                messages.push(message);
            }
            after = before - 1;
        }
        Ok(messages)
    }

    /// The summary so far and these messages as one summary. A message that is too long for one
    /// request is given in parts.
    async fn summarise(
        &self,
        budget: Budget,
        stored: &StoredContext,
        messages: &[Message],
    ) -> Result<Summary, Failure> {
        let old = stored.context.summary.as_ref();
        let transcript: String = messages
            .iter()
            .filter(|message| !message.content.is_empty())
            .map(prompts::line)
            .collect();
        let mut text = old.map(|summary| summary.text.clone()).unwrap_or_default();
        for part in self.parts(budget, transcript).await {
            text = self.ask(budget, &text, &part).await?;
        }
        let folded = u64::try_from(messages.len()).unwrap_or(u64::MAX);
        Ok(Summary {
            token_count: self.chat.count_tokens(&text).await,
            text,
            through: messages.last().map_or(0, |last| last.position),
            message_count: old.map_or(0, |summary| summary.message_count).saturating_add(folded),
            created_at: self.chat.ports.clock.now(),
            author: SummaryAuthor::Model,
        })
    }

    /// One part, unless the transcript is a single message that is too long.
    async fn parts(&self, budget: Budget, transcript: String) -> Vec<String> {
        let counter = self.chat.counter();
        let cut = move || {
            let parts = chunks(&transcript, piece(budget), counter);
            parts.into_iter().map(str::to_owned).collect()
        };
        spawn_blocking(cut).await.unwrap_or_default()
    }

    async fn ask(&self, budget: Budget, so_far: &str, transcript: &str) -> Result<String, Failure> {
        let so_far = if so_far.is_empty() {
            String::new()
        } else {
            format!("{SUMMARY_HEADING}\n{so_far}\n\n")
        };
        let request = ChatRequest {
            messages: vec![
                prompts::said(ChatRole::System, SUMMARISE.to_owned()),
                prompts::said(ChatRole::User, format!("{so_far}{}", transcript.trim_end())),
            ],
            max_reply_tokens: budget.longest_summary(),
            parameters: ModelParameters::default(),
        };
        let text =
            timeout(PATIENCE, self.chat.complete(request)).await.map_err(|_| Failure::Slow)??;
        // The model's own count may be another: what is too long by ours is cut at a sentence's end.
        let counter = self.chat.counter();
        let within = chunks(text.trim(), budget.longest_summary().max(16), counter);
        let summary = within.first().map(|first| first.trim()).unwrap_or_default();
        if summary.is_empty() {
            return Err(Failure::Empty);
        }
        Ok(summary.to_owned())
    }

    async fn keep(&self, stored: StoredContext, summary: Summary) -> Result<(), Failure> {
        let StoredContext { mut context, revision } = stored;
        context.summary = Some(summary);
        let replaced = self
            .chat
            .ports
            .contexts
            .replace_context(self.owner, self.id, context, revision)
            .await?;
        match replaced {
            ReplacedContext::Stored { .. } => Ok(()),
            ReplacedContext::Outdated => Err(Failure::Outdated),
            ReplacedContext::NotFound => Err(ChatError::ConversationNotFound.into()),
        }
    }
}

impl Chat {
    /// A whole answer to a request of the server's own.
    pub(crate) async fn complete(&self, request: ChatRequest) -> Result<String, ModelError> {
        let mut deltas = self.ports.model.stream(request).await?;
        let mut text = String::new();
        while let Some(delta) = deltas.next().await {
            if let Delta::Text(part) = delta? {
                text.push_str(&part);
            }
        }
        Ok(text)
    }
}

/// The tokens of messages that one request for a summary can take.
fn piece(budget: Budget) -> u32 {
    let others = budget.longest_summary().saturating_mul(2).saturating_add(REQUEST_OVERHEAD);
    budget.window.saturating_sub(others).max(SMALLEST_PIECE)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;
    use webchat_domain::{FinishReason, MessageStatus};

    use super::*;
    use crate::testing::{Asked, Room, prompted, settle};

    /// A room of 1 000 tokens: 750 are tight, 250 are left by a fold.
    async fn small_room() -> Room {
        Room::with_window(1_800, 800).await
    }

    /// A text of so many tokens.
    fn tokens(count: usize) -> String {
        let text = format!("a{}", " tide".repeat(count - 1));
        assert_eq!(
            webchat_tokens::TokenCounter::load().count(&text),
            u32::try_from(count).unwrap()
        );
        text
    }

    async fn summary_request(room: &Room) -> Asked {
        let asked = room.model.asked().await;
        assert_eq!(asked.request.messages[0].content, SUMMARISE, "a summary is asked for");
        asked
    }

    async fn summarise(room: &Room, text: &str) -> ChatRequest {
        let asked = summary_request(room).await;
        let request = asked.request.clone();
        asked.say(text).await;
        asked.finish(FinishReason::Stop).await;
        settle().await;
        request
    }

    async fn summary(room: &Room) -> Option<Summary> {
        room.chat.context(room.owner, room.id).await.unwrap().context.summary
    }

    async fn ledger(room: &Room) -> webchat_domain::Ledger {
        room.chat.context(room.owner, room.id).await.unwrap().ledger
    }

    /// Two exchanges of 400 tokens each: now it is tight.
    async fn fill(room: &Room) {
        room.ask_and_answer(&format!("first {}", tokens(190)), &tokens(200)).await;
        room.ask_and_answer(&format!("second {}", tokens(190)), &tokens(200)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn when_it_gets_tight_the_oldest_messages_are_summarised_in_the_background() {
        let room = small_room().await;
        fill(&room).await;

        let request = summarise(&room, "They spoke of tides.").await;
        let kept = summary(&room).await.unwrap();
        let asked = room.ask("And now?").await;

        let transcript = &request.messages[1].content;
        assert!(
            transcript.starts_with("User: first a tide") && transcript.contains("second a tide")
        );
        assert_eq!((kept.through, kept.message_count, kept.token_count), (3, 3, 5));
        assert_eq!(kept.author, SummaryAuthor::Model);
        let sent: Vec<_> = asked.request.messages.iter().map(|one| one.content.as_str()).collect();
        let heading = "Summary of the conversation so far:\nThey spoke of tides.";
        assert_eq!(sent, [heading, tokens(200).as_str(), "And now?"]);
        assert!(room.told().await.contains(&"compacted: 3".to_owned()));
        assert_eq!(room.stored().await.len(), 6, "nothing is deleted");
        assert_eq!(ledger(&room).await.left_out_messages, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_summary_is_made_of_the_last_one_and_the_new_messages_alone() {
        let room = small_room().await;
        fill(&room).await;
        summarise(&room, "They spoke of tides.").await;
        fill(&room).await;

        let request = summarise(&room, "Tides, again.").await;

        let given = &request.messages[1].content;
        assert!(given.starts_with("Summary of the conversation so far:\nThey spoke of tides.\n\n"));
        assert!(
            !given.contains("[first]") && given.matches("second a tide").count() <= 1,
            "{given}"
        );
        let kept = summary(&room).await.unwrap();
        assert_eq!(kept.text, "Tides, again.");
        assert!(kept.through > 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_any_more_is_summarised_before_the_answer() {
        let room = small_room().await;
        room.ask_and_answer(&tokens(300), &tokens(300)).await;

        room.send(&tokens(500)).await.unwrap();
        summarise(&room, "They spoke of tides.").await;
        let asked = room.model.asked().await;

        let sent: Vec<_> = asked.request.messages.iter().map(|one| one.content.as_str()).collect();
        assert_eq!(sent.len(), 2, "{sent:?}");
        assert!(sent[0].ends_with("They spoke of tides."));
        assert_eq!(sent[1], tokens(500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_summary_that_fails_changes_nothing_and_the_next_turn_tries_again() {
        let room = small_room().await;
        room.ask_and_answer(&tokens(300), &tokens(300)).await;

        room.send(&tokens(500)).await.unwrap();
        summary_request(&room).await.fail().await;
        let answered = room.model.asked().await;
        answered.say("Yes.").await;
        answered.finish(FinishReason::Stop).await;
        settle().await;

        assert_eq!(summary(&room).await, None);
        assert_eq!(room.last_stored().await.status, MessageStatus::Complete);
        let told = room.events().await;
        let usage = told.iter().rev().find_map(|event| match &event.body {
            webchat_domain::EventBody::TokenUsage(usage) => Some(usage.ledger),
            _ => None,
        });
        assert_eq!(usage.unwrap().left_out_messages, 1);
        room.send("Again?").await.unwrap();
        summarise(&room, "They spoke of tides.").await;
        assert!(summary(&room).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_summary_is_none() {
        let room = small_room().await;
        fill(&room).await;

        summarise(&room, " \n").await;

        assert_eq!(summary(&room).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_summary_that_is_too_long_is_cut_at_the_end_of_a_sentence() {
        let room = small_room().await;
        fill(&room).await;

        let request = summarise(&room, &"The moon makes the tides. ".repeat(99)).await;

        let kept = summary(&room).await.unwrap();
        assert_eq!(request.max_reply_tokens, 250);
        assert!((200..=250).contains(&kept.token_count), "{}", kept.token_count);
        assert!(kept.text.ends_with("tides."), "{}", kept.text);
    }

    #[tokio::test(start_paused = true)]
    async fn one_summary_is_made_at_a_time_also_by_two_servers() {
        let room = small_room().await;
        fill(&room).await;
        let asked = summary_request(&room).await;
        let elsewhere = Compaction {
            chat: Chat::new(room.chat.ports.clone(), room.chat.settings().clone()),
            owner: room.owner,
            id: room.id,
            before: 5,
        };

        tokio::join!(elsewhere.run(), async {
            settle().await;
            asked.say("They spoke of tides.").await;
            asked.finish(FinishReason::Stop).await;
        });

        assert_eq!(room.model.times_asked(), 3, "the second found nothing left to fold");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_user_writes_meanwhile_stays() {
        let room = small_room().await;
        fill(&room).await;
        let asked = summary_request(&room).await;

        let prompt = prompted("Be brief.");
        room.chat.edit_context(room.owner, room.id, prompt, None).await.unwrap();
        asked.say("They spoke of tides.").await;
        asked.finish(FinishReason::Stop).await;
        settle().await;

        let context = room.chat.context(room.owner, room.id).await.unwrap().context;
        assert_eq!(context.system_prompt.unwrap().text, "Be brief.");
        assert_eq!(context.summary, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_summary_of_what_is_no_longer_visible_is_not_kept() {
        let room = small_room().await;
        fill(&room).await;
        let asked = summary_request(&room).await;

        room.chat.regenerate(room.owner, room.id, None, None).await.unwrap();
        asked.answer("They spoke of tides.", FinishReason::Stop).await;

        assert_eq!(summary(&room).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn behind_many_hidden_messages_each_visible_one_is_summarised_once() {
        let room = small_room().await;
        room.import_all(std::iter::repeat_n("hidden".to_owned(), 180)).await;
        let oldest = room.chat.read_messages(room.owner, room.id, Some(2), 1).await.unwrap();
        let edit = crate::testing::message("shown 0.");
        room.chat.edit_message(room.owner, room.id, oldest[0].message_id, edit).await.unwrap();
        room.model.asked().await.answer("Yes.", FinishReason::Stop).await;
        let shown = (1..100).map(|number| format!("shown {number}. {}", tokens(40)));
        room.import_all(shown).await;

        room.send("And now?").await.unwrap();
        let mut transcripts = String::new();
        loop {
            let asked = room.model.asked().await;
            if asked.request.messages[0].content != SUMMARISE {
                break;
            }
            transcripts += asked.said()[1];
            asked.answer("They spoke of tides.", FinishReason::Stop).await;
        }

        let kept = summary(&room).await.unwrap();
        assert!(kept.message_count > 90, "{kept:?}");
        // The answer to the first one counts too.
        let numbers = (0..kept.message_count - 1).map(|number| format!("shown {number}."));
        for shown in numbers {
            assert_eq!(transcripts.matches(&shown).count(), 1, "{shown}");
        }
        assert!(!transcripts.contains("hidden"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_may_go_on_is_not_summarised() {
        let room = small_room().await;
        room.ask_and_answer(&tokens(190), &tokens(200)).await;
        room.ask(&tokens(190)).await.answer(&tokens(300), FinishReason::Length).await;

        summarise(&room, "They spoke of tides.").await;
        room.chat.continue_answer(room.owner, room.id, None, None).await.unwrap();
        let asked = room.model.asked().await;

        assert_eq!(summary(&room).await.unwrap().through, 2);
        assert_eq!(asked.said()[1..3], [tokens(190), tokens(300)]);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_cuts_a_summary_off_and_leaves_the_way_free() {
        let room = small_room().await;
        fill(&room).await;
        let asked = summary_request(&room).await;

        room.chat.shutdown(Duration::from_secs(1)).await;

        assert!(asked.is_dropped());
        assert_eq!(summary(&room).await, None);
        let (now, until) = (room.chat.ports.clock.now(), room.chat.ports.clock.now().plus(RIGHT));
        assert!(room.chat.ports.contexts.begin_compaction(room.id, now, until).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_does_not_wait_for_the_right_that_somebody_else_has() {
        let room = small_room().await;
        let (now, until) = (room.chat.ports.clock.now(), room.chat.ports.clock.now().plus(RIGHT));
        assert!(room.chat.ports.contexts.begin_compaction(room.id, now, until).await.unwrap());
        fill(&room).await;
        let began = Instant::now();

        room.chat.shutdown(Duration::from_secs(1)).await;

        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(summary(&room).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_the_window_holds_is_summarised_in_pieces() {
        let room = small_room().await;
        for _ in 0..12 {
            room.import(&tokens(400)).await;
        }

        room.send("And now?").await.unwrap();
        let mut pieces = 0;
        let asked = loop {
            let asked = room.model.asked().await;
            if asked.request.messages[0].content != SUMMARISE {
                break asked;
            }
            pieces += 1;
            asked.say(&format!("Summary {pieces}.")).await;
            asked.finish(FinishReason::Stop).await;
        };

        assert_eq!(pieces, 6, "of two messages each");
        let sent = &asked.request.messages;
        assert!(sent[0].content.ends_with("Summary 6."), "{sent:?}");
        assert_eq!(summary(&room).await.unwrap().message_count, 12);
    }
}
