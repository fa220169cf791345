//! The files of the page that is embedded in the binary. A debug build reads them from the directory of the built
//! page.

use std::borrow::Cow;
use std::path::Path;

use actix_files::file_extension_to_mime;
use actix_web::http::header::{
    AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, ETAG, Encoding, EntityTag, Header,
};
use actix_web::{HttpRequest, HttpResponse, Responder};
use rust_embed::RustEmbed;

use crate::extract::etag::{matches_if_none_match, tag_of_hash};
use crate::middleware::response_memory::ExemptFromMemoryBudget;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// A file of the page in the encoding that the client prefers.
pub(super) struct EmbeddedFile {
    content: Cow<'static, [u8]>,
    content_type: String,
    encoding: Option<Encoding>,
    etag: EntityTag,
}

/// Returns the unencoded content of a file.
pub(super) fn read(path: &str) -> Option<Cow<'static, [u8]>> {
    Files::get(path).map(|file| file.data)
}

impl EmbeddedFile {
    /// Finds a file of the page, if possible in a compressed variant that the client accepts.
    pub(super) fn find(path: &str, request: &HttpRequest) -> Option<Self> {
        let compressed = [(Encoding::brotli(), "br"), (Encoding::gzip(), "gz")];
        let compressed = compressed
            .map(|(encoding, suffix)| (encoding, Files::get(&format!("{path}.{suffix}"))));
        let available = compressed.iter().filter(|(_, file)| file.is_some());
        let encodings: Vec<Encoding> =
            available.map(|(encoding, _)| encoding.clone()).chain([Encoding::identity()]).collect();
        let accepted = AcceptEncoding::parse(request).ok();
        let best = accepted.and_then(|accepted| accepted.negotiate(encodings.iter()));
        let chosen = compressed.into_iter().find(|(encoding, _)| Some(encoding) == best.as_ref());
        let (encoding, file) = match chosen {
            Some((encoding, Some(file))) => (Some(encoding), file),
            _ => (None, Files::get(path)?),
        };
        Some(Self {
            // Each encoding has its own tag.
            etag: tag_of_hash(&file.metadata.sha256_hash()),
            content: file.data,
            content_type: content_type(path),
            encoding,
        })
    }
}

impl Responder for EmbeddedFile {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let is_fresh = matches_if_none_match(request, &self.etag);
        let mut response = if is_fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response.insert_header((ETAG, self.etag));
        if is_fresh {
            return response.finish();
        }
        response.insert_header((CONTENT_TYPE, self.content_type));
        if let Some(encoding) = self.encoding {
            response.insert_header((CONTENT_ENCODING, encoding.to_string()));
        }
        let mut response = match self.content {
            Cow::Borrowed(content) => response.body(content),
            Cow::Owned(content) => response.body(content),
        };
        response.extensions_mut().insert(ExemptFromMemoryBudget);
        response
    }
}

fn content_type(path: &str) -> String {
    let extension = Path::new(path).extension().unwrap_or_default();
    let mime = file_extension_to_mime(&extension.to_string_lossy());
    if mime.type_() == "text" { format!("{mime}; charset=utf-8") } else { mime.to_string() }
}
