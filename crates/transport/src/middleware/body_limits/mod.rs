//! Limits the duration of receiving a request body, and the memory of all bodies, and checks the client's access
//! again while a body arrives.

pub(crate) mod memory;

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt};
use tokio::time::{Instant, timeout};
use webchat_chat::{Limit, count_reached_limit};
use webchat_domain::Network;

use self::memory::{BodyBudget, BodyMemory, EXEMPT_BYTES};
use crate::error::api_error::ApiError;
use crate::extract::client_address::ClientAddress;

/// The maximum size of a body with a message, in bytes. The WebSocket has the same limit.
pub(crate) const MAX_MESSAGE_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The time after which a body must have arrived at [`MIN_BYTES_PER_S`] on average.
const MIN_RATE_GRACE: Duration = Duration::from_secs(10);

/// The minimum average rate of a body, in bytes per second.
const MIN_BYTES_PER_S: u64 = 1024;

/// The maximum time for a body, in addition to the time that its maximum size takes at [`EXPECTED_BYTES_PER_S`].
const MAX_TIME_GRACE: Duration = Duration::from_mins(1);

/// The rate at which a body of the maximum size arrives in time, in bytes per second.
const EXPECTED_BYTES_PER_S: u64 = 100 * 1024;

/// The time after which the access of a client whose body is arriving is checked again.
const ACCESS_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The time for which a body that arrives at once may be waited for.
const IMMEDIATE: Duration = Duration::from_millis(50);

/// Checks that a client still has the access that it had at the beginning of its request.
type AccessCheck = Rc<dyn Fn() -> LocalBoxFuture<'static, Result<(), ApiError>>>;

/// The limits of the body of one request. The handler may change them before it reads the body.
pub(crate) struct BodyLimits {
    max_bytes: Cell<u64>,
    is_in_memory: Cell<bool>,
    is_memory_kept: Cell<bool>,
    failure: RefCell<Option<ApiError>>,
    access_check: RefCell<Option<AccessCheck>>,
    memory: RefCell<BodyMemory>,
    payload: RefCell<Option<Payload>>,
}

/// A body that is being received.
struct IncomingBody {
    limits: Rc<BodyLimits>,
    budget: BodyBudget,
    network: Network,
    received: u64,
    waited: Duration,
    access_checked_at: Instant,
}

/// Limits the body of a request. A response before the end of the body closes the connection.
pub(crate) async fn limit_body(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    // No route reads the body of a GET, except for WebSockets, which have their own limits.
    let budget = request.app_data::<Data<BodyBudget>>().cloned();
    let Some(budget) = budget.filter(|_| request.method() != Method::GET) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let limits = Rc::new(BodyLimits::new(request.take_payload()));
    let network = ClientAddress::of(request.request()).network();
    let body = IncomingBody::new(Rc::clone(&limits), BodyBudget::clone(&budget), network);
    let chunks = stream::try_unfold(body, IncomingBody::next).boxed_local();
    request.set_payload(Payload::Stream { payload: chunks });
    request.extensions_mut().insert(Rc::clone(&limits));
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| ResponseBody { body: body.boxed(), _limits: limits }.boxed()))
}

/// Replaces the response to a request whose body was not received, because the handler only knows that the body is
/// incomplete.
pub(crate) async fn report_body_failure(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?;
    let limits = response.request().extensions().get::<Rc<BodyLimits>>().cloned();
    match limits.and_then(|limits| limits.failure.take()) {
        Some(error) => Ok(response.into_response(HttpResponse::from_error(error))),
        None => Ok(response.map_into_boxed_body()),
    }
}

impl BodyLimits {
    fn new(payload: Payload) -> Self {
        Self {
            max_bytes: Cell::new(u64::try_from(MAX_MESSAGE_BODY_BYTES).unwrap_or(u64::MAX)),
            is_in_memory: Cell::new(true),
            is_memory_kept: Cell::new(false),
            failure: RefCell::default(),
            access_check: RefCell::default(),
            memory: RefCell::default(),
            payload: RefCell::new(Some(payload)),
        }
    }

    /// Returns the limits of the body of this request.
    pub(crate) fn of(request: &HttpRequest) -> Result<Rc<Self>, ApiError> {
        let limits = request.extensions().get::<Rc<Self>>().cloned();
        limits.ok_or_else(|| ApiError::internal("the body limits are missing from the request"))
    }

    /// Allows the time that a file of `max_bytes` needs. Its memory stays reserved after it has arrived, until the
    /// handler drops the result of [`BodyLimits::take_memory`], or the request ends.
    pub(crate) fn expect_file_in_memory(&self, max_bytes: u64) {
        self.max_bytes.set(max_bytes);
        self.is_memory_kept.set(true);
    }

    /// Allows the time that a file of `max_bytes` needs. The file takes no memory.
    pub(crate) fn expect_file_on_disk(&self, max_bytes: u64) {
        self.max_bytes.set(max_bytes);
        self.is_in_memory.set(false);
    }

    /// Takes the reserved memory of the body.
    pub(crate) fn take_memory(&self) -> BodyMemory {
        self.memory.take()
    }

    /// Checks the client's access while the body arrives, at most once per [`ACCESS_CHECK_INTERVAL`]. If the check
    /// fails, the handler receives no more of the body, and the response is the error.
    pub(crate) fn check_access(
        &self,
        check: impl Fn() -> LocalBoxFuture<'static, Result<(), ApiError>> + 'static,
    ) {
        self.access_check.replace(Some(Rc::new(check)));
    }

    fn fail(&self, error: ApiError) -> PayloadError {
        self.failure.replace(Some(error));
        PayloadError::Io(io::ErrorKind::TimedOut.into())
    }
}

impl IncomingBody {
    fn new(limits: Rc<BodyLimits>, budget: BodyBudget, network: Network) -> Self {
        let access_checked_at = Instant::now();
        Self { limits, budget, network, received: 0, waited: Duration::ZERO, access_checked_at }
    }

    async fn next(mut self) -> Result<Option<(Bytes, Self)>, PayloadError> {
        let chunk = self.receive().await?;
        self.check_access(chunk.is_none()).await?;
        let Some(chunk) = chunk else { return Ok(None) };
        self.reserve().await?;
        Ok(Some((chunk, self)))
    }

    /// Checks the access if the last check was too long ago, and at the end of a body that has not arrived at once.
    async fn check_access(&mut self, is_end: bool) -> Result<(), PayloadError> {
        let check = self.limits.access_check.borrow().clone();
        let is_due = is_end && self.waited > IMMEDIATE
            || self.access_checked_at.elapsed() > ACCESS_CHECK_INTERVAL;
        let Some(check) = check.filter(|_| is_due) else { return Ok(()) };
        check().await.map_err(|error| self.limits.fail(error))?;
        self.access_checked_at = Instant::now();
        Ok(())
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, PayloadError> {
        // The payload is absent only while another read is pending.
        let payload = self.limits.payload.take();
        let Some(mut payload) = payload else { return Err(PayloadError::Incomplete(None)) };
        let started = Instant::now();
        let chunk = timeout(self.remaining_time(), payload.next()).await;
        self.waited += started.elapsed();
        self.limits.payload.replace(Some(payload));
        let too_slow = |_| {
            count_reached_limit(Limit::BodyTime);
            self.limits.fail(ApiError::RequestTimeout)
        };
        let chunk = chunk.map_err(too_slow)?.transpose()?;
        let bytes = chunk.as_ref().map_or(0, Bytes::len);
        self.received = self.received.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        Ok(chunk)
    }

    /// Returns the remaining time for the next chunk. Only the time in which the server waits for chunks counts.
    fn remaining_time(&self) -> Duration {
        let by_speed = max_duration_at_min_rate(self.received);
        let longest = MAX_TIME_GRACE + time_for(self.limits.max_bytes.get(), EXPECTED_BYTES_PER_S);
        by_speed.min(longest).saturating_sub(self.waited)
    }

    /// Reserves memory for the received bytes.
    async fn reserve(&self) -> Result<(), PayloadError> {
        let received = usize::try_from(self.received).unwrap_or(usize::MAX);
        let reserved = self.limits.memory.borrow().bytes();
        let bytes = received.saturating_sub(EXEMPT_BYTES).saturating_sub(reserved);
        if bytes == 0
            || !self.limits.is_in_memory.get()
            || self.budget.reserve(&self.limits.memory, self.network, bytes).await
        {
            return Ok(());
        }
        Err(self.limits.fail(ApiError::BodyMemoryExceeded))
    }
}

impl Drop for IncomingBody {
    fn drop(&mut self) {
        if !self.limits.is_memory_kept.get() {
            drop(self.limits.take_memory());
        }
    }
}

/// Returns the maximum time for receiving or sending this many bytes of a body.
pub(crate) fn max_duration_at_min_rate(bytes: u64) -> Duration {
    MIN_RATE_GRACE + time_for(bytes, MIN_BYTES_PER_S)
}

fn time_for(bytes: u64, bytes_per_s: u64) -> Duration {
    Duration::from_millis(bytes.saturating_mul(1_000) / bytes_per_s)
}

/// A response body that keeps the request body alive. If the request body were dropped before its end, actix would
/// wait for the rest without a limit instead of closing the connection.
struct ResponseBody {
    body: BoxBody,
    _limits: Rc<BodyLimits>,
}

impl MessageBody for ResponseBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::Stream;
    use tokio::time::sleep;

    use super::memory::{MAX_MEMORY, MAX_MEMORY_PER_NETWORK};
    use super::*;

    fn incoming(
        budget: &BodyBudget,
        payload: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
    ) -> IncomingBody {
        let limits = BodyLimits::new(Payload::Stream { payload: payload.boxed_local() });
        IncomingBody::new(Rc::new(limits), budget.clone(), Network::of([192, 0, 2, 1].into()))
    }

    /// Returns an endless stream of chunks of this size, one per second.
    fn chunks(bytes: usize) -> impl Stream<Item = Result<Bytes, PayloadError>> {
        stream::unfold((), move |()| async move {
            sleep(Duration::from_secs(1)).await;
            Some((Ok(vec![0; bytes].into()), ()))
        })
    }

    async fn receive_all(mut body: IncomingBody) -> Option<ApiError> {
        let limits = Rc::clone(&body.limits);
        while let Ok(Some((_, rest))) = body.next().await {
            body = rest;
        }
        limits.failure.take()
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_fails_after_the_grace_period_and_a_faster_one_at_the_maximum_time() {
        let budget = BodyBudget::default();
        let started = Instant::now();

        let slow = receive_all(incoming(&budget, chunks(100))).await;
        let slow_time = started.elapsed();
        let started = Instant::now();
        let faster = receive_all(incoming(&budget, chunks(2_000))).await;

        assert!(matches!(
            (slow, faster),
            (Some(ApiError::RequestTimeout), Some(ApiError::RequestTimeout))
        ));
        assert_eq!(slow_time.as_secs(), 10);
        assert_eq!(started.elapsed().as_secs(), 60 + 4 * 1024 / 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_is_limited_to_its_share_of_the_memory_and_bodies_release_theirs() {
        let budget = BodyBudget::default();
        let large = || incoming(&budget, chunks(MAX_MEMORY_PER_NETWORK / 2));
        let mut other = large();
        (_, other) = other.next().await.unwrap().unwrap();

        let above_limit = receive_all(large()).await;
        let free_memory = budget.free_memory();
        drop(other);

        assert!(matches!(above_limit, Some(ApiError::BodyMemoryExceeded)));
        let reserved = MAX_MEMORY_PER_NETWORK / 2 - EXEMPT_BYTES;
        assert_eq!(free_memory, MAX_MEMORY - reserved);
        assert_eq!(budget.free_memory(), MAX_MEMORY);
    }
}
