//! The security headers of every response.

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::DefaultHeaders;

/// The pages may only run scripts of this server and connect to it.
const POLICY: &str = "default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; \
     font-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'self'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Browsers use only HTTPS for this host, for a year after each response.
const HTTPS_ONLY: &str = "max-age=31536000";

/// Returns the middleware that adds the headers. `is_secure` means that users reach the server over HTTPS.
pub(crate) fn security_headers(is_secure: bool) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add((CONTENT_SECURITY_POLICY, POLICY))
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((REFERRER_POLICY, "no-referrer"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add(("Cross-Origin-Resource-Policy", "same-origin"));
    if is_secure { headers.add((STRICT_TRANSPORT_SECURITY, HTTPS_ONLY)) } else { headers }
}
