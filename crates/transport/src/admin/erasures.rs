//! The receipts of erasures.

use actix_web::web::{Data, Json, Path, Query, ServiceConfig, resource};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError};
use webchat_domain::{Erasure, ErasureId};

use super::access::AuditorAccess;
use crate::error::api_error::ApiError;
use crate::extract::query::{self, page_size, parse_cursor, split_page};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{InvalidParameterResponse, NotFoundResponse, RoleNeededResponse};

const ERASURES: &str = "/admin/erasures";
const ERASURE: &str = "/admin/erasures/{erasure_id}";

/// The maximum number of receipts of a page.
const MAX_ERASURES: u32 = 100;

#[derive(OpenApi)]
#[openapi(paths(list, read))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource(ERASURES).route(get_or_head().to(list)))
        .service(resource(ERASURE).route(get_or_head().to(read)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The maximum number of receipts: 50 by default.
    #[param(minimum = 1, maximum = 100)]
    #[serde(default, deserialize_with = "query::integer")]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[param(max_length = 64)]
    #[serde(default, deserialize_with = "query::text")]
    cursor: Option<String>,
}

/// A page of receipts.
#[derive(Serialize, ToSchema)]
struct Erasures {
    /// The newest first.
    erasures: Vec<Erasure>,
    /// The `cursor` of the next page; `null` on the last one.
    #[schema(required = true)]
    next_cursor: Option<ErasureId>,
}

/// Lists the receipts of erasures, page by page.
#[utoipa::path(
    get,
    path = ERASURES,
    tag = "admin",
    operation_id = "admin_list_erasures",
    params(ListQuery),
    responses((status = 200, body = Erasures), InvalidParameterResponse, RoleNeededResponse),
)]
async fn list(
    _: AuditorAccess,
    query: Query<ListQuery>,
    chat: Data<Chat>,
) -> Result<Json<Erasures>, ApiError> {
    let limit = page_size(query.limit, 50, MAX_ERASURES)?;
    let before = parse_cursor(query.cursor.as_deref())?;
    let erasures = chat.erasures.list(before, limit.saturating_add(1)).await?;
    let (erasures, next_cursor) = split_page(erasures, limit, |last| last.erasure_id);
    Ok(Json(Erasures { erasures, next_cursor }))
}

/// Returns the receipt of an erasure.
#[utoipa::path(
    get,
    path = ERASURE,
    tag = "admin",
    operation_id = "admin_read_erasure",
    params(("erasure_id" = ErasureId, Path, description = "The erasure.")),
    responses((status = 200, body = Erasure), NotFoundResponse, RoleNeededResponse),
)]
async fn read(
    _: AuditorAccess,
    id: Path<String>,
    chat: Data<Chat>,
) -> Result<Json<Erasure>, ApiError> {
    let id: ErasureId = id.parse().map_err(|_| ChatError::ErasureNotFound)?;
    Ok(Json(chat.erasures.find(id).await?))
}
