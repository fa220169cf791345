//! Finds out why the driver rejects a URI. The driver's own messages may quote parts of it, including the password.

const USER_INFO: &str = "write special characters of user and password percent-encoded: `@` as %40, `:` as %3A, `/` as \
                         %2F, `%` as %25";

/// Returns what is wrong with the URI. The text contains no part of it.
pub(super) fn uri_problem(uri: &str) -> &'static str {
    let (is_srv, rest) = match uri.split_once("://") {
        Some(("mongodb", rest)) => (false, rest),
        Some(("mongodb+srv", rest)) => (true, rest),
        _ => return "it does not begin with mongodb:// or mongodb+srv://",
    };
    let (user_info, rest) = match rest.rsplit_once('@') {
        // An `@` in an option, such as a user of an identity provider, does not end the user and password.
        Some((before, _)) if before.contains('?') && before.contains('=') => ("", rest),
        Some((user_info, rest)) => (user_info, rest),
        None => ("", rest),
    };
    if !is_percent_encoded(user_info) {
        return USER_INFO;
    }
    let (hosts, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if is_srv && hosts.contains([',', ':']) {
        return "mongodb+srv:// is followed by one host without a port";
    }
    if let Some(problem) = hosts.split(',').find_map(host_problem) {
        return problem;
    }
    let path = rest.split('?').next().unwrap_or_default();
    if path.trim_start_matches('/').contains(['/', '\\', ' ', '"', '$']) {
        return "the name of the database contains one of the characters / \\ \" $ or a space";
    }
    "check the names and values of its options, for example replicaSet, authSource and tls"
}

/// Whether it is a user with an optional password, in which special characters are percent-encoded.
fn is_percent_encoded(user_info: &str) -> bool {
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
    let has_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(number) if has_port(number) => None,
        _ => Some("a port must be a number from 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::options::ClientOptions;

    use super::*;

    #[tokio::test]
    async fn each_mistake_is_named_without_a_part_of_the_uri() {
        for (uri, expected) in [
            ("http://secret", "mongodb://"),
            ("secret:27017", "mongodb://"),
            ("mongodb://me:sec@ret@host", "%40"),
            ("mongodb://me:sec:ret@host", "%3A"),
            ("mongodb://me:sec/ret@host", "%2F"),
            ("mongodb://me:sec?ret@host", "percent-encoded"),
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
            ("mongodb+srv://a,b/secret", "one host"),
            ("mongodb+srv://host:27017/secret", "one host"),
            ("mongodb://host/sec$ret", "name of the database"),
            ("mongodb://host/?replicaset", "options"),
            ("mongodb://host/?tls=secret", "options"),
            ("mongodb://host/?tls=true&tls=false", "options"),
        ] {
            assert!(ClientOptions::parse(uri).await.is_err(), "the driver accepts {uri}");
            let problem = uri_problem(uri);
            assert!(problem.contains(expected) && !problem.contains("secret"), "{uri}: {problem}");
        }
    }
}
