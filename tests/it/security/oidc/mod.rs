//! Signing in with identity providers (OpenID Connect).

mod accounts;
mod certified;
mod groups;
mod limits;
mod logout;
mod refusals;
mod server;
mod sign_in;
