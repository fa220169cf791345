//! The stores.

use std::path::PathBuf;

use secrecy::SecretString;

use super::super::declaration::section;
use super::super::kind::Kind;

const MONGODB: Kind =
    Kind::secret("a URL such as mongodb://host:27017/database?replicaSet=rs0", |text| {
        has_scheme(text, &["mongodb://", "mongodb+srv://"])
    });
const REDIS: Kind = Kind::secret("a URL such as redis://host:6379", |text| {
    has_scheme(text, &["redis://", "rediss://"])
});

section! {
    StoreSettings: [storage], "Storage" {
        /// The data directory. It contains the saved conversations, a SQLite database of conversations (unless
        /// MONGODB_URI is set) and of sessions and live events (unless REDIS_URL is set), and the secret key of the
        /// session cookies (unless SECRET_KEY is set). Unless MONGODB_URI and REDIS_URL are both set, only one process
        /// at a time can use it.
        DATA_DIR => data_dir: PathBuf = "data", Kind::TEXT;

        /// The MongoDB server (6.0 or newer) that stores the conversations. It must be a replica set; one member is
        /// enough: start mongod with --replSet, and initiate the set. The database is `chatbot_db` unless the URI names
        /// another one. Options in the URI set the size of the connection pool, timeouts and TLS.
        ///   mongodb://USER:PASSWORD@HOST:27017/chatbot_db?replicaSet=rs0
        ///   mongodb+srv://USER:PASSWORD@HOST/chatbot_db
        MONGODB_URI => mongodb_uri: Option<SecretString>, MONGODB;

        /// Whether to migrate conversations of the Flask application in this database on startup. If off, the server
        /// refuses to start when it finds any; `webchat init-db` migrates them.
        MIGRATE => migrate: bool = "off", Kind::Switch;

        /// The Redis server (7.0 or newer) that stores sessions and live events; rediss:// uses TLS. With MongoDB and
        /// Redis, several instances with the same SECRET_KEY can serve the same users behind a load balancer.
        ///   redis://USER:PASSWORD@HOST:6379
        REDIS_URL => redis_url: Option<SecretString>, REDIS;

        /// The maximum size of an imported file in MiB (1 to 10000). Files are kept in the system's temporary directory
        /// (TMPDIR) while they are uploaded and imported. An instance accepts at most 64 uploads at a time, and runs at
        /// most 8 imports, one per user and 2 per network.
        MAX_IMPORT_SIZE_MB => max_import_size_mb: u64 = "100", Kind::integer("MiB", 1, 10_000);

        /// Storage limits in MiB: for the conversations of each user, and in total, for the database and the saved
        /// conversations. At a limit, users can read and delete, but not send, upload, import or save. 0 means no limit
        /// other than the disk.
        MAX_STORED_MB_PER_USER => max_stored_mb_per_user: u32 = "1000", Kind::limit("MiB");
        MAX_STORED_MB => max_stored_mb: u32 = "0", Kind::limit("MiB");
    }
}

/// Whether the string starts with one of these schemes and continues after it.
fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    let mut locations = schemes.iter().filter_map(|scheme| text.strip_prefix(scheme));
    locations.any(|location| !location.is_empty())
}
