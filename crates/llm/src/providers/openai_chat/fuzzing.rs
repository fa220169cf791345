//! What the fuzz targets in `fuzz` call.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::answer;
use super::reported_model::ReportedModel;
use crate::{Delta, Timeouts};

/// The maximum size of an answer.
const MAX_BYTES: usize = 64 * 1024;

/// Reads an answer whose bytes arrive in these parts. Returns its text, and its finish reason or the code of its
/// error.
pub async fn read_answer(parts: Vec<Vec<u8>>) -> (String, Option<&'static str>) {
    let bytes =
        stream::iter(parts.into_iter().map(|part| Ok::<_, std::io::Error>(Bytes::from(part))));
    let model = ReportedModel::default();
    let answer = answer::read_answer(bytes, MAX_BYTES, Instant::now(), Timeouts::default(), model);
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
