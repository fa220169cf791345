//! The in-place migration of the Flask application's conversations.
//!
//! The Flask application stored each conversation in one document. Each document is converted in steps. The last step
//! makes all of its messages visible together; see [`writes`].

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
mod users;
mod writes;

pub use self::converted::CountTokens;
pub use self::ids::user_id as flask_user_id;
pub use self::migration::FlaskMigration;
pub use self::report::{MigrationError, MigrationProgress, MigrationReport, Skipped};
pub use self::skip_reason::SkipReason;
pub use self::users::FlaskUser;
pub(crate) use self::users::stored_user_ids;
