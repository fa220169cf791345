//! Runs the Rust program of docs/api-quick-start.md. A test compares `documented.rs` with the document.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the program shows how to use the API, not how to write Webchat"
)]

use std::error::Error;

mod documented {
    include!("documented.rs");

    pub(crate) fn run() -> Result<(), Box<dyn Error>> {
        main()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // The workspace builds reqwest without a default provider.
    rustls::crypto::ring::default_provider().install_default().ok();
    documented::run()
}
