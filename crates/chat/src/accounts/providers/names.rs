//! The names of accounts that are added for users of identity providers.

use std::iter;

use webchat_domain::{AccountName, UserId};
use webchat_oidc::Claims;

/// The claims with names, in the order of preference.
const NAME_CLAIMS: [&str; 3] = ["preferred_username", "email", "name"];

/// The name of a user whose claims have none that can be used.
const FALLBACK: &str = "user";

/// The number of names with a number after the first one.
const NUMBERED: u32 = 20;

/// The maximum length of a name before the number, in characters.
const MAX_BASE_CHARS: usize = AccountName::MAX_CHARS - SUFFIX_CHARS;

/// The maximum length of what is added to a name: a hyphen and eight characters.
const SUFFIX_CHARS: usize = 9;

/// Returns names for the account of a user, the best one first. Each is valid, and may be taken. The last one is random.
///
/// A name is an e-mail address only if it is the verified one of a trusted provider: an account with this name is later
/// linked to the owner of the address.
pub(super) fn candidates(claims: &Claims, trusts_email: bool) -> impl Iterator<Item = AccountName> {
    let verified = claims.verified_email().filter(|_| trusts_email);
    let verified = verified.and_then(|email| usable(&email));
    let base = NAME_CLAIMS.iter().find_map(|claim| {
        let name = usable(&claims.text(claim)?)?;
        if verified.as_ref() == Some(&name) { Some(name) } else { local_part(&name) }
    });
    let base = base.unwrap_or_else(|| FALLBACK.to_owned());
    let random: String = UserId::generate().to_simple().chars().rev().take(8).collect();
    let numbers = (2..=NUMBERED).map(|number| number.to_string());
    let suffixes =
        iter::once(String::new()).chain(numbers.chain([random]).map(|suffix| format!("-{suffix}")));
    suffixes.filter_map(move |suffix| format!("{base}{suffix}").parse().ok())
}

/// Returns a name without the domain of an e-mail address.
fn local_part(name: &str) -> Option<String> {
    let local = name.split('@').next().unwrap_or_default();
    local.parse::<AccountName>().ok().map(|name| name.to_string())
}

/// Returns what is left of a name without the characters that no account name has.
fn usable(text: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_alphanumeric() || ".-_@+".contains(c);
    let words: Vec<&str> = text.split_whitespace().collect();
    // Each combining mark is normalised with its letter, so limit the text before.
    let joined: String = words.join(".").chars().take(MAX_BASE_CHARS).collect();
    let name = match joined.parse::<AccountName>() {
        Ok(name) => name.to_string(),
        Err(_) => joined.chars().filter(|c| is_allowed(*c)).collect(),
    };
    let name = name.trim_start_matches(|c: char| !c.is_alphanumeric());
    name.parse::<AccountName>().ok().map(|name| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_valid_name_or_none() {
        for (text, expected) in [
            ("alice", Some("alice")),
            ("Alice@Example.ORG", Some("alice@example.org")),
            (" Alice  B. Cooper ", Some("alice.b..cooper")),
            ("Zoe\u{301}", Some("zo\u{e9}")),
            ("DOMAIN\\alice", Some("domainalice")),
            ("../../etc/passwd", Some("etcpasswd")),
            ("a\u{202e}b\0c", Some("abc")),
            ("李小龙", Some("李小龙")),
            ("🦀", None),
            ("...", None),
            ("", None),
        ] {
            assert_eq!(usable(text).as_deref(), expected, "{text:?}");
        }
        let long = usable(&"x".repeat(10_000)).unwrap();
        assert_eq!(long.chars().count(), MAX_BASE_CHARS);
        let marks = usable(&format!("a{}", "\u{300}".repeat(10_000))).unwrap();
        assert_eq!(marks, "a");
        assert_eq!(usable(&"\u{301}".repeat(10_000)), None);
        let expanding = usable(&"\u{fdfa}".repeat(10_000));
        assert!(expanding.is_none_or(|name| name.chars().count() <= AccountName::MAX_CHARS));
    }
}
