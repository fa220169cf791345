//! Fixtures of the contract suites.

use std::collections::BTreeMap;

use webchat_domain::{
    ClientMessageId, Context, Conversation, ConversationId, ExampleId, FewShotExample,
    FileInstructions, FileJob, JobId, JobStatus, Message, MessageId, MessageStatus,
    ModelParameters, NewMessage, Problem, Reasoning, Role, Summary, SummaryAuthor, SystemPrompt,
    Timestamp, Title, TurnId, UserId,
};

use crate::{
    AnswerUpdate, AppendOutcome, FileAnalysis, NewFileJob, StoredConversation, StoredFileJob,
    StoredMessage,
};

/// Returns the time of all fixtures, plus `offset` milliseconds.
#[must_use]
pub fn moment(offset: i64) -> Timestamp {
    Timestamp::from_unix_millis(Timestamp::FIXTURE.unix_millis() + offset)
}

/// Returns a complete question of 7 tokens, in no turn.
#[must_use]
pub fn question(content: &str) -> NewMessage {
    NewMessage { content: content.to_owned(), ..NewMessage::fixture() }
}

/// Returns the placeholder of an answer.
#[must_use]
pub fn empty_answer(turn_id: TurnId) -> NewMessage {
    NewMessage {
        turn_id: Some(turn_id),
        role: Role::Assistant,
        token_count: 0,
        status: MessageStatus::Interrupted,
        ..question("")
    }
}

/// Returns reasoning of 4 tokens.
pub(super) fn reasoning(text: &str) -> Reasoning {
    Reasoning { text: text.to_owned(), duration_ms: 12_345, tokens: 4 }
}

/// Returns the final save of an answer, which has 3 tokens.
#[must_use]
pub fn final_state(answer: &Message, content: &str) -> AnswerUpdate {
    AnswerUpdate {
        message_id: answer.message_id,
        turn_id: answer.turn_id.unwrap(),
        content: content.to_owned(),
        reasoning: None,
        token_count: 3,
        status: MessageStatus::Complete,
        error: None,
        ended_at: Some(moment(12)),
        lease_until: None,
    }
}

/// Unwraps [`AppendOutcome::Stored`].
pub(super) fn unwrap_stored(outcome: AppendOutcome) -> (Conversation, Vec<Message>) {
    match outcome {
        AppendOutcome::Stored { conversation, messages } => (conversation, messages),
        other => panic!("expected stored messages: {other:?}"),
    }
}

pub(super) fn contents(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.content.as_str()).collect()
}

pub(super) fn full_context() -> Context {
    // The id is fixed, so that two calls return equal contexts.
    let example_id = "01900000-0000-7000-8000-000000000001".parse::<ExampleId>().unwrap();
    Context {
        system_prompt: Some(SystemPrompt {
            text: "Speak of tides. \0 \u{301}".to_owned(),
            token_count: 5,
        }),
        parameters: ModelParameters { seed: Some(-7), ..ModelParameters::default() },
        reply_tokens: Some(700),
        model: Some("gpt-4.1".parse().unwrap()),
        examples: vec![FewShotExample {
            example_id,
            user_prompt: "$where?".to_owned(),
            assistant_response: "At the shore.".to_owned(),
            prompt_tokens: 3,
            response_tokens: 4,
            created_at: moment(3),
        }],
        summary: Some(Summary {
            text: "They spoke of the moon.".to_owned(),
            token_count: 6,
            through: 40,
            message_count: 38,
            created_at: moment(4),
            author: SummaryAuthor::Model,
        }),
    }
}

/// Returns a conversation whose second message is hidden, and whose last position is beyond its messages.
pub(super) fn sample() -> (StoredConversation, Vec<StoredMessage>) {
    let first = Message {
        position: 4,
        turn_id: Some(TurnId::generate()),
        content: "The tide, twice".to_owned(),
        token_count: 4,
        created_at: moment(5),
        ..Message::fixture()
    };
    let second = Message {
        conversation_id: first.conversation_id,
        position: 6,
        parent_id: Some(first.message_id),
        turn_id: first.turn_id,
        content: "Another tide".to_owned(),
        token_count: first.token_count,
        created_at: first.created_at,
        ..Message::full_fixture()
    };
    let conversation = StoredConversation {
        user_id: UserId::generate(),
        conversation: Conversation {
            conversation_id: first.conversation_id,
            title: Title::try_from("Tides".to_owned()).ok(),
            created_at: moment(1),
            updated_at: moment(7),
            message_count: 1,
            total_tokens: 4,
            archived: true,
        },
        head: Some(first.message_id),
        last_position: 9,
        context: full_context(),
    };
    let client_message_id = ClientMessageId::try_from("c9".to_owned()).ok();
    let messages = vec![
        StoredMessage { message: first, client_message_id, active: true },
        StoredMessage { message: second, client_message_id: None, active: false },
    ];
    (conversation, messages)
}

pub(super) fn id_of(stored: &StoredConversation) -> ConversationId {
    stored.conversation.conversation_id
}

/// The content of every file fixture.
pub(super) const TEXT: &str = "\u{feff}Tides\r\n\0 潮汐 and \u{301}.";

/// The maximum number of jobs that a user may have in the file suite.
pub(super) const MAX_JOBS: u32 = 3;

pub(super) fn part_ends() -> Vec<u64> {
    vec![8, u64::try_from(TEXT.len()).unwrap()]
}

pub(super) fn new_job(conversation_id: ConversationId, created: i64) -> NewFileJob {
    let job = FileJob {
        job_id: JobId::generate(),
        conversation_id,
        file_name: "tides.txt".to_owned().into(),
        size_bytes: 27,
        token_count: 12,
        status: JobStatus::Running,
        parts_done: 0,
        part_count: 2,
        error: None,
        created_at: moment(created),
        message_id: None,
        question_id: None,
        instructions: None,
    };
    NewFileJob { job, text: TEXT.to_owned(), part_ends: part_ends(), max_unfinished: MAX_JOBS }
}

/// Returns a file job of which one part has been analysed.
pub(super) fn stored_file(user_id: UserId, id: ConversationId, created: i64) -> StoredFileJob {
    let error = Problem { message: "Part 2 of 2 …".to_owned(), code: "model_failed".to_owned() };
    let job = FileJob {
        parts_done: 1,
        error: Some(error),
        question_id: Some(MessageId::generate()),
        instructions: FileInstructions::try_from("Which tides?\nAnd why?".to_owned()).ok(),
        ..new_job(id, created).job
    };
    let text = FileAnalysis {
        content: TEXT.to_owned(),
        part_ends: part_ends(),
        analyses: BTreeMap::from([(1, "of part 1 \0".to_owned())]),
    };
    StoredFileJob { user_id, job, text: Some(text) }
}
