//! The sampling parameters of a model.

use std::str::FromStr;

use serde::de::IntoDeserializer;
use serde::de::value::{self, StrDeserializer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::integer::deserialize_optional_integer;

/// The sampling parameters of a model. The model's defaults apply to unset ones.
///
/// The fields are those of <https://platform.openai.com/docs/api-reference/chat/create>. Unknown fields
/// are rejected.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelParameters {
    /// The sampling temperature: 0 always chooses the most likely token, higher values vary more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<f64>, minimum = 0, maximum = 2)
    )]
    pub temperature: Option<Temperature>,
    /// Nucleus sampling: only the most likely tokens with this total probability are considered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<f64>, minimum = 0, maximum = 1)
    )]
    pub top_p: Option<Probability>,
    /// The penalty for tokens that have already occurred.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<f64>, minimum = -2, maximum = 2)
    )]
    pub presence_penalty: Option<Penalty>,
    /// The penalty for each previous occurrence of a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<f64>, minimum = -2, maximum = 2)
    )]
    pub frequency_penalty: Option<Penalty>,
    /// The seed of the sampling. The same seed makes the same answer more likely, but does not guarantee it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "deserialize_optional_integer"
    )]
    pub seed: Option<i64>,
    /// The amount of reasoning before a reasoning model answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<ReasoningEffort>,
}

/// A number from `MIN` to `MAX`, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct BoundedNumber<const MIN: i8, const MAX: i8>(f64);

/// From 0 to 2.
pub type Temperature = BoundedNumber<0, 2>;
/// From 0 to 1.
pub type Probability = BoundedNumber<0, 1>;
/// From -2 to 2.
pub type Penalty = BoundedNumber<-2, 2>;

/// The amount of reasoning before a model answers. No model supports all of these values.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum ReasoningEffort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
}

/// The error for an invalid value of a parameter.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidParameter {
    /// The value is not a number, or out of range.
    #[error("expected a number from {min} to {max}")]
    Number {
        /// The minimum.
        min: i8,
        /// The maximum.
        max: i8,
    },
    /// The value is not a reasoning effort.
    #[error("expected none, minimal, low, medium, high or xhigh")]
    Effort,
}

impl ModelParameters {
    /// Returns these parameters, with `defaults` for unset ones.
    #[must_use]
    pub fn or(self, defaults: Self) -> Self {
        Self {
            temperature: self.temperature.or(defaults.temperature),
            top_p: self.top_p.or(defaults.top_p),
            presence_penalty: self.presence_penalty.or(defaults.presence_penalty),
            frequency_penalty: self.frequency_penalty.or(defaults.frequency_penalty),
            seed: self.seed.or(defaults.seed),
            reasoning_effort: self.reasoning_effort.or(defaults.reasoning_effort),
        }
    }
}

/// Valid, because NaN is never within the range: each value equals itself.
impl<const MIN: i8, const MAX: i8> Eq for BoundedNumber<MIN, MAX> {}

impl<const MIN: i8, const MAX: i8> TryFrom<f64> for BoundedNumber<MIN, MAX> {
    type Error = InvalidParameter;

    fn try_from(number: f64) -> Result<Self, InvalidParameter> {
        if (f64::from(MIN)..=f64::from(MAX)).contains(&number) {
            Ok(Self(number))
        } else {
            Err(InvalidParameter::Number { min: MIN, max: MAX })
        }
    }
}

impl<const MIN: i8, const MAX: i8> From<BoundedNumber<MIN, MAX>> for f64 {
    fn from(number: BoundedNumber<MIN, MAX>) -> Self {
        number.0
    }
}

impl<const MIN: i8, const MAX: i8> FromStr for BoundedNumber<MIN, MAX> {
    type Err = InvalidParameter;

    fn from_str(text: &str) -> Result<Self, InvalidParameter> {
        // NaN is rejected like any other number out of range.
        text.parse().unwrap_or(f64::NAN).try_into()
    }
}

impl FromStr for ReasoningEffort {
    type Err = InvalidParameter;

    fn from_str(text: &str) -> Result<Self, InvalidParameter> {
        let text: StrDeserializer<'_, value::Error> = text.into_deserializer();
        Self::deserialize(text).map_err(|_| InvalidParameter::Effort)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, json, to_value};

    use super::*;

    fn parse(json: &str) -> Result<ModelParameters, String> {
        from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn unset_parameters_are_not_serialized() {
        let json = r#"{"temperature":0.7,"seed":-1,"reasoning_effort":"xhigh"}"#;

        let parameters = parse(json).unwrap();

        let expected = json!({"temperature": 0.7, "seed": -1, "reasoning_effort": "xhigh"});
        assert_eq!(to_value(parameters).unwrap(), expected);
        assert_eq!(to_value(ModelParameters::default()).unwrap(), json!({}));
    }

    #[test]
    fn bounds_are_inclusive() {
        for (name, min, max) in [
            ("temperature", 0, 2),
            ("top_p", 0, 1),
            ("presence_penalty", -2, 2),
            ("frequency_penalty", -2, 2),
        ] {
            let value = |number: f64| parse(&json!({ name: number }).to_string());

            assert!(value(min.into()).is_ok(), "{name}");
            assert!(value(max.into()).is_ok(), "{name}");
            let expected = format!("expected a number from {min} to {max}");
            for outside in [f64::from(min) - 0.01, f64::from(max) + 0.01] {
                assert!(value(outside).unwrap_err().starts_with(&expected), "{name}");
            }
        }
    }

    #[test]
    fn unknown_names_and_wrong_types_are_rejected() {
        for wrong in [
            r#"{"stop":"."}"#,
            r#"{"temperature":"0.7"}"#,
            r#"{"temperature":1e999}"#,
            r#"{"seed":1.5}"#,
            r#"{"reasoning_effort":"utmost"}"#,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_valid_parameter_is_rejected() {
        assert_eq!("0.7".parse(), Temperature::try_from(0.7));
        for wrong in ["", "warm", "NaN", "inf", "2.1"] {
            assert!(wrong.parse::<Temperature>().is_err(), "{wrong}");
        }
        assert_eq!("high".parse(), Ok(ReasoningEffort::High));
        assert_eq!("High".parse::<ReasoningEffort>(), Err(InvalidParameter::Effort));
    }

    #[test]
    fn parameters_override_the_defaults() {
        let defaults = parse(
            r#"{"temperature":1,"top_p":0.5,"presence_penalty":1,"frequency_penalty":1,"seed":1,
                "reasoning_effort":"low"}"#,
        )
        .unwrap();
        let own = parse(
            r#"{"temperature":0,"top_p":0.1,"presence_penalty":0,"frequency_penalty":0,"seed":0,
                "reasoning_effort":"high"}"#,
        )
        .unwrap();
        assert_eq!(own.or(defaults), own);
        assert_eq!(ModelParameters::default().or(defaults), defaults);
    }
}
