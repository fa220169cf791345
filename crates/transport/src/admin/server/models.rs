//! The models, and how their deployments work.

use std::time::Duration;

use actix_web::web::{self, Data, Json, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use webchat_chat::{BreakerState, Chat, DeploymentState, Model};
use webchat_domain::{GroupName, ModelId, Timestamp};

use crate::admin::access::AuditorAccess;
use crate::get_or_head::get_or_head;
use crate::openapi::responses::RoleNeededResponse;

const MODELS: &str = "/admin/models";

#[derive(OpenApi)]
#[openapi(paths(list))]
pub(crate) struct ApiDoc;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource(MODELS).route(get_or_head().to(list)));
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminModels)]
struct Models {
    /// In the order in which users see them.
    models: Vec<ModelView>,
}

/// A model with its deployments.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminModel)]
struct ModelView {
    id: ModelId,
    /// The name for users; `null` while it is unknown.
    #[schema(required = true)]
    name: Option<String>,
    /// The groups whose users may use it. If there are none, everybody may.
    groups: Vec<GroupName>,
    /// As this instance sees them.
    deployments: Vec<Deployment>,
}

/// A deployment of a model, as this instance sees it.
#[derive(Serialize, ToSchema)]
struct Deployment {
    name: String,
    /// The host of its address.
    #[schema(required = true)]
    host: Option<String>,
    breaker: Breaker,
    /// The time in milliseconds for which it asked to wait; `null` if it didn't.
    #[schema(required = true, value_type = Option<u64>)]
    paused_for_ms: Option<u64>,
    /// The last failure since the start of the server; `null` if there was none.
    #[schema(required = true)]
    last_failure: Option<Failure>,
    /// The time in milliseconds until its last answer began; `null` if there was none.
    #[schema(required = true, value_type = Option<u64>)]
    answered_after_ms: Option<u64>,
}

/// Whether the circuit breaker lets requests through.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Breaker {
    /// All.
    Closed,
    /// None, because the deployment has failed repeatedly.
    Open,
    /// One, which finds out whether the deployment works again.
    HalfOpen,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentFailure)]
struct Failure {
    /// The code of the error.
    #[schema(examples("model_unreachable"))]
    code: &'static str,
    /// When it happened.
    at: Timestamp,
}

/// Lists the models, and how their deployments work. Sends nothing to them.
#[utoipa::path(
    get,
    path = MODELS,
    tag = "admin",
    operation_id = "admin_list_models",
    responses((status = 200, body = Models), RoleNeededResponse),
)]
async fn list(_: AuditorAccess, chat: Data<Chat>) -> Json<Models> {
    let now = chat.sessions.now();
    let models = chat.models().all();
    Json(Models { models: models.iter().map(|model| ModelView::new(model, now)).collect() })
}

impl ModelView {
    fn new(model: &Model, now: Timestamp) -> Self {
        let deployments = model.client.deployments();
        Self {
            id: model.id.clone(),
            name: model.display_name(),
            groups: model.groups.clone(),
            deployments: deployments.into_iter().map(|state| Deployment::new(state, now)).collect(),
        }
    }
}

impl Deployment {
    fn new(state: DeploymentState, now: Timestamp) -> Self {
        Self {
            name: state.name,
            host: state.host,
            breaker: match state.breaker {
                BreakerState::Closed => Breaker::Closed,
                BreakerState::Open => Breaker::Open,
                BreakerState::HalfOpen => Breaker::HalfOpen,
            },
            paused_for_ms: state.paused_for.map(millis),
            last_failure: state
                .last_failure
                .map(|failure| Failure { code: failure.code, at: now.minus(failure.age) }),
            answered_after_ms: state.answered_after.map(millis),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
