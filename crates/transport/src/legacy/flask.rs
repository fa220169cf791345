//! The REST API of the Flask application: same paths, bodies and statuses.

use actix_web::http::header::{CONTENT_DISPOSITION, ContentType};
use actix_web::web::{self, Data, Json, Path, Payload, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use webchat_chat::{Chat, ChatError, FlaskMessage, FoundConversation, SavedName};
use webchat_domain::{
    Conversation, ConversationId, FileJob, JobStatus, Role, Session, Timestamp, UserId,
};

use crate::error::api_error::ApiError;
use crate::error::api_error::ErrorBody;
use crate::extract::body::Body;
use crate::extract::session::Caller;
use crate::extract::session::Reader;
use crate::extract::upload;
use crate::headers::attachment;
use crate::openapi::responses::{BadBody, BadFile, BadParameter, NotFound, UploadedFile};
use crate::rest::context::settings as context;

/// Conversations that a search answers, at most.
const MOST_FOUND: usize = 100;

#[derive(OpenApi)]
#[openapi(paths(
    start_conversation,
    reset_conversation,
    search_conversations,
    list_conversations,
    load_conversation,
    save_history,
    saved_history,
    add_few_shot_example,
    upload_file,
    get_config
))]
pub(crate) struct Described;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/start_conversation").route(web::post().to(start_conversation)))
        .service(web::resource("/save_history").route(web::post().to(save_history)))
        .service(web::resource("/saved_conversations/{file}").route(web::get().to(saved_history)))
        .service(web::resource("/reset_conversation").route(web::post().to(reset_conversation)))
        .service(web::resource("/search_conversations").route(web::get().to(search_conversations)))
        .service(web::resource("/list_conversations").route(web::get().to(list_conversations)))
        .service(web::resource("/load_conversation/{id}").route(web::get().to(load_conversation)))
        .service(web::resource("/add_few_shot_example").route(web::post().to(add_few_shot_example)))
        .service(web::resource("/upload_file").route(web::post().to(upload_file)))
        .service(web::resource("/get_config").route(web::get().to(get_config)));
}

#[derive(Serialize, ToSchema)]
struct Started {
    message: &'static str,
    conversation_id: ConversationId,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlaskConversations)]
struct Listed {
    conversations: Vec<ListedConversation>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlaskConversation)]
struct ListedConversation {
    conversation_id: ConversationId,
    created_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlaskHistory)]
struct Loaded {
    #[schema(value_type = Vec<FlaskMessageSchema>)]
    conversation: Vec<FlaskMessage>,
}

/// A message, or half of an example.
#[derive(ToSchema)]
#[schema(as = FlaskMessage)]
#[expect(dead_code, reason = "only described: the use cases have the message")]
struct FlaskMessageSchema {
    role: Role,
    content: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SavedHistory)]
struct Saved {
    message: &'static str,
    file_name: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// What to look for: `moon "spring tide" -storm`.
    #[serde(default)]
    #[param(required = true)]
    q: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FoundConversations)]
struct Found {
    conversations: Vec<FoundOne>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FoundConversation)]
struct FoundOne {
    conversation_id: ConversationId,
    created_at: Timestamp,
    updated_at: Timestamp,
    score: f64,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = FlaskExample)]
struct NewExample {
    user_prompt: Option<String>,
    assistant_response: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Done {
    message: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlaskAnalysis)]
struct Analysed {
    message: &'static str,
    analysis: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlaskConfig)]
struct Config {
    max_tokens: u32,
}

/// Starts a conversation, which becomes the current one.
#[utoipa::path(
    post,
    path = "/start_conversation",
    tag = "flask",
    operation_id = "flask_start_conversation",
    responses((status = 200, body = Started)),
)]
async fn start_conversation(caller: Caller, chat: Data<Chat>) -> Result<Json<Started>, ApiError> {
    let conversation_id = chat.start_conversation(caller.0.user_id, None).await?.conversation_id;
    chat.set_current_conversation(&caller.0, conversation_id).await?;
    let message = "New conversation started.";
    Ok(Json(Started { message, conversation_id }))
}

/// Empties the current conversation.
#[utoipa::path(
    post,
    path = "/reset_conversation",
    tag = "flask",
    operation_id = "flask_reset_conversation",
    responses(
        (status = 200, body = Done),
        (status = 400, body = ErrorBody, description = "The session has no current conversation."),
    ),
)]
async fn reset_conversation(caller: Caller, chat: Data<Chat>) -> Result<Json<Done>, ApiError> {
    let id = caller.0.conversation_id.ok_or(ApiError::NothingToReset)?;
    match chat.reset_conversation(caller.0.user_id, id).await {
        Err(ChatError::ConversationNotFound) => return Err(ApiError::NothingToReset),
        reset => reset?,
    }
    Ok(Json(Done { message: "Conversation has been reset successfully!" }))
}

/// The conversations that fit best, best first.
#[utoipa::path(
    get,
    path = "/search_conversations",
    tag = "flask",
    operation_id = "flask_search_conversations",
    params(Search),
    responses((status = 200, body = Found), BadParameter),
)]
async fn search_conversations(
    reader: Reader,
    search: Query<Search>,
    chat: Data<Chat>,
) -> Result<Json<Found>, ApiError> {
    let found = chat.search_conversations(reader.user_id, &search.q, MOST_FOUND).await?;
    Ok(Json(Found { conversations: found.into_iter().map(FoundOne::from).collect() }))
}

/// All conversations, newest first.
#[utoipa::path(
    get,
    path = "/list_conversations",
    tag = "flask",
    operation_id = "flask_list_conversations",
    responses((status = 200, body = Listed)),
)]
async fn list_conversations(reader: Reader, chat: Data<Chat>) -> Result<Json<Listed>, ApiError> {
    let conversations = chat.all_conversations(reader.user_id).await?;
    let conversations = conversations.into_iter().map(ListedConversation::from).collect();
    Ok(Json(Listed { conversations }))
}

/// The messages of a conversation, which becomes the current one.
#[utoipa::path(
    get,
    path = "/load_conversation/{id}",
    tag = "flask",
    operation_id = "flask_load_conversation",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 200, body = Loaded), NotFound),
)]
async fn load_conversation(
    reader: Reader,
    id: Path<ConversationId>,
    chat: Data<Chat>,
) -> Result<Json<Loaded>, ApiError> {
    let conversation = chat.flask_history(reader.user_id, *id).await?;
    if let Some(session) = &reader.session {
        chat.set_current_conversation(session, *id).await?;
    }
    Ok(Json(Loaded { conversation }))
}

/// Writes the current conversation into a file.
#[utoipa::path(
    post,
    path = "/save_history",
    tag = "flask",
    operation_id = "flask_save_history",
    responses(
        (status = 200, body = Saved),
        (status = 400, body = ErrorBody, description = "The session has no current conversation."),
        (status = 429, body = ErrorBody, description = "It was saved several times just now."),
        NotFound,
    ),
)]
async fn save_history(caller: Caller, chat: Data<Chat>) -> Result<Json<Saved>, ApiError> {
    let id = caller.0.conversation_id.ok_or(ApiError::NoConversation)?;
    let name = save(&chat, caller.0.user_id, id).await?;
    let message = "Conversation history saved successfully.";
    Ok(Json(Saved { message, file_name: name.to_string() }))
}

/// What is not there is said so; all else that goes wrong is that nothing was saved.
pub(crate) async fn save(
    chat: &Chat,
    user_id: UserId,
    id: ConversationId,
) -> Result<SavedName, ApiError> {
    chat.save_history(user_id, id).await.map_err(|error| match error {
        ChatError::ConversationNotFound => error.into(),
        error => ApiError::NotSaved(error),
    })
}

/// A saved conversation, as an attachment.
#[utoipa::path(
    get,
    path = "/saved_conversations/{file}",
    tag = "flask",
    operation_id = "flask_saved_history",
    params(("file" = String, Path, description = "The `file_name` that was answered.")),
    responses((status = 200, body = Vec<FlaskMessageSchema>), NotFound),
)]
async fn saved_history(
    reader: Reader,
    file: Path<String>,
    chat: Data<Chat>,
) -> Result<HttpResponse, ApiError> {
    let name: SavedName = file.parse()?;
    let content = chat.saved_history(reader.user_id, &name).await?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((CONTENT_DISPOSITION, attachment(&name.to_string())))
        .body(content))
}

/// Adds an example to the current conversation.
#[utoipa::path(
    post,
    path = "/add_few_shot_example",
    tag = "flask",
    operation_id = "flask_add_few_shot_example",
    request_body(
        content = NewExample,
        example = json!({"user_prompt": "1 + 1?", "assistant_response": "2."}),
    ),
    responses((status = 200, body = Done), BadBody, NotFound),
)]
async fn add_few_shot_example(
    caller: Caller,
    example: Body<NewExample>,
    chat: Data<Chat>,
) -> Result<Json<Done>, ApiError> {
    let NewExample { user_prompt, assistant_response } = example.into_inner().0;
    let (user_prompt, assistant_response) =
        user_prompt.zip(assistant_response).ok_or(ApiError::IncompleteExample)?;
    let id = caller.0.conversation_id.ok_or(ApiError::NoConversation)?;
    context::add(&chat, caller.0.user_id, id, None, user_prompt, assistant_response).await?;
    Ok(Json(Done { message: "Few-shot example added successfully!" }))
}

/// Analyses a file, into the current conversation or one that is started for it; answered when it is
/// analysed.
#[utoipa::path(
    post,
    path = "/upload_file",
    tag = "flask",
    operation_id = "flask_upload_file",
    request_body(content = UploadedFile, content_type = "multipart/form-data"),
    responses(
        (status = 200, body = Analysed),
        BadFile,
        (status = 502, body = ErrorBody, description = "The analysis failed, or was cancelled."),
    ),
)]
async fn upload_file(
    caller: Caller,
    request: HttpRequest,
    body: Payload,
    chat: Data<Chat>,
) -> Result<Json<Analysed>, ApiError> {
    let user_id = caller.0.user_id;
    let upload = upload::read(&request, body, &chat).await?;
    let id = current_or_new(&chat, &caller.0).await?;
    let FileJob { job_id, .. } = chat.upload_file(user_id, id, None, upload).await?;
    let job = chat.wait_for_file(user_id, id, job_id).await?;
    match (job.status, &job.error) {
        (JobStatus::Complete, _) => {}
        (_, Some(error)) => return Err(ApiError::NotAnalysed(error.message.clone())),
        (_, None) => return Err(ApiError::NotAnalysed("The analysis was cancelled.".to_owned())),
    }
    let analysis = chat.analysis(user_id, &job).await?;
    let message = "File was uploaded and analyzed successfully.";
    Ok(Json(Analysed { message, analysis }))
}

/// How much the model takes.
#[utoipa::path(
    get,
    path = "/get_config",
    tag = "flask",
    operation_id = "flask_get_config",
    responses((status = 200, body = Config)),
)]
async fn get_config(chat: Data<Chat>) -> Json<Config> {
    let max_tokens = chat.settings().max_tokens;
    Json(Config { max_tokens })
}

async fn current_or_new(chat: &Chat, session: &Session) -> Result<ConversationId, ApiError> {
    if let Some(id) = session.conversation_id {
        match chat.find_conversation(session.user_id, id).await {
            Err(ChatError::ConversationNotFound) => {}
            found => return Ok(found?.conversation_id),
        }
    }
    let id = chat.start_conversation(session.user_id, None).await?.conversation_id;
    chat.set_current_conversation(session, id).await?;
    Ok(id)
}

impl From<FoundConversation> for FoundOne {
    fn from(found: FoundConversation) -> Self {
        let Conversation { conversation_id, created_at, updated_at, .. } = found.conversation;
        Self { conversation_id, created_at, updated_at, score: found.score }
    }
}

impl From<Conversation> for ListedConversation {
    fn from(conversation: Conversation) -> Self {
        Self { conversation_id: conversation.conversation_id, created_at: conversation.created_at }
    }
}
