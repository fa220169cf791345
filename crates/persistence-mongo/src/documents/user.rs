//! The documents of the collection `users`.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{Timestamp, UserId, UserSettings};
use webchat_persistence::StoredUserSettings;

use super::context::SystemPromptDocument;
use super::values::Date;

/// A document of `users`, which contains when a user was last active, and the settings.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UserDocument {
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) user_id: UserId,
    #[serde_as(as = "Date")]
    pub(crate) active_at: Timestamp,
    /// Missing until they are first written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<UserSettingsDocument>,
}

/// The settings of a user.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UserSettingsDocument {
    system_prompt: Option<SystemPromptDocument>,
    #[serde_as(as = "TryFromInto<i64>")]
    revision: u64,
}

impl UserSettingsDocument {
    pub(crate) fn new(settings: UserSettings, revision: u64) -> Self {
        let UserSettings { system_prompt } = settings;
        Self { system_prompt: system_prompt.map(SystemPromptDocument::from), revision }
    }
}

impl From<UserSettingsDocument> for StoredUserSettings {
    fn from(document: UserSettingsDocument) -> Self {
        let UserSettingsDocument { system_prompt, revision } = document;
        let settings = UserSettings { system_prompt: system_prompt.map(Into::into) };
        Self { settings, revision }
    }
}
