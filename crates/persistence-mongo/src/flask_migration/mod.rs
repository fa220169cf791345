//! The migration of the Flask application's conversations, in place.
//!
//! The Flask application kept each conversation in one document. Each is converted in steps, of which
//! the last makes all of its messages visible at once; see [`writes`].

mod batches;
mod blocking;
mod converted;
mod ids;
mod legacy;
mod lock;
mod migration;
mod partition;
mod report;
mod skip_reason;
mod writes;

pub use self::converted::CountTokens;
pub use self::migration::FlaskMigration;
pub use self::report::{FlaskError, FlaskProgress, FlaskReport, Skipped};
pub use self::skip_reason::SkipReason;
