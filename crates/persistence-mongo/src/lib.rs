#![doc = include_str!("../README.md")]

mod database;
mod definitions;
mod documents;
mod error;
mod open_error;

pub use database::MongoDatabase;
pub use open_error::OpenError;
