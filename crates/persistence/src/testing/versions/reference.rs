//! A test of many appends and selections against a reference implementation in memory.

use std::collections::HashMap;

use webchat_domain::{Message, MessageId};

use super::harness::{TestConversation, version_of_message};
use crate::testing::fixtures::{question, unwrap_stored};
use crate::{Append, Contexts, Conversations};

/// Compares the store with an in-memory reference implementation, which derives the visible path from the parents of
/// messages.
pub async fn appends_and_selections_match_the_reference_implementation<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["root"]).await;
    let mut tree = Tree::default();
    tree.add(&chat.messages().await[0]);
    for step in 0..80_usize {
        // Choose a message in an arbitrary but deterministic order.
        let message = tree.oldest_first[step * step * 7 % tree.oldest_first.len()].clone();
        match step % 4 {
            0 => {
                chat.select(message.message_id).await;
                tree.select(&message);
            }
            1 => {
                let versions =
                    unwrap_stored(chat.append(version_of_message(&message, "version")).await).1;
                tree.add(&versions[0]);
            }
            _ => {
                let next = Append { messages: vec![question("next")], ..Append::default() };
                tree.add(&unwrap_stored(chat.append(next).await).1[0]);
            }
        }
        let visible = chat.messages().await;
        let ids: Vec<_> = visible.iter().map(|message| message.message_id).collect();
        assert_eq!(ids, tree.visible(), "after step {step}");
        let conversation = chat.conversation().await;
        let count = u64::try_from(visible.len()).unwrap();
        assert_eq!((conversation.message_count, conversation.total_tokens), (count, count * 7));
    }
}

#[derive(Default)]
struct Tree {
    oldest_first: Vec<Message>,
    parents: HashMap<MessageId, Option<MessageId>>,
    head: Option<MessageId>,
}

impl Tree {
    fn add(&mut self, message: &Message) {
        self.parents.insert(message.message_id, message.parent_id);
        self.oldest_first.push(message.clone());
        self.head = Some(message.message_id);
    }

    fn select(&mut self, message: &Message) {
        if self.visible().contains(&message.message_id) {
            return;
        }
        let mut head = message.message_id;
        while let Some(newest) =
            self.oldest_first.iter().rev().find(|message| message.parent_id == Some(head))
        {
            head = newest.message_id;
        }
        self.head = Some(head);
    }

    fn visible(&self) -> Vec<MessageId> {
        let mut path: Vec<_> =
            std::iter::successors(self.head, |id| self.parents.get(id).copied().flatten())
                .collect();
        path.reverse();
        path
    }
}
