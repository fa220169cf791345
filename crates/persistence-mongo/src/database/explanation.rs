//! Explains the driver's errors to operators: what happened, and what to do.

use std::error::Error;

use mongodb::error::ErrorKind;

use super::server_codes::explain_code;
use crate::error::code;

/// Returns the explanation of an error that the driver has caused, or `None` for another error.
#[must_use]
pub fn explanation(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(kind) = error.downcast_ref::<ErrorKind>() {
            return Some(explain(kind));
        }
        cause = error.source();
    }
    None
}

/// Returns the explanation. It never contains the driver's text, which may quote documents or the topology.
pub(crate) fn explain(kind: &ErrorKind) -> String {
    if let Some(code) = code(kind) {
        let explained = explain_code(code);
        return duplicate_key(kind).map_or(explained.clone(), |key| format!("{key}: {explained}"));
    }
    match kind {
        ErrorKind::Authentication { .. } => WRONG_PASSWORD,
        ErrorKind::DnsResolve { .. } => {
            "its host name can't be resolved; check the host in the URI: mongodb+srv:// needs a DNS record of type SRV, \
             mongodb:// does not"
        }
        ErrorKind::InvalidTlsConfig { .. } => {
            "the files of tlsCAFile and tlsCertificateKeyFile can't be read, or contain no certificate"
        }
        ErrorKind::IncompatibleServer { .. } | ErrorKind::SessionsNotSupported => {
            "its version is not supported; use MongoDB 6.0 or newer, as a replica set"
        }
        ErrorKind::Transaction { .. } => {
            "a transaction can't be run; check that all its servers belong to one replica set, and its log"
        }
        ErrorKind::InvalidResponse { .. }
        | ErrorKind::Bson(_)
        | ErrorKind::BsonDeserialization(_) => {
            "its response can't be read; check that it is a MongoDB server"
        }
        ErrorKind::Io(error) => explain_text(&error.to_string()),
        ErrorKind::ServerSelection { message, .. }
        | ErrorKind::ConnectionPoolCleared { message, .. } => explain_text(message),
        ErrorKind::Shutdown => "the connection was closed; start the command again",
        _ => "the driver refused the command; please report this as a bug, with the log",
    }
    .to_owned()
}

const WRONG_PASSWORD: &str =
    "check user and password, and authSource, which names the database of the user";

/// Explains an error that the driver describes only by a message.
fn explain_text(text: &str) -> &'static str {
    let text = text.to_lowercase();
    let has = |words: &str| text.contains(words);
    if has("authentication") || has("sasl") || has("scram") {
        WRONG_PASSWORD
    } else if has("connection refused") {
        "the connection was refused; check that mongod is running, and host and port"
    } else if has("lookup address") || has("name or service") || has("no such host") {
        "its host name can't be resolved; check the host in the URI and the DNS server"
    } else if ["certificate", "tls", "handshake", "corrupt message", "unexpectedeof"]
        .into_iter()
        .any(has)
    {
        "the TLS connection failed; check the options tls and tlsCAFile of the URI"
    } else if has("unreachable") {
        "the network does not reach it; check the host, routes and firewalls"
    } else if has("timed out") || has("timeout") {
        "it did not answer in time; check the network, and that the replica set has a primary"
    } else {
        "the connection was lost; check the server's log, and whether it requires tls=true in the URI"
    }
}

/// Returns the values, such as `{ message_id: "a" }`, that violate a unique index.
fn duplicate_key(kind: &ErrorKind) -> Option<&str> {
    let ErrorKind::Command(error) = kind else { return None };
    error.message.split_once("dup key: ").map(|(_, key)| key.trim())
}

#[cfg(test)]
mod tests {
    use std::io;

    use webchat_persistence::StoreError;

    use super::*;

    #[test]
    fn errors_are_explained_without_the_drivers_text() {
        for (kind, text, words) in [
            (
                io::ErrorKind::ConnectionRefused,
                "Connection refused (os error 111)",
                "mongod is running",
            ),
            (io::ErrorKind::TimedOut, "timed out (os error 110)", "in time"),
            (io::ErrorKind::Other, "failed to lookup address information (os error)", "DNS"),
            (
                io::ErrorKind::NetworkUnreachable,
                "Network is unreachable (os error 101)",
                "firewalls",
            ),
            (io::ErrorKind::InvalidData, "invalid peer certificate: os error", "tlsCAFile"),
            (io::ErrorKind::UnexpectedEof, "tls handshake eof (os error)", "tlsCAFile"),
            (io::ErrorKind::BrokenPipe, "Broken pipe (os error 32)", "server's log"),
        ] {
            let explained = explain(&ErrorKind::Io(io::Error::new(kind, text).into()));

            assert!(explained.contains(words), "{text}: {explained}");
            assert!(!explained.contains("os error"), "{explained}");
        }
    }

    #[test]
    fn the_cause_of_another_error_is_explained() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = StoreError::unavailable(ErrorKind::Io(refused.into()));

        assert!(explanation(&error).unwrap().contains("mongod is running"));
        assert_eq!(explanation(&io::Error::other("disk")), None);
    }
}
