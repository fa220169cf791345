//! Origins whose pages and apps may use the server.

use std::str::FromStr;

use thiserror::Error;
use url::{Host, Origin, Url};

/// An origin whose pages or apps may use the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A web origin. The schemes `ws` and `wss` count as `http` and `https`, because some apps send the URL of the
    /// WebSocket.
    Web(Origin, Host),
    /// The origin of an app with its own scheme, such as `capacitor://localhost`, in lower case.
    App(String),
    /// The opaque origin `null`.
    Null,
}

/// The string is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected an origin like https://chat.example.org, capacitor://localhost or null")]
pub struct InvalidOrigin;

impl AllowedOrigin {
    /// Returns the origin of a URL with the scheme `http` or `https`, or `None` for other URLs.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let host = without_final_dot(url.host()?.to_owned());
        let scheme = match url.scheme() {
            "http" | "ws" => "http",
            "https" | "wss" => "https",
            _ => return None,
        };
        let port = url.port_or_known_default()?;
        let origin = Origin::Tuple(scheme.to_owned(), host.clone(), port);
        Some(Self(Kind::Web(origin, host)))
    }

    /// Parses an `Origin` header. Unlike browsers, some programs don't send the canonical form.
    pub(crate) fn from_header(text: &str) -> Option<Self> {
        if text == "null" {
            return Some(Self(Kind::Null));
        }
        let (scheme, authority) = text.split_once("://")?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let is_bare = text.bytes().all(|byte| byte.is_ascii_graphic())
            && !authority.contains(['/', '\\', '?', '#', '@', '*', ',', '"']);
        let url = is_bare.then(|| Url::parse(text).ok()).flatten()?;
        Self::of(&url).or_else(|| app_origin(scheme, authority))
    }

    /// Returns the host of a web origin.
    pub(crate) fn host(&self) -> Option<&Host> {
        match &self.0 {
            Kind::Web(_, host) => Some(host),
            Kind::App(_) | Kind::Null => None,
        }
    }

    /// Returns the scheme of a web origin: `http` or `https`.
    pub(crate) fn web_scheme(&self) -> Option<&str> {
        match &self.0 {
            Kind::Web(Origin::Tuple(scheme, ..), _) => Some(scheme),
            _ => None,
        }
    }
}

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    /// Parses a setting. The path of a web origin is ignored.
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let web = || Url::parse(text).ok().and_then(|url| Self::of(&url));
        Self::from_header(text).or_else(web).ok_or(InvalidOrigin)
    }
}

/// Returns the origin of an app. A web page can't have such an origin, except that of a `file:` URL, which browsers
/// send as `null`.
fn app_origin(scheme: &str, authority: &str) -> Option<AllowedOrigin> {
    const OTHER_WEB_SCHEMES: [&str; 1] = ["ftp"];
    let is_app = !OTHER_WEB_SCHEMES.iter().any(|other| scheme.eq_ignore_ascii_case(other))
        && (!authority.is_empty() || scheme.eq_ignore_ascii_case("file"));
    is_app.then(|| AllowedOrigin(Kind::App(format!("{scheme}://{authority}").to_ascii_lowercase())))
}

/// Returns the host without the dot at the end of an absolute domain name.
pub(crate) fn without_final_dot(host: Host) -> Host {
    match host {
        Host::Domain(name) => {
            let relative = name.strip_suffix('.').unwrap_or(&name);
            Host::Domain(relative.to_owned())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<AllowedOrigin> {
        AllowedOrigin::from_header(text)
    }

    #[test]
    fn all_forms_of_an_origin_are_equal() {
        for (origin, forms) in [
            (
                "https://chat.example",
                vec![
                    "wss://chat.example",
                    "HTTPS://CHAT.EXAMPLE",
                    "https://chat.example:443",
                    "wss://chat.example:443",
                    "https://chat.example.",
                    "https://chat.example/",
                ],
            ),
            ("http://localhost", vec!["ws://localhost:80", "Http://Localhost."]),
            ("http://[::1]:8080", vec!["ws://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080"]),
            ("capacitor://localhost", vec!["Capacitor://LOCALHOST", "capacitor://localhost/"]),
            ("file://", vec!["file:///"]),
        ] {
            for form in forms {
                assert!(parse(form).is_some() && parse(form) == parse(origin), "{form}");
            }
        }
    }

    #[test]
    fn other_schemes_hosts_and_ports_are_other_origins() {
        for (one, other) in [
            ("https://chat.example", "http://chat.example"),
            ("wss://chat.example", "ws://chat.example"),
            ("https://chat.example", "https://chat.example:8443"),
            ("https://chat.example", "capacitor://chat.example"),
            ("capacitor://localhost", "ionic://localhost"),
            ("capacitor://localhost", "capacitor://localhost.evil.example"),
            ("app://-", "app://other"),
            ("null", "file://"),
        ] {
            assert!(parse(one).is_some() && parse(other).is_some(), "{one} {other}");
            assert_ne!(parse(one), parse(other), "{one} {other}");
        }
    }

    #[test]
    fn a_text_that_is_not_one_origin_is_rejected() {
        for text in [
            "",
            "*",
            "Null",
            "chat.example",
            "https://",
            "https:chat.example",
            "capacitor:",
            "capacitor://",
            "app://*",
            "https://*.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://evil.example#chat.example",
            "https://chat.example@evil.example",
            "https://chat.example\\@evil.example",
            "https://chat.example https://evil.example",
            "https://chat.example, https://evil.example",
            "https://chat.example//",
            "https://chat.example/path",
            "app://a b",
            "ftp://chat.example",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_path_of_a_web_origin_in_the_settings_is_ignored() {
        assert_eq!("https://chat.example/app/".parse().ok(), parse("https://chat.example"));
        assert_eq!("capacitor://localhost/app".parse::<AllowedOrigin>(), Err(InvalidOrigin));
    }
}
