//! Browser sessions.

use ipnet::IpNet;
use secrecy::SecretString;
use webchat_transport::{AuthMode, SignInProxy};

use super::super::declaration::section;
use super::super::kind::Kind;
use super::server::{NETWORKS, networks, texts};

/// Shorter keys could be guessed.
const MIN_SECRET_KEY_CHARS: usize = 32;

const SECRET_KEY: Kind = Kind::secret(
    "at least 32 random characters, for example from `openssl rand -hex 32`",
    |text| text.chars().count() >= MIN_SECRET_KEY_CHARS,
);

pub(super) const DOMAINS: Kind = Kind::List {
    items: "domains in lower case",
    example: "example.org,example.com",
    is_valid: |text| {
        !text.is_empty()
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
    },
};
const PROVIDER_IDS: Kind = Kind::List {
    items: "ids in lower-case letters, digits and hyphens",
    example: "entra,google",
    is_valid: is_provider_id,
};
const HEADER: Kind = Kind::text(
    "the name of a header such as X-Forwarded-User, but not Authorization or Cookie",
    |text| SignInProxy::new(text, None, Vec::new()).is_some(),
);

/// The maximum length of the id of an identity provider.
const MAX_PROVIDER_ID_BYTES: usize = 32;

fn is_provider_id(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= MAX_PROVIDER_ID_BYTES
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

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

        /// Whether visitors may add accounts of their own, with a name and a password. If SIGN_UP_DOMAINS has domains,
        /// separated by commas, the names must be e-mail addresses there. Nobody verifies the addresses.
        SIGN_UP => sign_up: bool = "off", Kind::Switch;
        #[serde(deserialize_with = "texts")]
        SIGN_UP_DOMAINS => sign_up_domains: Vec<String>, DOMAINS;

        /// Whether users sign in with passwords. off needs an identity provider or AUTH_HEADER.
        PASSWORD_SIGN_IN => password_sign_in: bool = "on", Kind::Switch;

        /// The ids of further identity providers, separated by commas, in lower-case letters, digits and hyphens, up to 32
        /// of them, beginning with a letter: for each, the settings of the section "Identity provider" with its id, such as OIDC_ENTRA_ISSUER for the id entra, or
        /// `[oidc.entra]` in the configuration file.
        #[serde(deserialize_with = "texts")]
        OIDC_PROVIDERS => oidc_providers: Vec<String>, PROVIDER_IDS;

        /// The claim with the user's id in the Flask application, for example preferred_username: at the first sign-in with
        /// an identity provider, the user gets the conversations of this id. Users must not be able to change the claim.
        LEGACY_USER_CLAIM => legacy_user_claim: Option<String>, Kind::TEXT;

        /// The header in which a proxy that signs users in, such as oauth2-proxy, names the user: the name of an account,
        /// which is added when it is used first. Needs AUTH=optional or required, and AUTH_HEADER_PROXIES.
        AUTH_HEADER => auth_header: Option<String>, HEADER;

        /// The header in which the same proxy names the user's groups, separated by commas, for example
        /// X-Forwarded-Groups. Groups in it replace those of the request before.
        AUTH_HEADER_GROUPS => auth_header_groups: Option<String>, HEADER;

        /// The addresses or networks of these proxies, separated by commas. The headers of all other clients are ignored.
        #[serde(deserialize_with = "networks")]
        AUTH_HEADER_PROXIES => auth_header_proxies: Vec<IpNet>, NETWORKS;

        /// How long a session lasts after its last use, in days (1 to 400). A browser whose session expires becomes a new
        /// user, unless somebody was signed in.
        SESSION_TTL_DAYS => ttl_days: u32 = "365", Kind::integer("days", 1, 400);

        /// How long a user stays signed in after the last use of the session, in days (1 to 400).
        SIGN_IN_IDLE_DAYS => sign_in_idle_days: u32 = "30", Kind::integer("days", 1, 400);

        /// How long a user stays signed in, in days (1 to 400), even if the session is used.
        SIGN_IN_DAYS => sign_in_days: u32 = "90", Kind::integer("days", 1, 400);

        /// The number of days after which the data of a user without a session is deleted: once the last session has
        /// expired, nobody can reach the data any more. 0 keeps it for ever.
        INACTIVE_USERS_KEPT_DAYS => inactive_users_kept_days: u32 = "30", Kind::limit("days");
    }
}
