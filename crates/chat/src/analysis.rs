//! What the model is asked about a file: each part by itself, then all that it said together.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use webchat_domain::{FileName, ModelParameters};
use webchat_llm::{ChatRequest, ChatRole, ModelError};
use webchat_tokens::chunks;

use crate::Settings;
use crate::core::Core;
use crate::fault::cause;
use crate::prompts::{self, ANALYSE, COMBINE};

/// How often the model is asked for the same, beside what its client repeats by itself.
const TRIES: u32 = 3;

/// How long is waited before it is asked again, growing fourfold; longer where the model says so.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// Tokens of a request that are neither what is analysed nor the answer: the prompt, the file's name,
/// and what the chat format adds.
const REQUEST_OVERHEAD: u32 = 320;

/// With less, nothing sensible can be asked.
const LEAST: u32 = 64;

/// The most tokens of a part of a file: what the operator wants, if the model's window takes it.
pub(crate) fn longest_part(settings: &Settings) -> u32 {
    settings.files.part_tokens.min(room(settings)).max(LEAST)
}

/// The tokens that one request can take to be analysed.
fn room(settings: &Settings) -> u32 {
    let others = settings.reply_tokens.saturating_add(REQUEST_OVERHEAD);
    settings.max_tokens.saturating_sub(others).max(LEAST)
}

/// The most tokens of an analysis that is not the last one: some of them must fit into one request,
/// or they could never be combined.
fn longest_share(settings: &Settings) -> u32 {
    let most = (room(settings) / 4).min(longest_part(settings) / 2);
    settings.reply_tokens.min(most).max(LEAST / 4)
}

/// A file that is analysed.
pub(crate) struct Analyst<'a> {
    pub(crate) core: &'a Core,
    pub(crate) requests: &'a Semaphore,
    pub(crate) file_name: &'a FileName,
    pub(crate) parts: u32,
}

impl Analyst<'_> {
    /// What the model says about one part; parts are counted from 0.
    pub(crate) async fn analyse(&self, part: u32, text: &str) -> Result<String, ModelError> {
        let settings = &self.core.settings;
        let alone = self.parts == 1;
        let most = if alone { settings.reply_tokens } else { longest_share(settings) };
        let heading = prompts::part_heading(self.file_name, part, self.parts);
        self.ask(ANALYSE, format!("{heading}\n\n{text}"), most).await
    }

    /// One analysis made of those of all parts: in several steps, where they don't fit into one
    /// request.
    pub(crate) async fn combine(&self, analyses: Vec<String>) -> Result<String, ModelError> {
        let mut shares = analyses;
        let settings = &self.core.settings;
        while shares.len() > 1 {
            let groups = self.groups(shares).await;
            let most =
                if groups.len() == 1 { settings.reply_tokens } else { longest_share(settings) };
            shares = Vec::with_capacity(groups.len());
            for group in groups {
                shares.push(self.combine_group(group, most).await?);
            }
        }
        Ok(shares.pop().unwrap_or_default())
    }

    async fn combine_group(&self, group: Vec<String>, most: u32) -> Result<String, ModelError> {
        match <[String; 1]>::try_from(group) {
            Ok([alone]) => Ok(alone),
            Err(group) => {
                let heading = prompts::shares_heading(self.file_name);
                self.ask(COMBINE, format!("{heading}\n\n{}", group.join(BETWEEN)), most).await
            }
        }
    }

    /// Neighbours, as many as one request can take.
    async fn groups(&self, shares: Vec<String>) -> Vec<Vec<String>> {
        let room = room(&self.core.settings);
        let mut groups: Vec<Vec<String>> = Vec::new();
        let mut taken = 0_u32;
        for share in shares {
            let tokens = self.core.count_tokens(&share).await.saturating_add(BETWEEN_TOKENS);
            taken = taken.saturating_add(tokens);
            match groups.last_mut() {
                Some(group) if taken <= room => group.push(share),
                _ => {
                    groups.push(vec![share]);
                    taken = tokens;
                }
            }
        }
        groups
    }

    async fn ask(&self, prompt: &str, content: String, most: u32) -> Result<String, ModelError> {
        let request = ChatRequest {
            messages: vec![
                prompts::said(ChatRole::System, prompt.to_owned()),
                prompts::said(ChatRole::User, content),
            ],
            max_reply_tokens: most,
            parameters: ModelParameters::default(),
        };
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.try_to_ask(request.clone(), most).await {
                Err(error) if may_pass(&error) => {
                    tracing::info!(error = cause(&error), "a part of a file is tried again");
                    sleep(wait.max(asked_wait(&error)).min(LONGEST_WAIT)).await;
                    wait *= 4;
                }
                answered => return answered,
            }
        }
        self.try_to_ask(request, most).await
    }

    async fn try_to_ask(&self, request: ChatRequest, most: u32) -> Result<String, ModelError> {
        // It is never closed.
        let _permit = self.requests.acquire().await.ok();
        let answering = timeout(PATIENCE, self.core.complete(request)).await;
        let answer = answering.map_err(|_| ModelError::Failed("it took too long".into()))??;
        // The model's own count may be another: what is too long by ours is cut at a sentence's end.
        let within = chunks(answer.trim(), most.max(LEAST / 4), self.core.counter());
        let analysis = within.first().map(|first| first.trim()).unwrap_or_default();
        if analysis.is_empty() {
            return Err(ModelError::Failed("an empty answer".into()));
        }
        Ok(analysis.to_owned())
    }
}

const BETWEEN: &str = "\n\n---\n\n";

/// Some more than it has: texts may count more together than apart.
const BETWEEN_TOKENS: u32 = 8;

/// Whether the same request may be answered later.
fn may_pass(error: &ModelError) -> bool {
    matches!(
        error,
        ModelError::Unreachable { .. } | ModelError::RateLimited { .. } | ModelError::Failed(_)
    )
}

/// Whether all requests would fail now.
pub(crate) fn concerns_all(error: &ModelError) -> bool {
    !matches!(
        error,
        ModelError::Failed(_) | ModelError::ContentFilter { .. } | ModelError::ContextTooLong(_)
    )
}

fn asked_wait(error: &ModelError) -> Duration {
    match error {
        ModelError::Unreachable { retry_after: Some(wait), .. }
        | ModelError::RateLimited { retry_after: Some(wait), .. } => *wait,
        _ => Duration::ZERO,
    }
}
