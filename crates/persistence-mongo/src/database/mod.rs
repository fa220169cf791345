//! The connection to MongoDB: connecting, running commands with a timeout, and transactions.

mod connection;
mod explanation;
mod limits;
mod open_error;
mod server_codes;
mod timeout;
mod transaction;
mod transaction_reaper;
mod uri_problem;

pub use self::connection::MongoDatabase;
pub(crate) use self::connection::{majority, primary_in_memory};
pub use self::explanation::explanation;
pub(crate) use self::limits::{
    LONG_READ_TIME, MAX_DOCUMENTS, MAX_LONG_READ_WAIT, MAX_LONG_READS, READ_TIME, SEARCH_TIME,
};
pub use self::open_error::OpenError;
pub(crate) use self::server_codes::explain_code;
pub(crate) use self::timeout::within;
pub(crate) use self::transaction::{Concerns, Transaction};
pub(crate) use self::transaction_reaper::TransactionReaper;
