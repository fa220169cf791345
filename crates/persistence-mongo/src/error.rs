use webchat_persistence::StoreError;

pub(crate) fn store_error(error: mongodb::error::Error) -> StoreError {
    StoreError::unavailable(*error.kind)
}
