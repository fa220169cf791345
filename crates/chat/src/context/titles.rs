//! Titles that the model generates.

use std::sync::Arc;
use std::time::Duration;

use webchat_domain::{
    Caller, ConversationChange, ConversationId, Message, MessageStatus, Role, Title, UserId,
    error_chain,
};
use webchat_llm::AnswerLimit;

use super::prompts::{GENERATE_TITLE, transcript_entry};
use super::title_text::parse_title;
use crate::error::ChatError;
use crate::models::background_request::BackgroundRequest;
use crate::models::request_metrics::Purpose;
use crate::runtime::core::Core;

/// The timeout of a request for a title.
const TITLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum number of tokens that the model may use for a title.
const MAX_TITLE_TOKENS: u32 = 24;

/// The maximum number of characters of each message that are sent to the model.
const MAX_EXCERPT_CHARS: usize = 2_000;

/// The maximum number of messages before the first successful answer. After more, no title is generated.
pub(crate) const MAX_MESSAGES_BEFORE: u32 = 20;

/// Asks the model for a title after the first successful answer, and replaces the first words of the first question.
/// Keeps that title if the model fails, and a title that the user has chosen. Shutdown cancels the request.
pub(crate) async fn generate_title(
    core: Arc<Core>,
    caller: Caller,
    id: ConversationId,
    question: Message,
    answer: Message,
) {
    let replacement = async {
        let user_id = caller.user_id;
        let Some(first) = first_question(&core, user_id, id, &answer).await? else {
            return Ok(());
        };
        let Some(first_title) = replaceable_title(&core, user_id, id).await? else {
            return Ok(());
        };
        let first = Some(first).filter(|first| first.message_id != question.message_id);
        let messages: Vec<Message> = first.into_iter().chain([question, answer]).collect();
        let Some(title) = suggest_title(&core, caller, id, &messages).await else { return Ok(()) };
        replace_title(&core, user_id, id, first_title, title).await
    };
    let result = tokio::select! {
        result = replacement => result,
        () = core.lifecycle.aborting().cancelled_owned() => Ok(()),
    };
    if let Err(error) = result {
        let error = error_chain(&error);
        tracing::warn!(conversation_id = %id, error, "failed to store generated title");
    }
}

/// Returns whether this is an answer from which a title can be generated.
pub(crate) fn is_successful(answer: &Message) -> bool {
    let is_finished = matches!(answer.status, MessageStatus::Complete | MessageStatus::Truncated);
    is_finished && answer.role == Role::Assistant && !answer.is_blank_answer()
}

/// Returns the first visible question if this is the first successful answer.
async fn first_question(
    core: &Core,
    user_id: UserId,
    id: ConversationId,
    answer: &Message,
) -> Result<Option<Message>, ChatError> {
    let limit = MAX_MESSAGES_BEFORE + 1;
    let before = core.read_messages(user_id, id, Some(answer.position), limit).await?;
    let is_first = !before.iter().any(is_successful);
    let first = before.into_iter().next().filter(|first| first.parent_id.is_none());
    Ok(first.filter(|_| is_first))
}

/// Returns the conversation's title if it still consists of the first words of its first message.
async fn replaceable_title(
    core: &Core,
    user_id: UserId,
    id: ConversationId,
) -> Result<Option<Title>, ChatError> {
    let conversations = &core.ports.conversations;
    let first_versions = conversations.children(user_id, id, vec![None]).await?;
    let Some(oldest) = first_versions.first() else { return Ok(None) };
    let first = conversations.message(user_id, id, oldest.message_id).await?;
    let first_words = first.and_then(|first| Title::from_first_words(&first.content));
    let title = core.find_conversation(user_id, id).await?.title;
    Ok(title.filter(|title| first_words.as_ref() == Some(title)))
}

async fn suggest_title(
    core: &Core,
    caller: Caller,
    id: ConversationId,
    messages: &[Message],
) -> Option<Title> {
    let transcript: String = messages.iter().map(excerpt).collect();
    let model = core.effective_context(caller.user_id, id).await.ok()?.model;
    let request = BackgroundRequest {
        model,
        caller,
        purpose: Purpose::Title,
        instructions: GENERATE_TITLE.into(),
        content: transcript.trim_end().to_owned(),
        answer_limit: AnswerLimit::Tokens(MAX_TITLE_TOKENS),
        timeout: TITLE_TIMEOUT,
    };
    match request.send(core).await {
        Ok(text) => parse_title(&text),
        Err(error) => {
            let log_rest = |(), count| tracing::info!(count, "failed to generate more titles");
            if core.title_failures.count(|_| (), log_rest).is_some() {
                let error = error_chain(&error);
                tracing::info!(conversation_id = %id, error, "failed to generate title");
            }
            None
        }
    }
}

async fn replace_title(
    core: &Core,
    user_id: UserId,
    id: ConversationId,
    first_title: Title,
    title: Title,
) -> Result<(), ChatError> {
    let conversations = &core.ports.conversations;
    if conversations.replace_title_if(user_id, id, first_title, Some(title.clone())).await? {
        core.notify_list(user_id, Some(id)).await;
        core.publish_change(id, ConversationChange::Title { title }).await?;
    }
    Ok(())
}

fn excerpt(message: &Message) -> String {
    let content = message.content.chars().take(MAX_EXCERPT_CHARS).collect();
    transcript_entry(&Message { content, ..message.clone() })
}

#[cfg(test)]
mod tests {
    use webchat_domain::FinishReason;

    use super::*;
    use crate::testing::{ANSWER, QUESTION, TestChat, settle};

    fn title(text: &str) -> Title {
        Title::try_from(text.to_owned()).unwrap()
    }

    async fn chat_after_first_answer() -> TestChat {
        let test = TestChat::with_settings(|settings| settings.auto_titles = true).await;
        test.ask_and_answer(QUESTION, ANSWER).await;
        test
    }

    #[tokio::test(start_paused = true)]
    async fn a_title_is_generated_only_after_the_first_answer() {
        let test = chat_after_first_answer().await;

        let title_request = test.model.next_request().await;
        let request = title_request.request.clone();
        title_request.send_text("\"Sums of two\".\n").await;
        title_request.finish(FinishReason::Stop).await;
        settle().await;
        test.ask_and_answer("And then?", ANSWER).await;

        let transcript = request.messages.last().unwrap();
        assert_eq!(transcript.content, format!("User: {QUESTION}\n\nAssistant: {ANSWER}"));
        assert_eq!(test.conversation().await.title, Some(title("Sums of two")));
        assert!(test.published().await.contains(&"title: Sums of two".to_owned()));
        assert_eq!(test.model.request_count(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_title_that_the_user_sets_in_the_meantime_is_kept() {
        let test = chat_after_first_answer().await;
        let request = test.model.next_request().await;

        test.rename(test.conversation_id, title("Mine")).await;
        request.send_text("Sums").await;
        request.finish(FinishReason::Stop).await;
        settle().await;

        assert_eq!(test.conversation().await.title, Some(title("Mine")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_words_remain_the_title_if_the_model_returns_no_valid_one() {
        let long_answer =
            "The conversation is about a sum that the user wrote, and about a long word.";
        for reply in [long_answer, " \n", "***"] {
            let test = chat_after_first_answer().await;

            let request = test.model.next_request().await;
            request.send_text(reply).await;
            request.finish(FinishReason::Stop).await;
            settle().await;

            assert_eq!(test.conversation().await.title, Some(title(QUESTION)), "{reply}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_cut_off_or_only_reasoning_does_not_become_the_title() {
        let (stop, length) = (FinishReason::Stop, FinishReason::Length);
        for (reply, reason, expected) in [
            ("<think>\nOkay, the user wants a title for this chat about", length, QUESTION),
            ("<think>Okay, the user wants a title for", stop, QUESTION),
            ("Okay, the user is asking about spiders. I need", length, QUESTION),
            ("<|channel|>analysis<|message|>We need to produce a title", length, QUESTION),
            ("Spider legs", FinishReason::ContentFilter, QUESTION),
            ("{\"name\": \"Spider legs\"}", stop, QUESTION),
            ("<think>\nA title about legs.\n</think>\n\nSpider legs", stop, "Spider legs"),
            ("<think>\n\n</think>\n\nSpider legs", stop, "Spider legs"),
            ("{ \"title\": \"Spider legs\" }", stop, "Spider legs"),
            ("```json\n{\"title\": \"Spider legs\"}\n```", stop, "Spider legs"),
            ("Here is a title:\n\n**Spider legs**", stop, "Spider legs"),
        ] {
            let test = chat_after_first_answer().await;

            let request = test.model.next_request().await;
            request.send_text(reply).await;
            request.finish(reason).await;
            settle().await;

            assert_eq!(test.conversation().await.title, Some(title(expected)), "{reply}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_request_for_a_title_omits_the_reasoning_of_the_answer() {
        let test = TestChat::with_settings(|settings| settings.auto_titles = true).await;
        test.ask_and_answer(QUESTION, &format!("<think>\nHm.\n</think>\n{ANSWER}")).await;

        let request = test.model.next_request().await;

        let expected = format!("User: {QUESTION}\n\nAssistant: {ANSWER}");
        assert_eq!(request.contents()[1], expected);
    }

    #[tokio::test(start_paused = true)]
    async fn the_title_is_unchanged_after_a_model_failure_or_timeout() {
        let test = chat_after_first_answer().await;
        test.model.next_request().await.fail().await;
        settle().await;
        assert_eq!(test.conversation().await.title, Some(title(QUESTION)));

        let timed_out = chat_after_first_answer().await;
        let request = timed_out.model.next_request().await;
        timed_out.advance(TITLE_TIMEOUT).await;
        settle().await;

        assert!(request.is_cancelled());
        assert_eq!(timed_out.conversation().await.title, Some(title(QUESTION)));
    }

    async fn chat_after_failed_answer() -> TestChat {
        let test = TestChat::with_settings(|settings| settings.auto_titles = true).await;
        test.ask(QUESTION).await.fail().await;
        settle().await;
        assert_eq!(test.model.request_count(), 1, "a title was generated");
        test
    }

    #[tokio::test(start_paused = true)]
    async fn a_title_is_generated_after_the_first_successful_answer() {
        let test = chat_after_failed_answer().await;

        test.ask_and_answer("And without a calculator?", ANSWER).await;
        let request = test.model.next_request().await;
        let content = request.contents().pop().unwrap().to_owned();
        request.answer("Mental arithmetic", FinishReason::Stop).await;
        settle().await;

        let questions = format!("User: {QUESTION}\n\nUser: And without a calculator?");
        assert_eq!(content, format!("{questions}\n\nAssistant: {ANSWER}"));
        assert_eq!(test.conversation().await.title, Some(title("Mental arithmetic")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_title_is_generated_after_a_successful_retry() {
        let test = chat_after_failed_answer().await;

        let (user_id, id) = (test.user_id, test.conversation_id);
        test.chat.turns.regenerate(user_id, id, None, None, None).await.unwrap();
        test.model.next_request().await.answer(ANSWER, FinishReason::Stop).await;
        test.model.next_request().await.answer("Sums", FinishReason::Stop).await;
        settle().await;

        assert_eq!(test.conversation().await.title, Some(title("Sums")));
    }

    #[tokio::test(start_paused = true)]
    async fn no_title_is_generated_if_the_user_has_chosen_one() {
        let test = chat_after_failed_answer().await;

        test.rename(test.conversation_id, title("Mine")).await;
        test.ask_and_answer("And then?", ANSWER).await;
        settle().await;

        assert_eq!(test.model.request_count(), 2);
        assert_eq!(test.conversation().await.title, Some(title("Mine")));
    }
}
