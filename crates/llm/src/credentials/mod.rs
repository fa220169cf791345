//! What authorises the requests to a model: a key, or an access token of Entra ID.

pub(crate) mod entra;
pub(crate) mod key;
pub(crate) mod token_cache;
