//! Webchat's own format, which contains complete conversations. Each message is on a separate line, so that files
//! can be compared with a diff.
//!
//! Files that users have edited are read tolerantly: a field of an unexpected type counts as missing, and gets the
//! value that fits best. Only messages without an author or a text, and invalid parts of the context, are left out.

mod context;
mod conversation;
mod convert;
mod message;
mod write;

pub(super) use conversation::{NativeConversation, NativeConversationSeed};
pub(super) use convert::convert;
pub(crate) use write::{
    CLOSING, END_OF_CONVERSATION, SEPARATOR, messages, opening, start_of_conversation,
};

pub(super) const FORMAT: &str = "webchat";
const VERSION: u64 = 1;

/// Checks the version of the format.
pub(super) fn check_version(version: Option<u64>) -> Result<(), String> {
    let version = version.ok_or("its version is missing")?;
    if version == VERSION {
        return Ok(());
    }
    Err(format!("this is version {version} of the format; this server reads version {VERSION}"))
}
