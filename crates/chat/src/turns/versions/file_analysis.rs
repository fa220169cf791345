//! Recognises the analyses of files.

use webchat_domain::{ConversationId, Message, Role, UserId};

use crate::context::prompts::{FILE_QUESTION_START, is_file_question};
use crate::error::ChatError;
use crate::turns::service::Turns;

impl Turns {
    /// Fails if the answers to this question are analyses of a file: the model would answer without the file. Retrying
    /// the file analyses it again.
    ///
    /// All versions of a question about a file are about that file: only its analysis adds a version. A file stores
    /// only its newest analysis, which may be the answer to another version.
    pub(super) async fn check_is_not_analysis(
        &self,
        user_id: UserId,
        id: ConversationId,
        question: &Message,
    ) -> Result<(), ChatError> {
        // This saves the reads for almost all questions.
        if !question.content.starts_with(FILE_QUESTION_START) {
            return Ok(());
        }
        let ports = &self.core.ports;
        let conversations = &ports.conversations;
        let versions = conversations.children(user_id, id, vec![question.parent_id]).await?;
        let versions = versions.into_iter().filter(|version| version.role == Role::User);
        let versions = versions.map(|version| Some(version.message_id)).collect();
        let answers = conversations.children(user_id, id, versions).await?;
        let answers = answers.into_iter().map(|answer| answer.message_id).collect();
        let file = ports.file_jobs.find_job_by_analysis(user_id, id, answers).await?;
        // An older server may have let the user turn this version into another question.
        if file.is_some_and(|file| is_file_question(&question.content, &file.file_name)) {
            return Err(ChatError::FileAnalysis);
        }
        Ok(())
    }
}
