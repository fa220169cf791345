//! The groups of users.

use actix_web::web::{self, Data, Json, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, Group};
use webchat_domain::{GroupName, GroupNames, UserId};

use super::access::{AdminAccess, AuditorAccess, UserPath, WithBody};
use super::users::AdminUser;
use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::query::{self, page_size, parse_cursor, split_page};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{
    InvalidBodyResponse, InvalidParameterResponse, NotFoundResponse, RoleNeededResponse,
};

const GROUPS: &str = "/admin/groups";
const USER_GROUPS: &str = "/admin/users/{user_id}/groups";

/// The maximum number of groups of a page.
const MAX_GROUPS: u32 = 100;

#[derive(OpenApi)]
#[openapi(paths(list, change))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(GROUPS).route(get_or_head().to(list)))
        .service(web::resource(USER_GROUPS).route(web::patch().to(change)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The maximum number of groups: 50 by default.
    #[param(minimum = 1, maximum = 100)]
    #[serde(default, deserialize_with = "query::integer")]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[param(max_length = 100)]
    #[serde(default)]
    cursor: Option<String>,
    /// The beginning of the name. Upper and lower case differ.
    #[param(max_length = 100)]
    #[serde(default)]
    search: Option<String>,
}

/// A page of groups.
#[derive(Serialize, ToSchema)]
struct AdminGroups {
    /// In the order of their names.
    groups: Vec<AdminGroup>,
    /// The `cursor` of the next page; `null` on the last one.
    #[schema(required = true)]
    next_cursor: Option<GroupName>,
}

/// A group that users belong to.
#[derive(Serialize, ToSchema)]
struct AdminGroup {
    name: GroupName,
    /// The number of users in it, disabled ones included.
    members: u64,
}

/// The changes of a user's groups by hand. A group in both lists is added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdminGroupChanges)]
struct Changes {
    /// The groups that the user gets.
    #[serde(default)]
    add: GroupNames,
    /// The groups that were given by hand and that the user loses.
    #[serde(default)]
    remove: GroupNames,
}

/// Lists the groups that users belong to by name, page by page.
#[utoipa::path(
    get,
    path = GROUPS,
    tag = "admin",
    operation_id = "admin_list_groups",
    params(ListQuery),
    responses((status = 200, body = AdminGroups), InvalidParameterResponse, RoleNeededResponse),
)]
async fn list(
    _: AuditorAccess,
    query: Query<ListQuery>,
    chat: Data<Chat>,
) -> Result<Json<AdminGroups>, ApiError> {
    let limit = page_size(query.limit, 50, MAX_GROUPS)?;
    let after = parse_cursor(query.cursor.as_deref())?;
    let prefix = GroupName::prefix(query.search.as_deref().unwrap_or_default())
        .map_err(|_| ApiError::InvalidRequest("The search is too long.".to_owned()))?;
    let groups = chat.accounts.list_groups(prefix, after, limit.saturating_add(1)).await?;
    let (groups, next_cursor) = split_page(groups, limit, |last| last.name.clone());
    let groups = groups.into_iter().map(|Group { name, members }| AdminGroup { name, members });
    Ok(Json(AdminGroups { groups: groups.collect(), next_cursor }))
}

/// Changes the groups that a user has by hand. Those that identity providers give stay.
#[utoipa::path(
    patch,
    path = USER_GROUPS,
    tag = "admin",
    operation_id = "admin_change_groups",
    params(("user_id" = UserId, Path, description = "The user.")),
    request_body(content = Changes, example = json!({"add": ["research"], "remove": ["law"]})),
    responses(
        (status = 200, body = AdminUser),
        (status = 409, description = "The user would have too many groups.", body = ErrorBody),
        NotFoundResponse,
        RoleNeededResponse,
        InvalidBodyResponse,
    ),
)]
async fn change(
    WithBody(admin, changes): WithBody<AdminAccess, Changes>,
    user: UserPath,
    chat: Data<Chat>,
) -> Result<Json<AdminUser>, ApiError> {
    let Changes { add, remove } = changes;
    let account = chat.accounts.change_groups(user.id()?, &add, &remove, &admin.actor).await?;
    Ok(Json(account.into()))
}
