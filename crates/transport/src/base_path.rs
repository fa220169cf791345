//! The path under which users reach the server.

use url::Url;

/// The path of `PUBLIC_URL` without its last slash: empty, or like `/chat`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// Returns the path of a URL, or `None` if the URL has a query or a fragment, or if its path contains
    /// characters other than letters, digits, `-`, `_`, `.` and `~`. The path becomes part of routes, cookies and
    /// HTML.
    #[must_use]
    pub fn of(public_url: &Url) -> Option<Self> {
        let path = public_url.path();
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_plain =
            |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '~');
        let mut segments = path.split('/').skip(1);
        let is_valid = public_url.query().is_none()
            && public_url.fragment().is_none()
            && segments.all(|segment| !segment.is_empty() && segment.chars().all(is_plain));
        is_valid.then(|| Self(path.to_owned()))
    }

    /// Returns whether users reach the server at the root of its host.
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the path without its last slash: empty, or like `/chat`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path with its last slash: `/`, or like `/chat/`.
    pub(crate) fn with_slash(&self) -> String {
        format!("{}/", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_path(url: &str) -> Option<String> {
        BasePath::of(&Url::parse(url).unwrap()).map(|path| path.with_slash())
    }

    #[test]
    fn a_trailing_slash_is_ignored() {
        assert_eq!(base_path("https://host.example").as_deref(), Some("/"));
        assert_eq!(base_path("https://host.example/").as_deref(), Some("/"));
        assert_eq!(base_path("https://host.example/chat").as_deref(), Some("/chat/"));
        assert_eq!(base_path("https://host.example/a/b-1/").as_deref(), Some("/a/b-1/"));
    }

    #[test]
    fn invalid_paths_are_rejected() {
        for path in ["/a//b", "/{id}", "/a%20b", "/a;b", "/a'b", "/?q", "/chat#top", "//"] {
            assert_eq!(base_path(&format!("https://host.example{path}")), None, "{path}");
        }
    }
}
