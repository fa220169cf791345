//! The kinds of values that settings have, in the configuration file and as text.

use std::str::FromStr;

use config::ValueKind;
use url::Url;

/// The values that a setting accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A string that passes a check.
    Text { expected: &'static str, is_valid: fn(&str) -> bool, visibility: Visibility },
    /// One of several strings.
    Choice(&'static [&'static str]),
    /// `true` or `false` in the file, `on` or `off` in a variable.
    Switch,
    /// An integer. `unit` is a plural such as "days", or empty.
    Integer { unit: &'static str, min: i64, max: i64 },
    /// A non-negative integer, where 0 means no limit. `unit` is as for `Integer`.
    Limit { unit: &'static str, max: i64 },
    /// A number.
    Number { min: f64, max: f64 },
    /// A list in the file, separated by commas in a variable. `items` describes its elements.
    List { items: &'static str, example: &'static str, is_valid: fn(&str) -> bool },
}

/// Whether a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    Public,
    /// A URL that is shown unless it contains credentials: a user name, a password or a key.
    UrlUnlessCredentials,
    Secret,
}

impl Kind {
    pub(crate) const TEXT: Self = Self::text("a string", |_| true);

    pub(crate) const fn text(expected: &'static str, is_valid: fn(&str) -> bool) -> Self {
        Self::Text { expected, is_valid, visibility: Visibility::Public }
    }

    pub(crate) const fn url(expected: &'static str) -> Self {
        let is_valid = |text: &str| http_url(text).is_some();
        Self::Text { expected, is_valid, visibility: Visibility::UrlUnlessCredentials }
    }

    pub(crate) const fn secret(expected: &'static str, is_valid: fn(&str) -> bool) -> Self {
        Self::Text { expected, is_valid, visibility: Visibility::Secret }
    }

    pub(crate) const fn integer(unit: &'static str, min: i64, max: u32) -> Self {
        Self::Integer { unit, min, max: widen(max) }
    }

    pub(crate) const fn limit(unit: &'static str) -> Self {
        Self::Limit { unit, max: widen(u32::MAX) }
    }

    /// Parses the value of an environment variable. Returns `None` if it is invalid.
    pub(crate) fn parse(&self, text: &str) -> Option<ValueKind> {
        let value = match self {
            Self::Text { .. } | Self::Choice(_) => text.into(),
            Self::Switch => match text {
                "on" => true.into(),
                "off" => false.into(),
                _ => return None,
            },
            Self::Integer { .. } | Self::Limit { .. } => text.parse::<i64>().ok()?.into(),
            Self::Number { .. } => text.parse::<f64>().ok()?.into(),
            Self::List { .. } => text.split(',').map(str::trim).collect::<Vec<_>>().into(),
        };
        self.accepts(&value).then_some(value)
    }

    /// Whether the value has the right type and is in range.
    pub(crate) fn accepts(&self, value: &ValueKind) -> bool {
        match (self, value) {
            (Self::Text { is_valid, .. }, ValueKind::String(text)) => is_valid(text),
            (Self::Choice(choices), ValueKind::String(text)) => choices.contains(&text.as_str()),
            (Self::Switch, ValueKind::Boolean(_)) => true,
            (Self::Integer { min, max, .. }, ValueKind::I64(number)) => {
                (min..=max).contains(&number)
            }
            (Self::Limit { max, .. }, ValueKind::I64(number)) => (0..=*max).contains(number),
            (Self::Number { min, max }, ValueKind::Float(number)) => (min..=max).contains(&number),
            (Self::Number { .. }, ValueKind::I64(number)) => {
                self.parse(&number.to_string()).is_some()
            }
            (Self::List { is_valid, .. }, ValueKind::Array(items)) => items
                .iter()
                .all(|item| matches!(&item.kind, ValueKind::String(text) if is_valid(text))),
            _ => false,
        }
    }

    /// Describes the accepted values, as they are written in the configuration file (`in_file`) or in an environment
    /// variable.
    pub(crate) fn expected(&self, in_file: bool) -> String {
        match self {
            Self::Text { expected, .. } => (*expected).to_owned(),
            Self::Choice(choices) => one_of(choices),
            Self::Switch if in_file => "true or false".to_owned(),
            Self::Switch => "on or off".to_owned(),
            Self::Integer { min: i64::MIN, .. } => "a 64-bit signed integer".to_owned(),
            Self::Integer { unit, min, max } if *max >= widen(u32::MAX) => {
                format!("{}, at least {min}", integer_of(unit))
            }
            Self::Integer { unit, min, max } => {
                format!("{} from {min} to {max}", integer_of(unit))
            }
            Self::Limit { unit, .. } => format!("{}, or 0 for no limit", integer_of(unit)),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
            Self::List { items, example, .. } if in_file => {
                let examples: Vec<&str> = example.split(',').collect();
                format!("a list of {items} such as {examples:?}")
            }
            Self::List { items, example, .. } => {
                format!("{items}, separated by commas, such as {example}")
            }
        }
    }

    /// Whether this value may be shown.
    pub(crate) fn may_show(&self, value: &ValueKind) -> bool {
        let Self::Text { visibility, .. } = self else { return true };
        match visibility {
            Visibility::Public => true,
            Visibility::UrlUnlessCredentials => !has_credentials(&value.to_string()),
            Visibility::Secret => false,
        }
    }
}

/// Describes a choice like serde: "a or b", "one of a, b, c".
pub(crate) fn one_of<S: AsRef<str>>(choices: &[S]) -> String {
    let choices: Vec<&str> = choices.iter().map(AsRef::as_ref).collect();
    match choices.as_slice() {
        [a, b] => format!("{a} or {b}"),
        [_, _, ..] => format!("one of {}", choices.join(", ")),
        _ => choices.concat(),
    }
}

fn integer_of(unit: &str) -> String {
    if unit.is_empty() { "an integer".to_owned() } else { format!("an integer number of {unit}") }
}

#[expect(clippy::as_conversions, reason = "`from` is not const")]
const fn widen(number: u32) -> i64 {
    number as i64
}

pub(crate) fn parses_as<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

/// Parses a URL with the scheme `http` or `https`.
pub(crate) fn http_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// Whether the URL may contain credentials: a user name, a password, a fragment, or query parameters other than Azure's
/// version, because some providers expect the key in the query.
fn has_credentials(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return true };
    let has_user = !url.username().is_empty() || url.password().is_some();
    has_user || url.fragment().is_some() || url.query_pairs().any(|(name, _)| name != "api-version")
}
