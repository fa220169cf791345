//! What a provider says about a user.

use std::slice;

use serde_json::{Map, Value};

/// The maximum length of a subject or session id in bytes. OpenID Connect allows subjects of 255 ASCII characters.
pub(crate) const MAX_ID_BYTES: usize = 255;

/// The maximum length of a text from a claim in characters; more is cut off.
const MAX_TEXT_CHARS: usize = 320;

/// The maximum number of values of a claim that are looked at. Entra ID names at most 200 groups, others more.
const MAX_LIST_LENGTH: usize = 10_000;

/// The claims about the user's e-mail address.
const EMAIL_CLAIMS: [&str; 2] = ["email", "email_verified"];

/// The verified claims about a user.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Who issued them.
    pub issuer: String,
    /// The user, for the issuer: at most 255 bytes.
    pub subject: String,
    /// The user's session with the provider.
    pub session_id: Option<String>,
    pub(crate) values: Map<String, Value>,
}

impl Claims {
    /// Returns a claim that is a text, without spaces around it and at most 320 characters of it; `None` if it is empty.
    #[must_use]
    pub fn text(&self, claim: &str) -> Option<String> {
        let text = self.value(claim)?.as_str()?.trim();
        let text: String = text.chars().take(MAX_TEXT_CHARS).collect();
        (!text.is_empty()).then_some(text)
    }

    /// Returns the e-mail address, if the provider has verified that it is the user's.
    #[must_use]
    pub fn verified_email(&self) -> Option<String> {
        let is_verified = match self.value("email_verified")? {
            Value::Bool(is_verified) => *is_verified,
            Value::String(text) => text == "true",
            _ => false,
        };
        self.text("email").filter(|_| is_verified)
    }

    /// Returns whether a claim, a list of texts or one text, contains one of these.
    #[must_use]
    pub fn has_any(&self, claim: &str, wanted: &[String]) -> bool {
        self.texts(claim).any(|text| wanted.iter().any(|wanted| wanted == text))
    }

    /// Returns the texts of a claim that is a list or one text, at most 10,000 of them.
    pub fn texts(&self, claim: &str) -> impl Iterator<Item = &str> {
        let values = match self.value(claim) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => slice::from_ref(value),
            None => &[],
        };
        values.iter().take(MAX_LIST_LENGTH).filter_map(Value::as_str)
    }

    /// Returns whether there is a value of the claim.
    #[must_use]
    pub fn has(&self, claim: &str) -> bool {
        self.value(claim).is_some()
    }

    /// Returns whether the provider only says where the claim can be read, as Entra ID does if a user has more than 200
    /// groups.
    #[must_use]
    pub fn is_elsewhere(&self, claim: &str) -> bool {
        let names = self.values.get("_claim_names").and_then(Value::as_object);
        let is_hidden = self.values.get("hasgroups").and_then(Value::as_bool) == Some(true);
        names.is_some_and(|names| names.contains_key(claim)) || is_hidden
    }

    /// Finds a claim by its name, or by a path such as `realm_access.roles`.
    fn value(&self, claim: &str) -> Option<&Value> {
        let by_name = self.values.get(claim);
        let by_path = || {
            let (first, rest) = claim.split_once('.')?;
            rest.split('.').try_fold(self.values.get(first)?, |value, key| value.get(key))
        };
        by_name.or_else(by_path).filter(|value| !value.is_null())
    }

    /// Adds claims that are missing.
    pub(crate) fn add_missing(&mut self, mut others: Map<String, Value>) {
        // A document that says that the address is verified means the address in it: take both from the same one.
        let has_both = EMAIL_CLAIMS.iter().all(|claim| self.has(claim));
        let is_kept = has_both || !others.contains_key("email");
        let ignored = if is_kept { &mut others } else { &mut self.values };
        for claim in EMAIL_CLAIMS {
            ignored.remove(claim);
        }
        for (name, value) in others {
            self.values.entry(name).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(values: &Value) -> Claims {
        Claims {
            issuer: "https://login.example".to_owned(),
            subject: "248289761001".to_owned(),
            session_id: None,
            values: values.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn only_a_verified_address_is_the_users() {
        let email = |verified: Value| {
            claims(&json!({"email": "a@b.example", "email_verified": verified})).verified_email()
        };

        assert_eq!(email(json!(true)).as_deref(), Some("a@b.example"));
        assert_eq!(email(json!("true")).as_deref(), Some("a@b.example"));
        for unverified in [json!(false), json!("false"), json!(1), json!(null), json!(["true"])] {
            assert_eq!(email(unverified.clone()), None, "{unverified}");
        }
        assert_eq!(claims(&json!({"email": "a@b.example"})).verified_email(), None);
    }

    #[test]
    fn an_address_is_verified_only_by_the_document_that_names_it() {
        let email = |id_token: Value, userinfo: Value| {
            let mut claims = claims(&id_token);
            claims.add_missing(userinfo.as_object().unwrap().clone());
            claims.verified_email()
        };
        let own = json!({"email": "own@a.example"});
        let verified = json!({"email_verified": true});
        let both = json!({"email": "b@a.example", "email_verified": true});

        assert_eq!(email(own.clone(), verified.clone()), None);
        assert_eq!(email(verified, own.clone()), None);
        assert_eq!(email(own.clone(), both.clone()).as_deref(), Some("b@a.example"));
        assert_eq!(email(both.clone(), own.clone()).as_deref(), Some("b@a.example"));
        assert_eq!(email(both.clone(), json!({})).as_deref(), Some("b@a.example"));
        assert_eq!(email(json!({}), both).as_deref(), Some("b@a.example"));
        assert_eq!(email(own, json!({"email": null, "email_verified": true})), None);
    }

    #[test]
    fn groups_are_found_in_lists_texts_and_nested_claims() {
        let wanted = ["admins".to_owned()];
        let others = (0..2_000).map(|number| format!("group-{number}"));
        let many: Vec<_> = others.chain(wanted.clone()).collect();
        let has = |values: Value, claim: &str| claims(&values).has_any(claim, &wanted);

        assert!(has(json!({"groups": many}), "groups"));
        assert!(has(json!({"groups": "admins"}), "groups"));
        assert!(has(json!({"realm_access": {"roles": ["admins"]}}), "realm_access.roles"));
        assert!(has(json!({"https://a.example/roles": ["admins"]}), "https://a.example/roles"));
        for values in [
            json!({}),
            json!({"groups": null}),
            json!({"groups": ["Admins", 1, {"admins": true}, ["admins"]]}),
            json!({"groups": {"admins": true}}),
        ] {
            assert!(!has(values.clone(), "groups"), "{values}");
        }
    }

    #[test]
    fn groups_that_can_only_be_read_elsewhere_are_noticed() {
        let overage = json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {}});

        assert!(claims(&overage).is_elsewhere("groups"));
        assert!(claims(&json!({"hasgroups": true})).is_elsewhere("groups"));
        assert!(!claims(&json!({"groups": []})).is_elsewhere("groups"));
    }

    #[test]
    fn long_texts_are_cut_off() {
        let long = claims(&json!({"name": "\u{301}".repeat(10_000), "empty": " "}));

        assert_eq!(long.text("name").unwrap().chars().count(), MAX_TEXT_CHARS);
        assert_eq!((long.text("empty"), long.text("missing")), (None, None));
    }
}
