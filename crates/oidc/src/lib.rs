#![doc = include_str!("../README.md")]

mod claims;
mod discovery;
mod document_cache;
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
pub use provider::{AuthorizationRequest, Provider, SignInSecrets};
pub use settings::ProviderSettings;
