//! Finds out why the driver rejects a URI. The driver's own messages may quote parts of it, including the password.

const ENCODE_USER_INFO: &str = "percent-encode special characters in the user name and password: `@` as %40, `:` as \
                                %3A, `/` as %2F, `%` as %25";

/// Returns what is wrong with the URI. The text contains no part of it.
pub(super) fn uri_problem(uri: &str) -> &'static str {
    let (is_srv, rest) = match uri.split_once("://") {
        Some(("mongodb", rest)) => (false, rest),
        Some(("mongodb+srv", rest)) => (true, rest),
        _ => return "it does not begin with mongodb:// or mongodb+srv://",
    };
    let (user_info, rest) = split_user_info(rest);
    if !is_valid_user_info(user_info) {
        return ENCODE_USER_INFO;
    }
    let (hosts, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if is_srv && hosts.contains([',', ':']) {
        return "mongodb+srv:// must be followed by exactly one host name, without a port";
    }
    if let Some(problem) = hosts.split(',').find_map(host_problem) {
        return problem;
    }
    let path = rest.split('?').next().unwrap_or_default();
    if path.strip_prefix('/').unwrap_or(path).contains(['/', '\\', ' ', '"', '$']) {
        return "the name of the database contains one of the characters / \\ \" $ or a space";
    }
    "check the names and values of its options, for example replicaSet, authSource and tls"
}

/// Returns the hosts of a URI that the driver can parse, without the user name and password.
pub(super) fn hosts(uri: &str) -> &str {
    let (_, rest) = uri.split_once("://").unwrap_or_default();
    let (_, rest) = split_user_info(rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// Splits what follows the scheme as the driver does: the options begin at the first `?`, and the user info ends at the
/// last `@` before them. An `@` in an option, such as a user of an identity provider, does not end it.
fn split_user_info(rest: &str) -> (&str, &str) {
    let before_options = rest.split('?').next().unwrap_or_default();
    let user_info = match before_options.rsplit_once('@') {
        Some((user_info, _)) => Some(user_info),
        // Without a `=` before the `@`, the `?` is part of the password, which the driver rejects.
        None => {
            rest.split_once('@').map(|(before, _)| before).filter(|before| !before.contains('='))
        }
    };
    let (user_info, rest) = rest.split_at(user_info.map_or(0, str::len));
    (user_info, rest.strip_prefix('@').unwrap_or(rest))
}

/// Whether it is a user name with an optional password, in which special characters are percent-encoded.
fn is_valid_user_info(user_info: &str) -> bool {
    let is_encoded = |rest: &str| {
        rest.get(..2).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    user_info.matches(':').count() <= 1
        && !user_info.contains(['@', '/', '?', '#', '[', ']'])
        && user_info.split('%').skip(1).all(is_encoded)
}

fn host_problem(host: &str) -> Option<&'static str> {
    let port = if let Some(address) = host.strip_prefix('[') {
        match address.split_once(']') {
            Some((_, port)) => port,
            None => return Some("the bracket of an IPv6 address is not closed: write [::1]:27017"),
        }
    } else if host.matches(':').count() > 1 {
        return Some("write an IPv6 address in brackets: [::1]:27017");
    } else {
        host.find(':').map_or("", |colon| host.get(colon..).unwrap_or_default())
    };
    if host.is_empty() || host.starts_with(':') {
        return Some("a host is missing");
    }
    let is_valid_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(number) if is_valid_port(number) => None,
        _ => Some("a port must be a number from 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::options::ClientOptions;

    use super::*;

    #[tokio::test]
    async fn each_problem_is_described_without_quoting_the_uri() {
        for (uri, expected) in [
            ("http://secret", "mongodb://"),
            ("secret:27017", "mongodb://"),
            ("mongodb://me:sec@ret@host", "%40"),
            ("mongodb://me:sec:ret@host", "%3A"),
            ("mongodb://me:sec/ret@host", "%2F"),
            ("mongodb://me:sec?ret@host", "percent-encode"),
            ("mongodb://me:sec?ret@host/?appName=a@b", "percent-encode"),
            ("mongodb://me:sec@ret@host/?appName=a@b", "%40"),
            ("mongodb://me:secret@host/?appName=a@b&tls=x", "options"),
            ("mongodb://me:secret@host:0/?appName=a@b", "1 to 65535"),
            ("mongodb://me:secret%@host", "%25"),
            ("mongodb://me:secret%zz@host", "%25"),
            ("mongodb://", "a host is missing"),
            ("mongodb:///secret", "a host is missing"),
            ("mongodb://a,,b/secret", "a host is missing"),
            ("mongodb://host:secret", "1 to 65535"),
            ("mongodb://host:0/secret", "1 to 65535"),
            ("mongodb://host:99999/secret", "1 to 65535"),
            ("mongodb://::1:27017/secret", "in brackets"),
            ("mongodb://[::1:27017/secret", "not closed"),
            ("mongodb://[::1]27017/secret", "1 to 65535"),
            ("mongodb+srv://a,b/secret", "exactly one host"),
            ("mongodb+srv://host:27017/secret", "exactly one host"),
            ("mongodb://host/sec$ret", "name of the database"),
            ("mongodb://host//secret", "name of the database"),
            ("mongodb://host/?replicaset", "options"),
            ("mongodb://host/?tls=secret", "options"),
            ("mongodb://host/?tls=true&tls=false", "options"),
        ] {
            assert!(ClientOptions::parse(uri).await.is_err(), "the driver accepts {uri}");
            let problem = uri_problem(uri);
            assert!(problem.contains(expected) && !problem.contains("secret"), "{uri}: {problem}");
        }
    }

    #[test]
    fn hosts_never_contain_the_user_info() {
        for (uri, expected) in [
            ("mongodb+srv://host.example", "host.example"),
            ("mongodb+srv://me:secret@host.example/db?appName=a@b", "host.example"),
            (
                "mongodb+srv://me:secret@host.example/?authSource=$external&appName=a@b",
                "host.example",
            ),
            ("mongodb+srv://host.example?appName=a@b", "host.example"),
        ] {
            assert_eq!(hosts(uri), expected, "{uri}");
        }
    }
}
