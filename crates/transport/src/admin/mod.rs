//! The admin area: REST routes for administrators, and for auditors, who only read. One file per resource.

mod access;
mod audit;
mod conversations;
mod erasures;
mod groups;
mod keys;
mod password;
mod reason;
pub(crate) mod routes;
mod server;
mod sessions;
mod user;
mod users;
