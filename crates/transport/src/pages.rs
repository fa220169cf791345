use std::path::Path;

use actix_files::{Files, NamedFile};
use actix_web::http::header::{CACHE_CONTROL, CacheControl, CacheDirective, VARY};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, ServiceConfig};
use actix_web::{CustomizeResponder, HttpRequest, Responder};
use webchat_chat::Chat;

use crate::error::api_error::ApiError;
use crate::extract::session::{self as caller, Caller};

/// Assets have their content's hash in their names: what is there never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Everything else is asked for again each time, and mostly answered with "not modified".
const ASK_AGAIN: &str = "no-cache";

/// The folder of the built page.
struct WebDir(std::path::PathBuf);

/// The page and its files. The last of all routes, as it takes every path that is left.
pub(crate) fn pages(config: &mut ServiceConfig, web_dir: &Path) {
    config
        .app_data(web::Data::new(WebDir(web_dir.to_owned())))
        .route("/", web::get().to(page))
        // Whatever is named there: that it is no conversation is for the page to say.
        .route("/c/{conversation_id}", web::get().to(page))
        .route("/api/docs", web::get().to(page_of_the_api))
        .service(
            web::scope("/assets")
                .wrap(file_headers(FOR_EVER))
                .service(Files::new("", web_dir.join("assets")).try_compressed()),
        )
        .service(
            web::scope("")
                .wrap(file_headers(ASK_AGAIN))
                .service(Files::new("", web_dir).try_compressed()),
        );
}

fn file_headers(cache_control: &'static str) -> DefaultHeaders {
    DefaultHeaders::new().add((CACHE_CONTROL, cache_control)).add((VARY, "accept-encoding"))
}

async fn page(
    request: HttpRequest,
    chat: web::Data<Chat>,
    web_dir: web::Data<WebDir>,
    caller: Caller,
) -> Result<impl Responder, ApiError> {
    caller::extend(&request, &chat, &caller.0).await?;
    open(&web_dir, "index.html")
}

/// What `/api/openapi.json` says, to be read and tried.
async fn page_of_the_api(web_dir: web::Data<WebDir>) -> Result<impl Responder, ApiError> {
    open(&web_dir, "docs.html")
}

fn open(web_dir: &WebDir, page: &str) -> Result<CustomizeResponder<NamedFile>, ApiError> {
    let folder = &web_dir.0;
    let file = NamedFile::open(folder.join(page)).map_err(|error| {
        tracing::error!(%error, folder = %folder.display(), "the page is not there: build web/");
        ApiError::NotFound
    })?;
    let cache_control = CacheControl(vec![CacheDirective::NoCache]);
    Ok(file.customize().insert_header(cache_control))
}
