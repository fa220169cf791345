//! What authorises the requests to a model: a key, or an access token.

pub(crate) mod key;
pub(crate) mod token_cache;
