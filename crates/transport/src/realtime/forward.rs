//! Forwards the updates of a subscription to a client. Waits while the client's outbox is full.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use webchat_chat::{ListSubscription, Subscription, Update};
use webchat_domain::ConversationId;

use super::events::outgoing::{OutgoingEvent, Reply};

/// Forwards the events of a conversation until the conversation is deleted, the client disconnects, or `shutdown`
/// is cancelled. In the last case, the available events are still forwarded.
pub(super) async fn forward_conversation<O: From<OutgoingEvent>>(
    id: ConversationId,
    mut subscription: Subscription,
    outbox: mpsc::Sender<O>,
    shutdown: CancellationToken,
) {
    loop {
        let update = tokio::select! {
            update = subscription.next() => update,
            () = shutdown.cancelled() => break,
        };
        if !send_update(id, update, &outbox).await {
            return;
        }
    }
    // After an error, the client receives the missed events when it reconnects.
    while let Ok(Some(update)) = subscription.next_available().await {
        if !send_update(id, update, &outbox).await {
            return;
        }
    }
}

/// Sends the events of an update. Returns `false` if the conversation was deleted or the client has
/// disconnected.
async fn send_update<O: From<OutgoingEvent>>(
    id: ConversationId,
    update: Update,
    outbox: &mpsc::Sender<O>,
) -> bool {
    for event in OutgoingEvent::from_update(id, update) {
        let is_last = event.is_last();
        if outbox.send(event.into()).await.is_err() || is_last {
            return false;
        }
    }
    true
}

/// Forwards changes of the user's list of conversations until the client disconnects.
pub(super) async fn forward_list<O: From<OutgoingEvent>>(
    mut list: ListSubscription,
    outbox: mpsc::Sender<O>,
) {
    loop {
        let change = list.next().await;
        if outbox.send(OutgoingEvent::from(Reply::from(change)).into()).await.is_err() {
            return;
        }
    }
}
