//! The groups of users, by which operators and identity providers say who may use what.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The name of a group: 1 to 100 characters without control characters.
///
/// Names are equal if their characters are, in whatever encoding (Unicode NFC), without spaces around them. Upper and
/// lower case differ, as with most identity providers.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", examples("research")))]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(String);

/// A string that is not a valid name of a group.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the name of a group must have 1 to {} characters, on one line", GroupName::MAX_CHARS)]
pub struct InvalidGroupName;

impl GroupName {
    /// The maximum number of characters of a name.
    pub const MAX_CHARS: usize = 100;

    /// Returns the beginning of a name in the form that names have.
    ///
    /// # Errors
    /// [`InvalidGroupName`] if it is longer than a name.
    pub fn prefix(text: &str) -> Result<String, InvalidGroupName> {
        // Normalization may lengthen the text, so limit it first.
        if text.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(InvalidGroupName);
        }
        Ok(text.trim().nfc().collect())
    }

    /// Returns whether the name shows what it says: it has no invisible characters, and none that change the direction of
    /// text. Stored names may have been accepted before this rule.
    #[must_use]
    pub fn is_unambiguous(&self) -> bool {
        let neighbours = self.0.chars().chain([' ']).skip(1);
        let before = [' '].into_iter().chain(self.0.chars());
        let mut triples = before.zip(self.0.chars()).zip(neighbours);
        triples.all(|((before, c), after)| match c {
            ' ' => true,
            // They belong to the words of several languages.
            '\u{200c}' | '\u{200d}' => is_of_joining_script(before) && is_of_joining_script(after),
            // The selector of the coloured form of a symbol.
            '\u{fe0f}' => !before.is_alphanumeric() && !before.is_ascii(),
            c => !BLANK.contains(&c) && !is_invisible(c),
        })
    }

    /// Returns the name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = InvalidGroupName;

    fn from_str(text: &str) -> Result<Self, InvalidGroupName> {
        let name = Self::prefix(text)?;
        let is_long = name.chars().nth(Self::MAX_CHARS).is_some();
        if name.is_empty() || is_long || name.chars().any(char::is_control) {
            return Err(InvalidGroupName);
        }
        Ok(Self(name))
    }
}

/// Letters, marks and symbols that look like nothing.
const BLANK: [char; 8] =
    ['\u{34f}', '\u{115f}', '\u{1160}', '\u{17b4}', '\u{17b5}', '\u{2800}', '\u{3164}', '\u{ffa0}'];

/// Returns whether a character is invisible, or can change how the text around it looks.
fn is_invisible(c: char) -> bool {
    let is_selector = matches!(c, '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}');
    is_selector
        || matches!(
            c.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::PrivateUse
                | GeneralCategory::SpaceSeparator
                | GeneralCategory::Unassigned
        )
}

/// Returns whether a letter or mark may belong to a script that uses joiners, other than Latin, Greek and Cyrillic.
fn is_of_joining_script(c: char) -> bool {
    c >= '\u{530}' && (c.is_alphabetic() || c.general_category() == GeneralCategory::NonspacingMark)
}

impl TryFrom<String> for GroupName {
    type Error = InvalidGroupName;

    fn try_from(text: String) -> Result<Self, InvalidGroupName> {
        text.parse()
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> Self {
        name.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The names of at most 200 groups, in their order.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = Vec<GroupName>, max_items = 200))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeSet<GroupName>", into = "BTreeSet<GroupName>")]
pub struct GroupNames(BTreeSet<GroupName>);

/// More names of groups than a user can have from one source.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("at most {} groups are possible", GroupNames::MAX)]
pub struct TooManyGroupNames;

impl GroupNames {
    /// The maximum number of names.
    pub const MAX: usize = 200;

    const NONE: &'static Self = &Self(BTreeSet::new());

    /// Returns the names that are unambiguous, and how many others there are.
    #[must_use]
    pub fn unambiguous(self) -> (Self, usize) {
        let count = self.0.len();
        let names: BTreeSet<_> = self.0.into_iter().filter(GroupName::is_unambiguous).collect();
        let ambiguous = count - names.len();
        (Self(names), ambiguous)
    }

    /// Returns the names that are not among the others.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        Self(self.0.difference(&others.0).cloned().collect())
    }

    /// Returns these names and the others.
    ///
    /// # Errors
    /// [`TooManyGroupNames`].
    pub fn with(&self, others: &Self) -> Result<Self, TooManyGroupNames> {
        self.0.union(&others.0).cloned().collect::<BTreeSet<_>>().try_into()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names in their order.
    pub fn iter(&self) -> impl Iterator<Item = &GroupName> {
        self.0.iter()
    }
}

impl TryFrom<BTreeSet<GroupName>> for GroupNames {
    type Error = TooManyGroupNames;

    fn try_from(names: BTreeSet<GroupName>) -> Result<Self, TooManyGroupNames> {
        if names.len() > Self::MAX { Err(TooManyGroupNames) } else { Ok(Self(names)) }
    }
}

impl From<GroupNames> for BTreeSet<GroupName> {
    fn from(names: GroupNames) -> Self {
        names.0
    }
}

/// Who says that a user belongs to a group. As a text: `manual`, `proxy`, or the issuer of an identity provider, which is
/// a URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum GroupSource {
    /// An administrator, or the operator on the command line.
    Manual,
    /// The proxy that signs users in.
    Proxy,
    /// The identity provider with this issuer.
    Provider(String),
}

impl From<String> for GroupSource {
    fn from(text: String) -> Self {
        match text.as_str() {
            "manual" => Self::Manual,
            "proxy" => Self::Proxy,
            _ => Self::Provider(text),
        }
    }
}

impl FromStr for GroupSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.to_owned().into())
    }
}

impl fmt::Display for GroupSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manual => "manual",
            Self::Proxy => "proxy",
            Self::Provider(issuer) => issuer,
        })
    }
}

impl From<GroupSource> for String {
    fn from(source: GroupSource) -> Self {
        source.to_string()
    }
}

/// The groups of a user. Each source has its own, so that a change by one of them keeps the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<SourceGroups>", into = "Vec<SourceGroups>")]
pub struct AccountGroups(BTreeMap<GroupSource, GroupNames>);

/// The groups of one source, as they are stored.
#[derive(Serialize, Deserialize)]
struct SourceGroups {
    source: GroupSource,
    names: GroupNames,
}

impl AccountGroups {
    /// Returns the groups that a source has given.
    #[must_use]
    pub fn of(&self, source: &GroupSource) -> &GroupNames {
        self.0.get(source).unwrap_or(GroupNames::NONE)
    }

    /// Replaces the groups that a source has given.
    pub fn set(&mut self, source: GroupSource, names: GroupNames) {
        if names.is_empty() {
            self.0.remove(&source);
        } else {
            self.0.insert(source, names);
        }
    }

    /// Returns all groups in the order of their names, each once.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&GroupName> {
        self.0.values().flat_map(GroupNames::iter).collect()
    }

    /// Returns the sources of each group.
    #[must_use]
    pub fn sources(&self) -> BTreeMap<&GroupName, Vec<&GroupSource>> {
        let mut sources = BTreeMap::<_, Vec<_>>::new();
        for (source, names) in &self.0 {
            for name in names.iter() {
                sources.entry(name).or_default().push(source);
            }
        }
        sources
    }
}

impl From<Vec<SourceGroups>> for AccountGroups {
    fn from(sources: Vec<SourceGroups>) -> Self {
        let mut groups = Self::default();
        for SourceGroups { source, names } in sources {
            groups.set(source, names);
        }
        groups
    }
}

impl From<AccountGroups> for Vec<SourceGroups> {
    fn from(groups: AccountGroups) -> Self {
        let of_source = |(source, names)| SourceGroups { source, names };
        groups.0.into_iter().map(of_source).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> GroupNames {
        let names: BTreeSet<GroupName> = texts.iter().map(|text| text.parse().unwrap()).collect();
        names.try_into().unwrap()
    }

    #[test]
    fn names_that_differ_only_in_their_encoding_are_equal() {
        let name = |text: &str| text.parse::<GroupName>();

        assert_eq!(name("e\u{301}quipe"), name(" \u{e9}quipe "));
        assert_eq!(name("CN=Staff,OU=Bern 3").unwrap().as_str(), "CN=Staff,OU=Bern 3");
        assert_ne!(name("Staff"), name("staff"));
    }

    #[test]
    fn other_texts_are_not_names() {
        let too_long = "x".repeat(GroupName::MAX_CHARS + 1);
        let marks = format!("a{}", "\u{300}".repeat(10_000));
        // Each of them becomes three characters.
        let expanding = "\u{1d160}".repeat(GroupName::MAX_CHARS);
        for text in ["", " ", "a\nb", "a\0", "a\u{85}b", &too_long, &marks, &expanding] {
            assert_eq!(text.parse::<GroupName>(), Err(InvalidGroupName), "{text:?}");
        }
        assert!("x".repeat(GroupName::MAX_CHARS).parse::<GroupName>().is_ok());
    }

    #[test]
    fn names_with_invisible_characters_are_read_but_ambiguous() {
        let is_unambiguous = |text: &str| text.parse::<GroupName>().unwrap().is_unambiguous();

        for text in
            ["CN=Staff,OU=Bern 3", "می\u{200c}خواهم", "क्\u{200d}ष", "❤\u{fe0f} team", "équipe"]
        {
            assert!(is_unambiguous(text), "{text}");
        }
        for text in [
            "sta\u{200b}ff",
            "sta\u{ad}ff",
            "staff\u{200d}",
            "sta\u{200c}ff",
            "a\u{202e}b",
            "a\u{2028}b",
            "staff\u{3164}",
            "\u{2800}",
            "staff\u{fe0f}",
            "st\u{a0}aff",
            "staff\u{e000}",
            "st\u{34f}aff",
        ] {
            assert!(!is_unambiguous(text), "{text:?}");
        }
    }

    #[test]
    fn a_source_gives_a_limited_number_of_groups() {
        let numbered = |range: std::ops::Range<usize>| {
            let names: BTreeSet<GroupName> =
                range.map(|number| number.to_string().parse().unwrap()).collect();
            GroupNames::try_from(names)
        };
        let most = numbered(0..GroupNames::MAX).unwrap();

        assert_eq!(numbered(0..GroupNames::MAX + 1), Err(TooManyGroupNames));
        assert_eq!(most.with(&names(&["another"])), Err(TooManyGroupNames));
        assert_eq!(most.with(&most), Ok(most.clone()));
        assert!(most.without(&most).is_empty());
    }

    #[test]
    fn each_source_has_groups_of_its_own() {
        let provider = GroupSource::Provider("https://login.example".to_owned());
        let mut groups = AccountGroups::default();
        groups.set(GroupSource::Manual, names(&["staff", "research"]));
        groups.set(provider.clone(), names(&["staff", "law"]));

        let json = serde_json::to_string(&groups).unwrap();
        assert_eq!(
            json,
            r#"[{"source":"manual","names":["research","staff"]},{"source":"https://login.example","names":["law","staff"]}]"#
        );
        assert_eq!(serde_json::from_str::<AccountGroups>(&json).unwrap(), groups);
        let staff: GroupName = "staff".parse().unwrap();
        assert_eq!(groups.sources()[&staff], [&GroupSource::Manual, &provider]);

        groups.set(provider, GroupNames::default());
        let left: Vec<_> = groups.names().into_iter().map(GroupName::as_str).collect();
        assert_eq!(left, ["research", "staff"]);
    }
}
