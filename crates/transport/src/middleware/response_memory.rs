//! Limits the memory of responses that clients have not read yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use tokio::time::Instant;
use webchat_chat::{Limit, count_reached_limit};

use super::body_limits::max_duration_at_min_rate;
use super::body_limits::memory::{BodyBudget, BodyMemory, EXEMPT_BYTES};
use crate::error::api_error::ApiError;
use crate::extract::client_address::ClientAddress;

/// The maximum size of the parts in which a body is sent. Only this much is copied before the client reads.
const PART_BYTES: usize = 16 * 1024;

/// Marks a response whose body is part of the binary and takes no memory.
pub(crate) struct ExemptFromMemoryBudget;

/// Counts the in-memory bodies of responses to `GET` until they are sent. Streams are read as they are sent, and
/// are not counted. Without free memory, the client receives an error, because waiting responses would take memory
/// too.
pub(crate) async fn limit_response_memory(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let budget = request.app_data::<Data<BodyBudget>>().cloned();
    let budget = budget.filter(|_| request.method() == Method::GET);
    let network = ClientAddress::of(request.request()).network();
    let response = next.call(request).await?;
    let takes_memory = !response.response().extensions().contains::<ExemptFromMemoryBudget>();
    let Some(budget) = budget.filter(|_| takes_memory) else {
        return Ok(response.map_into_boxed_body());
    };
    let mut memory = BodyMemory::default();
    let mut has_memory = true;
    let response = response.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) if bytes.len() > EXEMPT_BYTES => {
            has_memory = budget.try_reserve(&mut memory, network, bytes.len());
            CountedBody { bytes, sent: 0, started: Instant::now(), _memory: memory }.boxed()
        }
        Ok(bytes) => bytes.boxed(),
        Err(stream) => stream.boxed(),
    });
    if has_memory {
        return Ok(response);
    }
    Ok(response.into_response(HttpResponse::from_error(ApiError::BodyMemoryExceeded)))
}

/// A body in memory that is being sent.
struct CountedBody {
    bytes: Bytes,
    sent: u64,
    started: Instant,
    _memory: BodyMemory,
}

impl MessageBody for CountedBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }

    /// Returns the next part. Fails if the client reads too slowly, which closes the connection.
    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        if self.started.elapsed() > max_duration_at_min_rate(self.sent) {
            count_reached_limit(Limit::BodyTime);
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        let part_bytes = PART_BYTES.min(self.bytes.len());
        let part = self.bytes.split_to(part_bytes);
        self.sent = self.sent.saturating_add(u64::try_from(part_bytes).unwrap_or(u64::MAX));
        Poll::Ready(Some(Ok(part)))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    async fn next(body: &mut CountedBody) -> Option<Result<Bytes, io::Error>> {
        poll_fn(|context| Pin::new(&mut *body).poll_next(context)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_sent_in_parts_unless_the_client_is_too_slow() {
        let bytes = Bytes::from(vec![7; PART_BYTES * 2 + 1]);
        let body = || CountedBody {
            bytes: bytes.clone(),
            sent: 0,
            started: Instant::now(),
            _memory: BodyMemory::default(),
        };
        let (mut body, mut slow) = (body(), body());

        let mut parts = Vec::new();
        while let Some(part) = next(&mut body).await {
            parts.push(part.unwrap());
            advance(Duration::from_secs(10)).await;
        }
        slow.started = Instant::now();
        next(&mut slow).await.unwrap().unwrap();
        advance(Duration::from_secs(27)).await;

        assert_eq!(parts.iter().map(Bytes::len).collect::<Vec<_>>(), [PART_BYTES, PART_BYTES, 1]);
        assert_eq!(parts.concat(), bytes);
        assert_eq!(next(&mut slow).await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
