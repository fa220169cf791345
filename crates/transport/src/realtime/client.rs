//! A connected client: dispatches its events to use cases, and forwards its subscriptions.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};
use uuid::Uuid;
use webchat_chat::{Chat, Limit, SendMessage, StartTurnOutcome, Subscription, count_reached_limit};
use webchat_domain::{ApiKeyScope, ConversationId, Network, TRACE_TARGET};

use super::burst_rate::BurstRateLimiter;
use super::connections::Connections;
use super::events::incoming::{
    AnswerData, ClientEvent, EditMessageData, ErrorContext, RegenerateData, SendMessageData,
    UnparsedEvent, VersionData,
};
use super::events::outgoing::{ErrorData, OutgoingEvent, Reply, SessionData, Subscribed, Welcome};
use super::forward::{forward_conversation, forward_list};
use crate::error::api_error::ApiError;
use crate::extract::credential::Credential;
use crate::extract::credential::api_key::check_scope;
use crate::extract::session::BrowserSession;
use crate::security_log::SecurityEvent;

/// The maximum number of subscriptions of one connection.
const MAX_SUBSCRIPTIONS: usize = 64;

/// The route of all errors on live connections in the log. Event names are chosen by clients, so they are not used.
const LIVE_ROUTE: &str = "live connection";

/// The close reason for a client that keeps exceeding its message rate.
pub(super) const TOO_MANY_MESSAGES: &str = "too many messages";

/// One connected client, over any transport. `O` is the type of the items in the transport's outbox.
pub(super) struct Client<O> {
    chat: Chat,
    browser: BrowserSession,
    outbox: mpsc::Sender<O>,
    /// The tasks that forward the events of the subscribed conversations.
    forwarders: HashMap<ConversationId, AbortOnDropHandle<()>>,
    /// The task that forwards changes of the user's list of conversations. `None` until the welcome is sent.
    list_forwarder: Option<AbortOnDropHandle<()>>,
    message_limiter: BurstRateLimiter,
    /// Limits the rate violations of the client before its connection is closed.
    violation_limiter: BurstRateLimiter,
    connections: Connections,
}

/// The reason why an event was not handled.
pub(super) enum EventError {
    /// The event was rejected, and this error was sent to the client.
    Rejected(ErrorData),
    /// The client keeps exceeding its message rate: its connection must be closed.
    TooManyMessages,
}

impl<O: From<OutgoingEvent> + Send + 'static> Client<O> {
    pub(super) fn new(
        chat: Chat,
        browser: BrowserSession,
        outbox: mpsc::Sender<O>,
        connections: Connections,
    ) -> Self {
        let limiter = || BurstRateLimiter::per_second(connections.limits.messages_per_second);
        Self {
            chat,
            browser,
            outbox,
            forwarders: HashMap::new(),
            list_forwarder: None,
            message_limiter: limiter(),
            violation_limiter: limiter(),
            connections,
        }
    }

    /// Sends the welcome, which is the first event, and starts forwarding changes of the user's list of
    /// conversations.
    pub(super) async fn send_welcome(&mut self) {
        // Subscribe first: the client loads its list after the welcome, and must not miss later changes.
        let list = self.chat.events.subscribe_to_list(self.browser.access.session.user_id);
        let conversation_id = self.browser.access.session.conversation_id;
        self.reply(Reply::Response(Welcome {
            data: "Connected to Webchat.",
            session: SessionData { conversation_id },
        }))
        .await;
        let task = self.connections.tasks.spawn(forward_list(list, self.outbox.clone()));
        self.list_forwarder = Some(AbortOnDropHandle::new(task));
    }

    /// Dispatches an event. Sends an error to the client, and also returns it, for transports that
    /// acknowledge each event.
    pub(super) async fn handle(
        &mut self,
        context: ErrorContext,
        event: Result<UnparsedEvent, ApiError>,
    ) -> Result<(), EventError> {
        let result = match self.message_limiter.check() {
            Ok(()) => match event {
                // Boxed, so that idle connections take little memory.
                Ok(event) => Box::pin(self.dispatch(event)).await,
                Err(error) => Err(error),
            },
            Err(_) if self.violation_limiter.check().is_err() => {
                count_reached_limit(Limit::MessagesPerConnection);
                self.record(SecurityEvent::Flood);
                return Err(EventError::TooManyMessages);
            }
            Err(retry_after) => Err(ApiError::RateLimited { retry_after }),
        };
        match result {
            Ok(()) => Ok(()),
            Err(error) => Err(EventError::Rejected(self.send_error(context, &error).await)),
        }
    }

    /// Sends an error to the client, and returns it.
    async fn send_error(&self, context: ErrorContext, error: &ApiError) -> ErrorData {
        let request_id = Uuid::now_v7().to_string();
        self.connections.error_log.log(&request_id, LIVE_ROUTE, error);
        if let Some(event) = SecurityEvent::of(error) {
            self.record(event);
        }
        let data = ErrorData {
            message: error.to_string(),
            code: error.code(),
            request_id,
            retry_after_ms: error.retry_after().map(millis),
            context,
        };
        self.reply(Reply::Error(data.clone())).await;
        data
    }

    fn record(&self, event: SecurityEvent) {
        let network = Network::of(self.browser.address);
        let user_id = self.browser.access.session.user_id;
        self.connections.security_log.record(event, network, Some(user_id));
    }

    /// Waits until all current events are forwarded. Call this after shutdown has begun.
    pub(super) async fn finish(self) {
        drop(self.list_forwarder);
        for forwarder in self.forwarders.into_values() {
            // An error means that the task panicked: then there is nothing to wait for.
            let _ = forwarder.await;
        }
    }

    async fn dispatch(&mut self, event: UnparsedEvent) -> Result<(), ApiError> {
        let event = event.parse_data()?;
        let span = trace_span(&event);
        let result = self.dispatch_parsed(event).instrument(span.clone()).await;
        result.inspect_err(|error| _ = span.record("error.type", error.code()))
    }

    async fn dispatch_parsed(&mut self, event: ClientEvent) -> Result<(), ApiError> {
        if let Some(key) = self.browser.access.credential.as_ref().and_then(Credential::key) {
            check_scope(key, required_scope(&event))?;
        }
        match event {
            ClientEvent::SendMessage(data) => self.send_message(data).await,
            ClientEvent::EditMessage(data) => self.edit_message(data).await,
            ClientEvent::Regenerate(data) => self.regenerate(data).await,
            ClientEvent::Continue(data) => self.continue_answer(data).await,
            ClientEvent::SelectVersion(data) => self.select_version(data).await,
            ClientEvent::Subscribe(data) => {
                self.subscribe(data.conversation_id, Some(data.after)).await
            }
            ClientEvent::Unsubscribe(data) => {
                self.forwarders.remove(&data.conversation_id);
                Ok(())
            }
            ClientEvent::Stop(data) => Ok(self
                .chat
                .turns
                .stop(self.browser.access.session.user_id, data.conversation_id)
                .await?),
            ClientEvent::Ping(_) => {
                self.reply(Reply::Pong {}).await;
                Ok(())
            }
        }
    }

    async fn send_message(&mut self, data: SendMessageData) -> Result<(), ApiError> {
        let conversation_id = match data.conversation_id {
            Some(id) => id,
            None => self.current_conversation().await?,
        };
        self.ensure_subscribed(conversation_id).await?;
        let message = SendMessage {
            content: data.message,
            client_message_id: data.client_message_id,
            expected_position: data.expected_position,
            model: data.model,
        };
        let caller = self.browser.caller();
        let sent = self.chat.turns.send(caller, conversation_id, message).await?;
        self.reply_to_duplicate(conversation_id, sent).await;
        Ok(())
    }

    async fn edit_message(&mut self, data: EditMessageData) -> Result<(), ApiError> {
        let (caller, id) = (self.browser.caller(), data.conversation_id);
        self.ensure_subscribed(id).await?;
        let message = SendMessage {
            content: data.message,
            client_message_id: data.client_message_id,
            expected_position: None,
            model: data.model,
        };
        let sent = self.chat.turns.edit(caller, id, data.message_id, message).await?;
        self.reply_to_duplicate(id, sent).await;
        Ok(())
    }

    async fn regenerate(&mut self, data: RegenerateData) -> Result<(), ApiError> {
        let RegenerateData { conversation_id: id, message_id, client_message_id, model } = data;
        self.ensure_subscribed(id).await?;
        let (caller, turns) = (self.browser.caller(), &self.chat.turns);
        let sent = turns.regenerate(caller, id, message_id, client_message_id, model).await?;
        self.reply_to_duplicate(id, sent).await;
        Ok(())
    }

    async fn continue_answer(&mut self, data: AnswerData) -> Result<(), ApiError> {
        let AnswerData { conversation_id: id, message_id, client_message_id } = data;
        self.ensure_subscribed(id).await?;
        let caller = self.browser.caller();
        let sent =
            self.chat.turns.continue_answer(caller, id, message_id, client_message_id).await?;
        self.reply_to_duplicate(id, sent).await;
        Ok(())
    }

    async fn select_version(&mut self, data: VersionData) -> Result<(), ApiError> {
        let VersionData { conversation_id, message_id } = data;
        self.ensure_subscribed(conversation_id).await?;
        self.chat
            .turns
            .select_version(self.browser.access.session.user_id, conversation_id, message_id)
            .await?;
        Ok(())
    }

    /// Sends the first result of a duplicate to this client only. A new message needs no reply, because it
    /// is published to all subscribers.
    async fn reply_to_duplicate(&self, id: ConversationId, outcome: StartTurnOutcome) {
        if let StartTurnOutcome::Duplicate(accepted) = outcome {
            let conversation_id = id;
            self.reply(Reply::MessageAccepted { conversation_id, accepted }).await;
        }
    }

    /// Subscribes to new events, unless the client is already subscribed.
    async fn ensure_subscribed(&mut self, id: ConversationId) -> Result<(), ApiError> {
        if self.forwarders.contains_key(&id) {
            return Ok(());
        }
        let subscription =
            self.chat.events.subscribe(self.browser.access.session.user_id, id, None).await?;
        self.forward(id, subscription)
    }

    /// Returns the session's current conversation. Reads the session each time, because another tab may have
    /// started a conversation.
    async fn current_conversation(&self) -> Result<ConversationId, ApiError> {
        let session =
            self.chat.sessions.find_session(self.browser.access.session.session_id).await?;
        session.and_then(|session| session.conversation_id).ok_or(ApiError::NoConversation)
    }

    async fn subscribe(
        &mut self,
        conversation_id: ConversationId,
        after: Option<u64>,
    ) -> Result<(), ApiError> {
        let subscription = self
            .chat
            .events
            .subscribe(self.browser.access.session.user_id, conversation_id, after)
            .await?;
        // End the old subscription first: its events must not follow `subscribed`.
        self.forwarders.remove(&conversation_id);
        self.reply(Reply::Subscribed(Subscribed {
            conversation_id,
            recovered: subscription.recovered(),
            event_seq: subscription.event_seq(),
        }))
        .await;
        self.forward(conversation_id, subscription)
    }

    fn forward(&mut self, id: ConversationId, subscription: Subscription) -> Result<(), ApiError> {
        // The tasks of deleted conversations have ended.
        self.forwarders.retain(|_, task| !task.is_finished());
        if self.forwarders.len() >= MAX_SUBSCRIPTIONS {
            let message =
                format!("A connection can subscribe to at most {MAX_SUBSCRIPTIONS} conversations.");
            return Err(ApiError::InvalidRequest(message));
        }
        let shutdown = self.connections.shutdown.clone();
        let forwarder = forward_conversation(id, subscription, self.outbox.clone(), shutdown);
        let task = self.connections.tasks.spawn(forwarder);
        self.forwarders.insert(id, AbortOnDropHandle::new(task));
        Ok(())
    }

    async fn reply(&self, reply: Reply) {
        // Sending fails only if the client has disconnected.
        let _ = self.outbox.send(OutgoingEvent::from(reply).into()).await;
    }
}

/// Returns the scope that an API key needs for an event.
fn required_scope(event: &ClientEvent) -> ApiKeyScope {
    match event {
        ClientEvent::Subscribe(_) | ClientEvent::Unsubscribe(_) | ClientEvent::Ping(_) => {
            ApiKeyScope::Read
        }
        ClientEvent::SendMessage(_)
        | ClientEvent::EditMessage(_)
        | ClientEvent::Regenerate(_)
        | ClientEvent::Continue(_)
        | ClientEvent::SelectVersion(_)
        | ClientEvent::Stop(_) => ApiKeyScope::Chat,
    }
}

/// Returns the duration in milliseconds, rounded up.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

/// Returns the span of an event for traces. Pings have none, because clients send them regularly.
fn trace_span(event: &ClientEvent) -> Span {
    if matches!(event, ClientEvent::Ping(_)) {
        return Span::none();
    }
    info_span!(
        target: TRACE_TARGET,
        parent: None,
        "event",
        otel.name = <&str>::from(event),
        otel.kind = "server",
        error.type = Empty,
    )
}
