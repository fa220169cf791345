#![doc = include_str!("../README.md")]

mod commands;
mod error;
mod health;
mod key_commands;
mod open_files;
mod plaintext;
mod secret;
mod settings;
mod start;
mod stores;
pub mod telemetry;
mod user_commands;

pub use commands::{
    CommandError, check_config, copy_store, export, import, init_db, print_config, print_example,
    print_openapi,
};
pub use error::{StartError, message_with_advice};
pub use health::{HealthError, check_health};
pub use key_commands::{KeyCommand, manage_keys};
pub use secret::SecretError;
pub use settings::{
    AppEnv, ConnectionSettings, InvalidSetting, LimitSettings, LogFormat, LogSettings,
    ModelSettings, RedactedUrl, ServerSettings, SessionSettings, Settings, SettingsError,
    SettingsFormat, SettingsSources, StoreSettings, TraceSettings, UploadSettings,
};
pub use start::{RunningWebchat, start};
pub use user_commands::{
    InitialPassword, UserCommand, UserCommandError, manage_users, read_password,
};
