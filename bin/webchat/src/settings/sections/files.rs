//! Files that users upload.

use super::super::declaration::section;
use super::super::kind::Kind;

/// A file is stored in one document of MongoDB, which has at most 16 MiB.
const MAX_MIB: f64 = 10.0;

const EXTENSIONS: Kind =
    Kind::List { items: "file extensions", example: "txt,md,json", is_valid: is_extension };

section! {
    UploadSettings: [files], "Files" {
        /// Maximum upload size in MiB (at most 10), and allowed file extensions. Files must be UTF-8 text.
        MAX_FILE_SIZE_MB => max_size_mb: f64 = "5.0", Kind::Number { min: 0.001, max: MAX_MIB };
        ALLOWED_EXTENSIONS => allowed_extensions: Vec<String> = "txt,md,json", EXTENSIONS;

        /// The maximum size of a part of a file in tokens; parts are smaller if the model's window is too small for
        /// it. Each part is one request to the model: 5 MiB of English prose are about 1200 parts of 1000 tokens.
        CHUNK_SIZE_TOKENS => chunk_size_tokens: u32 = "1000", Kind::integer("tokens", 64, 100_000);

        /// The maximum number of concurrent requests of an instance to the model for the files of all users.
        FILE_CONCURRENCY => concurrency: usize = "4", Kind::integer("", 1, 100);

        /// The maximum number of files of one user that are analysed at the same time. More are refused.
        FILES_PER_USER => per_user: u32 = "4", Kind::integer("", 1, 100);
    }
}

fn is_extension(text: &str) -> bool {
    let name = text.strip_prefix('.').unwrap_or(text);
    !name.is_empty() && name.chars().all(char::is_alphanumeric)
}
