use std::time::Duration;

use mongodb::bson::doc;
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection, Database};
use webchat_persistence::StoreError;

use crate::OpenError;
use crate::definitions::{CONVERSATIONS, MESSAGES};
use crate::documents::{ConversationDocument, MessageDocument};
use crate::error::store_error;

/// Where everything lies if the URI names no database.
const DEFAULT_DATABASE: &str = "chatbot_db";

/// How long a call waits for a server that can take it, if the URI doesn't say.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// A MongoDB database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct MongoDatabase {
    pub(crate) client: Client,
    pub(crate) database: Database,
}

impl MongoDatabase {
    /// Connects to the database that the URI names, or to `chatbot_db`. Nothing is written.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn connect(uri: &str) -> Result<Self, OpenError> {
        let options = options(uri).await?;
        let client = Client::with_options(options).map_err(OpenError::InvalidUri)?;
        let database =
            client.default_database().unwrap_or_else(|| client.database(DEFAULT_DATABASE));
        Ok(Self { client, database })
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.run_command(doc! { "ping": 1 }).await.map_err(store_error)?;
        Ok(())
    }

    pub(crate) fn conversations(&self) -> Collection<ConversationDocument> {
        self.database.collection(CONVERSATIONS)
    }

    pub(crate) fn messages(&self) -> Collection<MessageDocument> {
        self.database.collection(MESSAGES)
    }
}

async fn options(uri: &str) -> Result<ClientOptions, OpenError> {
    let mut options = ClientOptions::parse(uri).await.map_err(OpenError::InvalidUri)?;
    options.app_name.get_or_insert_with(|| "webchat".to_owned());
    options.server_selection_timeout.get_or_insert(SERVER_SELECTION_TIMEOUT);
    // Promises of the ports, which no URI can lower: what was acknowledged survives the loss of a
    // server, and is seen by whoever reads next.
    options.write_concern =
        Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    Ok(options)
}
