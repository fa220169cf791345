//! Browser sessions.

use secrecy::SecretString;
use webchat_transport::AuthMode;

use super::super::declaration::section;
use super::super::kind::Kind;

/// Shorter keys could be guessed.
const MIN_SECRET_KEY_CHARS: usize = 32;

const SECRET_KEY: Kind = Kind::secret(
    "at least 32 random characters, for example from `openssl rand -hex 32`",
    |text| text.chars().count() >= MIN_SECRET_KEY_CHARS,
);

section! {
    SessionSettings: [sessions], "Sessions" {
        /// The key that signs and encrypts the session cookie: at least 32 random characters, for example from
        /// `openssl rand -hex 32`. If unset, a key is generated on the first start and kept in DATA_DIR. With
        /// APP_ENV=production, it must be set and have at least 8 different characters.
        SECRET_KEY => secret_key: Option<SecretString>, SECRET_KEY;

        /// Who may use the server. none: everybody; each browser is a user of its own, and nobody can sign in. optional:
        /// everybody, but users who sign in have their conversations on all of their devices. required: only users who
        /// sign in. `webchat user add` adds an account. With APP_ENV=production it must be set if HOST is
        /// not a loopback address, or if PUBLIC_URL is set.
        AUTH => auth: Option<AuthMode>, Kind::Choice(&["none", "optional", "required"]);

        /// How long a session lasts after its last use, in days (1 to 400).
        SESSION_TTL_DAYS => ttl_days: u32 = "365", Kind::integer("days", 1, 400);

        /// The number of days after which the data of a user without a session is deleted: once the last session has
        /// expired, nobody can reach the data any more. 0 keeps it for ever.
        INACTIVE_USERS_KEPT_DAYS => inactive_users_kept_days: u32 = "30", Kind::limit("days");
    }
}
