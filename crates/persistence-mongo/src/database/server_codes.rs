//! Explains the server's error codes, from its `error_codes.yml`.

/// The explanations, each with advice, by error codes.
const EXPLANATIONS: &[(&[i32], &str)] = &[
    (
        &[2, 9, 14, 40, 72, 197, 40415],
        "it does not accept an option of a collection, an index or a command; use MongoDB 6.0 or newer, and a database \
         of Webchat's own, not `admin`, `config` or `local`",
    ),
    (&[6, 7, 89, 202, 9001], "its servers do not reach each other; check their network"),
    (
        &[8, 13, 31],
        "the user may not do this; grant the roles readWrite and dbAdmin for the database",
    ),
    (
        &[11, 18, 334, 391],
        "check user and password, and authSource, which names the database of the user",
    ),
    (&[20, 123, 76], "it has no transactions; start it as a member of a replica set"),
    (&[24, 50, 262, 290], "it took too long; check its load and disk, and try again"),
    (
        &[26, 27, 48, 68],
        "a collection or an index has just been created, renamed or dropped; stop other programs that use the database, \
         and try again",
    ),
    (
        &[59, 115, 238, 303, 323, 352],
        "it does not know a command; use MongoDB 6.0 or newer, not a compatible service",
    ),
    (&[43, 63, 112, 225, 237, 246, 251], "another program changed the same data; try again"),
    (
        &[64, 100, 133, 134],
        "too few members of its replica set are available; check the others with rs.status()",
    ),
    (
        &[67, 85, 86, 164],
        "an index with the same name or keys already exists with other options; drop it",
    ),
    (
        &[73],
        "the name of the database in the URI is invalid; use at most 63 letters, digits, hyphens and underscores",
    ),
    (&[91, 11600], "it is shutting down; start it again, and then repeat this"),
    (
        &[10058, 10107, 11601, 11602, 13435, 13436, 189],
        "it is not the primary of its replica set; name all members in the URI, with replicaSet=…, and wait for an \
         election",
    ),
    (
        &[121],
        "a document violates the validator of its collection; remove a validator that Webchat has not set",
    ),
    (&[146, 292, 365, 462], "it lacks memory or is overloaded; reduce its load, and try again"),
    (
        &[166, 10003],
        "a collection is a view or is capped; use a database in which Webchat creates its collections",
    ),
    (
        &[10334, 17280, 17419, 17420],
        "a document or a key of an index is too large; shorten or delete the document",
    ),
    (
        &[171],
        "a document has arrays in several fields of an index; find it with $type: \"array\", and replace or delete it",
    ),
    (
        &[11000, 11001],
        "documents have the same values in a unique index; if they are of another application, use another database, \
         otherwise find them with an aggregation, and delete all but one",
    ),
    (
        &[13297],
        "a database exists whose name differs only in upper and lower case; use exactly that name in the URI",
    ),
    (&[14031, 39], "its disk is full or broken; free some space"),
    (
        &[16500, 8000],
        "the service is over its limits, or the user may not do this; check both in its console",
    ),
];

/// Returns what the error code means, and what to do.
pub(crate) fn explain_code(code: i32) -> String {
    let found = EXPLANATIONS.iter().find(|(codes, _)| codes.contains(&code));
    let advice = found.map_or("it rejected a command; check its log", |(_, advice)| advice);
    format!("{advice} (MongoDB's error {code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_advice() {
        for (code, words) in [
            (2, "option"),
            (13, "grant the roles"),
            (18, "authSource"),
            (26, "try again"),
            (48, "stop other programs"),
            (59, "MongoDB 6.0"),
            (67, "drop it"),
            (72, "not `admin`"),
            (73, "at most 63 letters"),
            (85, "drop it"),
            (86, "drop it"),
            (121, "validator"),
            (171, "arrays"),
            (8000, "limits"),
            (10107, "not the primary"),
            (10334, "too large"),
            (11000, "unique index"),
            (11600, "shutting down"),
            (13297, "upper and lower case"),
            (14031, "disk is full"),
            (17280, "too large"),
            (1, "log"),
        ] {
            let explained = explain_code(code);
            assert!(explained.contains(words), "{code}: {explained}");
            assert!(explained.ends_with(&format!("(MongoDB's error {code})")), "{explained}");
        }
    }

    #[test]
    fn no_code_has_two_explanations() {
        let mut codes: Vec<i32> =
            EXPLANATIONS.iter().flat_map(|(codes, _)| *codes).copied().collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();

        assert_eq!(codes.len(), all);
    }
}
