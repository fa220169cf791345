//! What the fuzz targets in `fuzz` call.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::answer::{self, ReadChunks};
use super::reported_model::ReportedModel;
use super::{openai_chat, openai_responses};
use crate::{Delta, Timeouts};

/// The maximum size of an answer.
const MAX_BYTES: usize = 64 * 1024;

/// Reads an answer of chat completions whose bytes arrive in these parts. Returns its text, and its finish reason or
/// the code of its error.
pub async fn read_answer(parts: Vec<Vec<u8>>) -> (String, Option<&'static str>) {
    read(parts, openai_chat::chunks).await
}

/// Reads an answer of the Responses API in the same way.
pub async fn read_response(parts: Vec<Vec<u8>>) -> (String, Option<&'static str>) {
    read(parts, openai_responses::chunks).await
}

async fn read(parts: Vec<Vec<u8>>, chunks: ReadChunks) -> (String, Option<&'static str>) {
    let bytes =
        stream::iter(parts.into_iter().map(|part| Ok::<_, std::io::Error>(Bytes::from(part))));
    let model = ReportedModel::default();
    let (now, timeouts) = (Instant::now(), Timeouts::default());
    let answer = answer::read_answer(bytes, MAX_BYTES, now, timeouts, model, chunks);
    let mut deltas = match answer.await {
        Ok(deltas) => deltas,
        Err(error) => {
            return (String::new(), Some(error.into_attempt_error(None).model_error.code()));
        }
    };
    let (mut text, mut end) = (String::new(), None);
    while let Some(delta) = deltas.next().await {
        match delta {
            Ok(Delta::Text(chunk)) => text.push_str(&chunk),
            Ok(Delta::Finished(reason)) => end = Some(reason.as_str()),
            Ok(Delta::Reasoning(_) | Delta::Filtered(_) | Delta::Usage(_)) => {}
            Err(error) => end = Some(error.code()),
        }
    }
    (text, end)
}
