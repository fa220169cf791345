//! Forwards a subscription's updates to a client, as fast as the client receives them.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use webchat_chat::{ListSubscription, Subscription, Update};
use webchat_domain::ConversationId;

use super::events::outgoing::OutgoingEvent;

/// Forwards the events of a conversation until it is deleted, the client is gone, or `closing` is
/// cancelled; then the events up to that moment are still forwarded.
pub(super) async fn forward_conversation<O: From<OutgoingEvent>>(
    id: ConversationId,
    mut subscription: Subscription,
    outbox: mpsc::Sender<O>,
    closing: CancellationToken,
) {
    loop {
        let update = tokio::select! {
            update = subscription.next() => update,
            () = closing.cancelled() => break,
        };
        if !send_all(id, update, &outbox).await {
            return;
        }
    }
    // On an error the client misses events, and gets them when it reconnects.
    while let Ok(Some(update)) = subscription.available().await {
        if !send_all(id, update, &outbox).await {
            return;
        }
    }
}

/// Returns `false` if the conversation was deleted or the client is gone.
async fn send_all<O: From<OutgoingEvent>>(
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

/// Forwards changes of the user's list of conversations until the client is gone.
pub(super) async fn forward_list<O: From<OutgoingEvent>>(
    mut list: ListSubscription,
    outbox: mpsc::Sender<O>,
) {
    loop {
        let change = list.next().await;
        if outbox.send(OutgoingEvent::Reply(change.into()).into()).await.is_err() {
            return;
        }
    }
}
