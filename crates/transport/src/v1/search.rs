use actix_web::web::{self, Data, Json, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use webchat_chat::Chat;
use webchat_domain::SearchHit;

use super::page_size;
use crate::{ApiError, Reader};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource("/search").route(web::get().to(search)));
}

#[derive(Deserialize)]
struct SearchQuery {
    #[serde(default)]
    q: String,
    limit: Option<u32>,
}

#[derive(Serialize)]
struct Hits {
    hits: Vec<SearchHit>,
}

async fn search(
    reader: Reader,
    query: Query<SearchQuery>,
    chat: Data<Chat>,
) -> Result<Json<Hits>, ApiError> {
    let limit = page_size(query.limit, 20, 100)?;
    let hits = chat.search(reader.user_id, &query.q, limit).await?;
    Ok(Json(Hits { hits }))
}
