#![doc = include_str!("../README.md")]

mod commands;
mod error;
mod health;
mod models;
mod open_files;
mod plaintext;
mod secret;
mod settings;
mod start;
mod stores;
pub mod telemetry;

pub use commands::audit::{AuditCommand, AuditFormat, read_audit_log};
pub use commands::erasures::{ErasureCommand, ErasureFormat, manage_erasures};
pub use commands::keys::{KeyCommand, manage_keys};
pub use commands::users::{
    InitialPassword, UserCommand, UserCommandError, manage_users, read_password,
};
pub use commands::{
    CommandError, check_config, copy_store, export, import, init_db, print_config, print_example,
    print_openapi,
};
pub use error::{StartError, message_with_advice};
pub use health::{HealthError, check_health};
pub use secret::SecretError;
pub use settings::{
    AppEnv, AuditSettings, ConnectionSettings, DeploymentEntry, EntraSettings, InvalidSetting,
    LimitSettings, LogFormat, LogSettings, ModelEntry, ModelSettings, OidcSettings, RedactedUrl,
    ServerSettings, SessionSettings, Settings, SettingsError, SettingsFormat, SettingsSources,
    StoreSettings, TraceSettings, UploadSettings,
};
pub use start::{RunningWebchat, start};
