//! The web pages and their static files.

use std::path::{Path, PathBuf};

use actix_files::{Files, NamedFile};
use actix_web::http::header::{CACHE_CONTROL, CacheControl, CacheDirective, VARY};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, ServiceConfig};
use actix_web::{CustomizeResponder, Responder};

use crate::error::api_error::ApiError;
use crate::extract::session::VisitorSession;

/// The `Cache-Control` of assets, whose names contain a hash of their content.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The `Cache-Control` of all other files. Browsers revalidate them each time, and mostly get a 304.
const REVALIDATE: &str = "no-cache";

/// The folder of the built web client.
struct WebDir(PathBuf);

/// Configures the pages. Call this last, as the files match every remaining path.
pub(crate) fn pages(config: &mut ServiceConfig, web_dir: &Path) {
    config
        .app_data(web::Data::new(WebDir(web_dir.to_owned())))
        .route("/", web::get().to(chat_page))
        .route("/", web::head().to(chat_page))
        // If the conversation does not exist, the page says so.
        .route("/c/{conversation_id}", web::get().to(chat_page))
        .route("/c/{conversation_id}", web::head().to(chat_page))
        .route("/api/docs", web::get().to(docs_page))
        .route("/api/docs", web::head().to(docs_page))
        .service(
            web::scope("/assets")
                .wrap(file_headers(IMMUTABLE))
                .service(Files::new("", web_dir.join("assets")).try_compressed()),
        )
        .service(
            web::scope("")
                .wrap(file_headers(REVALIDATE))
                .service(Files::new("", web_dir).try_compressed()),
        );
}

fn file_headers(cache_control: &'static str) -> DefaultHeaders {
    DefaultHeaders::new().add((CACHE_CONTROL, cache_control)).add((VARY, "accept-encoding"))
}

async fn chat_page(
    web_dir: web::Data<WebDir>,
    // The requests and sockets of the page share the cookie that the page has set.
    _visitor: VisitorSession,
) -> Result<impl Responder, ApiError> {
    open(&web_dir, "index.html")
}

/// The documentation of the REST API, where requests can be tried.
async fn docs_page(web_dir: web::Data<WebDir>) -> Result<impl Responder, ApiError> {
    open(&web_dir, "docs.html")
}

fn open(web_dir: &WebDir, page: &str) -> Result<CustomizeResponder<NamedFile>, ApiError> {
    let folder = &web_dir.0;
    let file = NamedFile::open(folder.join(page)).map_err(|error| {
        tracing::error!(%error, folder = %folder.display(), page, "page not found; build web/");
        ApiError::NotFound
    })?;
    let cache_control = CacheControl(vec![CacheDirective::NoCache]);
    Ok(file.customize().insert_header(cache_control))
}
