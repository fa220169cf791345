use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use webchat_domain::{ConversationChange, ConversationId, Message, ModelParameters, Title, UserId};
use webchat_llm::{ChatRequest, ChatRole, ModelError};

use crate::ChatError;
use crate::core::Core;
use crate::fault::cause;
use crate::prompts::{self, ENTITLE};

/// How long the model may take for a title.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tokens of a title, at most.
const TITLE_TOKENS: u32 = 24;

/// Characters of a title from the model; a longer one is an answer, and no title.
const LONGEST: usize = 60;

/// Characters that the model gets of each message.
const EXCERPT: usize = 2_000;

impl Core {
    /// Asks the model for a title, after the first exchange, in place of the one made of the first
    /// words. Where that fails, or the user gave another one meanwhile, nothing changes. Shutdown cuts
    /// it off.
    pub(crate) async fn entitle(
        self: Arc<Self>,
        user_id: UserId,
        id: ConversationId,
        first_words: Title,
        exchange: [Message; 2],
    ) {
        let interrupt = self.running.interrupt();
        let entitling = async {
            let Some(title) = self.suggest_title(id, &exchange).await else { return Ok(()) };
            self.replace_title(user_id, id, first_words, title).await
        };
        let entitled = tokio::select! {
            entitled = entitling => entitled,
            () = interrupt.cancelled() => Ok(()),
        };
        if let Err(error) = entitled {
            tracing::warn!(conversation_id = %id, error = cause(&error), "no title from the model");
        }
    }

    async fn suggest_title(&self, id: ConversationId, exchange: &[Message; 2]) -> Option<Title> {
        let transcript: String = exchange.iter().map(excerpt).collect();
        let request = ChatRequest {
            messages: vec![
                prompts::said(ChatRole::System, ENTITLE.to_owned()),
                prompts::said(ChatRole::User, transcript.trim_end().to_owned()),
            ],
            max_reply_tokens: TITLE_TOKENS,
            parameters: ModelParameters::default(),
        };
        let answered: Option<Result<String, ModelError>> =
            timeout(PATIENCE, self.complete(request)).await.ok();
        match answered {
            Some(Ok(text)) => title_in(&text),
            Some(Err(error)) => {
                tracing::info!(conversation_id = %id, error = cause(&error), "no title");
                None
            }
            None => {
                tracing::info!(conversation_id = %id, "no title: the model took too long");
                None
            }
        }
    }

    async fn replace_title(
        &self,
        user_id: UserId,
        id: ConversationId,
        first_words: Title,
        title: Title,
    ) -> Result<(), ChatError> {
        let conversations = &self.ports.conversations;
        if conversations.replace_title_if(user_id, id, first_words, title.clone()).await? {
            self.notify_list(user_id, Some(id)).await;
            self.publish_change(id, ConversationChange::Title { title }).await?;
        }
        Ok(())
    }
}

fn excerpt(message: &Message) -> String {
    let content = message.content.chars().take(EXCERPT).collect();
    prompts::line(&Message { content, ..message.clone() })
}

/// The title in what the model said: its first line, without what models put around it. `None` where
/// it is none.
fn title_in(text: &str) -> Option<Title> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let line = line.trim_start_matches("Title:").trim_start_matches("**Title:**");
    let bare = line.trim_matches(|c: char| c.is_whitespace() || "\"'`*#“”„«».:".contains(c));
    if bare.chars().count() > LONGEST {
        return None;
    }
    Title::try_from(bare.to_owned()).ok()
}

#[cfg(test)]
mod tests {

    use webchat_domain::FinishReason;

    use super::*;
    use crate::testing::{ANSWER, QUESTION, Room, settle};

    fn title(text: &str) -> Title {
        Title::try_from(text.to_owned()).unwrap()
    }

    async fn room_after_the_first_exchange() -> Room {
        let room = Room::open_with(|settings| settings.auto_titles = true).await;
        room.ask_and_answer(QUESTION, ANSWER).await;
        room
    }

    #[tokio::test(start_paused = true)]
    async fn the_model_entitles_a_conversation_after_its_first_exchange_and_only_then() {
        let room = room_after_the_first_exchange().await;

        let asked = room.model.asked().await;
        let request = asked.request.clone();
        asked.say("\"Sums of two\".\n").await;
        asked.finish(FinishReason::Stop).await;
        settle().await;
        room.ask_and_answer("And then?", ANSWER).await;

        let told = request.messages.last().unwrap();
        assert_eq!(told.content, format!("User: {QUESTION}\n\nAssistant: {ANSWER}"));
        assert_eq!(room.conversation().await.title, Some(title("Sums of two")));
        assert!(room.told().await.contains(&"title: Sums of two".to_owned()));
        assert_eq!(room.model.times_asked(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_title_that_the_user_gave_meanwhile_stays() {
        let room = room_after_the_first_exchange().await;
        let asked = room.model.asked().await;

        room.rename(room.id, title("Mine")).await;
        asked.say("Sums").await;
        asked.finish(FinishReason::Stop).await;
        settle().await;

        assert_eq!(room.conversation().await.title, Some(title("Mine")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_words_stay_where_the_model_gives_no_title() {
        let long_answer =
            "The conversation is about a sum that the user wrote, and about a long word.";
        for said in [long_answer, " \n", "***"] {
            let room = room_after_the_first_exchange().await;

            let asked = room.model.asked().await;
            asked.say(said).await;
            asked.finish(FinishReason::Stop).await;
            settle().await;

            assert_eq!(room.conversation().await.title, Some(title(QUESTION)), "{said}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_that_fails_or_is_silent_harms_nothing() {
        let room = room_after_the_first_exchange().await;
        room.model.asked().await.fail().await;
        settle().await;
        assert_eq!(room.conversation().await.title, Some(title(QUESTION)));

        let silent = room_after_the_first_exchange().await;
        let asked = silent.model.asked().await;
        silent.wait(PATIENCE).await;
        settle().await;

        assert!(asked.is_dropped());
        assert_eq!(silent.conversation().await.title, Some(title(QUESTION)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_failed_is_no_exchange() {
        let room = Room::open_with(|settings| settings.auto_titles = true).await;

        room.ask(QUESTION).await.fail().await;
        settle().await;

        assert_eq!(room.model.times_asked(), 1);
    }
}
