//! The list of users, and adding one.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Json, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{AccountFilter, Chat};
use webchat_domain::{
    Account, AccountName, AccountRole, GroupName, GroupSource, Password, Timestamp, UserId,
};

use super::access::{AdminAccess, AuditorAccess, WithBody};
use super::password::{InitialPassword, generate};
use crate::error::api_error::ApiError;
use crate::error::body::ErrorBody;
use crate::extract::query::{self, page_size, parse_cursor, split_page};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{
    InvalidBodyResponse, InvalidParameterResponse, RoleNeededResponse,
};

const USERS: &str = "/admin/users";

/// The maximum number of users of a page.
const MAX_USERS: u32 = 100;

#[derive(OpenApi)]
#[openapi(paths(list, add))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(USERS).route(get_or_head().to(list)).route(web::post().to(add)));
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The maximum number of users: 50 by default.
    #[param(minimum = 1, maximum = 100)]
    #[serde(default, deserialize_with = "query::integer")]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[param(max_length = 64)]
    #[serde(default)]
    cursor: Option<String>,
    /// The beginning of the name. Upper and lower case are equal.
    #[param(max_length = 64)]
    #[serde(default)]
    search: Option<String>,
    /// Only users with this role.
    #[param(inline)]
    #[serde(default, deserialize_with = "query::optional_name")]
    role: Option<AccountRole>,
    /// Only users whose accounts are enabled (`active`) or disabled (`disabled`).
    #[param(inline)]
    #[serde(default, deserialize_with = "query::optional_name")]
    state: Option<State>,
    /// Only users in this group. Upper and lower case differ.
    #[param(value_type = Option<GroupName>)]
    #[serde(default)]
    group: Option<String>,
}

/// Whether an account is enabled.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    Active,
    Disabled,
}

/// A page of users.
#[derive(Serialize, ToSchema)]
struct AdminUsers {
    /// In the order of their names.
    users: Vec<AdminUser>,
    /// The `cursor` of the next page; `null` on the last one.
    #[schema(required = true)]
    next_cursor: Option<AccountName>,
}

/// A user, as administrators and auditors see it.
#[derive(Serialize, ToSchema)]
pub(super) struct AdminUser {
    user_id: UserId,
    name: AccountName,
    role: AccountRole,
    /// In the order of their names.
    groups: Vec<UserGroup>,
    created_at: Timestamp,
    /// When the user last signed in; `null` if the user never has.
    #[schema(required = true)]
    signed_in_at: Option<Timestamp>,
    /// When the account was disabled; `null` if it is enabled.
    #[schema(required = true)]
    disabled_at: Option<Timestamp>,
    /// Whether the user can sign in with a password.
    has_password: bool,
    /// Whether the user must choose another password at the next sign-in.
    must_change_password: bool,
}

impl From<(&GroupName, Vec<&GroupSource>)> for UserGroup {
    fn from((name, sources): (&GroupName, Vec<&GroupSource>)) -> Self {
        Self { name: name.clone(), sources: sources.into_iter().cloned().collect() }
    }
}

impl From<Account> for AdminUser {
    fn from(account: Account) -> Self {
        Self {
            user_id: account.user_id,
            name: account.name,
            role: account.role,
            groups: account.groups.sources().into_iter().map(UserGroup::from).collect(),
            created_at: account.created_at,
            signed_in_at: account.signed_in_at,
            disabled_at: account.disabled_at,
            has_password: account.password.is_some(),
            must_change_password: account.must_change_password,
        }
    }
}

/// A group of a user.
#[derive(Serialize, ToSchema)]
struct UserGroup {
    name: GroupName,
    /// Who says that the user belongs to it: `manual` if it was given by hand, `proxy` for the proxy that signs users in,
    /// or else the issuer of an identity provider.
    #[schema(value_type = Vec<String>, min_items = 1)]
    sources: Vec<GroupSource>,
}

/// The description of a new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAdminUser)]
struct NewUser {
    name: AccountName,
    role: AccountRole,
    /// The password, which the user must change at the first sign-in; missing to generate one.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 1024, nullable = false)]
    password: Option<Password>,
    /// Whether the account is for programs with API keys only: nobody can sign in to it.
    #[serde(default)]
    service: bool,
}

/// A new user.
#[derive(Serialize, ToSchema)]
struct AddedUser {
    #[serde(flatten)]
    user: AdminUser,
    /// The generated password, which can't be read again; `null` if none was generated.
    #[schema(required = true)]
    one_time_password: Option<String>,
}

/// Lists users by name, page by page.
#[utoipa::path(
    get,
    path = USERS,
    tag = "admin",
    operation_id = "admin_list_users",
    params(ListQuery),
    responses((status = 200, body = AdminUsers), InvalidParameterResponse, RoleNeededResponse),
)]
async fn list(
    _: AuditorAccess,
    query: Query<ListQuery>,
    chat: Data<Chat>,
) -> Result<Json<AdminUsers>, ApiError> {
    let limit = page_size(query.limit, 50, MAX_USERS)?;
    let after = parse_cursor(query.cursor.as_deref())?;
    let filter = AccountFilter {
        prefix: prefix(query.search.as_deref().unwrap_or_default())?,
        role: query.role,
        is_disabled: query.state.map(|state| state == State::Disabled),
        group: group(query.group.as_deref().unwrap_or_default())?,
    };
    let accounts = chat.accounts.list(filter, after, limit.saturating_add(1)).await?;
    let (accounts, next_cursor) = split_page(accounts, limit, |last| last.name.clone());
    let users = accounts.into_iter().map(AdminUser::from).collect();
    Ok(Json(AdminUsers { users, next_cursor }))
}

/// Returns a search text in the form of names.
fn prefix(search: &str) -> Result<String, ApiError> {
    AccountName::prefix(search)
        .map_err(|_| ApiError::InvalidRequest("The search is too long.".to_owned()))
}

/// Returns the group of a filter; `None` if the text is empty.
fn group(text: &str) -> Result<Option<GroupName>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let invalid = |_| ApiError::InvalidRequest("`group` must be the name of a group.".to_owned());
    text.parse().map(Some).map_err(invalid)
}

/// Adds a user, who must choose another password at the first sign-in.
#[utoipa::path(
    post,
    path = USERS,
    tag = "admin",
    operation_id = "admin_add_user",
    request_body(content = NewUser, example = json!({"name": "alice", "role": "user"})),
    responses(
        (status = 201, body = AddedUser),
        (status = 409, description = "There is already an account with this name.", body = ErrorBody),
        RoleNeededResponse,
        InvalidBodyResponse,
    ),
)]
async fn add(
    WithBody(admin, new): WithBody<AdminAccess, NewUser>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let NewUser { name, role, password, service } = new;
    let (password, one_time_password) = match (service, password) {
        (true, None) => (None, None),
        (true, Some(_)) => {
            let text = "The account of a service has no password.".to_owned();
            return Err(ApiError::InvalidValue(text));
        }
        (false, given) => {
            let InitialPassword { password, one_time_password } = generate(given)?;
            (Some(password), one_time_password)
        }
    };
    let account = chat.accounts.add(name, role, password, !service, &admin.actor).await?;
    let added = AddedUser { user: account.into(), one_time_password };
    Ok(HttpResponse::Created().json(added))
}
