//! Search for conversations.

use actix_web::web::{self, Data, Json, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, FoundConversation};
use webchat_domain::{Conversation, ConversationId, Timestamp};

use crate::error::api_error::ApiError;
use crate::extract::session::OptionalSession;
use crate::get_or_head::get_or_head;
use crate::openapi::responses::InvalidParameterResponse;

const SEARCH: &str = "/search_conversations";

/// The maximum number of conversations in a search result.
const MAX_FOUND: u32 = 100;

#[derive(OpenApi)]
#[openapi(paths(search))]
pub(super) struct ApiDoc;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(SEARCH).route(get_or_head().to(search)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// The words to search for: `moon "spring tide" -storm`.
    #[serde(default)]
    #[param(required = true)]
    q: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FoundConversations)]
struct SearchResult {
    conversations: Vec<SearchMatch>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FoundConversation)]
struct SearchMatch {
    conversation_id: ConversationId,
    created_at: Timestamp,
    updated_at: Timestamp,
    score: f64,
}

/// Searches the user's conversations, best match first.
#[utoipa::path(
    get,
    path = SEARCH,
    tag = "flask",
    operation_id = "flask_search_conversations",
    params(SearchQuery),
    responses((status = 200, body = SearchResult), InvalidParameterResponse),
)]
async fn search(
    caller: OptionalSession,
    query: Query<SearchQuery>,
    chat: Data<Chat>,
) -> Result<Json<SearchResult>, ApiError> {
    let found =
        chat.conversations.search_conversations(caller.user_id, &query.q, MAX_FOUND).await?;
    Ok(Json(SearchResult { conversations: found.into_iter().map(SearchMatch::from).collect() }))
}

impl From<FoundConversation> for SearchMatch {
    fn from(found: FoundConversation) -> Self {
        let Conversation { conversation_id, created_at, updated_at, .. } = found.conversation;
        Self { conversation_id, created_at, updated_at, score: found.score }
    }
}
