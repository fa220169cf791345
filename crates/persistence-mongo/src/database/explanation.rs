//! Explains the driver's errors to operators: what happened, and what to do.

use mongodb::error::ErrorKind;

use crate::error::code;

/// Returns the explanation. It never contains the driver's text, which may quote documents or the topology.
pub(crate) fn explain(kind: &ErrorKind) -> String {
    if let Some(code) = code(kind) {
        let explained = explain_code(code);
        return duplicate_key(kind).map_or(explained.clone(), |key| format!("{key}: {explained}"));
    }
    let text = match kind {
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::ServerSelection { message, .. }
        | ErrorKind::ConnectionPoolCleared { message, .. } => message.clone(),
        _ => String::new(),
    };
    let has = |words: &str| text.to_lowercase().contains(words);
    match kind {
        ErrorKind::Authentication { .. } => {
            "check user and password, and authSource, which names the database of the user"
        }
        ErrorKind::DnsResolve { .. } => "its host name can't be resolved",
        _ if has("connection refused") => {
            "the connection was refused; check that mongod is running, and host and port"
        }
        _ if has("lookup address") || has("name or service") => "its host name can't be resolved",
        _ if has("certificate") || has("tls") || has("unexpectedeof") => {
            "the TLS connection failed; check the options tls and tlsCAFile of the URI"
        }
        _ if has("timed out") || has("timeout") => {
            "it did not answer in time; check the network, and that the replica set has a primary"
        }
        ErrorKind::InvalidResponse { .. } | ErrorKind::BsonDeserialization(_) => {
            "its response can't be read; check that it is a MongoDB server"
        }
        _ => "the connection was lost; check the server's log",
    }
    .to_owned()
}

/// Returns the values, such as `{ message_id: "a" }`, that violate a unique index.
fn duplicate_key(kind: &ErrorKind) -> Option<&str> {
    let ErrorKind::Command(error) = kind else { return None };
    error.message.split_once("dup key: ").map(|(_, key)| key.trim())
}

/// Explains an error code of the server, from its `error_codes.yml`.
fn explain_code(code: i32) -> String {
    let advice = match code {
        13 => {
            "the user may not do this; grant the roles readWrite and dbAdmin for the database \
             (MongoDB's error 13)"
        }
        18 => {
            "check user and password, and authSource, which names the database of the user \
             (MongoDB's error 18)"
        }
        11000 | 11001 => {
            "documents have the same values in a unique index; find them with an aggregation, and delete all but one \
             (MongoDB's error 11000)"
        }
        67 | 85 | 86 => {
            "an index with the same name or keys already exists with other options; drop it \
             (MongoDB's errors 67, 85 and 86)"
        }
        121 => "a document violates the validator of its collection (MongoDB's error 121)",
        48 | 73 => "a collection or view with this name already exists, or its name is invalid",
        166 => "`conversations` or another collection is a view; use a database with collections",
        14031 => "its disk is full; free some space (MongoDB's error 14031)",
        10107 | 13435 | 11602 | 189 => {
            "it is not the primary of its replica set; name all members in the URI, with replicaSet=…"
        }
        _ => return format!("the server rejected a command with MongoDB's error {code}"),
    };
    advice.to_owned()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn errors_are_explained_without_the_drivers_text() {
        let refused = ErrorKind::Io(
            io::Error::new(io::ErrorKind::ConnectionRefused, "Connection refused (os error 111)")
                .into(),
        );

        assert!(explain(&refused).contains("check that mongod is running"));
        assert!(!explain(&refused).contains("os error"));
        for (code, words) in [
            (13, "grant the roles"),
            (18, "authSource"),
            (11000, "unique index"),
            (85, "drop it"),
            (1, "error 1"),
        ] {
            assert!(explain_code(code).contains(words), "{code}");
        }
    }
}
