//! The audit log.

use actix_web::web::{self, Data, Json, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{AuditFilter, Chat};
use webchat_domain::{AccountName, AuditActionKind, AuditEntry, Timestamp};

use super::access::AuditorAccess;
use crate::error::api_error::ApiError;
use crate::extract::query::{self, page_size, split_page};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{InvalidParameterResponse, RoleNeededResponse};

const AUDIT: &str = "/admin/audit";

/// The maximum number of entries of a page.
const MAX_ENTRIES: u32 = 100;

#[derive(OpenApi)]
#[openapi(paths(list))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(AUDIT).route(get_or_head().to(list)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The maximum number of entries: 50 by default.
    #[param(minimum = 1, maximum = 100)]
    #[serde(default, deserialize_with = "query::integer")]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[param(pattern = "^[0-9]{1,19}$", value_type = Option<String>)]
    #[serde(default, deserialize_with = "query::integer")]
    cursor: Option<u64>,
    /// Only entries in which a user with this name acts, or is concerned.
    #[param(value_type = Option<AccountName>)]
    #[serde(default)]
    user: Option<String>,
    /// Only entries that record this.
    #[param(inline)]
    #[serde(default, deserialize_with = "query::optional_name")]
    action: Option<AuditActionKind>,
    /// Only entries from this time on.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Only entries before this time.
    #[serde(default)]
    until: Option<Timestamp>,
}

/// A page of the audit log.
#[derive(Serialize, ToSchema)]
struct AuditEntries {
    /// The newest entry comes first.
    entries: Vec<AuditEntry>,
    /// The `cursor` of the next page; `null` on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Lists the entries of the audit log page by page.
#[utoipa::path(
    get,
    path = AUDIT,
    tag = "admin",
    operation_id = "admin_list_audit_entries",
    params(ListQuery),
    responses((status = 200, body = AuditEntries), InvalidParameterResponse, RoleNeededResponse),
)]
async fn list(
    _: AuditorAccess,
    query: Query<ListQuery>,
    chat: Data<Chat>,
) -> Result<Json<AuditEntries>, ApiError> {
    let ListQuery { limit, cursor, user, action, from, until } = query.into_inner();
    let limit = page_size(limit, 50, MAX_ENTRIES)?;
    let user = user.filter(|name| !name.is_empty()).map(|name| name.parse()).transpose();
    let user = user.map_err(|_| ApiError::InvalidRequest("`user` must be a name.".to_owned()))?;
    let filter = AuditFilter { user, action, from, until };
    let entries = chat.audit.list(filter, cursor, limit.saturating_add(1)).await?;
    let (entries, next_cursor) = split_page(entries, limit, |last| last.number.to_string());
    Ok(Json(AuditEntries { entries, next_cursor }))
}
