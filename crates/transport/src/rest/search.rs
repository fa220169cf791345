//! Full-text search over the user's titles and messages.

use actix_web::web::{self, Data, Json, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, SearchResults};
use webchat_domain::{SearchHit, TitleHit};

use crate::error::api_error::ApiError;
use crate::extract::query::{self, page_size};
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
    /// What to search for: `moon "spring tide" -storm ti`. All words are required; the last one can be incomplete.
    #[serde(default)]
    #[param(required = true)]
    q: String,
    /// The maximum number of titles and of hits: 20 by default.
    #[param(minimum = 1, maximum = 100)]
    #[serde(default, deserialize_with = "query::integer")]
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct Hits {
    /// The conversations whose titles match, the last updated ones first.
    titles: Vec<TitleHit>,
    /// The messages that match, best first.
    hits: Vec<SearchHit>,
}

/// Searches the titles of the user's conversations and their messages.
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
    let SearchResults { titles, hits } =
        chat.conversations.search(caller.user_id, &query.q, limit).await?;
    Ok(Json(Hits { titles, hits }))
}
