#![doc = include_str!("../README.md")]

mod commands;
mod env;
mod error;
mod open_files;
mod plaintext;
mod secret;
mod settings;
mod start;
mod stores;
pub mod telemetry;

pub use commands::{CommandError, copy_store, export, import, init_db, print_openapi};
pub use env::{Environment, InvalidSetting, SettingsError};
pub use error::StartError;
pub use secret::SecretError;
pub use settings::{AppEnv, LogFormat, Settings, StoreSettings};
pub use start::{RunningWebchat, start};
