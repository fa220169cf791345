use actix_web::web::{self, Data, Json, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::Chat;
use webchat_domain::SearchHit;

use crate::error::api_error::ApiError;
use crate::extract::paging::page_size;
use crate::extract::session::Reader;
use crate::openapi::responses::BadParameter;

#[derive(OpenApi)]
#[openapi(paths(search))]
pub(crate) struct Described;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource("/search").route(web::get().to(search)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// What to look for: `moon "spring tide" -storm`.
    #[serde(default)]
    #[param(required = true)]
    q: String,
    /// How many at most: 20 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct Hits {
    hits: Vec<SearchHit>,
}

/// The messages that fit best, best first.
#[utoipa::path(
    get,
    path = "/search",
    tag = "search",
    operation_id = "search",
    params(SearchQuery),
    responses((status = 200, body = Hits), BadParameter),
)]
async fn search(
    reader: Reader,
    query: Query<SearchQuery>,
    chat: Data<Chat>,
) -> Result<Json<Hits>, ApiError> {
    let limit = page_size(query.limit, 20, 100)?;
    let hits = chat.search(reader.user_id, &query.q, limit).await?;
    Ok(Json(Hits { hits }))
}
