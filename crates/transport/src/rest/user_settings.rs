//! The settings of the user.

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{Chat, UserSettingsView};
use webchat_domain::UserId;

use crate::error::api_error::ApiError;
use crate::extract::body::Body;
use crate::extract::change::{Change, prompt_choice};
use crate::extract::etag::{self, IfMatchParam, IfNoneMatchParam};
use crate::extract::session::{OptionalSession, RequiredSession};
use crate::get_or_head::get_or_head;
use crate::openapi::responses::{
    EtagResponse, InvalidBodyResponse, NotModifiedResponse, PreconditionFailedResponse,
};

const SETTINGS: &str = "/me/settings";

#[derive(OpenApi)]
#[openapi(paths(read, change), components(schemas(SettingsBody)))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource(SETTINGS).route(get_or_head().to(read)).route(web::patch().to(change)),
    );
}

/// The settings of the user.
#[derive(Serialize, ToSchema)]
#[schema(as = UserSettings)]
struct SettingsBody {
    /// The system prompt of conversations without their own; `null` if the server's applies.
    #[schema(required = true)]
    system_prompt: Option<String>,
}

/// The changes of the settings. Omitted fields stay unchanged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserSettingsChanges)]
struct Changes {
    /// The new system prompt of conversations without their own. `null` or a blank text resets it to the server's.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    system_prompt: Change<String>,
}

/// Returns the user's settings, which apply to all of the user's conversations.
#[utoipa::path(
    get,
    path = SETTINGS,
    tag = "context",
    operation_id = "read_user_settings",
    params(IfNoneMatchParam),
    responses(EtagResponse<SettingsBody>, NotModifiedResponse),
)]
async fn read(
    request: HttpRequest,
    caller: OptionalSession,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    respond(&request, &chat, caller.user_id).await
}

/// Changes the user's settings.
#[utoipa::path(
    patch,
    path = SETTINGS,
    tag = "context",
    operation_id = "change_user_settings",
    params(IfMatchParam),
    request_body(content = Changes, example = json!({"system_prompt": "Be brief."})),
    responses(EtagResponse<SettingsBody>, PreconditionFailedResponse, InvalidBodyResponse),
)]
async fn change(
    request: HttpRequest,
    browser: RequiredSession,
    changes: Body<Changes>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let user_id = browser.session.user_id;
    let load = async {
        let view = chat.user_settings.view(user_id).await?;
        let revision = view.revision;
        Ok((SettingsBody::from(view), revision))
    };
    let expected = etag::check_if_match(&request, load).await?;
    if let Some(prompt) = prompt_choice(changes.0.system_prompt) {
        chat.user_settings.set_system_prompt(user_id, prompt, expected).await?;
    }
    respond(&request, &chat, user_id).await
}

async fn respond(
    request: &HttpRequest,
    chat: &Chat,
    user_id: UserId,
) -> Result<HttpResponse, ApiError> {
    etag::respond(request, &SettingsBody::from(chat.user_settings.view(user_id).await?))
}

impl From<UserSettingsView> for SettingsBody {
    fn from(view: UserSettingsView) -> Self {
        Self { system_prompt: view.settings.system_prompt.map(|prompt| prompt.text) }
    }
}
