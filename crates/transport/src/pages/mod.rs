//! The web pages and their static files.

mod embedded;
mod web_client;

use std::path::Path;

use actix_files::{Files, NamedFile};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Responder};

use self::embedded::EmbeddedFile;
use self::web_client::Source;
pub use self::web_client::{WebClient, WebClientError};
use crate::error::api_error::ApiError;
use crate::extract::session::VisitorSession;

/// The `Cache-Control` of assets, whose names contain a hash of their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The `Cache-Control` of all other files. Browsers revalidate them each time, and mostly get a 304.
const REVALIDATE: &str = "no-cache";

/// Configures the pages. Call this last, as the files match every remaining path.
pub(crate) fn pages(config: &mut ServiceConfig, web_client: &WebClient) {
    config
        .app_data(Data::new(web_client.clone()))
        .route("/", web::get().to(chat_page))
        .route("/", web::head().to(chat_page))
        // If the conversation does not exist, the page says so.
        .route("/c/{conversation_id}", web::get().to(chat_page))
        .route("/c/{conversation_id}", web::head().to(chat_page))
        .route("/api/docs", web::get().to(docs_page))
        .route("/api/docs", web::head().to(docs_page));
    let assets = web::scope("/assets").wrap(file_headers(IMMUTABLE));
    let others = web::scope("").wrap(file_headers(REVALIDATE));
    match &web_client.0 {
        Source::Folder(folder) => config
            .service(assets.service(Files::new("", folder.join("assets")).try_compressed()))
            .service(others.service(Files::new("", folder).try_compressed())),
        Source::Embedded => config
            .service(assets.service(embedded_files()))
            .service(others.service(embedded_files())),
    };
}

fn embedded_files() -> Resource {
    let resource = web::resource("/{path:.*}");
    resource.route(web::get().to(embedded_file)).route(web::head().to(embedded_file))
}

fn file_headers(cache_control: &'static str) -> DefaultHeaders {
    DefaultHeaders::new().add((CACHE_CONTROL, cache_control)).add((VARY, "accept-encoding"))
}

async fn embedded_file(request: HttpRequest) -> Result<EmbeddedFile, ApiError> {
    let path = request.path().trim_start_matches('/');
    EmbeddedFile::find(path, &request).ok_or(ApiError::NotFound)
}

async fn chat_page(
    request: HttpRequest,
    web_client: Data<WebClient>,
    // The requests and sockets of the page share the cookie that the page has set.
    _visitor: VisitorSession,
) -> Result<HttpResponse, ApiError> {
    html(&request, &web_client, "index.html")
}

/// The documentation of the REST API, where requests can be tried.
async fn docs_page(
    request: HttpRequest,
    web_client: Data<WebClient>,
) -> Result<HttpResponse, ApiError> {
    html(&request, &web_client, "docs.html")
}

fn html(
    request: &HttpRequest,
    web_client: &WebClient,
    file: &str,
) -> Result<HttpResponse, ApiError> {
    let mut response = match &web_client.0 {
        Source::Embedded => {
            let found = EmbeddedFile::find(file, request).ok_or(ApiError::NotFound)?;
            found.respond_to(request)
        }
        Source::Folder(folder) => open(folder, file)?.respond_to(request),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    Ok(response)
}

fn open(folder: &Path, file: &str) -> Result<NamedFile, ApiError> {
    NamedFile::open(folder.join(file)).map_err(|error| {
        tracing::error!(%error, folder = %folder.display(), file, "page not found");
        ApiError::NotFound
    })
}
