//! An Engine.IO session, independent of its active transport.

use std::sync::Arc;
use std::time::Duration;

use engineioxide_core::{OpenPacket, Packet, Sid, TransportType};
use tokio::sync::{Mutex, MutexGuard, Notify, mpsc, watch};
use tokio::time::{sleep, timeout};
use webchat_domain::SessionId;

use super::engine_io_error::EngineIoError;
use super::outbox::{MAX_PAYLOAD, Outbox, OutboxItem};
use crate::realtime::close_reason::CloseReason;

const PING_INTERVAL: Duration = Duration::from_secs(25);

/// The maximum time for a client to respond to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The delay of the empty response to a poll while its client switches to the WebSocket. Without it, the
/// client would poll in a tight loop until it has switched.
const NOOP_DELAY: Duration = Duration::from_millis(100);

/// An Engine.IO session.
pub(super) struct EngineIoSession {
    sid: Sid,
    /// The session of the browser that opened this Engine.IO session.
    browser_session_id: SessionId,
    transport: watch::Sender<TransportState>,
    close_reason: watch::Sender<Option<CloseReason>>,
    ping: Arc<Notify>,
    pong: Notify,
    /// Locked by the pending poll, or by the WebSocket.
    outbox: Mutex<Outbox>,
    /// Locked by the pending POST, or by the WebSocket.
    inbox: Mutex<Inbox>,
}

/// The channel for packets from a client to its connection. Its capacity is one packet, so that a client waits
/// while its packets are handled.
pub(super) type Inbox = mpsc::Sender<Packet>;

/// The transport of a session, and the progress of an upgrade to a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransportState {
    Polling,
    /// The session still polls. A WebSocket is open, but the client has not probed it yet.
    AwaitingProbe,
    /// The session still polls. The server has answered the probe; the client sends the `upgrade` packet over the
    /// WebSocket when its last poll has returned.
    AwaitingUpgrade,
    WebSocket,
}

impl EngineIoSession {
    /// Creates a session. Returns it with the sender of its outbox and the receiver of its inbox.
    pub(super) fn new(
        browser_session_id: SessionId,
        transport: TransportState,
    ) -> (Self, mpsc::Sender<OutboxItem>, mpsc::Receiver<Packet>) {
        let ping = Arc::new(Notify::new());
        let (sender, outbox) = Outbox::new(Arc::clone(&ping));
        let (inbox, receiver) = mpsc::channel(1);
        let session = Self {
            sid: Sid::new(),
            browser_session_id,
            transport: watch::Sender::new(transport),
            close_reason: watch::Sender::new(None),
            ping,
            pong: Notify::new(),
            outbox: Mutex::new(outbox),
            inbox: Mutex::new(inbox),
        };
        (session, sender, receiver)
    }

    pub(super) fn sid(&self) -> Sid {
        self.sid
    }

    pub(super) fn belongs_to(&self, browser_session_id: SessionId) -> bool {
        self.browser_session_id == browser_session_id
    }

    /// Returns the first packet to the client.
    pub(super) fn open_packet(&self) -> Packet {
        let upgrades = match *self.transport.borrow() {
            TransportState::WebSocket => None,
            _ => Some(TransportType::Websocket),
        };
        Packet::Open(OpenPacket {
            sid: self.sid,
            upgrades: upgrades.into_iter().collect(),
            ping_interval: PING_INTERVAL,
            ping_timeout: PING_TIMEOUT,
            max_payload: u64::try_from(MAX_PAYLOAD).unwrap_or(u64::MAX),
        })
    }

    /// Ends the session, unless it has already ended. Returns the first reason.
    pub(super) fn end(&self, reason: CloseReason) -> CloseReason {
        let mut first = reason;
        self.close_reason.send_if_modified(|ended| {
            let is_first = ended.is_none();
            first = *ended.get_or_insert(reason);
            is_first
        });
        first
    }

    pub(super) fn has_ended(&self) -> bool {
        self.close_reason.borrow().is_some()
    }

    /// Waits for the end of the session.
    pub(super) async fn ended(&self) -> CloseReason {
        let mut reason = self.close_reason.subscribe();
        let ended = reason.wait_for(Option::is_some).await;
        ended.ok().and_then(|reason| *reason).unwrap_or(CloseReason::ClientClosed)
    }

    /// Pings the client until it fails to respond in time.
    pub(super) async fn keep_alive(&self) -> CloseReason {
        loop {
            sleep(PING_INTERVAL).await;
            self.ping.notify_one();
            if timeout(PING_TIMEOUT, self.pong.notified()).await.is_err() {
                return CloseReason::TimedOut;
            }
        }
    }

    /// Locks the outbox for a poll. A concurrent second poll ends the session, because the responses could arrive
    /// in any order.
    pub(super) fn outbox_for_poll(&self) -> Result<MutexGuard<'_, Outbox>, EngineIoError> {
        self.lock_for_request(&self.outbox)
    }

    /// Locks the inbox for a POST. A concurrent second POST ends the session.
    pub(super) fn inbox_for_post(&self) -> Result<MutexGuard<'_, Inbox>, EngineIoError> {
        self.lock_for_request(&self.inbox)
    }

    fn lock_for_request<'a, T>(
        &self,
        mutex: &'a Mutex<T>,
    ) -> Result<MutexGuard<'a, T>, EngineIoError> {
        let guard = mutex.try_lock();
        // Check after locking: the WebSocket becomes the active transport before it locks anything.
        if *self.transport.borrow() == TransportState::WebSocket {
            return Err(EngineIoError::BadRequest);
        }
        guard.map_err(|_| {
            self.end(CloseReason::ProtocolError);
            EngineIoError::BadRequest
        })
    }

    /// Makes the WebSocket the active transport, and locks outbox and inbox for it as soon as pending
    /// requests have released them.
    pub(super) async fn switch_to_websocket(
        &self,
    ) -> (MutexGuard<'_, Outbox>, MutexGuard<'_, Inbox>) {
        self.transport.send_replace(TransportState::WebSocket);
        (self.outbox.lock().await, self.inbox.lock().await)
    }

    /// Begins an upgrade to a WebSocket.
    ///
    /// # Errors
    /// [`EngineIoError::BadRequest`] if the session already has a WebSocket.
    pub(super) fn begin_upgrade(&self) -> Result<(), EngineIoError> {
        let begin = |transport: &mut TransportState| {
            let is_polling = *transport == TransportState::Polling;
            if is_polling {
                *transport = TransportState::AwaitingProbe;
            }
            is_polling
        };
        self.transport.send_if_modified(begin).then_some(()).ok_or(EngineIoError::BadRequest)
    }

    /// Records that the client has probed the WebSocket. Pending polls return.
    pub(super) fn mark_probed(&self) {
        self.transport.send_replace(TransportState::AwaitingUpgrade);
    }

    /// Records that the WebSocket failed. The session keeps polling.
    pub(super) fn cancel_upgrade(&self) {
        self.transport.send_replace(TransportState::Polling);
    }

    /// Waits until the client has probed the WebSocket, and a little longer. A pending poll then returns without
    /// packets, because the client completes the upgrade only after its last poll.
    pub(super) async fn wait_until_probed(&self) {
        let mut transport = self.transport.subscribe();
        let was_probed = |transport: &TransportState| {
            !matches!(transport, TransportState::Polling | TransportState::AwaitingProbe)
        };
        // Can't fail: the session owns the sender.
        let _ = transport.wait_for(was_probed).await;
        sleep(NOOP_DELAY).await;
    }

    /// Handles a packet from the client.
    pub(super) async fn receive(&self, packet: Packet, inbox: &Inbox) -> Result<(), EngineIoError> {
        match packet {
            Packet::Message(_) | Packet::Binary(_) => {
                inbox.send(packet).await.map_err(|_| EngineIoError::UnknownSid)?;
            }
            // A pong bypasses the inbox, because the messages in it may take long to handle.
            Packet::Pong => self.pong.notify_one(),
            Packet::Close => {
                self.end(CloseReason::ClientClosed);
            }
            Packet::Upgrade | Packet::Noop => {}
            // Only the server sends pings.
            _ => {
                self.end(CloseReason::ProtocolError);
                return Err(EngineIoError::BadRequest);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
impl EngineIoSession {
    pub(super) fn fixture() -> Arc<Self> {
        Arc::new(Self::new(SessionId::generate(), TransportState::Polling).0)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::Instant;

    use super::*;

    fn open() -> (EngineIoSession, mpsc::Sender<OutboxItem>, mpsc::Receiver<Packet>) {
        EngineIoSession::new(SessionId::generate(), TransportState::Polling)
    }

    async fn poll(session: &EngineIoSession) -> String {
        session.outbox_for_poll().unwrap().next_payload().await.unwrap()
    }

    async fn receive(session: &EngineIoSession, packet: Packet) -> Result<(), EngineIoError> {
        let inbox = session.inbox_for_post().unwrap();
        session.receive(packet, &inbox).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_pinged_every_25_s_and_times_out_after_20_s_without_a_response() {
        let (session, _sender, _inbox) = open();
        let start = Instant::now();
        let mut pings = Vec::new();

        let client = async {
            for _ in 0..3 {
                pings.push((poll(&session).await, start.elapsed().as_secs()));
                receive(&session, Packet::Pong).await.unwrap();
            }
        };
        let both = async { tokio::join!(session.keep_alive(), client) };
        let (reason, ()) = timeout(Duration::from_mins(5), both).await.unwrap();

        let ping = || "2".to_owned();
        assert_eq!(pings, [(ping(), 25), (ping(), 50), (ping(), 75)]);
        assert_eq!((reason, start.elapsed().as_secs()), (CloseReason::TimedOut, 75 + 25 + 20));
    }

    #[tokio::test(start_paused = true)]
    async fn pings_and_pongs_overtake_waiting_messages() {
        let (session, sender, _inbox) = open();
        let message = || Packet::Message("x".into());
        while sender.try_send(OutboxItem::Packet(Box::new(message()))).is_ok() {}
        receive(&session, message()).await.unwrap();

        let message_result = receive(&session, message()).now_or_never();
        let pong_result = receive(&session, Packet::Pong).now_or_never();
        session.ping.notify_one();
        let payload = poll(&session).await;

        assert_eq!((message_result, pong_result), (None, Some(Ok(()))));
        assert!(payload.starts_with("2\x1e4x\x1e4x"), "{payload}");
    }

    #[tokio::test]
    async fn the_first_reason_to_end_is_kept() {
        let (session, ..) = open();

        assert!(!session.has_ended());
        assert_eq!(session.end(CloseReason::ClientClosed), CloseReason::ClientClosed);
        assert_eq!(session.end(CloseReason::ServerRestart), CloseReason::ClientClosed);
        assert_eq!(session.ended().await, CloseReason::ClientClosed);
    }
}
