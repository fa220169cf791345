#![doc = include_str!("../README.md")]

mod commands;
mod read;
mod secret;
mod settings;
mod start;
mod stores;
pub mod telemetry;

pub use commands::{CommandError, copy_all, export, import, init_db, print_openapi};
pub use read::{Environment, SettingsError, WrongSetting};
pub use secret::SecretError;
pub use settings::{AppEnv, LogFormat, Settings, StoreSettings};
pub use start::{RunningWebchat, StartError, start};
