//! The declaration of a section of the settings.

use config::ValueKind;

use super::kind::Kind;

/// A section of the configuration file.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// Its title in the examples.
    pub(crate) title: &'static str,
    pub(crate) settings: &'static [Setting],
}

/// A setting: its names, default, kind and documentation.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The environment variable.
    pub(crate) variable: &'static str,
    /// The section of the configuration file.
    pub(crate) section: &'static str,
    /// The key in this section.
    pub(crate) key: &'static str,
    /// The default, as it is written in the variable.
    pub(crate) default: Option<&'static str>,
    pub(crate) kind: Kind,
    /// The lines of its documentation. A setting without any shares the documentation of the setting before it.
    pub(crate) doc: &'static [&'static str],
}

impl Setting {
    /// Returns the section and the key: `server.port`.
    pub(crate) fn path(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// Whether the setting is read from the variable with this name.
    pub(crate) fn has_variable(&self, name: &str) -> bool {
        self.variable == name || self.lower_case_variable().is_some_and(|lower| lower == name)
    }

    /// Returns the second variable of the setting: the names of proxy variables may be in lower case.
    pub(crate) fn lower_case_variable(&self) -> Option<String> {
        self.variable.ends_with("_PROXY").then(|| self.variable.to_lowercase())
    }

    /// Returns the default, or `Nil` if there is none.
    pub(crate) fn default_value(&self) -> ValueKind {
        self.default.and_then(|text| self.kind.parse(text)).into()
    }
}

/// Returns the first text, if there is one.
pub(crate) const fn first(texts: &[&'static str]) -> Option<&'static str> {
    match texts {
        [first, ..] => Some(first),
        [] => None,
    }
}

/// Declares a section: a struct with a field for each setting, and a constant `SECTION` that describes them. A setting
/// is declared as `VARIABLE => key: Type = "default", kind;` after its documentation. The default is written as in the
/// variable.
macro_rules! section {
    ($type:ident: [$section:ident], $title:literal {
        $(
            $(#[doc = $doc:literal])*
            $(#[serde($($serde:tt)*)])?
            $variable:ident => $key:ident: $field:ty $(= $default:literal)?, $kind:expr;
        )+
    }) => {
        #[doc = concat!("The settings of the section `[", stringify!($section), "]`.")]
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $type {
            $(
                #[doc = concat!("`", stringify!($variable), "`")]
                $(#[serde($($serde)*)])?
                pub $key: $field,
            )+
        }

        impl $type {
            pub(crate) const SECTION: $crate::settings::declaration::Section =
                $crate::settings::declaration::Section {
                    name: stringify!($section),
                    title: $title,
                    settings: &[$(
                        $crate::settings::declaration::Setting {
                            variable: stringify!($variable),
                            section: stringify!($section),
                            key: stringify!($key),
                            default: $crate::settings::declaration::first(&[$($default)?]),
                            kind: $kind,
                            doc: &[$($doc),*],
                        },
                    )+],
                };
        }
    };
}

pub(crate) use section;
