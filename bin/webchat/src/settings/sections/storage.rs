//! The stores.

use std::path::PathBuf;

use secrecy::SecretString;

use super::super::declaration::section;
use super::super::kind::Kind;

const MONGODB: Kind =
    Kind::secret("a URL like mongodb://host:27017/database?replicaSet=rs0", |text| {
        has_scheme(text, &["mongodb://", "mongodb+srv://"])
    });
const REDIS: Kind = Kind::secret("a URL like redis://host:6379", |text| {
    has_scheme(text, &["redis://", "rediss://"])
});

section! {
    StoreSettings: [storage], "Storage" {
        /// The data directory. It contains files of saved conversations, the database of conversations (unless
        /// MONGODB_URI is set) and of sessions (unless REDIS_URL is set), and the secret key of the session cookies
        /// (unless SECRET_KEY is set). Only one Webchat process at a time can use it.
        DATA_DIR => data_dir: PathBuf = "data", Kind::TEXT;

        /// Keeps conversations in MongoDB 6 or newer, which must be a replica set (one member is enough: start mongod
        /// with --replSet, and initiate it). The database is `chatbot_db` unless the URI names one. Options in
        /// the URI set the pool size, timeouts and TLS.
        ///   mongodb://USER:PASSWORD@HOST:27017/chatbot_db?replicaSet=rs0
        ///   mongodb+srv://USER:PASSWORD@HOST/chatbot_db
        MONGODB_URI => mongodb_uri: Option<SecretString>, MONGODB;

        /// Whether conversations of the Flask application in this database are migrated on startup. If not, the server
        /// refuses to start when it finds some; `webchat init-db` migrates them.
        MIGRATE => migrate: bool = "off", Kind::Switch;

        /// Keeps sessions and live events in Redis 7 or newer; rediss:// uses TLS. With MongoDB and Redis, several
        /// instances with the same SECRET_KEY can serve the same users behind a load balancer.
        ///   redis://USER:PASSWORD@HOST:6379
        REDIS_URL => redis_url: Option<SecretString>, REDIS;

        /// The maximum size of a file of conversations to import, in MiB. At most 8 users, and 2 of one network,
        /// can import at the same time, and at most 64 files can be uploaded at the same time. Until they are imported,
        /// they are kept in the system's temporary directory (TMPDIR).
        MAX_IMPORT_SIZE_MB => max_import_size_mb: u64 = "100", Kind::integer(" of megabytes", 1, 10_000);

        /// The maximum storage in MiB: for the conversations of each user, and in total (the size of the database and
        /// of the saved conversations). When a limit is reached, users can read and delete, but not import, upload,
        /// save or send. 0 means no limit other than the disk.
        MAX_STORED_MB_PER_USER => max_stored_mb_per_user: u32 = "1000", Kind::limit();
        MAX_STORED_MB => max_stored_mb: u32 = "0", Kind::limit();
    }
}

/// Whether the string starts with one of these schemes and continues after it.
fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    let mut locations = schemes.iter().filter_map(|scheme| text.strip_prefix(scheme));
    locations.any(|location| !location.is_empty())
}
