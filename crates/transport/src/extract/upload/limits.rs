//! Limits on concurrent file uploads. An upload takes memory or disk space from its first byte on.

use actix_web::HttpRequest;
use actix_web::web::Data;
use webchat_chat::{CallerLimit, CallerPermit, ChatError, Limit, Maximum, PerUserLimit, Permit};
use webchat_domain::Caller;

use crate::error::api_error::ApiError;

/// The maximum number of concurrent uploads of a user.
const MAX_PER_USER: usize = 2;

/// The maximum number of concurrent uploads of files to import, per user.
const MAX_IMPORTS_PER_USER: usize = 1;

/// The maximum number of concurrent uploads of a client network.
const MAX_PER_NETWORK: usize = 16;

/// The maximum number of concurrent uploads to this process.
const MAX_UPLOADS: usize = 64;

const LIMITS: [Maximum; 3] = [
    (Limit::UploadsPerUser, MAX_PER_USER),
    (Limit::UploadsPerNetwork, MAX_PER_NETWORK),
    (Limit::Uploads, MAX_UPLOADS),
];

/// Limits concurrent uploads of files to analyse and to import.
#[derive(Clone, Default)]
pub(crate) struct UploadLimits {
    uploads: CallerLimit,
    importing_users: PerUserLimit,
}

/// A permit that counts an upload of a file to import until it is dropped.
pub(crate) struct ImportUploadPermit {
    _import: Permit,
    _upload: CallerPermit,
}

impl UploadLimits {
    /// Returns the limits of the server that handles this request.
    pub(crate) fn of(request: &HttpRequest) -> Result<&Self, ApiError> {
        let limits = request.app_data::<Data<Self>>().map(Data::get_ref);
        limits.ok_or_else(|| {
            ApiError::internal("the upload limits are missing from the application data")
        })
    }

    /// Acquires a permit for the upload of a file to import.
    ///
    /// # Errors
    /// [`ChatError::ImportInProgress`] or [`ApiError::TooManyUploads`].
    pub(crate) fn acquire_for_import(
        &self,
        caller: Caller,
    ) -> Result<ImportUploadPermit, ApiError> {
        let import = self.importing_users.acquire(caller.user_id, MAX_IMPORTS_PER_USER);
        let import = import.ok_or(ChatError::ImportInProgress)?;
        Ok(ImportUploadPermit { _import: import, _upload: self.acquire(caller)? })
    }

    /// Acquires a permit for the upload of a file.
    ///
    /// # Errors
    /// [`ApiError::TooManyUploads`].
    pub(crate) fn acquire(&self, caller: Caller) -> Result<CallerPermit, ApiError> {
        self.uploads.acquire(caller, LIMITS).map_err(|_| ApiError::TooManyUploads)
    }
}
