//! The settings that are in effect, which only the operator changes.

use actix_web::web::{self, Data, Json, ServiceConfig};
use utoipa::OpenApi;

use crate::admin::access::AuditorAccess;
use crate::get_or_head::get_or_head;
use crate::openapi::responses::RoleNeededResponse;
use crate::settings::EffectiveSettings;

const SETTINGS: &str = "/admin/settings";

#[derive(OpenApi)]
#[openapi(paths(read))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(SETTINGS).route(get_or_head().to(read)));
}

/// Returns the settings of the server, without secrets.
#[utoipa::path(
    get,
    path = SETTINGS,
    tag = "admin",
    operation_id = "admin_read_settings",
    responses((status = 200, body = EffectiveSettings), RoleNeededResponse),
)]
async fn read(
    _: AuditorAccess,
    settings: Data<EffectiveSettings>,
) -> Json<Data<EffectiveSettings>> {
    Json(settings)
}
