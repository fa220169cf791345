//! Limits of concurrent uploads of files. An upload takes memory or disk space from its first byte on.

use actix_web::HttpRequest;
use actix_web::web::Data;
use webchat_chat::{ChatError, ConcurrencyLimit, Limit, PerUserLimit, Permit, count_reached_limit};
use webchat_domain::{Caller, Network};

use crate::error::api_error::ApiError;

/// The maximum number of concurrent uploads of a user.
const MAX_PER_USER: usize = 2;

/// The maximum number of concurrent uploads of a user for imports.
const MAX_IMPORTS_PER_USER: usize = 1;

/// The maximum number of concurrent uploads of a network of clients.
const MAX_PER_NETWORK: usize = 16;

/// The maximum number of concurrent uploads to this process.
const MAX_UPLOADS: usize = 64;

/// Limits concurrent uploads of files to analyse and to import.
#[derive(Clone, Default)]
pub(crate) struct UploadLimits {
    users: PerUserLimit,
    importing_users: PerUserLimit,
    networks: ConcurrencyLimit<Network>,
    all: ConcurrencyLimit<()>,
}

/// Counts an upload until it is dropped.
pub(crate) struct UploadPermit {
    _user: Permit,
    _import: Option<Permit>,
    _network: Option<Permit<Network>>,
    _all: Permit<()>,
}

impl UploadLimits {
    /// Returns the limits of the server of this request.
    pub(crate) fn of(request: &HttpRequest) -> Result<&Self, ApiError> {
        let limits = request.app_data::<Data<Self>>().map(Data::get_ref);
        limits.ok_or_else(|| ApiError::internal("the services have no limits of uploads"))
    }

    /// Acquires a permit for the upload of a file to import.
    ///
    /// # Errors
    /// [`ChatError::ImportInProgress`] or [`ApiError::TooManyUploads`].
    pub(crate) fn acquire_for_import(&self, caller: Caller) -> Result<UploadPermit, ApiError> {
        let import = self.importing_users.acquire(caller.user_id, MAX_IMPORTS_PER_USER);
        let import = import.ok_or(ChatError::ImportInProgress)?;
        Ok(UploadPermit { _import: Some(import), ..self.acquire(caller)? })
    }

    /// Acquires a permit for the upload of a file.
    ///
    /// # Errors
    /// [`ApiError::TooManyUploads`].
    pub(crate) fn acquire(&self, caller: Caller) -> Result<UploadPermit, ApiError> {
        let user = self.users.acquire(caller.user_id, MAX_PER_USER);
        let user = user.ok_or_else(|| refuse(Limit::UploadsPerUser))?;
        let network = caller.network().map(|network| {
            let permit = self.networks.acquire(network, MAX_PER_NETWORK);
            permit.ok_or_else(|| refuse(Limit::UploadsPerAddress))
        });
        let all = self.all.acquire((), MAX_UPLOADS).ok_or_else(|| refuse(Limit::Uploads))?;
        let network = network.transpose()?;
        Ok(UploadPermit { _user: user, _import: None, _network: network, _all: all })
    }
}

fn refuse(limit: Limit) -> ApiError {
    count_reached_limit(limit);
    ApiError::TooManyUploads
}
