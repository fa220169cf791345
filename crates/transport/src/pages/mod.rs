//! The web pages and their static files.

mod embedded;
pub(crate) mod not_found;
mod session;
mod web_client;

use std::path::Path;

use actix_files::{Files, NamedFile};
use actix_web::http::header::{CACHE_CONTROL, ContentType, HeaderValue, VARY};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Responder};

use self::embedded::EmbeddedFile;
use self::session::PageSession;
use self::web_client::Source;
pub use self::web_client::{WebClient, WebClientError};
use crate::base_path::BasePath;
use crate::error::api_error::ApiError;

/// The `Cache-Control` of assets, whose names contain a hash of their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The `Cache-Control` of all other files. Browsers revalidate them each time, and usually receive a 304.
const REVALIDATE: &str = "no-cache";

/// The base element of the built page, to which its URLs are relative.
const ROOT_BASE: &str = "<base href=\"/\" />";

/// Configures the pages. Call this last, because the files match every remaining path.
pub(crate) fn pages(config: &mut ServiceConfig, web_client: &WebClient) {
    config
        .app_data(Data::new(web_client.clone()))
        .route("/", web::get().to(chat_page))
        .route("/", web::head().to(chat_page))
        // If the conversation does not exist, the page says so.
        .route("/c/{conversation_id}", web::get().to(chat_page))
        .route("/c/{conversation_id}", web::head().to(chat_page))
        .route("/api/docs", web::get().to(docs_page))
        .route("/api/docs", web::head().to(docs_page))
        .route("/admin", web::get().to(admin_page))
        .route("/admin", web::head().to(admin_page));
    let assets = web::scope("/assets").wrap(file_headers(IMMUTABLE));
    let others = web::scope("").wrap(file_headers(REVALIDATE));
    match &web_client.0 {
        Source::Directory(dir) => config
            .service(assets.service(Files::new("", dir.join("assets")).try_compressed()))
            .service(others.service(Files::new("", dir).try_compressed())),
        Source::Embedded => config
            .service(assets.service(embedded_files("assets/")))
            .service(others.service(embedded_files(""))),
    };
}

fn embedded_files(dir: &'static str) -> Resource {
    let file = move |request: HttpRequest| async move {
        let path = format!("{dir}{}", request.match_info().query("path"));
        EmbeddedFile::find(&path, &request).ok_or(ApiError::NotFound)
    };
    web::resource("/{path:.*}").route(web::get().to(file)).route(web::head().to(file))
}

fn file_headers(cache_control: &'static str) -> DefaultHeaders {
    DefaultHeaders::new().add((CACHE_CONTROL, cache_control)).add((VARY, "accept-encoding"))
}

async fn chat_page(
    request: HttpRequest,
    web_client: Data<WebClient>,
    base_path: Data<BasePath>,
    // The requests and sockets of the page share the cookie that the page has set.
    _session: PageSession,
) -> Result<HttpResponse, ApiError> {
    html(&request, &web_client, &base_path, "index.html")
}

/// Serves the documentation of the REST API, where requests can be tried.
async fn docs_page(
    request: HttpRequest,
    web_client: Data<WebClient>,
    base_path: Data<BasePath>,
) -> Result<HttpResponse, ApiError> {
    html(&request, &web_client, &base_path, "docs.html")
}

/// Serves the page for administrators. It contains no data: its requests need a user who is signed in.
async fn admin_page(
    request: HttpRequest,
    web_client: Data<WebClient>,
    base_path: Data<BasePath>,
) -> Result<HttpResponse, ApiError> {
    html(&request, &web_client, &base_path, "admin.html")
}

fn html(
    request: &HttpRequest,
    web_client: &WebClient,
    base_path: &BasePath,
    file: &str,
) -> Result<HttpResponse, ApiError> {
    let mut response = match &web_client.0 {
        source if !base_path.is_root() => html_under(base_path, source, file)?,
        Source::Embedded => {
            let found = EmbeddedFile::find(file, request).ok_or(ApiError::NotFound)?;
            found.respond_to(request)
        }
        Source::Directory(dir) => open(dir, file)?.respond_to(request),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    Ok(response)
}

/// Returns the HTML with the base path in its base element. It is small, so it is not compressed.
fn html_under(base_path: &BasePath, source: &Source, file: &str) -> Result<HttpResponse, ApiError> {
    let html = source.read(file).ok_or(ApiError::NotFound)?;
    Ok(HttpResponse::Ok().content_type(ContentType::html()).body(with_base(base_path, &html)))
}

/// Returns the HTML with the base path in its base element.
fn with_base(base_path: &BasePath, html: &[u8]) -> String {
    let base = format!("<base href=\"{}\" />", base_path.with_slash());
    String::from_utf8_lossy(html).replacen(ROOT_BASE, &base, 1)
}

fn open(dir: &Path, file: &str) -> Result<NamedFile, ApiError> {
    NamedFile::open(dir.join(file)).map_err(|error| {
        tracing::error!(%error, dir = %dir.display(), file, "page not found");
        ApiError::NotFound
    })
}
