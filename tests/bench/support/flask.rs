//! Stores conversations as the Flask application does: each in one document, which an append reads and rewrites
//! completely. Uses Webchat's MongoDB driver, which is faster than the application's.

use mongodb::bson::{DateTime, doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use mongodb::options::IndexOptions;
use mongodb::{Collection, Database, IndexModel};
use serde::{Deserialize, Serialize};

pub(crate) struct Flask {
    conversations: Collection<Conversation>,
}

#[derive(Serialize, Deserialize)]
struct Conversation {
    #[serde(rename = "conversation_id")]
    id: i64,
    #[serde(rename = "conversation_history")]
    history: Vec<Message>,
    #[serde(rename = "conversation_text")]
    text: String,
    updated_at: DateTime,
}

#[derive(Serialize, Deserialize)]
struct Message {
    role: String,
    content: String,
}

impl Flask {
    pub(crate) const NAME: &str = "As the Flask application, MongoDB";

    pub(crate) async fn new(database: &Database) -> Self {
        let conversations = database.collection("conversations");
        let unique = IndexOptions::builder().unique(true).build();
        let by_id =
            IndexModel::builder().keys(doc! { "conversation_id": 1 }).options(unique).build();
        let text = IndexModel::builder().keys(doc! { "conversation_text": "text" }).build();
        conversations.create_indexes([by_id, text]).await.unwrap();
        Self { conversations }
    }

    pub(crate) async fn insert(&self, id: i64, texts: Vec<String>) -> MongoResult<()> {
        let text = texts.join(" ");
        let history = texts.into_iter().map(message).collect();
        let conversation = Conversation { id, history, text, updated_at: DateTime::now() };
        self.conversations.insert_one(conversation).await?;
        Ok(())
    }

    pub(crate) async fn append(&self, id: i64, content: String) {
        let filter = doc! { "conversation_id": id };
        let conversation = self.conversations.find_one(filter.clone()).await.unwrap().unwrap();
        let mut history = conversation.history;
        history.push(message(content));
        let texts: Vec<&str> = history.iter().map(|message| message.content.as_str()).collect();
        let update = doc! { "$set": {
            "conversation_text": texts.join(" "),
            "conversation_history": serialize_to_bson(&history).unwrap(),
            "updated_at": DateTime::now(),
        } };
        self.conversations.update_one(filter, update).await.unwrap();
    }
}

fn message(content: String) -> Message {
    Message { role: "user".to_owned(), content }
}
