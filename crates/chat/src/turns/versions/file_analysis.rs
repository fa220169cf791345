//! Recognises the analyses of files.

use webchat_domain::{ConversationId, MessageId, UserId};

use crate::error::ChatError;
use crate::turns::service::Turns;

/// The maximum number of files of a conversation whose analyses are recognised, the newest ones.
const MAX_FILES: u32 = 1_000;

impl Turns {
    /// Fails if an answer to this question is the analysis of a file: the model would answer without the file. Retrying
    /// the file analyses it again.
    pub(super) async fn check_is_not_analysis(
        &self,
        user_id: UserId,
        id: ConversationId,
        question_id: MessageId,
    ) -> Result<(), ChatError> {
        let ports = &self.core.ports;
        let files = ports.file_jobs.jobs(user_id, id, MAX_FILES).await?.unwrap_or_default();
        let analyses: Vec<MessageId> = files.iter().filter_map(|file| file.message_id).collect();
        if analyses.is_empty() {
            return Ok(());
        }
        let answers = ports.conversations.children(user_id, id, vec![Some(question_id)]).await?;
        if answers.iter().any(|answer| analyses.contains(&answer.message_id)) {
            return Err(ChatError::FileAnalysis);
        }
        Ok(())
    }
}
