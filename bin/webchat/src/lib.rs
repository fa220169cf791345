#![doc = include_str!("../README.md")]

mod read;
mod secret;
mod settings;
mod start;
pub mod telemetry;

pub use read::{Environment, SettingsError, WrongSetting};
pub use secret::SecretError;
pub use settings::{AppEnv, LogFormat, Settings};
pub use start::{RunningWebchat, StartError, start};
