use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;
use webchat_chat::{Chat, ListSubscription, SendMessage, Sent, Subscription, Update};
use webchat_domain::{ConversationChange, ConversationId, EventBody, Session};

use crate::error::api_error::ApiError;
use crate::realtime::client_event::{
    AnswerData, EditMessageData, Frame, Incoming, SendMessageData, Subject, VersionData,
};
use crate::realtime::connections::Connections;
use crate::realtime::limits::Allowance;
use crate::realtime::server_event::{
    Answer, ErrorData, Outgoing, SessionData, Subscribed, Welcome,
};

/// Conversations that one connection may follow at a time.
const MOST_FOLLOWED: usize = 64;

/// One connected client: what it says is done, what it follows is told to it. Any transport that
/// carries frames can carry it, in an outbox of its own kind.
pub(crate) struct Client<O> {
    chat: Chat,
    session: Session,
    outbox: mpsc::Sender<O>,
    followed: HashMap<ConversationId, AbortOnDropHandle<()>>,
    /// Tells the user's list of conversations, since the greeting.
    list: Option<AbortOnDropHandle<()>>,
    allowance: Allowance,
    /// How often it may be refused for saying too much.
    patience: Allowance,
    connections: Connections,
}

/// Why something was not done.
pub(crate) enum Unheard {
    /// The client was told why.
    Refused(ErrorData),
    /// The client goes on saying too much though it was told, and should be closed.
    TooMuch,
}

impl<O: From<Outgoing> + Send + 'static> Client<O> {
    pub(crate) fn new(
        chat: Chat,
        session: Session,
        outbox: mpsc::Sender<O>,
        connections: Connections,
    ) -> Self {
        let allowance = || Allowance::per_second(connections.limits.messages_per_second);
        Self {
            chat,
            session,
            outbox,
            followed: HashMap::new(),
            list: None,
            allowance: allowance(),
            patience: allowance(),
            connections,
        }
    }

    pub(crate) async fn greet(&mut self) {
        // Before the greeting: a client reads its list when it has been greeted, and misses nothing.
        let list = self.chat.subscribe_to_list(self.session.user_id);
        let conversation_id = self.session.conversation_id;
        self.answer(Answer::Response(Welcome {
            data: "Connected to Webchat.",
            session: SessionData { conversation_id },
        }))
        .await;
        let task = self.connections.tasks.spawn(forward_list(list, self.outbox.clone()));
        self.list = Some(AbortOnDropHandle::new(task));
    }

    /// Does what a frame says. What can't be read or done is told as an error, which is also returned
    /// for transports that answer each frame.
    pub(crate) async fn receive(
        &mut self,
        subject: Subject,
        frame: Result<Frame, ApiError>,
    ) -> Result<(), Unheard> {
        let done = match self.allowance.take() {
            Ok(()) => match frame {
                Ok(frame) => self.obey(frame).await,
                Err(error) => Err(error),
            },
            Err(_) if self.patience.take().is_err() => return Err(Unheard::TooMuch),
            Err(retry_after) => Err(ApiError::RateLimited { retry_after }),
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => Err(Unheard::Refused(self.refuse(subject, &error).await)),
        }
    }

    /// Tells that something can't be done: the error as it was told.
    async fn refuse(&self, subject: Subject, error: &ApiError) -> ErrorData {
        let request_id = Uuid::now_v7().to_string();
        tracing::info!(request_id, code = error.code(), ?error, "refused");
        let data = ErrorData {
            message: error.to_string(),
            code: error.code(),
            request_id,
            retry_after_ms: error.retry_after().map(millis),
            subject,
        };
        self.answer(Answer::Error(data.clone())).await;
        data
    }

    /// Ends when everything that happened so far has been told. Only after the closing began.
    pub(crate) async fn finish(self) {
        drop(self.list);
        for forwarding in self.followed.into_values() {
            // One that panicked has told all it could.
            let _ = forwarding.await;
        }
    }

    async fn obey(&mut self, frame: Frame) -> Result<(), ApiError> {
        match frame.read()? {
            Incoming::SendMessage(data) => self.send_message(data).await,
            Incoming::EditMessage(data) => self.edit_message(data).await,
            Incoming::Regenerate(data) => self.regenerate(data).await,
            Incoming::Continue(data) => self.continue_answer(data).await,
            Incoming::SelectVersion(data) => self.select_version(data).await,
            Incoming::Subscribe(data) => {
                self.subscribe(data.conversation_id, Some(data.after)).await
            }
            Incoming::Unsubscribe(data) => {
                self.followed.remove(&data.conversation_id);
                Ok(())
            }
            Incoming::Stop(data) => {
                Ok(self.chat.stop(self.session.user_id, data.conversation_id).await?)
            }
            Incoming::Ping => {
                self.answer(Answer::Pong {}).await;
                Ok(())
            }
        }
    }

    async fn send_message(&mut self, data: SendMessageData) -> Result<(), ApiError> {
        let conversation_id = match data.conversation_id {
            Some(named) => named,
            None => self.current_conversation().await?,
        };
        self.follow_from_now_on(conversation_id).await?;
        let message = SendMessage {
            content: data.message,
            client_message_id: data.client_message_id,
            expected_position: data.expected_position,
        };
        let sent = self.chat.send_message(self.session.user_id, conversation_id, message).await?;
        self.tell_if_known(conversation_id, sent).await;
        Ok(())
    }

    async fn edit_message(&mut self, data: EditMessageData) -> Result<(), ApiError> {
        let (user_id, id) = (self.session.user_id, data.conversation_id);
        self.follow_from_now_on(id).await?;
        let message = SendMessage {
            content: data.message,
            client_message_id: data.client_message_id,
            expected_position: None,
        };
        let sent = self.chat.edit_message(user_id, id, data.message_id, message).await?;
        self.tell_if_known(id, sent).await;
        Ok(())
    }

    async fn regenerate(&mut self, data: AnswerData) -> Result<(), ApiError> {
        let AnswerData { conversation_id: id, message_id, client_message_id } = data;
        self.follow_from_now_on(id).await?;
        let user_id = self.session.user_id;
        let sent = self.chat.regenerate(user_id, id, message_id, client_message_id).await?;
        self.tell_if_known(id, sent).await;
        Ok(())
    }

    async fn continue_answer(&mut self, data: AnswerData) -> Result<(), ApiError> {
        let AnswerData { conversation_id: id, message_id, client_message_id } = data;
        self.follow_from_now_on(id).await?;
        let user_id = self.session.user_id;
        let sent = self.chat.continue_answer(user_id, id, message_id, client_message_id).await?;
        self.tell_if_known(id, sent).await;
        Ok(())
    }

    async fn select_version(&mut self, data: VersionData) -> Result<(), ApiError> {
        let VersionData { conversation_id, message_id } = data;
        self.follow_from_now_on(conversation_id).await?;
        self.chat.select_version(self.session.user_id, conversation_id, message_id).await?;
        Ok(())
    }

    /// What was sent before is answered to this client alone; what is new, all followers are told.
    async fn tell_if_known(&self, conversation_id: ConversationId, sent: Sent) {
        if let Sent::Duplicate(accepted) = sent {
            self.answer(Answer::MessageAccepted { conversation_id, accepted }).await;
        }
    }

    /// Unless the conversation is followed already.
    async fn follow_from_now_on(&mut self, id: ConversationId) -> Result<(), ApiError> {
        if self.followed.contains_key(&id) {
            return Ok(());
        }
        let following = self.chat.subscribe(self.session.user_id, id, None).await?;
        self.follow(id, following)
    }

    /// Looked up anew each time: another tab may have started a conversation meanwhile.
    async fn current_conversation(&self) -> Result<ConversationId, ApiError> {
        let session = self.chat.find_session(self.session.session_id).await?;
        session.and_then(|session| session.conversation_id).ok_or(ApiError::NoConversation)
    }

    async fn subscribe(
        &mut self,
        conversation_id: ConversationId,
        after: Option<u64>,
    ) -> Result<(), ApiError> {
        let following = self.chat.subscribe(self.session.user_id, conversation_id, after).await?;
        // What was followed so far ends first: its events must not come after `subscribed`.
        self.followed.remove(&conversation_id);
        self.answer(Answer::Subscribed(Subscribed {
            conversation_id,
            recovered: following.recovered(),
            event_seq: following.event_seq(),
        }))
        .await;
        self.follow(conversation_id, following)
    }

    fn follow(&mut self, id: ConversationId, following: Subscription) -> Result<(), ApiError> {
        // Whatever was deleted is followed no more.
        self.followed.retain(|_, task| !task.is_finished());
        if self.followed.len() >= MOST_FOLLOWED {
            let message = format!("A connection may follow {MOST_FOLLOWED} conversations.");
            return Err(ApiError::InvalidRequest(message));
        }
        let closing = self.connections.closing.clone();
        let forwarding = forward(id, following, self.outbox.clone(), closing);
        let task = self.connections.tasks.spawn(forwarding);
        self.followed.insert(id, AbortOnDropHandle::new(task));
        Ok(())
    }

    async fn answer(&self, answer: Answer) {
        // A connection that is gone needs no answer.
        let _ = self.outbox.send(Outgoing::Answer(answer).into()).await;
    }
}

/// Tells what happens in a conversation, as fast as the client takes it. When the connection
/// closes, what happened before is told still.
async fn forward<O: From<Outgoing>>(
    id: ConversationId,
    mut following: Subscription,
    outbox: mpsc::Sender<O>,
    closing: CancellationToken,
) {
    loop {
        let followed = tokio::select! {
            followed = following.next() => followed,
            () = closing.cancelled() => break,
        };
        if !tell_all(id, followed, &outbox).await {
            return;
        }
    }
    // The client asks for what is missing when it is back.
    while let Ok(Some(followed)) = following.so_far().await {
        if !tell_all(id, followed, &outbox).await {
            return;
        }
    }
}

/// `false`: nothing more is to be told, or nobody is there.
async fn tell_all<O: From<Outgoing>>(
    id: ConversationId,
    followed: Update,
    outbox: &mpsc::Sender<O>,
) -> bool {
    for one in outgoing(id, followed) {
        let is_last = is_last(&one);
        if outbox.send(one.into()).await.is_err() || is_last {
            return false;
        }
    }
    true
}

/// As whole milliseconds, not less.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

/// Tells what changes in the user's list, as fast as the client takes it.
async fn forward_list<O: From<Outgoing>>(mut list: ListSubscription, outbox: mpsc::Sender<O>) {
    loop {
        let change = list.next().await;
        if outbox.send(Outgoing::Answer(change.into()).into()).await.is_err() {
            return;
        }
    }
}

pub(super) fn outgoing(conversation_id: ConversationId, followed: Update) -> Vec<Outgoing> {
    match followed {
        Update::Events(events) => events.into_iter().map(Outgoing::Event).collect(),
        Update::Gap { event_seq } => {
            vec![Outgoing::Answer(Answer::Subscribed(Subscribed {
                conversation_id,
                recovered: false,
                event_seq,
            }))]
        }
    }
}

/// Nothing happens in a conversation after it was deleted.
pub(super) fn is_last(outgoing: &Outgoing) -> bool {
    let Outgoing::Event(event) = outgoing else { return false };
    matches!(event.body, EventBody::ConversationUpdated(ConversationChange::Deleted))
}
