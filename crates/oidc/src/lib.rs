#![doc = include_str!("../README.md")]

mod claims;
mod discovery;
mod error;
mod http;
mod id_token;
mod issuer;
mod keys;
mod logout_token;
mod provider;
mod settings;

pub use claims::Claims;
pub use error::{OidcError, loggable_code};
pub use logout_token::LogoutToken;
pub use provider::{PendingSignIn, Provider, StartedSignIn};
pub use settings::ProviderSettings;
