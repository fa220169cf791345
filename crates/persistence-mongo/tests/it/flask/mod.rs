//! Carrying over what the Flask application wrote.

mod interference;
mod many;
mod odd;
mod old_database;
