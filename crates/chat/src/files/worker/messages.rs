//! The messages that an analysis becomes.

use webchat_domain::{FileJob, MessageId, NewMessage, Role, Title, TurnId};
use webchat_persistence::{Append, StoreError};

use super::AnalysisWorker;
use crate::context::prompts::file_question;

/// Where the analysis is stored.
enum Target {
    /// At the end of the visible path, with its question.
    End,
    /// As another version of this answer.
    AnswerVersion(MessageId),
    /// As the answer to another version of this question.
    QuestionVersion(MessageId),
}

impl AnalysisWorker {
    /// Returns the messages to append: a question that names the file, and the analysis as its answer. If the file was
    /// analysed before, they are other versions.
    pub(super) async fn new_messages(&self, analysis: String) -> Result<Append, StoreError> {
        let model = self.core.ports.models.first();
        let answer_tokens = self.core.count_tokens(&model, &analysis).await;
        let (turn_id, now) = (TurnId::generate(), self.core.now());
        let answer = NewMessage::answer(analysis, answer_tokens, now).in_turn(turn_id);
        let FileJob { file_name, instructions, .. } = &self.leased.job;
        let question = file_question(file_name, instructions.as_ref());
        let target = self.target(&question).await?;
        if let Target::AnswerVersion(answer_id) = target {
            let version_of = Some(answer_id);
            return Ok(Append { messages: vec![answer], version_of, ..Append::default() });
        }
        let question_tokens = self.core.count_tokens(&model, &question).await;
        let question = NewMessage::question(question, question_tokens, now).in_turn(turn_id);
        let messages = vec![question, answer];
        if let Target::QuestionVersion(question_id) = target {
            let version_of = Some(question_id);
            return Ok(Append { messages, version_of, ..Append::default() });
        }
        let title = Title::of_file(file_name);
        Ok(Append { messages, title, ..Append::default() })
    }

    /// Finds the place for the analysis. If a version of the question has this text, the analysis is an answer to it.
    async fn target(&self, question: &str) -> Result<Target, StoreError> {
        let (user_id, id) = (self.leased.user_id, self.leased.job.conversation_id);
        let conversations = &self.core.ports.conversations;
        let Some(analysis_id) = self.leased.job.message_id else { return Ok(Target::End) };
        let analysis = conversations.message(user_id, id, analysis_id).await?;
        let Some(question_id) = analysis.and_then(|analysis| analysis.parent_id) else {
            return Ok(Target::End);
        };
        let former = conversations.message(user_id, id, question_id).await?;
        let Some(former) = former else { return Ok(Target::End) };
        if former.content == question {
            return Ok(Target::AnswerVersion(analysis_id));
        }
        let versions = conversations.children(user_id, id, vec![former.parent_id]).await?;
        for version in versions.into_iter().rev().filter(|version| version.role == Role::User) {
            let stored = conversations.message(user_id, id, version.message_id).await?;
            if stored.is_some_and(|stored| stored.content == question) {
                let of_version = vec![Some(version.message_id)];
                let answer = conversations.children(user_id, id, of_version).await?.pop();
                return Ok(match answer {
                    Some(answer) => Target::AnswerVersion(answer.message_id),
                    None => Target::QuestionVersion(version.message_id),
                });
            }
        }
        Ok(Target::QuestionVersion(question_id))
    }
}
