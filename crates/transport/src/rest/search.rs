//! Full-text search over the user's messages.

use actix_web::web::{self, Data, Json, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::Chat;
use webchat_domain::SearchHit;

use crate::error::api_error::ApiError;
use crate::extract::paging::page_size;
use crate::extract::session::OptionalSession;
use crate::get_or_head::get_or_head;
use crate::openapi::responses::InvalidParameterResponse;

const SEARCH: &str = "/search";

#[derive(OpenApi)]
#[openapi(paths(search))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(SEARCH).route(get_or_head().to(search)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// The words to search for: `moon "spring tide" -storm`.
    #[serde(default)]
    #[param(required = true)]
    q: String,
    /// The maximum number of hits: 20 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct Hits {
    hits: Vec<SearchHit>,
}

/// Searches the user's messages, best match first.
#[utoipa::path(
    get,
    path = SEARCH,
    tag = "search",
    operation_id = "search",
    params(SearchQuery),
    responses((status = 200, body = Hits), InvalidParameterResponse),
)]
async fn search(
    caller: OptionalSession,
    query: Query<SearchQuery>,
    chat: Data<Chat>,
) -> Result<Json<Hits>, ApiError> {
    let limit = page_size(query.limit, 20, 100)?;
    let hits = chat.conversations.search(caller.user_id, &query.q, limit).await?;
    Ok(Json(Hits { hits }))
}
